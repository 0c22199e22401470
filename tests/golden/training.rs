//! Whole trainings: each epoch's losses and metrics, the weights, the predictions and the
//! optimizer's state at the end.

use keras::array::Array;
use keras::callbacks::{Callback, EarlyStopping, ReduceLROnPlateau};
use keras::metrics::{Named, named};
use keras::prelude::*;
use keras_format::optimizer::OptimizerState;
use keras_format::{Archive, weights};
use keras_runtime::kernels::{Backend, Cpu, Reference};

use crate::tensors::{Case, Numbers, Tensor, folder, listed, on_all_levels};
use crate::trained::{
    ClassWeight, Constrained, ConvnetBn, MlpClassifier, MlpRegression, TinyTransformer, TwoOutputs,
    TwoOutputsInputs, TwoOutputsOutputs, WeightedBinary,
};

/// The case of this name.
pub(crate) fn case(list: &str, name: &str) -> Case {
    let found = listed("training", list).into_iter().find(|case| case.name() == name);
    found.unwrap_or_else(|| panic!("{list} has no `{name}`"))
}

/// The model as it was before the training.
pub(crate) fn initial<M: Model>(case: &Case) -> Box<M> {
    M::load(folder().join(format!("training/{}.initial.keras", case.name()))).unwrap()
}

/// The samples of a tensor.
pub(crate) fn samples<A: Array<Element = f32>>(tensor: &Tensor) -> Vec<A> {
    let mut samples = A::zeros(tensor.shape[0]);
    A::flat_mut(&mut samples).copy_from_slice(tensor.floats());
    samples
}

/// The labels of a tensor.
fn labels(tensor: &Tensor) -> Vec<u32> {
    match &tensor.numbers {
        Numbers::I32(labels) => labels.iter().map(|&label| label as u32).collect(),
        Numbers::F32(_) => panic!("expected labels"),
    }
}

/// Rows of integers.
pub(crate) fn tokens<const LEN: usize>(tensor: &Tensor) -> Vec<[i32; LEN]> {
    match &tensor.numbers {
        Numbers::I32(tokens) => tokens.as_chunks::<LEN>().0.to_vec(),
        Numbers::F32(_) => panic!("expected integers"),
    }
}

/// The arguments that all trainings share.
pub(crate) fn fit<'a, I, T>(batch_size: usize, epochs: usize) -> Fit<'a, I, T> {
    Fit { batch_size, epochs, shuffle: false, verbose: Verbose::Silent, ..Fit::default() }
}

/// Compares what each epoch reported. `left_out` names metrics that are not here yet.
pub(crate) fn check_history(case: &Case, history: &History, left_out: &[&str]) {
    let expected = case.json["history"].as_object().unwrap();
    let is_covered = |key: &&String| !left_out.contains(&key.trim_start_matches("val_"));
    let mut keys: Vec<&str> = expected.keys().filter(is_covered).map(String::as_str).collect();
    let mut found: Vec<&str> = history.keys().collect();
    keys.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, keys, "{}: what is reported", case.name());
    for key in keys {
        let values = expected[key].as_array().unwrap().iter();
        let values: Vec<f32> = values.map(|value| value.as_f64().unwrap() as f32).collect();
        case.check(key, "tolerance", &history[key], &values);
    }
}

/// The optimizer's state in a `.keras` file.
fn optimizer_state(path: &std::path::Path) -> OptimizerState {
    let groups = weights::read(Archive::read(path).unwrap().weights).unwrap();
    OptimizerState::read(&groups).unwrap().unwrap()
}

