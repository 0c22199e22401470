use super::*;
use crate::callbacks::testing::{Fake, fit};

/// Losses that fall, rise, stay, and fall.
const LOSSES: [f32; 5] = [2.0, 1.0, 1.5, 1.0, -0.5];

/// The names of the files saved, below a folder that is new.
fn saved(checkpoint: ModelCheckpoint) -> (Vec<String>, Vec<String>, ModelCheckpoint) {
    let folder = tempfile::tempdir().unwrap();
    let root = format!("{}/made/", folder.path().display());
    let filepath = format!("{root}{}", checkpoint.filepath);
    let mut checkpoint = ModelCheckpoint { filepath, monitor: "loss".into(), ..checkpoint };
    let mut fake = Fake::default();
    fit(&mut checkpoint, &mut fake, "loss", &LOSSES).unwrap();
    assert!(folder.path().join("made").is_dir());
    let files = fake.saved.borrow().iter().map(|path| path.display().to_string()).collect();
    let strip = |names: Vec<String>| names.iter().map(|name| name.replace(&root, "")).collect();
    (strip(files), strip(fake.lines), checkpoint)
}

#[test]
fn every_epoch_is_saved_under_its_name() {
    let (files, lines, _) = saved(ModelCheckpoint::new("{epoch:02d}-{loss:.2f}.keras"));
    let expected =
        ["01-2.00.keras", "02-1.00.keras", "03-1.50.keras", "04-1.00.keras", "05--0.50.keras"];
    assert_eq!(files, expected);
    assert!(lines.is_empty());
}

#[test]
fn only_the_best_is_saved_and_told() {
    let (files, lines, checkpoint) = saved(ModelCheckpoint {
        save_best_only: true,
        save_weights_only: true,
        verbose: true,
        ..ModelCheckpoint::new("m{epoch}.weights.h5")
    });
    assert_eq!(files, ["m1.weights.h5", "m2.weights.h5", "m5.weights.h5"]);
    assert_eq!(checkpoint.state.best(), Some(-0.5));
    assert_eq!(
        lines,
        [
            "\nEpoch 1: loss improved from None to 2.00000, saving model to m1.weights.h5",
            "\nEpoch 1: finished saving model to m1.weights.h5",
            "\nEpoch 2: loss improved from 2.00000 to 1.00000, saving model to m2.weights.h5",
            "\nEpoch 2: finished saving model to m2.weights.h5",
            "\nEpoch 3: loss did not improve from 1.00000",
            "\nEpoch 4: loss did not improve from 1.00000",
            "\nEpoch 5: loss improved from 1.00000 to -0.50000, saving model to m5.weights.h5",
            "\nEpoch 5: finished saving model to m5.weights.h5",
        ]
    );
}

#[test]
fn the_threshold_is_to_be_beaten() {
    let best = ModelCheckpoint { save_best_only: true, ..ModelCheckpoint::new("m{epoch}.keras") };
    let low = ModelCheckpoint { initial_value_threshold: Some(1.0), ..best.clone() };
    assert_eq!(saved(low).0, ["m5.keras"]);
    let high = ModelCheckpoint { initial_value_threshold: Some(1.75), mode: Mode::Max, ..best };
    assert_eq!(saved(high).0, ["m1.keras"]);
}

#[test]
fn batches_are_counted_across_epochs() {
    let folder = tempfile::tempdir().unwrap();
    let template = format!("{}/{{epoch}}-{{batch}}.keras", folder.path().display());
    let mut checkpoint =
        ModelCheckpoint { save_freq: SaveFreq::Batches(4), ..ModelCheckpoint::new(template) };
    let mut fake = Fake::default();
    checkpoint.on_train_begin(&mut fake).unwrap();
    for epoch in 0..4 {
        fake.advance();
        for batch in 0..3 {
            let mut logs: Logs = [("loss", 1.0)].into_iter().collect();
            checkpoint.on_train_batch_end(batch, &logs, &mut fake).unwrap();
            if batch == 2 {
                checkpoint.on_epoch_end(epoch, &mut logs, &mut fake).unwrap();
            }
        }
    }
    let names: Vec<_> =
        fake.saved.borrow().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["2-1.keras", "3-2.keras", "4-3.keras"]);
}

#[test]
fn a_value_or_field_that_is_not_reported_is_an_error() {
    let mut best = ModelCheckpoint { save_best_only: true, ..ModelCheckpoint::new("m.keras") };
    let error = fit(&mut best, &mut Fake::default(), "loss", &LOSSES).unwrap_err().to_string();
    assert!(error.starts_with("`ModelCheckpoint`: expected `val_loss`"), "{error}");
    let mut field = ModelCheckpoint::new("{mae}.keras");
    let error = fit(&mut field, &mut Fake::default(), "loss", &LOSSES).unwrap_err().to_string();
    assert!(error.ends_with("`mae` to be reported, found `epoch`, `loss`"), "{error}");
}

#[test]
fn arguments_are_checked() {
    let keras = || ModelCheckpoint::new("m.keras");
    for (mut checkpoint, found) in [
        (ModelCheckpoint::default(), "ends in `.keras`, found ``"),
        (ModelCheckpoint::new(".keras"), "found `.keras`"),
        (ModelCheckpoint::new("m.h5"), "found `m.h5`"),
        (ModelCheckpoint { save_weights_only: true, ..keras() }, "ends in `.weights.h5`"),
        (ModelCheckpoint::new("{epoch.keras"), "found a single `{`"),
        (ModelCheckpoint { save_freq: SaveFreq::Batches(0), ..keras() }, "`save_freq`"),
        (
            ModelCheckpoint { initial_value_threshold: Some(f32::NAN), ..keras() },
            "`initial_value_threshold`",
        ),
    ] {
        let error = checkpoint.on_train_begin(&mut Fake::default()).unwrap_err().to_string();
        assert!(error.contains(found), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.keras");
    fs::create_dir(&path).unwrap();
    let mut occupied = ModelCheckpoint::new(path.display().to_string());
    let error = fit(&mut occupied, &mut Fake::default(), "loss", &LOSSES).unwrap_err();
    assert!(error.to_string().contains("found the folder"), "{error}");
}
