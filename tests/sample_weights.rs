//! Weights of rows, negative ones too, as policy gradients need them: losses, metrics and steps are
//! those of Keras 3.15.1 on JAX with the same weights, inputs and targets.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras::losses::Reduction;
use keras::prelude::*;

model! {
    /// One layer.
    struct Line;

    Sequential([Input(shape = (3,)), Dense(2)])
}

const X: [[f32; 3]; 3] = [[1.0, -2.0, 0.5], [0.25, 1.5, -1.0], [-0.75, 0.5, 2.0]];
const Y: [[f32; 2]; 3] = [[1.0, -0.5], [-1.0, 0.25], [0.5, 2.0]];

const MIXED: [f32; 3] = [1.5, -2.0, 0.25];
/// They sum to 0.
const ZERO: [f32; 3] = [1.0, -2.0, 1.0];
/// They sum to less than 0.
const NEGATIVE: [f32; 3] = [-1.0, -0.5, 0.25];

fn line() -> Box<Line> {
    let mut model = Line::new();
    model.dense.kernel = [[0.5, -1.0], [0.25, 0.75], [-0.5, 1.5]];
    model.dense.bias = [0.125, -0.25];
    model
}

fn sgd() -> SGD {
    SGD { learning_rate: 0.1, ..SGD::default() }
}

#[track_caller]
fn assert_near(found: f32, keras: f32, what: &str) {
    assert!((found - keras).abs() <= 1e-6 + 2e-6 * keras.abs(), "{what}: {found}, Keras {keras}");
}

/// The loss, the weighted mean absolute error, and the weights after a step.
struct Step {
    reduction: Reduction,
    weights: [f32; 3],
    loss: f32,
    metric: f32,
    after: [f32; 8],
}

const STEPS: [Step; 9] = [
    Step {
        reduction: Reduction::SumOverBatchSize,
        weights: MIXED,
        loss: -0.791_666_7,
        metric: 3.375,
        after: [
            0.581_510_4,
            -0.932_031_3,
            0.356_770_84,
            0.479_687_48,
            -0.586_458_3,
            1.581_25,
            0.336_458_36,
            -0.265_625,
        ],
    },
    Step {
        reduction: Reduction::SumOverBatchSize,
        weights: ZERO,
        loss: -0.315_104_16,
        metric: 0.0,
        after: [
            0.532_291_65,
            -0.921_875,
            0.414_583_36,
            0.506_25,
            -0.514_583_35,
            1.475,
            0.358_333_35,
            -0.337_5,
        ],
    },
    Step {
        reduction: Reduction::SumOverBatchSize,
        weights: NEGATIVE,
        loss: -0.811_197_94,
        metric: 1.35,
        after: [
            0.461_197_9,
            -1.042_968_8,
            0.384_895_83,
            0.814_062_5,
            -0.527_083_34,
            1.462_5,
            0.136_458_34,
            -0.334_375,
        ],
    },
    Step {
        reduction: Reduction::Sum,
        weights: MIXED,
        loss: -2.375,
        metric: 3.375,
        after: [
            0.744_531_3,
            -0.796_093_76,
            0.570_312_5,
            -0.060_937_513,
            -0.759_375,
            1.743_75,
            0.759_375_04,
            -0.296_875,
        ],
    },
    Step {
        reduction: Reduction::Sum,
        weights: ZERO,
        loss: -0.945_312_5,
        metric: 0.0,
        after: [0.596_875, -0.765_625, 0.743_75, 0.018_749_99, -0.543_75, 1.425, 0.825, -0.512_5],
    },
    Step {
        reduction: Reduction::Sum,
        weights: NEGATIVE,
        loss: -2.433_593_8,
        metric: 1.35,
        after: [
            0.383_593_74,
            -1.128_906_3,
            0.654_687_5,
            0.942_187_5,
            -0.581_25,
            1.387_5,
            0.159_375,
            -0.503_125,
        ],
    },
    Step {
        reduction: Reduction::MeanWithSampleWeight,
        weights: MIXED,
        loss: 9.5,
        metric: 3.375,
        after: [-0.478_125, -1.815_625, -1.031_25, 3.993_75, 0.537_5, 0.525, -2.412_5, -0.062_5],
    },
    // A sum of 0 is no divisor: the loss is 0, and nothing is learned.
    Step {
        reduction: Reduction::MeanWithSampleWeight,
        weights: ZERO,
        loss: 0.0,
        metric: 0.0,
        after: [0.5, -1.0, 0.25, 0.75, -0.5, 1.5, 0.125, -0.25],
    },
    Step {
        reduction: Reduction::MeanWithSampleWeight,
        weights: NEGATIVE,
        loss: 1.946_875,
        metric: 1.35,
        after: [0.593_125, -0.896_875, -0.073_75, 0.596_25, -0.435, 1.59, 0.097_5, -0.047_499_99],
    },
];