/// Compares weights, and what a saved training holds of the optimizer.
pub(crate) fn check_end<M: Model, L: keras::losses::Losses, N, W>(
    case: &Case,
    training: &Training<'_, M, L, N, W>,
) {
    let expected: Vec<f32> =
        case.numbered("final_weight").iter().flat_map(|w| w.floats().iter().copied()).collect();
    case.check("weights", "weights_tolerance", training.model().weights(), &expected);
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("found.keras");
    training.save(&path).unwrap();
    let found = optimizer_state(&path);
    let expected = optimizer_state(&folder().join(format!("training/{}.final.keras", case.name())));
    assert_eq!(found.iteration, expected.iteration, "{}: steps", case.name());
    assert_eq!(found.learning_rate, expected.learning_rate, "{}: learning rate", case.name());
    assert_eq!(found.slots.len(), expected.slots.len(), "{}: slots", case.name());
    for (i, (found, expected)) in found.slots.iter().zip(&expected.slots).enumerate() {
        assert_eq!(found.shape, expected.shape, "{}: shape of slot {i}", case.name());
        let (found, expected) = (found.values.as_f32().unwrap(), expected.values.as_f32().unwrap());
        case.check(&format!("slot {i}"), "weights_tolerance", found, expected);
    }
}

/// Compares the predictions of the only output.
pub(crate) fn check_prediction<M: Model>(case: &Case, model: &M, x: &[M::Input])
where
    M::Output: Array<Element = f32>,
{
    let found = model.predict(x);
    let expected = case.tensor("prediction_0").floats();
    case.check("predictions", "weights_tolerance", M::Output::flat(&found), expected);
}

pub(crate) fn accuracy() -> [Named<SparseCategoricalAccuracy>; 1] {
    [named("accuracy", SparseCategoricalAccuracy::default())]
}

fn mlp_classifier<B: Backend>() {
    let case = case("cases.json", "mlp_classifier");
    let (x, y) = (samples(case.tensor("x_0")), labels(case.tensor("y_0")));
    let (val_x, val_y) = (samples(case.tensor("val_x_0")), labels(case.tensor("val_y_0")));
    let mut model = initial::<MlpClassifier>(&case);
    let adam = Adam { learning_rate: 0.02, ..Adam::default() };
    let loss = SparseCategoricalCrossentropy::default();
    let mut training = model.compile(adam, loss).metrics(accuracy()).backend::<B>();
    let fit = Fit { validation_data: Some((&val_x, &val_y)), ..fit(8, 3) };
    let history = training.fit(&x, &y, fit).unwrap();
    check_history(&case, &history, &[]);
    check_end(&case, &training);
    check_prediction(&case, &*model, &x);
}

fn mlp_regression<B: Backend>() {
    let case = case("cases.json", "mlp_regression");
    let (x, y) = (samples(case.tensor("x_0")), samples::<[f32; 2]>(case.tensor("y_0")));
    let (val_x, val_y) = (samples(case.tensor("val_x_0")), samples(case.tensor("val_y_0")));
    let mut model = initial::<MlpRegression>(&case);
    let sgd = SGD { learning_rate: 0.05, momentum: 0.9, nesterov: true, ..SGD::default() };
    let mut training = model
        .compile(sgd, MeanSquaredError::default())
        .metrics([named("mae", MeanAbsoluteError::default())])
        .backend::<B>();
    let fit = Fit { validation_data: Some((&val_x, &val_y)), ..fit(6, 3) };
    let history = training.fit(&x, &y, fit).unwrap();
    check_history(&case, &history, &["root_mean_squared_error"]);
    check_end(&case, &training);
    check_prediction(&case, &*model, &x);
}

fn convnet_bn<B: Backend>() {
    let case = case("cases.json", "convnet_bn");
    let (x, y) = (samples(case.tensor("x_0")), samples::<[f32; 3]>(case.tensor("y_0")));
    let (val_x, val_y) = (samples(case.tensor("val_x_0")), samples(case.tensor("val_y_0")));
    let mut model = initial::<ConvnetBn>(&case);
    let loss = CategoricalCrossentropy {
        from_logits: true,
        label_smoothing: 0.1,
        ..CategoricalCrossentropy::default()
    };
    let mut training = model
        .compile(RMSprop { learning_rate: 0.005, ..RMSprop::default() }, loss)
        .metrics([named("accuracy", CategoricalAccuracy::default())])
        .backend::<B>();
    let fit = Fit { validation_data: Some((&val_x, &val_y)), ..fit(8, 3) };
    let history = training.fit(&x, &y, fit).unwrap();
    check_history(&case, &history, &[]);
    check_end(&case, &training);
    check_prediction(&case, &*model, &x);
}

