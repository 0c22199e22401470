//! Numbers at the ends of their range: what decays does not end in denormal numbers, on which many
//! processors are slow.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use std::time::{Duration, Instant};

use keras::optimizers::Optimizer;
use keras::prelude::*;

model! {
    /// Dense layers and what a batch normalization remembers.
    struct Net;

    Sequential([
        Input(shape = (64,)),
        Dense(96, activation = "relu"),
        BatchNormalization(momentum = 0.9),
        Dense(48, activation = "tanh"),
        Dense(5, activation = "softmax"),
    ])
}

model! {
    /// A batch normalization that forgets slowly.
    struct Slow;

    Sequential([Input(shape = (3,)), BatchNormalization(momentum = 0.999)])
}

const ROWS: usize = 24;

/// Rows of both signs, and their classes.
fn rows() -> (Vec<[f32; 64]>, Vec<u32>) {
    let number = |i: usize| ((i * 7919) % 1009) as f32 / 504.0 - 1.0;
    let x = (0..ROWS).map(|row| core::array::from_fn(|i| number(row * 64 + i))).collect();
    (x, (0..ROWS as u32).map(|row| row * 3 % 5).collect())
}

fn loss() -> SparseCategoricalCrossentropy {
    SparseCategoricalCrossentropy::default()
}

/// Steps of rows that weigh nothing, which leave weights and slots to decay.
const WEIGHTLESS: TrainOnBatch<'_> =
    TrainOnBatch { sample_weight: Some(&[0.0; ROWS]), class_weight: &[] };

/// What is left of a model after a step and `steps` of decay by a twentieth.
fn decayed(optimizer: impl Optimizer + 'static, steps: usize) -> Box<Net> {
    let (x, y) = rows();
    let mut model = Net::seeded(4);
    let mut training = model.compile(optimizer, loss());
    training.train_on_batch(&x, &y).unwrap();
    for step in 0..steps {
        training.train_on_batch_with(&x, &y, WEIGHTLESS).unwrap();
        let denormal = training.model().weights().iter().filter(|w| w.is_subnormal()).count();
        assert_eq!(denormal, 0, "denormal weights and statistics after step {step}");
    }
    model
}

/// Steps after which numbers of about 1 were multiplied by less than the least that there is.
const ENOUGH: usize = 2200;

fn sgd() -> SGD {
    SGD { learning_rate: 0.1, momentum: 0.9, weight_decay: Some(0.5), ..SGD::default() }
}

#[test]
fn weights_and_statistics_decay_to_zero() {
    let (learning_rate, weight_decay) = (0.1, Some(0.5));
    let rmsprop = RMSprop { learning_rate, weight_decay, momentum: 0.9, ..RMSprop::default() };
    for model in [
        decayed(sgd(), ENOUGH),
        decayed(rmsprop, ENOUGH),
        decayed(Adam { learning_rate, weight_decay, ..Adam::default() }, ENOUGH),
    ] {
        assert!(model.weights().iter().all(|w| *w == 0.0));
    }
}

/// The least time that a few steps take.
fn least(model: &mut Net, least: &mut Duration) {
    let (x, y) = rows();
    let mut training = model.compile(sgd(), loss());
    training.train_on_batch_with(&x, &y, WEIGHTLESS).unwrap();
    let start = Instant::now();
    for _ in 0..5 {
        training.train_on_batch_with(&x, &y, WEIGHTLESS).unwrap();
    }
    *least = start.elapsed().min(*least);
}

#[test]
fn a_decayed_model_is_as_fast_as_a_fresh_one() {
    // Where the largest weights are about to become denormal, and where all would be.
    for steps in [1700, ENOUGH] {
        let mut model = decayed(sgd(), steps);
        let [mut fresh, mut old] = [Duration::MAX; 2];
        // In turn, and the least of many, so that whatever else the machine does hardly counts.
        for _ in 0..30 {
            least(&mut Net::seeded(4), &mut fresh);
            least(&mut model, &mut old);
        }
        assert!(old < 2 * fresh, "{old:?} after {steps} steps, {fresh:?} at first");
    }
}

#[test]
fn moving_statistics_take_the_share_that_is_written() {
    // 1 - 0.999 in 32 bits is off by 1.3e-5 of itself; Keras subtracts in 64.
    let mut model = Slow::seeded(1);
    let x = [[2.0, -3.0, 5.0], [4.0, -5.0, 7.0]];
    let sgd = SGD { learning_rate: 0.0, ..SGD::default() };
    model.compile(sgd, MeanSquaredError::default()).train_on_batch(&x, &x).unwrap();
    let [.., mean, variance] = model.weights().as_chunks::<3>().0 else { panic!("four weights") };
    for (found, expected) in mean.iter().zip([0.003, -0.004, 0.006]) {
        assert!((found / expected - 1.0).abs() < 2e-7, "{found}, not {expected}");
    }
    assert_eq!(*variance, [1.0; 3]);
}

model! {
    /// Lengths of vectors, each measured in another way.
    struct Lengths;

    let x = Input(shape = (2, 3));
    Model(
        inputs = x,
        outputs = [
            ops.norm(x, axis = 1),
            ops.norm(x, ord = 1, axis = -1),
            ops.norm(x, ord = float("inf"), axis = 2, keepdims = True),
            ops.norm(x, ord = "fro", axis = (1, 2)),
        ],
    )
}

#[test]
fn lengths_by_hand() {
    let LengthsOutputs { norm, norm_1, norm_2, norm_3 } =
        Lengths::new().call(&[[3.0, 0.0, -2.0], [-4.0, 1.0, 2.0]]);
    let near = |found: f32, expected: f32| (found - expected).abs() < 1e-6;
    assert!(norm.iter().zip([5.0, 1.0, 8f32.sqrt()]).all(|(y, expected)| near(*y, expected)));
    assert_eq!((norm_1, norm_2), ([5.0, 7.0], [[3.0], [4.0]]));
    assert!(near(norm_3, 34f32.sqrt()));
}
