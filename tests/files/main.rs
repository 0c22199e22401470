//! Files of other writers: real Keras of several versions, its optimizers and its ways to write
//! numbers.
//!
//! `README.md` says where the files come from. `state`: a training goes on where Keras left off.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

mod state;

use std::path::{Path, PathBuf};

use keras::metrics::named;
use keras::prelude::*;
use serde_json::json;

model! {
    /// What most files hold.
    struct Mlp;

    Sequential([Input(shape = (4,)), Dense(3, activation = "relu"), Dense(1)])
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("files/fixtures").join(name)
}

/// The numbers of a file of little-endian `f32`.
fn numbers(name: &str) -> Vec<f32> {
    let bytes = std::fs::read(fixture(name)).unwrap();
    bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

fn batch() -> (Vec<[f32; 4]>, Vec<[f32; 1]>) {
    let x = numbers("x").as_chunks().0.to_vec();
    (x, numbers("y").as_chunks().0.to_vec())
}

model! {
    /// The architecture of `mixed_float16.weights.h5`.
    struct Mixed;

    Sequential([Input(shape = (4,)), Dense(3, activation = "relu"), Dense(2)])
}

#[test]
fn what_stands_beside_the_layers_does_not_stop_loading() {
    let path = fixture("mixed_float16.weights.h5");
    let mut model = Mixed::load(&path).unwrap();
    let found = model.call(&[1.0; 4]);
    for (found, expected) in found.iter().zip([1.3226322, -1.0819919]) {
        assert!((found - expected).abs() <= 1e-6, "{found}, not {expected}");
    }
    // What scales the loss has the optimizer inside, which goes on.
    let mut training = model.compile(Adam::default(), MeanSquaredError::default());
    training.load(&path).unwrap();
    assert_eq!((training.iterations(), training.learning_rate()), (0, 0.001));
    // The optimizer of a model inside of another.
    let expected = numbers("compiled_inside.p");
    let model = Outer::load(fixture("compiled_inside.weights.h5")).unwrap();
    let found = model.predict(&batch().0);
    for (found, expected) in found.as_flattened().iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-6, "{found}, not {expected}");
    }
}

model! {
    /// The architecture of `compiled_inside.weights.h5`.
    struct Outer;

    let inner = Sequential([Input(shape = (4,)), Dense(3, activation = "tanh")]);
    let x = Input(shape = (4,));
    Model(inputs = x, outputs = Dense(2)(inner(x)))
}

#[test]
fn numbers_as_python_writes_them_are_read_and_written() {
    // An infinite limit of the gradient, which the model does not depend on.
    let path = fixture("infinite.keras");
    let expected = numbers("infinite.w");
    let mut model = Mlp::load(&path).unwrap();
    let sgd = SGD { learning_rate: 0.1, clipvalue: Some(f32::MAX), ..SGD::default() };
    let (x, y) = batch();
    let mut training = model.compile(sgd, MeanSquaredError::default());
    training.load(&path).unwrap();
    training.train_on_batch(&x, &y).unwrap();
    for (found, expected) in model.weights().iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-6, "{found}, not {expected}");
    }
}

/// What `config.json` of a training says under `compile_config`.
fn compile_config(save: impl FnOnce(&Path) -> keras::Result<()>) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.keras");
    save(&path).unwrap();
    keras_format::Archive::read(&path).unwrap().config["compile_config"].clone()
}

#[test]
fn metrics_are_saved_with_their_names_and_arguments() {
    let mut model = Mlp::seeded(1);
    let loss = BinaryCrossentropy { label_smoothing: 0.25, ..BinaryCrossentropy::default() };
    let training = model
        .compile(SGD::default(), loss)
        .metrics((
            named("my_mse", MeanSquaredError::default()),
            BinaryAccuracy { threshold: 0.25 },
            loss,
        ))
        .weighted_metrics([named("weighted", MeanAbsoluteError::default())]);
    let config = compile_config(|path| training.save(path));
    let metric = |class: &str, config: serde_json::Value| {
        json!({"module": "keras.metrics", "class_name": class, "config": config,
               "registered_name": null})
    };
    // As Keras 3.15.1 serializes the same metrics.
    let expected = json!([
        metric("MeanSquaredError", json!({"name": "my_mse", "dtype": "float32"})),
        metric(
            "BinaryAccuracy",
            json!({"name": "binary_accuracy", "dtype": "float32", "threshold": 0.25})
        ),
        metric(
            "BinaryCrossentropy",
            json!({
                "name": "binary_crossentropy", "dtype": "float32",
                "from_logits": false, "label_smoothing": 0.25
            })
        ),
    ]);
    assert_eq!(config["metrics"], expected);
    assert_eq!(config["weighted_metrics"][0]["config"]["name"], "weighted");
    assert_eq!(config["loss"]["config"]["label_smoothing"], 0.25);
}

