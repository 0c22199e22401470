//! Whole trainings of the example model: it learns, goes on from a file, and gives the same bits on
//! any number of threads.

use super::*;
use crate::callbacks::Callback;
use crate::callbacks::Control;
use crate::example::Example;
use crate::infer::Infer;
use crate::losses::{MeanSquaredError, SparseCategoricalCrossentropy};
use crate::metrics::SparseCategoricalAccuracy;
use crate::optimizers::{Adam, SGD};
use crate::random::Random;

const ROWS: usize = 157;

/// Points, and on which side of a plane each lies.
fn points() -> (Vec<[f32; 3]>, Vec<u32>) {
    let mut random = Random::stream(1, "points");
    let x: Vec<[f32; 3]> =
        (0..ROWS).map(|_| core::array::from_fn(|_| random.normal() as f32)).collect();
    let y = x.iter().map(|[a, b, c]| u32::from(a - 2.0 * b + 0.5 * c > 0.3)).collect();
    (x, y)
}

fn loss() -> SparseCategoricalCrossentropy {
    SparseCategoricalCrossentropy { from_logits: true, ..Default::default() }
}

fn adam() -> Adam {
    Adam { learning_rate: 0.05, ..Adam::default() }
}

fn fit<'a>(epochs: usize) -> Fit<'a, [f32; 3], u32> {
    Fit { epochs, batch_size: 16, seed: 5, verbose: Verbose::Silent, ..Fit::default() }
}

fn bits(model: &Example) -> Vec<u32> {
    model.weights().iter().map(|w| w.to_bits()).collect()
}

#[test]
fn a_problem_is_learned() {
    let (x, y) = points();
    let mut model = Example::seeded(2);
    let mut training = model.compile(adam(), loss()).metrics([SparseCategoricalAccuracy]);
    let before = training.evaluate(&x, &y).unwrap();
    let history = training.fit(&x, &y, Fit { validation_split: 0.25, ..fit(30) }).unwrap();
    let after = training.evaluate(&x, &y).unwrap();
    assert!(after["loss"] < before["loss"] / 4.0, "{before} {after}");
    assert!(after["sparse_categorical_accuracy"] > 0.95, "{after}");
    let keys: Vec<&str> = history.keys().collect();
    assert_eq!(
        keys,
        ["loss", "sparse_categorical_accuracy", "val_loss", "val_sparse_categorical_accuracy"]
    );
    assert_eq!(history["val_loss"].len(), 30);
    assert!(history["loss"][29] < history["loss"][0] / 3.0);
    // What is reported is what predictions say.
    let right =
        model.predict(&x).iter().zip(&y).filter(|(p, y)| (p[1] > p[0]) == (**y == 1)).count();
    assert!((right as f32 / ROWS as f32 - after["sparse_categorical_accuracy"]).abs() < 1e-6);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (x, y) = points();
    let trained = |threads| {
        let mut model = Example::seeded(2);
        let mut training = model.compile(adam(), loss()).threads(threads);
        training.fit(&x, &y, Fit { batch_size: 100, ..fit(3) }).unwrap();
        bits(&model)
    };
    let one = trained(1);
    assert_eq!(one, trained(2));
    assert_eq!(one, trained(3));
    assert_ne!(one, bits(&Example::seeded(2)));
}