fn sample_weight<B: Backend>() {
    let case = case("cases.json", "sample_weight");
    let (x, y) = (samples(case.tensor("x_0")), samples::<[f32; 1]>(case.tensor("y_0")));
    let (val_x, val_y) = (samples(case.tensor("val_x_0")), samples(case.tensor("val_y_0")));
    let mut model = initial::<WeightedBinary>(&case);
    let loss = BinaryCrossentropy { from_logits: true, ..BinaryCrossentropy::default() };
    let mut training = model
        .compile(SGD { learning_rate: 0.1, ..SGD::default() }, loss)
        .weighted_metrics([named("mse", MeanSquaredError::default())])
        .backend::<B>();
    let fit = Fit {
        sample_weight: Some(case.tensor("sw_0").floats()),
        validation_data: Some((&val_x, &val_y)),
        validation_sample_weight: Some(case.tensor("val_sw_0").floats()),
        ..fit(7, 3)
    };
    let history = training.fit(&x, &y, fit).unwrap();
    check_history(&case, &history, &[]);
    check_end(&case, &training);
    check_prediction(&case, &*model, &x);
}

fn callbacks_plateau<B: Backend>() {
    let case = case("cases.json", "callbacks_plateau");
    let (x, y) = (samples(case.tensor("x_0")), samples::<[f32; 1]>(case.tensor("y_0")));
    let (val_x, val_y) = (samples(case.tensor("val_x_0")), samples(case.tensor("val_y_0")));
    let mut model = initial::<WeightedBinary>(&case);
    let mut training = model
        .compile(SGD { learning_rate: 0.5, ..SGD::default() }, MeanSquaredError::default())
        .metrics([named("mae", MeanAbsoluteError::default())])
        .backend::<B>();
    let callbacks: Vec<Box<dyn Callback>> = vec![
        Box::new(ReduceLROnPlateau {
            factor: 0.5,
            patience: 1,
            min_delta: 0.01,
            ..ReduceLROnPlateau::default()
        }),
        Box::new(EarlyStopping {
            patience: 3,
            restore_best_weights: true,
            ..EarlyStopping::default()
        }),
    ];
    let fit = Fit { validation_data: Some((&val_x, &val_y)), callbacks, ..fit(10, 8) };
    let history = training.fit(&x, &y, fit).unwrap();
    assert_eq!(history.epoch.len(), 6, "stopped early");
    check_history(&case, &history, &[]);
    check_end(&case, &training);
    check_prediction(&case, &*model, &x);
}

fn class_weight_adam<B: Backend>() {
    let case = case("extra.json", "class_weight_adam");
    let (x, y) = (samples(case.tensor("x_0")), labels(case.tensor("y_0")));
    let mut model = initial::<ClassWeight>(&case);
    let adam = Adam { learning_rate: 0.02, ..Adam::default() };
    let loss = SparseCategoricalCrossentropy::default();
    let mut training = model.compile(adam, loss).metrics(accuracy()).backend::<B>();
    let class_weight = &[(0, 1.0), (1, 2.5), (2, 0.4)];
    let history = training.fit(&x, &y, Fit { class_weight, ..fit(8, 3) }).unwrap();
    check_history(&case, &history, &[]);
    check_end(&case, &training);
    check_prediction(&case, &*model, &x);
}

