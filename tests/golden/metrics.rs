//! Metrics: the result after each of three updates.

use keras_runtime::losses::Reduction;
use keras_runtime::metrics::{
    Accuracy, BinaryAccuracy, BinaryCrossentropy, CategoricalAccuracy, CategoricalCrossentropy,
    MeanAbsoluteError, MeanSquaredError, MetricFunction, SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
};
use keras_runtime::sample::Values;

use crate::arguments::Keywords;
use crate::tensors::{Case, Numbers, Tensor, check_all, on_all_levels};

fn metric(code: &str) -> Box<dyn MetricFunction> {
    let mut keywords = Keywords::of(code);
    let threshold = keywords.take("threshold", BinaryAccuracy::default().threshold);
    let from_logits = keywords.take("from_logits", false);
    let label_smoothing = keywords.take("label_smoothing", 0.0);
    let reduction = Reduction::default();
    let metric: Box<dyn MetricFunction> = match keywords.class() {
        "Accuracy" => Box::new(Accuracy::default()),
        "BinaryAccuracy" => Box::new(BinaryAccuracy { threshold }),
        "CategoricalAccuracy" => Box::new(CategoricalAccuracy::default()),
        "SparseCategoricalAccuracy" => Box::new(SparseCategoricalAccuracy::default()),
        "MeanSquaredError" => Box::new(MeanSquaredError::default()),
        "MeanAbsoluteError" => Box::new(MeanAbsoluteError::default()),
        "BinaryCrossentropy" => {
            Box::new(BinaryCrossentropy { from_logits, label_smoothing, reduction })
        }
        "CategoricalCrossentropy" => {
            Box::new(CategoricalCrossentropy { from_logits, label_smoothing, reduction })
        }
        "SparseCategoricalCrossentropy" => {
            Box::new(SparseCategoricalCrossentropy { from_logits, reduction })
        }
        other => panic!("no metric `{other}`"),
    };
    keywords.finish();
    metric
}

/// Predictions, which a few cases give as whole numbers.
fn predictions(tensor: &Tensor) -> Vec<f32> {
    match &tensor.numbers {
        Numbers::F32(values) => values.clone(),
        Numbers::I32(values) => values.iter().map(|&value| value as f32).collect(),
    }
}

/// Part `i` of `count` equal parts of the targets.
fn part(y_true: &Tensor, i: usize, count: usize) -> Values<'_> {
    match y_true.values() {
        Values::Floats(values) => {
            let len = values.len() / count;
            Values::Floats(&values[i * len..][..len])
        }
        Values::Labels(labels) => {
            let len = labels.len() / count;
            Values::Labels(&labels[i * len..][..len])
        }
    }
}

fn check_case(case: &Case) {
    let metric = metric(case.code());
    let mut state = metric.start();
    let updates = case.json["updates"].as_u64().unwrap();
    for k in 0..updates {
        let (y_true, y_pred) =
            (case.tensor(&format!("y_true_{k}")), case.tensor(&format!("y_pred_{k}")));
        // A prediction of rank 0 is a row of one number.
        let len = if y_pred.shape.len() > 1 { *y_pred.shape.last().unwrap() } else { 1 };
        let values = predictions(y_pred);
        // Weights of rows in place of samples make each row a sample.
        let weights = case.tensors.get(&format!("sample_weight_{k}"));
        let samples = weights.map_or(y_pred.shape[0], |weights| weights.floats().len());
        for (i, y_pred) in values.chunks_exact(values.len() / samples).enumerate() {
            let weight = weights.map_or(1.0, |weights| weights.floats()[i]);
            state.update(part(y_true, i, samples), y_pred, len, &[weight]);
        }
        let expected = case.tensor(&format!("result_{k}")).floats();
        case.check(&format!("result {k}"), "tolerance", &[state.result()], expected);
    }
    assert_eq!(case.json["results"].as_array().unwrap().len(), updates as usize);
    state.reset();
    assert_eq!(state.result(), 0.0, "{}: a metric that was reset", case.name());
}

#[test]
fn metrics_equal_keras() {
    on_all_levels(|| check_all("metrics", check_case));
}
