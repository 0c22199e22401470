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

/// Samples of the batch below: more than a block of them, cut into several batches too.
const MANY: usize = 500;

/// Inputs, targets and the weights of samples.
type Many = (Vec<[i32; 4]>, Vec<[[f32; 1]; 4]>, Vec<f32>);

/// Ids of which about every third is 0, targets of both signs, and what each sample weighs.
fn many() -> Many {
    let number = |sample: usize, step: usize| sample * 389 + step * 97 + sample * step % 11;
    let id = |sample, step| [0, 3, 0, 1, 4, 2, 1][number(sample, step) % 7];
    let target = |sample, step| [(number(sample, step) % 23) as f32 / 8.0 - 1.25];
    let x = (0..MANY).map(|sample| std::array::from_fn(|step| id(sample, step))).collect();
    let y = (0..MANY).map(|sample| std::array::from_fn(|step| target(sample, step))).collect();
    (x, y, (0..MANY).map(|sample| (sample % 5) as f32 * 0.5).collect())
}

/// What the rows of some samples sum up to: squared errors and absolute ones, each times the weight
/// of its sample, the gradient of the former by the bias, the weights, and how many rows count.
#[derive(Default)]
struct Sums {
    squares: f64,
    absolutes: f64,
    d_bias: f64,
    weights: f64,
    rows: f64,
}

impl Sums {
    fn of(model: &Tagger, x: &[[i32; 4]], y: &[[[f32; 1]; 4]], weights: &[f32]) -> Sums {
        let mut sums = Sums::default();
        for ((ids, targets), &weight) in x.iter().zip(y).zip(weights) {
            for (&id, target) in ids.iter().zip(targets).filter(|(id, _)| **id != 0) {
                let embedded = model.embedding.embeddings[id as usize];
                let products = embedded.iter().zip(&model.dense.kernel).map(|(e, [k])| e * k);
                let y_pred = products.sum::<f32>() + model.dense.bias[0];
                let (error, weight) = (f64::from(y_pred - target[0]), f64::from(weight));
                sums.squares += weight * error * error;
                sums.absolutes += weight * error.abs();
                sums.d_bias += weight * 2.0 * error;
                sums.weights += weight;
                sums.rows += 1.0;
            }
        }
        sums
    }
}

#[test]
fn large_batches_are_the_sums_over_what_counts() {
    let (x, y, weights) = many();
    let whole = Sums::of(&tagger(), &x, &y, &weights);
    assert!(whole.rows > 1000.0 && whole.rows < 1600.0, "{} rows count", whole.rows);
    for batch_size in [MANY, 64] {
        // The loss of an epoch is the mean over its batches, by their samples.
        let mut expected = 0.0;
        for start in (0..MANY).step_by(batch_size) {
            let batch = start..MANY.min(start + batch_size);
            let Sums { squares, rows, .. } =
                Sums::of(&tagger(), &x[batch.clone()], &y[batch.clone()], &weights[batch.clone()]);
            expected += squares / rows * batch.len() as f64 / MANY as f64;
        }
        let mut model = tagger();
        let mut training = model
            .compile(SGD::default(), loss(Reduction::SumOverBatchSize))
            .weighted_metrics([MeanAbsoluteError::default()]);
        let with = Evaluate { batch_size, sample_weight: Some(&weights) };
        let logs = training.evaluate_with(&x, &y, with).unwrap();
        assert_near(logs["loss"], expected as f32);
        assert_near(logs["mean_absolute_error"], (whole.absolutes / whole.weights) as f32);
    }
    let mut model = tagger();
    let sgd = SGD { learning_rate: 1.0, ..SGD::default() };
    let mut training = model.compile(sgd, loss(Reduction::SumOverBatchSize));
    let with = TrainOnBatch { sample_weight: Some(&weights), ..TrainOnBatch::default() };
    training.train_on_batch_with(&x, &y, with).unwrap();
    drop(training);
    assert_near(model.dense.bias[0], 0.1 - (whole.d_bias / whole.rows) as f32);
    // No id is 0 in what counts, so its vector stays.
    assert_eq!(model.embedding.embeddings[0], tagger().embedding.embeddings[0]);
}

model! {
    /// Masks rows whose product is exactly 1.
    struct Rounded;

    let x = Input(shape = (3, 2));
    let y = Input(shape = (2, 2));
    Model(inputs = [x, y], outputs = Dense(1)(Masking(mask_value = 1.0)(ops.matmul(x, y))))
}

#[test]
fn masks_are_computed_as_the_rest_of_the_training_is() {
    // As bfloat16, 1 + 2^-8 is 1, and every row is masked.
    let x = [RoundedInputs { x: [[1.0 + 1.0 / 256.0, 0.0]; 3], y: [[1.0, 1.0], [0.0, 0.0]] }];
    let y = [[[3.0], [-2.0], [5.0]]];
    let loss = |policy| {
        let mut model = Rounded::seeded(3);
        let training = model.compile(SGD::default(), MeanSquaredError::default());
        training.dtype_policy(policy).evaluate(&x, &y).unwrap()["loss"]
    };
    assert!(loss(DtypePolicy::Float32) > 0.0);
    assert_eq!(loss(DtypePolicy::MixedBfloat16), 0.0);
}

#[test]
fn a_model_has_a_plan_of_masks_if_an_output_has_one() {
    let masks = Tagger::masks().unwrap();
    assert_eq!(*masks.of, [Some(0)]);
    assert_eq!(*masks.plan.outputs[0].shape, [4]);
    assert!(Plain::masks().is_none());
}

model! {
    /// No output has a mask.
    struct Plain;

    Sequential([Input(shape = (4,), dtype = "int32"), Embedding(5, 2), Dense(1)])
}
