//! Masks at the end of a model: losses, metrics and steps are those of Keras 3.15.1 on JAX with the
//! same weights, inputs and targets.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras::losses::Reduction;
use keras::prelude::*;

model! {
    /// A number for each id that is not 0.
    struct Tagger;

    Sequential([
        Input(shape = (4,), dtype = "int32"),
        Embedding(5, 2, mask_zero = True),
        Dense(1),
    ])
}

const X: [[i32; 4]; 3] = [[1, 2, 0, 0], [3, 0, 4, 0], [2, 2, 2, 2]];
const Y: [[[f32; 1]; 4]; 3] =
    [[[0.5], [1.0], [2.0], [-1.0]], [[0.0], [1.0], [-0.5], [1.0]], [[0.25], [0.5], [0.75], [1.0]]];
const WEIGHTS: [f32; 3] = [0.5, 2.0, 1.0];

fn tagger() -> Box<Tagger> {
    let mut model = Tagger::new();
    model.embedding.embeddings =
        [[0.5, -0.25], [1.0, 0.5], [-0.75, 0.25], [0.125, -1.0], [0.3, 0.6]];
    model.dense.kernel = [[0.5], [-0.75]];
    model.dense.bias = [0.1];
    model
}

#[track_caller]
fn assert_near(found: f32, keras: f32) {
    assert!((found - keras).abs() <= 1e-6 + 2e-6 * keras.abs(), "{found}, Keras {keras}");
}

fn loss(reduction: Reduction) -> MeanSquaredError {
    MeanSquaredError { reduction }
}

#[test]
fn what_is_masked_does_not_count() {
    let mut model = tagger();
    let mut training = model
        .compile(SGD::default(), loss(Reduction::SumOverBatchSize))
        .metrics([MeanAbsoluteError::default()]);
    let logs = training.evaluate(&X, &Y).unwrap();
    assert_near(logs["loss"], 1.022_539);
    assert_near(logs["mean_absolute_error"], 0.9125);
    for (reduction, expected) in [
        (Reduction::SumOverBatchSize, 0.999_462_9),
        (Reduction::Sum, 7.995_703),
        (Reduction::MeanWithSampleWeight, 0.888_411_5),
    ] {
        let mut model = tagger();
        let mut training = model
            .compile(SGD::default(), loss(reduction))
            .weighted_metrics([MeanAbsoluteError::default()]);
        let weights = Evaluate { sample_weight: Some(&WEIGHTS), ..Evaluate::default() };
        let logs = training.evaluate_with(&X, &Y, weights).unwrap();
        assert_near(logs["loss"], expected);
        assert_near(logs["mean_absolute_error"], 0.849_305_5);
    }
}

#[test]
fn a_step_learns_from_what_counts() {
    let mut model = tagger();
    let sgd = SGD { learning_rate: 1.0, ..SGD::default() };
    let mut training = model.compile(sgd, loss(Reduction::SumOverBatchSize));
    let weights = TrainOnBatch { sample_weight: Some(&WEIGHTS), ..TrainOnBatch::default() };
    let logs = training.train_on_batch_with(&X, &Y, weights).unwrap();
    assert_near(logs["loss"], 0.999_462_9);
    drop(training);
    let expected = [
        0.5,
        -0.25,
        1.017_187_5,
        0.474_218_76,
        -0.114_843_73,
        -0.702_734_3,
        -0.103_125_01,
        -0.657_812_5,
        0.225,
        0.7125,
        -0.520_390_6,
        -0.048_984_41,
        0.798_437_5,
    ];
    for (found, expected) in model.weights().iter().zip(expected) {
        assert_near(*found, expected);
    }
}
