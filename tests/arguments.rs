//! What may be said to a training and to a model beside the data: each setting does what Keras'
//! does, and one that makes no sense is refused by name.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras::prelude::*;
use keras::training::OwnedBatch;
use keras::{Error, metrics, optimizers};

model! {
    /// Batch normalization, so that not all weights are trained.
    struct Net;

    Sequential([
        Input(shape = (3,)),
        Dense(5, activation = "tanh"),
        BatchNormalization(momentum = 0.5),
        Dense(4, activation = "softmax"),
    ])
}

model! {
    /// Two outputs.
    struct Pair;

    let x = Input(shape = (3,));
    let label = Dense(4, activation = "softmax", name = "label")(x);
    let value = Dense(1, name = "value")(x);
    Model(inputs = x, outputs = [label, value])
}

model! {
    /// Outputs of 4 MB each.
    struct Wide;

    let x = Input(shape = (1024, 1024));
    Model(
        inputs = x,
        outputs = [
            Activation("tanh", name = "a")(x),
            ReLU(name = "b")(x),
            Activation("sigmoid", name = "c")(x),
        ],
    )
}

type Point = [f32; 3];

/// Points, and in which quarter of a plane each lies.
fn points() -> (Vec<Point>, Vec<u32>) {
    let number = |i: usize| ((i * 7919) % 1009) as f32 / 504.0 - 1.0;
    let x: Vec<Point> =
        (0..41).map(|i| [number(i), number(3 * i + 1), number(7 * i + 5)]).collect();
    let y = x.iter().map(|x| u32::from(x[0] > 0.0) * 2 + u32::from(x[2] > 0.0)).collect();
    (x, y)
}

fn loss() -> SparseCategoricalCrossentropy {
    SparseCategoricalCrossentropy::default()
}

fn fit<'a>() -> Fit<'a, Point, u32> {
    Fit { batch_size: 8, verbose: Verbose::Silent, ..Fit::default() }
}

/// What a fit of good data says once an argument was changed.
fn refusal<'a>(change: impl FnOnce(&mut Fit<'a, Point, u32>)) -> String {
    let (x, y) = points();
    let mut arguments = fit();
    change(&mut arguments);
    let mut model = Net::seeded(2);
    let refused = model.compile(SGD::default(), loss()).fit(&x, &y, arguments);
    assert_eq!(model.weights(), Net::seeded(2).weights());
    refused.unwrap_err().to_string()
}