fn two_outputs_weighted<B: Backend>() {
    let case = case("extra.json", "two_outputs_weighted");
    let a = samples(case.tensor("x_0"));
    let b = samples(case.tensor("x_1"));
    let x: Vec<TwoOutputsInputs> =
        a.into_iter().zip(b).map(|(a, b)| TwoOutputsInputs { a, b }).collect();
    let label = labels(case.tensor("y_0"));
    let value = samples::<[f32; 1]>(case.tensor("y_1"));
    let y: Vec<TwoOutputsOutputs<u32, [f32; 1]>> = label
        .into_iter()
        .zip(value)
        .map(|(label, value)| TwoOutputsOutputs { label, value })
        .collect();
    let mut model = initial::<TwoOutputs>(&case);
    let loss = TwoOutputsOutputs {
        label: SparseCategoricalCrossentropy::default(),
        value: MeanSquaredError::default(),
    };
    let mut training = model
        .compile(RMSprop { learning_rate: 0.01, ..RMSprop::default() }, loss)
        .loss_weights(TwoOutputsOutputs { label: 1.0, value: 0.3 })
        .metrics(TwoOutputsOutputs {
            label: accuracy(),
            value: [named("mae", MeanAbsoluteError::default())],
        })
        .backend::<B>();
    let history = training.fit(&x, &y, fit(5, 3)).unwrap();
    check_history(&case, &history, &[]);
    check_end(&case, &training);
    let found = model.predict(&x);
    let label: Vec<f32> = found.iter().flat_map(|y| y.label).collect();
    let value: Vec<f32> = found.iter().flat_map(|y| y.value).collect();
    case.check("label", "weights_tolerance", &label, case.tensor("prediction_0").floats());
    case.check("value", "weights_tolerance", &value, case.tensor("prediction_1").floats());
}

fn constrained<B: Backend>() {
    let case = case("extra.json", "constrained");
    let (x, y) = (samples(case.tensor("x_0")), labels(case.tensor("y_0")));
    let mut model = initial::<Constrained>(&case);
    let rmsprop = RMSprop { learning_rate: 0.02, ..RMSprop::default() };
    let loss = SparseCategoricalCrossentropy::default();
    let mut training = model.compile(rmsprop, loss).metrics(accuracy()).backend::<B>();
    let history = training.fit(&x, &y, fit(8, 3)).unwrap();
    check_history(&case, &history, &[]);
    check_end(&case, &training);
    check_prediction(&case, &*model, &x);
}

fn tiny_transformer<B: Backend>() {
    let case = case("cases.json", "tiny_transformer");
    let (x, y) = (tokens(case.tensor("x_0")), labels(case.tensor("y_0")));
    let (val_x, val_y) = (tokens(case.tensor("val_x_0")), labels(case.tensor("val_y_0")));
    let mut model = initial::<TinyTransformer>(&case);
    let adam =
        AdamW { learning_rate: 0.01, weight_decay: Some(0.01), epsilon: 1e-3, ..AdamW::default() };
    let accuracy = named("sparse_categorical_accuracy", SparseCategoricalAccuracy::default());
    let loss = SparseCategoricalCrossentropy::default();
    let mut training = model.compile(adam, loss).metrics([accuracy]).backend::<B>();
    let fit = Fit { validation_data: Some((&val_x, &val_y)), ..fit(8, 3) };
    let history = training.fit(&x, &y, fit).unwrap();
    check_history(&case, &history, &[]);
    check_end(&case, &training);
    check_prediction(&case, &*model, &x);
}

/// Makes tests of functions that train on a backend.
macro_rules! on_both_backends {
    ($($name:ident),* $(,)?) => {
        mod reference {
            $(#[test] fn $name() { super::$name::<super::Reference>(); })*
        }
        mod cpu {
            $(#[test] fn $name() { super::on_all_levels(super::$name::<super::Cpu>); })*
        }
    };
}
pub(crate) use on_both_backends;

on_both_backends!(
    mlp_classifier,
    mlp_regression,
    convnet_bn,
    sample_weight,
    callbacks_plateau,
    class_weight_adam,
    two_outputs_weighted,
    constrained,
    tiny_transformer,
);