#[test]
fn going_on_from_a_file_equals_never_stopping() {
    let (x, y) = points();
    let folder = std::env::temp_dir().join(format!("keras-resume-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("half.keras");
    let mut whole = Example::seeded(2);
    whole.compile(adam(), loss()).fit(&x, &y, fit(4)).unwrap();
    let mut first = Example::seeded(2);
    let mut training = first.compile(adam(), loss());
    training.fit(&x, &y, fit(2)).unwrap();
    training.save(&path).unwrap();
    let mut second = Example::seeded(99);
    let mut training = second.compile(adam(), loss());
    training.load(&path).unwrap();
    assert_eq!(training.iterations(), 20);
    training.fit(&x, &y, Fit { initial_epoch: 2, ..fit(4) }).unwrap();
    assert_eq!(bits(&second), bits(&whole));
    assert_eq!(bits(&Example::load(&path).unwrap()), bits(&first));
    let weights = folder.join("half.weights.h5");
    first.save(&weights).unwrap();
    assert_eq!(bits(&Example::load(&weights).unwrap()), bits(&first));
    let mut other = Example::seeded(2);
    let wrong = other.compile(SGD::default(), loss()).load(&path).unwrap_err();
    assert!(wrong.to_string().contains("expected the state of the optimizer `SGD`"), "{wrong}");
    assert_eq!(bits(&other), bits(&Example::seeded(2)));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_stream_of_batches_equals_arrays_in_order() {
    let (x, y) = points();
    let mut arrays = Example::seeded(2);
    arrays.compile(adam(), loss()).fit(&x, &y, Fit { shuffle: false, ..fit(2) }).unwrap();
    let mut streamed = Example::seeded(2);
    let source = |_| x.chunks(16).zip(y.chunks(16)).map(|(x, y)| Ok((x.to_vec(), y.to_vec())));
    let history = streamed.compile(adam(), loss()).fit_batches(source, fit(2)).unwrap();
    assert_eq!(bits(&arrays), bits(&streamed));
    assert_eq!(history["loss"].len(), 2);
}

#[test]
fn a_class_counts_as_much_as_its_rows_do() {
    let (x, y) = points();
    let trained = |fit: Fit<'_, [f32; 3], u32>| {
        let mut model = Example::seeded(2);
        model.compile(SGD::default(), loss()).fit(&x, &y, fit).unwrap();
        bits(&model)
    };
    let weights: Vec<f32> = y.iter().map(|&y| if y == 1 { 3.0 } else { 1.0 }).collect();
    let by_class = trained(Fit { class_weight: &[(1, 3.0)], ..fit(1) });
    assert_eq!(by_class, trained(Fit { sample_weight: Some(&weights), ..fit(1) }));
    assert_ne!(by_class, trained(fit(1)));
}

#[test]
fn the_loss_is_the_mean_over_rows_before_each_step() {
    let (x, y) = points();
    let targets: Vec<[f32; 2]> = y.iter().map(|&y| [y as f32, -1.0]).collect();
    let mut model = Example::seeded(2);
    let predictions = model.predict(&x[..20]);
    let errors = predictions.iter().zip(&targets).flat_map(|(p, t)| [p[0] - t[0], p[1] - t[1]]);
    let expected = errors.map(|e| e * e).sum::<f32>() / 40.0;
    let mut training = model.compile(SGD::default(), MeanSquaredError::default());
    let found = training.train_on_batch(&x[..20], &targets[..20]).unwrap()["loss"];
    assert!((found - expected).abs() < 1e-5 * expected, "{found} {expected}");
    let second = training.train_on_batch(&x[..20], &targets[..20]).unwrap()["loss"];
    assert!(second < found);
}

#[test]
fn bad_data_and_arguments_are_refused_by_name() {
    let (mut x, mut y) = points();
    let mut model = Example::seeded(2);
    let mut training = model.compile(SGD::default(), loss());
    let mut refusal = |x: &[[f32; 3]], y: &[u32], fit: Fit<'_, [f32; 3], u32>| {
        training.fit(x, y, fit).unwrap_err().to_string()
    };
    assert_eq!(refusal(&[], &[], fit(1)), "x: expected at least 1 sample, found 0");
    assert_eq!(
        refusal(&x, &y[1..], fit(1)),
        "`y`: expected 157 samples, as many as `x` has, found 156"
    );
    assert_eq!(
        refusal(&x, &y, Fit { batch_size: 0, ..fit(1) }),
        "`batch_size`: expected at least 1, found 0"
    );
    assert_eq!(refusal(&x, &y, fit(0)), "`epochs`: expected at least 1, found 0");
    let split = Fit { validation_split: 1.0, ..fit(1) };
    assert_eq!(
        refusal(&x, &y, split),
        "`validation_split`: expected a fraction in [0, 1), found 1"
    );
    let weights = Fit { class_weight: &[(2, 1.0)], ..fit(1) };
    assert_eq!(refusal(&x, &y, weights), "`class_weight`: expected classes of 0..2, found 2");
    y[140] = 2;
    assert_eq!(refusal(&x, &y, fit(1)), "label of sample 140: expected one of 0..2, found 2");
    x[7][2] = f32::INFINITY;
    assert_eq!(refusal(&x, &y, fit(1)), "input of sample 7: expected finite numbers, found inf");
}

#[test]
fn the_first_bad_row_of_many_is_named() {
    for rows in [3000, 30_000] {
        let (mut x, mut y) = (vec![[0.5, -1.0, 2.0]; rows], vec![1; rows]);
        let mut model = Example::seeded(2);
        let mut training = model.compile(SGD::default(), loss());
        training.fit(&x, &y, fit(1)).unwrap();
        x[rows - 7][1] = f32::NAN;
        let error = training.fit(&x, &y, fit(1)).unwrap_err().to_string();
        let named = format!("input of sample {}: expected finite numbers, found NaN", rows - 7);
        assert_eq!(error, named);
        y[rows - 900] = 5;
        let error = training.fit(&x, &y, fit(1)).unwrap_err().to_string();
        assert_eq!(error, format!("label of sample {}: expected one of 0..2, found 5", rows - 900));
    }
}

#[test]
fn a_split_leaves_as_many_rows_as_keras_counts() {
    let options =
        |validation_split| Options::of(&Fit::<f32, f32> { validation_split, ..Fit::default() });
    assert_eq!(options(0.1).trained_rows(60_000).unwrap(), 54_000);
    assert_eq!(options(0.2).trained_rows(7).unwrap(), 5);
    assert_eq!(options(0.0).trained_rows(7).unwrap(), 7);
    assert!(options(0.9).trained_rows(5).is_err());
}

/// Stops after so many batches.
struct Stop(usize);

impl Callback for Stop {
    fn on_train_batch_end(
        &mut self,
        batch: usize,
        _: &Logs,
        control: &mut dyn Control,
    ) -> Result<()> {
        if batch + 1 == self.0 {
            control.stop();
            control.set_learning_rate(0.25)?;
        }
        Ok(())
    }
}

#[test]
fn a_callback_stops_the_training() {
    let (x, y) = points();
    let mut model = Example::seeded(2);
    let mut training = model.compile(adam(), loss());
    let history =
        training.fit(&x, &y, Fit { callbacks: vec![Box::new(Stop(3))], ..fit(9) }).unwrap();
    assert_eq!(history.epoch, [0]);
    assert_eq!((training.iterations(), training.learning_rate()), (3, 0.25));
}