#[test]
fn a_step_on_weights_of_any_sign_is_that_of_keras() {
    for Step { reduction, weights, loss, metric, after } in STEPS {
        let what = format!("{reduction:?} {weights:?}");
        let mut model = line();
        let mut training = model
            .compile(sgd(), MeanSquaredError { reduction })
            .weighted_metrics([MeanAbsoluteError::default()]);
        let weights = TrainOnBatch { sample_weight: Some(&weights), ..TrainOnBatch::default() };
        let logs = training.train_on_batch_with(&X, &Y, weights).unwrap();
        assert_near(logs["loss"], loss, &what);
        assert_near(logs["mean_absolute_error"], metric, &what);
        for (found, after) in model.weights().iter().zip(after) {
            assert_near(*found, after, &what);
        }
    }
}

#[test]
fn classes_of_any_sign_are_those_of_keras() {
    let cases = [
        (
            [(0, -1.5), (1, 2.0)],
            [1.351_091_4, 0.2],
            [
                0.479_006_47,
                -0.979_006_47,
                0.174_993_63,
                0.825_006_37,
                -0.445_496_68,
                1.445_496_7,
                0.059_185_795,
                -0.184_185_79,
            ],
        ),
        // The rows' weights sum to 0.
        (
            [(0, -4.0), (1, 2.0)],
            [1.232_195_5, 0.0],
            [
                0.467_926_1,
                -0.967_926_14,
                0.197_154_34,
                0.802_845_66,
                -0.451_036_87,
                1.451_036_8,
                0.048_105_44,
                -0.173_105_43,
            ],
        ),
    ];
    for (class_weight, [loss, accuracy], after) in cases {
        let what = format!("{class_weight:?}");
        let mut model = line();
        let from_logits = SparseCategoricalCrossentropy { from_logits: true, ..Default::default() };
        let fit = Fit { class_weight: &class_weight, verbose: Verbose::Silent, ..Fit::default() };
        let history = model
            .compile(sgd(), from_logits)
            .weighted_metrics([SparseCategoricalAccuracy::default()])
            .fit(&X, &[0_u32, 1, 1], fit)
            .unwrap();
        assert_near(history["loss"][0], loss, &what);
        assert_near(history["sparse_categorical_accuracy"][0], accuracy, &what);
        for (found, after) in model.weights().iter().zip(after) {
            assert_near(*found, after, &what);
        }
    }
}

#[test]
fn weights_that_are_not_finite_are_refused_with_their_index() {
    let mut model = line();
    let mut training = model.compile(sgd(), MeanSquaredError::default());
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let weights = [-1.0, 2.0, value];
        let expected = format!("`sample_weight` at 2: expected a finite number, found {value}");
        let batch = TrainOnBatch { sample_weight: Some(&weights), ..TrainOnBatch::default() };
        let refused = training.train_on_batch_with(&X, &Y, batch).unwrap_err();
        assert_eq!(refused.to_string(), expected);
        let rows = Evaluate { sample_weight: Some(&weights), ..Evaluate::default() };
        assert_eq!(training.evaluate_with(&X, &Y, rows).unwrap_err().to_string(), expected);
        let fit = Fit { sample_weight: Some(&weights), ..Fit::default() };
        assert_eq!(training.fit(&X, &Y, fit).unwrap_err().to_string(), expected);
        let class_weight = [(0, -1.0), (1, value)];
        let fit = Fit { class_weight: &class_weight, ..Fit::default() };
        let expected = format!("`class_weight` at 1: expected a finite number, found {value}");
        assert_eq!(training.fit(&X, &Y, fit).unwrap_err().to_string(), expected);
    }
    assert_eq!(model.weights(), line().weights());
}
