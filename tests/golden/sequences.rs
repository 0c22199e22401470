//! Whole trainings of models of sequences.

use keras::metrics::named;
use keras::prelude::*;
use keras_runtime::kernels::{Backend, Cpu, Reference};

use crate::tensors::{Tensor, on_all_levels};
use crate::trained::{
    GruTagger, LstmClassifier, TwoInTwoOut, TwoInTwoOutInputs, TwoInTwoOutOutputs,
};
use crate::training::{
    accuracy, case, check_end, check_history, check_prediction, fit, initial, on_both_backends,
    samples, tokens,
};

fn lstm_classifier<B: Backend>() {
    let case = case("cases.json", "lstm_classifier");
    let (x, y) = (tokens(case.tensor("x_0")), samples::<[f32; 1]>(case.tensor("y_0")));
    let (val_x, val_y) = (tokens(case.tensor("val_x_0")), samples(case.tensor("val_y_0")));
    let mut model = initial::<LstmClassifier>(&case);
    let adam = Adam { learning_rate: 0.03, ..Adam::default() };
    let mut training = model
        .compile(adam, BinaryCrossentropy::default())
        .metrics([named("accuracy", BinaryAccuracy::default())])
        .backend::<B>();
    let fit = Fit { validation_data: Some((&val_x, &val_y)), ..fit(8, 3) };
    let history = training.fit(&x, &y, fit).unwrap();
    check_history(&case, &history, &["auc"]);
    check_end(&case, &training);
    check_prediction(&case, &*model, &x);
}

fn gru_tagger<B: Backend>() {
    let case = case("cases.json", "gru_tagger");
    let (x, y) = (tokens(case.tensor("x_0")), tags(case.tensor("y_0")));
    let (val_x, val_y) = (tokens(case.tensor("val_x_0")), tags(case.tensor("val_y_0")));
    let mut model = initial::<GruTagger>(&case);
    let loss = SparseCategoricalCrossentropy::default();
    let sgd = SGD { learning_rate: 0.3, ..SGD::default() };
    let mut training = model.compile(sgd, loss).metrics(accuracy()).backend::<B>();
    let fit = Fit { validation_data: Some((&val_x, &val_y)), ..fit(8, 3) };
    let history = training.fit(&x, &y, fit).unwrap();
    check_history(&case, &history, &[]);
    check_end(&case, &training);
    check_prediction(&case, &*model, &x);
}

/// The label of each token.
fn tags(tensor: &Tensor) -> Vec<[u32; 6]> {
    let tokens: Vec<[i32; 6]> = tokens(tensor);
    tokens.into_iter().map(|labels| labels.map(|label| label as u32)).collect()
}

fn two_in_two_out<B: Backend>() {
    let case = case("cases.json", "two_in_two_out");
    let inputs = |a: &str, b: &str| -> Vec<TwoInTwoOutInputs> {
        let (a, b) = (samples(case.tensor(a)), samples(case.tensor(b)));
        a.into_iter().zip(b).map(|(a, b)| TwoInTwoOutInputs { a, b }).collect()
    };
    let outputs = |label: &str, value: &str| -> Vec<TwoInTwoOutOutputs> {
        let (label, value) = (samples(case.tensor(label)), samples(case.tensor(value)));
        let both = label.into_iter().zip(value);
        both.map(|(label, value)| TwoInTwoOutOutputs { label, value }).collect()
    };
    let (x, y) = (inputs("x_0", "x_1"), outputs("y_0", "y_1"));
    let (val_x, val_y) = (inputs("val_x_0", "val_x_1"), outputs("val_y_0", "val_y_1"));
    let mut model = initial::<TwoInTwoOut>(&case);
    let adam = Adam { learning_rate: 0.01, global_clipnorm: Some(1.0), ..Adam::default() };
    let loss = TwoInTwoOutOutputs {
        label: CategoricalCrossentropy::default(),
        value: MeanSquaredError::default(),
    };
    let mut training = model
        .compile(adam, loss)
        .loss_weights(TwoInTwoOutOutputs { label: 1.0, value: 0.3 })
        .metrics(TwoInTwoOutOutputs {
            label: [named("accuracy", CategoricalAccuracy::default())],
            value: [named("mae", MeanAbsoluteError::default())],
        })
        .backend::<B>();
    let fit = Fit { validation_data: Some((&val_x, &val_y)), ..fit(5, 3) };
    let history = training.fit(&x, &y, fit).unwrap();
    check_history(&case, &history, &[]);
    check_end(&case, &training);
    let found = model.predict(&x);
    let label: Vec<f32> = found.iter().flat_map(|y| y.label).collect();
    let value: Vec<f32> = found.iter().flat_map(|y| y.value).collect();
    case.check("label", "weights_tolerance", &label, case.tensor("prediction_0").floats());
    case.check("value", "weights_tolerance", &value, case.tensor("prediction_1").floats());
}

on_both_backends!(lstm_classifier, gru_tagger, two_in_two_out);