#[test]
fn names_that_keras_does_not_open_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = Mlp::seeded(1);
    let mut trained = Mlp::seeded(1);
    let training = trained.compile(SGD::default(), MeanSquaredError::default());
    for (name, found, stem) in [
        ("m.h5", "`.h5`, where Keras expects the layout of Keras 2", "m"),
        ("noext", "no ending", "noext"),
        ("m.zip", "`.zip`", "m"),
        ("M.KERAS", "`.KERAS`", "M"),
        ("m.weights.H5", "`.H5`", "m.weights"),
        ("model.v2", "`.v2`", "model.v2"),
    ] {
        let path = folder.path().join(name);
        let refusals = [model.save(&path), training.save(&path)];
        for refusal in refusals.map(|saved| saved.unwrap_err().to_string()) {
            let expected =
                format!("expected a path that ends in `.keras` or `.weights.h5`, found {found}\n");
            assert!(refusal.contains(&expected), "{refusal}");
            let help = format!("{stem}.keras` for the model");
            assert!(refusal.contains(&help), "{refusal}");
        }
        assert!(!path.exists(), "{name}");
    }
    for name in ["m.keras", "m.weights.h5"] {
        let path = folder.path().join(name);
        model.save(&path).unwrap();
        assert_eq!(Mlp::load(&path).unwrap().weights(), model.weights());
        // Loading looks at what a file holds.
        let renamed = folder.path().join("renamed");
        std::fs::rename(&path, &renamed).unwrap();
        assert_eq!(Mlp::load(&renamed).unwrap().weights(), model.weights());
    }
}

#[test]
fn a_file_that_is_no_model_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let index = r#"{"metadata": {"total_size": 104.0}, "weight_map": {"/layers/dense/vars": []}}"#;
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12345\n";
    for (name, content, found, help) in [
        ("m.keras", lfs, "a pointer of Git LFS", "help: run `git lfs pull`"),
        ("m.weights.h5", lfs, "a pointer of Git LFS", "help: run `git lfs pull`"),
        ("shard.weights.json", index, "saved in several files", "help: load them in Keras and"),
        ("m.keras", "\n<!DOCTYPE html><html>", "an HTML page", "help: download the file itself"),
        ("m.weights.h5", "", "an empty file", "help: save the model again"),
        ("m.keras", "\u{1f}\u{0}", "starts with the bytes 1f 00", ""),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let refusal = Mlp::load(&path).map(drop).unwrap_err().to_string();
        assert!(refusal.starts_with(&format!("`{}`: expected ", path.display())), "{refusal}");
        assert!(refusal.contains(found) && refusal.contains(help), "{refusal}");
    }
    let refusal = Mlp::load(fixture("subclass.keras")).map(drop).unwrap_err().to_string();
    assert!(
        refusal.contains("the Python code of the class `Fun`, a subclass of `Model`"),
        "{refusal}"
    );
    assert!(refusal.contains("help: save a functional or sequential model"), "{refusal}");
    let refusal = Mlp::load(fixture("legacy.h5")).map(drop).unwrap_err().to_string();
    assert!(refusal.contains("the layout of Keras 2"), "{refusal}");
}

