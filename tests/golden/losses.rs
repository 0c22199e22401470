//! Losses: values and gradients by the predictions.

use keras_graph::value::Value;
use keras_runtime::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, LossFunction, MeanAbsoluteError, MeanSquaredError,
    Reduction, SparseCategoricalCrossentropy, evaluate,
};
use keras_runtime::sample::Values;

use crate::arguments::Keywords;
use crate::tensors::{Case, Tensor, check_all, on_all_levels};

/// What becomes of the values of a batch's rows: a number, or with Keras' `reduction=None` nothing.
fn reduction(keywords: &mut Keywords) -> Option<Reduction> {
    let name = match keywords.value("reduction") {
        None => return Some(Reduction::default()),
        Some(Value::None) => return None,
        Some(Value::Str(name)) => name,
        Some(other) => panic!("no reduction: {other}"),
    };
    let all = [
        Reduction::SumOverBatchSize,
        Reduction::Mean,
        Reduction::Sum,
        Reduction::MeanWithSampleWeight,
    ];
    let found = all.into_iter().find(|reduction| reduction.name() == name);
    Some(found.unwrap_or_else(|| panic!("no reduction: {name}")))
}

/// The loss of a case, and whether its rows are reduced.
fn loss(code: &str) -> (Box<dyn LossFunction>, bool) {
    let mut keywords = Keywords::of(code);
    let reduced = reduction(&mut keywords);
    let reduction = reduced.unwrap_or_default();
    let from_logits = keywords.take("from_logits", false);
    let label_smoothing = keywords.take("label_smoothing", 0.0);
    let loss: Box<dyn LossFunction> = match keywords.class() {
        "MeanSquaredError" => Box::new(MeanSquaredError { reduction }),
        "MeanAbsoluteError" => Box::new(MeanAbsoluteError { reduction }),
        "BinaryCrossentropy" => {
            Box::new(BinaryCrossentropy { from_logits, label_smoothing, reduction })
        }
        "CategoricalCrossentropy" => {
            Box::new(CategoricalCrossentropy { from_logits, label_smoothing, reduction })
        }
        "SparseCategoricalCrossentropy" => {
            Box::new(SparseCategoricalCrossentropy { from_logits, reduction })
        }
        other => panic!("no loss `{other}`"),
    };
    keywords.finish();
    (loss, reduced.is_some())
}

/// A weight for each of the rows of length `len`: the case's weights are of samples or of rows.
fn row_weights(case: &Case, y_pred: &Tensor, len: usize) -> Vec<f32> {
    let rows = y_pred.floats().len() / len;
    let Some(weights) = case.tensors.get("sample_weight") else { return vec![1.0; rows] };
    let each = rows / weights.floats().len();
    weights.floats().iter().flat_map(|&weight| vec![weight; each]).collect()
}

/// The target of row `i` alone.
fn row<'a>(y_true: &'a Tensor, i: usize, len: usize) -> Values<'a> {
    match y_true.values() {
        Values::Floats(values) => Values::Floats(&values[i * len..][..len]),
        Values::Labels(labels) => Values::Labels(&labels[i..=i]),
    }
}

fn check_case(case: &Case) {
    let (loss, reduced) = loss(case.code());
    let (y_true, y_pred) = (case.tensor("y_true"), case.tensor("y_pred"));
    let len = *y_pred.shape.last().unwrap();
    let weights = row_weights(case, y_pred, len);
    let (value, d_y) = if reduced {
        let (value, d_y) = evaluate(&*loss, y_true.values(), y_pred.floats(), len, &weights);
        (vec![value], d_y)
    } else {
        // The gradient is that of the rows' sum, weighted by the upstream gradient.
        let upstream = case.tensor("upstream").floats();
        let mut values = Vec::new();
        let mut d_y = vec![0.0; y_pred.floats().len()];
        for (i, y) in y_pred.floats().chunks_exact(len).enumerate() {
            let gradient = Some((upstream[i], &mut d_y[i * len..][..len]));
            let value = loss.rows(row(y_true, i, len), y, len, &weights[i..=i], gradient);
            values.push(value as f32);
        }
        (values, d_y)
    };
    case.check("loss", "tolerance", &value, case.tensor("loss").floats());
    case.check("d_y_pred", "grad_tolerance", &d_y, case.tensor("grad_y_pred").floats());
}

#[test]
fn losses_equal_keras() {
    on_all_levels(|| check_all("losses", check_case));
}

#[test]
fn a_prediction_of_nan_gives_a_loss_of_nan() {
    let check = |case: &Case| {
        let (loss, _) = loss(case.code());
        let (y_true, y_pred) = (case.tensor("y_true"), case.tensor("y_pred"));
        let len = *y_pred.shape.last().unwrap();
        let weights = row_weights(case, y_pred, len);
        for at in [0, y_pred.floats().len() / 2, y_pred.floats().len() - 1] {
            let mut values = y_pred.floats().to_vec();
            values[at] = f32::NAN;
            let (value, d_y) = evaluate(&*loss, y_true.values(), &values, len, &weights);
            assert!(value.is_nan() && d_y[at].is_nan(), "{}: NaN in {at}", case.name());
        }
    };
    on_all_levels(|| check_all("losses", check));
}
