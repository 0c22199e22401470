//! What a training promises, through the public interface: the same bits on any number of threads
//! and across a save.
//!
//! - `refusals`: a message for whatever it refuses;
//! - `memory`: what is computed anew, read in place or taken piece by piece gives the same numbers;
//! - `tied`: a matrix that is used both ways learns from both.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

mod memory;
mod refusals;
mod tied;

use keras::array::Array;
use keras::prelude::*;

model! {
    /// Every layer whose training differs from its prediction.
    struct Net;

    Sequential([
        Input(shape = (6, 5, 2)),
        Conv2D(4, kernel_size = 3, padding = "same", use_bias = False),
        BatchNormalization(momentum = 0.9),
        ReLU(),
        Dropout(0.25),
        Conv2D(3, kernel_size = 2, activation = "tanh", kernel_regularizer = regularizers.L2(1e-3)),
        Flatten(),
        BatchNormalization(momentum = 0.8),
        Dense(4, activation = "softmax"),
    ])
}

type Image = [[[f32; 2]; 5]; 6];
const ROWS: usize = 93;

/// Images of four kinds, which differ in the mean of their first rows.
fn images() -> (Vec<Image>, Vec<u32>) {
    let mut x = Image::zeros(ROWS);
    for (i, x) in Image::flat_mut(&mut x).iter_mut().enumerate() {
        *x = ((i * 7919 + i / 60 * 31) % 1009) as f32 / 504.0 - 1.0;
    }
    let y = x.iter().map(|x| {
        let [upper, lower] = [0, 1].map(|row| x[row].as_flattened().iter().sum::<f32>());
        u32::from(upper > 0.0) * 2 + u32::from(lower > 0.0)
    });
    let y = y.collect();
    (x, y)
}

fn adam() -> Adam {
    Adam { learning_rate: 0.01, ..Adam::default() }
}

fn loss() -> SparseCategoricalCrossentropy {
    SparseCategoricalCrossentropy::default()
}

fn fit<'a>(epochs: usize) -> Fit<'a, Image, u32> {
    Fit { batch_size: 20, epochs, seed: 11, verbose: Verbose::Silent, ..Fit::default() }
}

fn bits(model: &impl Model) -> Vec<u32> {
    model.weights().iter().map(|w| w.to_bits()).collect()
}

/// A model after so many epochs.
fn trained(epochs: usize) -> Box<Net> {
    let (x, y) = images();
    let mut model = Net::seeded(2);
    model.compile(adam(), loss()).fit(&x, &y, fit(epochs)).unwrap();
    model
}

#[test]
fn a_training_gives_the_same_bits_on_any_number_of_threads() {
    let (x, y) = images();
    let trained = |threads, seed| {
        let mut model = Net::seeded(2);
        let mut training = model.compile(adam(), loss()).threads(threads);
        let history = training.fit(&x, &y, Fit { seed, validation_split: 0.1, ..fit(3) }).unwrap();
        (bits(&*model), history)
    };
    let one = trained(1, 11);
    assert_eq!(one, trained(2, 11), "two threads");
    assert_eq!(one, trained(3, 11), "three threads");
    assert_ne!(one.0, trained(1, 12).0, "another seed");
}

#[test]
fn a_training_that_goes_on_from_a_file_equals_one_that_never_stopped() {
    let (x, y) = images();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.keras");
    let whole = trained(4);
    let mut first = Net::seeded(2);
    let mut training = first.compile(adam(), loss());
    training.fit(&x, &y, fit(2)).unwrap();
    training.save(&path).unwrap();
    let mut second = Net::seeded(77);
    let mut training = second.compile(adam(), loss());
    training.load(&path).unwrap();
    assert_eq!(training.iterations(), 10);
    training.fit(&x, &y, Fit { initial_epoch: 2, ..fit(4) }).unwrap();
    assert_eq!(bits(&*second), bits(&*whole));
    assert_ne!(bits(&*first), bits(&*whole));
}

#[test]
fn a_saved_model_predicts_the_same() {
    let (x, _) = images();
    let model = trained(2);
    let folder = tempfile::tempdir().unwrap();
    for name in ["model.keras", "model.weights.h5"] {
        let path = folder.path().join(name);
        model.save(&path).unwrap();
        let loaded = Net::load(&path).unwrap();
        assert_eq!(loaded.predict(&x), model.predict(&x), "{name}");
    }
}

#[test]
fn predict_equals_call() {
    let (x, _) = images();
    let model = trained(2);
    let predictions = model.predict(&x);
    assert_eq!(predictions.len(), ROWS);
    for (i, (x, predicted)) in x.iter().zip(&predictions).enumerate() {
        for (called, predicted) in model.call(x).iter().zip(predicted) {
            assert!((called - predicted).abs() <= 1e-5, "sample {i}: {called} {predicted}");
        }
    }
    assert!(model.predict(&[]).is_empty());
}

#[test]
fn a_validation_split_takes_the_last_rows() {
    let (x, y) = images();
    // floor(93 (1 - 0.2)) = 74 rows are learned from.
    let fitted = |x: &[Image], y: &[u32], fit| {
        let mut model = Net::seeded(2);
        let history = model
            .compile(adam(), loss())
            .metrics([SparseCategoricalAccuracy::default()])
            .fit(x, y, fit)
            .unwrap();
        (bits(&*model), history)
    };
    let split = fitted(&x, &y, Fit { validation_split: 0.2, ..fit(2) });
    let ((x, val_x), (y, val_y)) = (x.split_at(74), y.split_at(74));
    let given = fitted(x, y, Fit { validation_data: Some((val_x, val_y)), ..fit(2) });
    assert_eq!(split, given);
    assert_eq!(split.1["val_sparse_categorical_accuracy"].len(), 2);
}