#[test]
fn a_checkpoint_that_fails_says_where_and_keeps_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m-{epoch}.keras");
    let (x, y) = batch();
    let mut model = Mlp::seeded(1);
    // Diverges: the loss is finite for an epoch or two.
    let sgd = SGD { learning_rate: 1e12, ..SGD::default() };
    let mut training = model.compile(sgd, MeanSquaredError::default());
    let error = training
        .fit(
            &x,
            &y,
            Fit {
                epochs: 100,
                batch_size: 8,
                verbose: Verbose::Silent,
                callbacks: vec![Box::new(ModelCheckpoint::new(path.display().to_string()))],
                ..Fit::default()
            },
        )
        .unwrap_err()
        .to_string();
    let epoch = training.history().epoch.len() + 1;
    assert!(epoch > 1, "{error}");
    let file = folder.path().join(format!("m-{epoch}.keras"));
    let expected = format!(
        "`ModelCheckpoint` after epoch {epoch}, `{}`: `{}/layers/",
        file.display(),
        file.display()
    );
    assert!(error.starts_with(&expected), "{error}\nexpected {expected}");
    assert!(error.contains("expected finite numbers, found"), "{error}");
    assert_eq!(training.history()["loss"].len(), epoch - 1);
}

model! {
    /// One tensor as two outputs.
    struct Twice = include!("files/fixtures/same_output_twice.keras");
}

model! {
    /// One tensor as two outputs, and an input as one.
    struct Again;

    let x = Input(shape = (3,));
    let y = Dense(2)(x);
    Model(inputs = x, outputs = [y, x, y])
}

#[test]
fn a_tensor_may_be_several_outputs() {
    let path = fixture("same_output_twice.keras");
    let model = Twice::load(&path).unwrap();
    let x = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]];
    let expected = numbers("same_output_twice.p");
    let found = model.predict(&x);
    for (sample, expected) in found.iter().zip(expected.as_chunks::<2>().0) {
        assert_eq!(sample.dense, sample.dense_1);
        for (found, expected) in sample.dense.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-6, "{found}, not {expected}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("m.keras");
    model.save(&saved).unwrap();
    assert_eq!(Twice::load(&saved).unwrap().weights(), model.weights());
    let one = model.call(&x[0]);
    assert_eq!((one.dense, one.dense_1), (found[0].dense, found[0].dense_1));

    let mut again = Again::seeded(1);
    let sample = again.call(&x[1]);
    assert_eq!((sample.y, sample.x), (sample.y_1, x[1]));
    // The gradient by the tensor is the sum of those by its outputs.
    let sgd = || SGD { learning_rate: 0.5, ..SGD::default() };
    let before = again.clone_boxed();
    let loss = || MeanSquaredError::default();
    let targets = [[1.0, -1.0], [0.5, 2.0]];
    let several: Vec<_> =
        targets.iter().zip(&x).map(|(&y, &x)| AgainOutputs { y, x, y_1: y }).collect();
    let losses = AgainOutputs { y: loss(), x: loss(), y_1: loss() };
    again.compile(sgd(), losses).train_on_batch(&x, &several).unwrap();
    let mut once = Once::seeded(1);
    once.weights_mut().copy_from_slice(before.weights());
    once.compile(SGD { learning_rate: 1.0, ..sgd() }, loss()).train_on_batch(&x, &targets).unwrap();
    for (found, expected) in again.weights().iter().zip(once.weights()) {
        assert!((found - expected).abs() <= 1e-6, "{found}, not {expected}");
    }
    assert_ne!(again.weights(), before.weights());
}

model! {
    /// The same with one output.
    struct Once;

    Sequential([Input(shape = (3,)), Dense(2)])
}

model! {
    /// Cells in a list, which is a part of their paths in a file.
    struct Stacked;

    Sequential([
        Input(shape = (4, 2)),
        RNN([GRUCell(3), LSTMCell(2), GRUCell(2)], return_sequences = True),
        Bidirectional(RNN(StackedRNNCells([LSTMCell(3), SimpleRNNCell(2)]))),
    ])
}

#[test]
fn stacked_cells_are_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stacked.keras");
    let model = Stacked::seeded(2);
    model.save(&path).unwrap();
    let loaded = Stacked::load(&path).unwrap();
    assert_eq!(loaded.weights(), model.weights());
    let paths: Vec<&str> = Stacked::WEIGHTS.iter().map(|weight| &*weight.path).collect();
    assert!(paths.contains(&"layers/rnn/cell/cells/gru_cell_1/vars/2"), "{paths:?}");
    assert!(
        paths.contains(&"layers/bidirectional/backward_layer/cell/cells/simple_rnn_cell/vars/0"),
        "{paths:?}"
    );
}