#[test]
fn large_outputs_are_not_built_on_the_stack() {
    let predict = || {
        let mut x = <[[f32; 1024]; 1024] as keras::array::Array>::zeros(2);
        (x[1][3][5], x[1][1023][7]) = (-2.0, 3.0);
        let y = Wide::seeded(1).predict(&x);
        assert_eq!((y.len(), y[1].b[3][5], y[1].b[1023][7]), (2, 0.0, 3.0));
        assert!((y[1].a[3][5] - (-2.0f32).tanh()).abs() < 1e-6);
        assert_eq!(y[0].c[9][9], 0.5);
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(predict).unwrap();
    thread.join().unwrap();
}

#[test]
fn arguments_of_a_fit_are_refused_by_name() {
    assert_eq!(
        refusal(|fit| fit.validation_freq = 0),
        "`validation_freq`: expected at least 1, found 0"
    );
    assert_eq!(
        refusal(|fit| fit.class_weight = &[(1, 2.0), (3, 1.0), (1, 4.0)]),
        "`class_weight`: expected each class once, found class 1 twice"
    );
}

#[test]
fn validation_data_is_told_from_training_data() {
    let (x, y) = points();
    let (mut far, mut wrong) = (x[..5].to_vec(), y[..5].to_vec());
    far[2][1] = f32::INFINITY;
    wrong[4] = u32::MAX;
    assert_eq!(
        refusal(|fit| fit.validation_data = Some((&far, &y[..5]))),
        "`validation_data`: input of sample 2: expected finite numbers, found inf"
    );
    assert_eq!(
        refusal(|fit| fit.validation_data = Some((&x[..5], &wrong))),
        "`validation_data`: label of sample 4: expected one of 0..4, found 4294967295"
    );
    assert_eq!(
        refusal(|fit| fit.validation_data = Some((&x[..5], &y[..4]))),
        "`validation_data`: `y`: expected 5 samples, as many as `x` has, found 4"
    );
    assert_eq!(
        refusal(|fit| fit.validation_data = Some((&[], &[]))),
        "`validation_data`: x: expected at least 1 sample, found 0"
    );
    let refused = refusal(|fit| {
        fit.validation_data = Some((&x[..2], &y[..2]));
        fit.validation_sample_weight = Some(&[-1.0, f32::NEG_INFINITY]);
    });
    assert_eq!(
        refused,
        "`validation_data`: `sample_weight` at 1: expected a finite number, found -inf"
    );
}

#[test]
fn a_batch_of_a_stream_is_named() {
    let (x, y) = points();
    let mut batches: Vec<OwnedBatch<Point, u32>> =
        x.chunks(8).zip(y.chunks(8)).map(|(x, y)| (x.to_vec(), y.to_vec())).collect();
    batches[3].0[6][0] = f32::NAN;
    let mut model = Net::seeded(2);
    let source = |_: usize| batches.clone().into_iter().map(Ok);
    let refused = model.compile(SGD::default(), loss()).fit_batches(source, fit()).unwrap_err();
    let expected = "batch 3 of epoch 0: input of sample 6: expected finite numbers, found NaN";
    assert_eq!(refused.to_string(), expected);
    assert!(matches!(refused, Error::Within { .. }));
}

#[test]
fn settings_of_a_training_are_refused_by_name() {
    let (x, y) = points();
    let one_hot: Vec<[f32; 4]> =
        y.iter().map(|&y| core::array::from_fn(|c| f32::from(u8::from(c == y as usize)))).collect();
    let mut model = Net::seeded(2);
    let refused = model.compile(SGD::default(), loss()).threads(usize::MAX).evaluate(&x, &y);
    let expected = format!("`threads`: expected at most 1024, found {}", usize::MAX);
    assert_eq!(refused.unwrap_err().to_string(), expected);
    for label_smoothing in [-0.25, 1.5, f32::NAN] {
        let smoothed = CategoricalCrossentropy { label_smoothing, ..Default::default() };
        let expected = format!(
            "`CategoricalCrossentropy`: `label_smoothing`: expected a share in [0, 1], \
             found {label_smoothing}"
        );
        let mut training = model.compile(SGD::default(), smoothed);
        assert_eq!(training.train_on_batch(&x, &one_hot).unwrap_err().to_string(), expected);
        let plain = CategoricalCrossentropy::default();
        let mut training = model.compile(SGD::default(), plain).metrics([smoothed]);
        assert_eq!(training.evaluate(&x, &one_hot).unwrap_err().to_string(), expected);
    }
    let mut training = model.compile(SGD::default(), loss());
    for rate in [f32::NAN, f32::INFINITY, -0.5] {
        let expected =
            format!("`learning_rate`: expected a finite number of at least 0, found {rate}");
        assert_eq!(training.set_learning_rate(rate).unwrap_err().to_string(), expected);
    }
    training.set_learning_rate(0.0).unwrap();
    assert_eq!(training.learning_rate(), 0.0);
    assert_eq!(model.weights(), Net::seeded(2).weights());
    let losses = PairOutputs { label: loss(), value: MeanSquaredError::default() };
    let weights = PairOutputs { label: 1.0, value: f32::NAN };
    let targets: Vec<PairOutputs<u32, f32>> =
        y.iter().map(|&label| PairOutputs { label, value: 1.0 }).collect();
    let mut pair = Pair::seeded(1);
    let mut training = pair.compile(SGD::default(), losses).loss_weights(weights);
    assert_eq!(
        training.train_on_batch(&x, &targets).unwrap_err().to_string(),
        "`loss_weights` of output `value`: expected a finite number, found NaN"
    );
}

/// `keras.Model.compile` with the same metrics reports the same names.
#[test]
fn metrics_of_one_name_are_told_apart_as_in_keras() {
    let (x, y) = points();
    let accuracy = || SparseCategoricalAccuracy::default();
    let mut model = Net::seeded(2);
    let mut training = model
        .compile(SGD::default(), loss())
        .metrics((
            metrics::named("a", accuracy()),
            metrics::named("a", loss()),
            metrics::named("a", loss()),
        ))
        .weighted_metrics((metrics::named("a", accuracy()), metrics::named("a", loss())));
    let scores = training.evaluate(&x, &y).unwrap();
    let keys: Vec<&str> = scores.keys().collect();
    assert_eq!(keys, ["a", "a_1", "a_2", "loss", "weighted_a", "weighted_a_1"]);
    assert_eq!(
        (scores["a_1"], scores["a_2"], scores["weighted_a"]),
        (scores["loss"], scores["loss"], scores["a"])
    );
    let targets: Vec<PairOutputs<u32, f32>> =
        y.iter().map(|&label| PairOutputs { label, value: 1.0 }).collect();
    let mut pair = Pair::seeded(1);
    let losses = PairOutputs { label: loss(), value: MeanSquaredError::default() };
    let mean = || metrics::MeanSquaredError::default();
    let mut training = pair
        .compile(SGD::default(), losses)
        .metrics(PairOutputs { label: [accuracy()], value: [mean(), mean()] })
        .weighted_metrics(PairOutputs { label: (), value: [mean()] });
    let scores = training.evaluate(&x, &targets).unwrap();
    let of_value: Vec<&str> = scores.keys().filter(|key| key.starts_with("value")).collect();
    let expected = [
        "value_loss",
        "value_mean_squared_error",
        "value_mean_squared_error_1",
        "value_weighted_mean_squared_error",
    ];
    assert_eq!(of_value, expected);
}

#[test]
fn an_evaluation_takes_batch_size_and_weights() {
    let (x, y) = points();
    let mut model = Net::seeded(2);
    let accuracy = || [SparseCategoricalAccuracy::default()];
    let mut training =
        model.compile(SGD::default(), loss()).metrics(accuracy()).weighted_metrics(accuracy());
    let plain = training.evaluate(&x, &y).unwrap();
    for batch_size in [1, 7, usize::MAX] {
        let scores =
            training.evaluate_with(&x, &y, Evaluate { batch_size, ..Evaluate::default() }).unwrap();
        assert!((scores["loss"] - plain["loss"]).abs() < 1e-5 * plain["loss"], "{batch_size}");
    }
    // Rows of weight 0 are not there but for the mean's divisor.
    let weights: Vec<f32> = (0..41).map(|i| if i < 20 { 41.0 / 20.0 } else { 0.0 }).collect();
    let weighted = Evaluate { sample_weight: Some(&weights), batch_size: 41 };
    let weighted = training.evaluate_with(&x, &y, weighted).unwrap();
    let first = training.evaluate(&x[..20], &y[..20]).unwrap();
    assert!((weighted["loss"] - first["loss"]).abs() < 1e-5 * first["loss"]);
    let key = "weighted_sparse_categorical_accuracy";
    assert!((weighted[key] - first["sparse_categorical_accuracy"]).abs() < 1e-6);
    assert_eq!(weighted["sparse_categorical_accuracy"], plain["sparse_categorical_accuracy"]);
    let mut refusal = |evaluate| training.evaluate_with(&x, &y, evaluate).unwrap_err().to_string();
    let none = Evaluate { batch_size: 0, ..Evaluate::default() };
    assert_eq!(refusal(none), "`batch_size`: expected at least 1, found 0");
    let few = Evaluate { sample_weight: Some(&[1.0]), ..Evaluate::default() };
    assert_eq!(refusal(few), "`sample_weight`: expected 41 samples, as many as `y` has, found 1");
}

#[test]
fn a_step_takes_weights_by_sample_and_by_class() {
    let (x, y) = points();
    let stepped = |batch| {
        let mut model = Net::seeded(2);
        let adam = optimizers::Adam::default();
        model.compile(adam, loss()).train_on_batch_with(&x, &y, batch).unwrap();
        model.weights().to_vec()
    };
    let weights: Vec<f32> = y.iter().map(|&y| if y == 2 { 3.0 } else { 1.0 }).collect();
    let by_class = stepped(TrainOnBatch { class_weight: &[(2, 3.0)], ..TrainOnBatch::default() });
    let by_sample = TrainOnBatch { sample_weight: Some(&weights), ..TrainOnBatch::default() };
    assert_eq!(by_class, stepped(by_sample));
    assert_ne!(by_class, stepped(TrainOnBatch::default()));
    let both = TrainOnBatch { sample_weight: Some(&weights), class_weight: &[(2, 3.0)] };
    let mut model = Net::seeded(2);
    let mut training = model.compile(SGD::default(), loss());
    assert_eq!(
        training.train_on_batch_with(&x, &y, both).unwrap_err().to_string(),
        "`class_weight`: expected either `class_weight` or `sample_weight`, found both"
    );
}

#[test]
fn a_prediction_takes_a_batch_size() {
    let (x, _) = points();
    let model = Net::seeded(2);
    let expected = model.predict(&x);
    for batch_size in [1, 7, 41, usize::MAX] {
        let found = model.predict_with(&x, Predict { batch_size }).unwrap();
        let both = found.iter().flatten().zip(expected.iter().flatten());
        assert!(both.into_iter().all(|(a, b)| (a - b).abs() < 1e-6), "{batch_size}");
    }
    let refused = model.predict_with(&x, Predict { batch_size: 0 }).unwrap_err();
    assert_eq!(refused.to_string(), "`batch_size`: expected at least 1, found 0");
}

#[test]
fn weights_go_from_model_to_model() {
    let (x, y) = points();
    let mut model = Net::seeded(2);
    model.compile(SGD::default(), loss()).fit(&x, &y, fit()).unwrap();
    let copy = model.clone_boxed();
    let mut other = Net::seeded(3);
    assert_ne!(other.predict(&x), model.predict(&x));
    other.copy_weights_from(&model);
    model.weights_mut().fill(0.0);
    assert_eq!(copy.predict(&x), other.predict(&x));
    assert_eq!(copy.batch_normalization.moving_mean, other.batch_normalization.moving_mean);
    assert_ne!(copy.batch_normalization.moving_mean, [0.0; 5]);
}

#[test]
fn every_metric_has_its_name_in_the_module() {
    let (x, y) = points();
    let _ = (
        metrics::Accuracy::default(),
        metrics::BinaryAccuracy::default(),
        metrics::CategoricalAccuracy::default(),
    );
    let one_hot: Vec<[f32; 4]> =
        y.iter().map(|&y| core::array::from_fn(|c| f32::from(u8::from(c == y as usize)))).collect();
    let mut model = Net::seeded(2);
    let mut training = model.compile(SGD::default(), CategoricalCrossentropy::default()).metrics((
        metrics::MeanSquaredError::default(),
        metrics::MeanAbsoluteError::default(),
        metrics::CategoricalCrossentropy::default(),
        metrics::BinaryCrossentropy::default(),
    ));
    let scores = training.evaluate(&x, &one_hot).unwrap();
    assert_eq!(scores["loss"], scores["categorical_crossentropy"]);
    assert!(scores["mean_squared_error"] < scores["mean_absolute_error"]);
}

#[test]
fn statistics_that_decay_end_at_zero() {
    let mut model = Net::seeded(2);
    // Nothing moves but the statistics: every batch of zeros halves them.
    let still = SGD { learning_rate: 0.0, ..SGD::default() };
    model.batch_normalization.moving_variance = [1e-30; 5];
    model.dense.bias = [0.0; 5];
    let x = [[0.0; 3]; 4];
    let mut training = model.compile(still, loss());
    for _ in 0..60 {
        training.train_on_batch(&x, &[0u32, 1, 2, 3]).unwrap();
        let variance = training.model().batch_normalization.moving_variance;
        assert!(variance.iter().all(|v| !v.is_subnormal()), "{variance:?}");
    }
    assert_eq!(model.batch_normalization.moving_variance, [0.0; 5]);
}
