//! Initializers: exact values, or the statistics of random ones.

use keras_graph::initializer::Initializer;
use keras_graph::schema::ParameterType;
use keras_graph::value::Value;
use keras_runtime::initializers::{fans, fill};
use keras_runtime::random::Random;
use serde_json::Value as Json;

use crate::python;
use crate::tensors::{Case, check_all};

/// How far a Gram matrix of single-precision numbers may be from that of an orthogonal matrix, for
/// a gain of 1.
const GRAM_TOLERANCE: f64 = 1e-5;

fn check_case(case: &Case) {
    let object = Value::Object(python::call(case.code()));
    let initializer = Initializer::from_value(&object).unwrap();
    assert_eq!(initializer.class, case.json["kind"], "{}: class", case.name());
    let shape: Vec<usize> = serde_json::from_value(case.json["shape"].clone()).unwrap();
    let mut values = vec![f32::NAN; shape.iter().product()];
    let seed = initializer.seed.unwrap_or_default() as u64;
    fill(&initializer.rule, &shape, &mut Random::stream(seed, ""), &mut values);
    if case.json["exact"] == true {
        return case.check("value", "tolerance", &values, case.tensor("value").floats());
    }
    let values: Vec<f64> = values.into_iter().map(f64::from).collect();
    let statistics = &case.json["statistics"];
    match &statistics["orthogonal"] {
        Json::Null => check_statistics(case, statistics, &shape, &values),
        orthogonal => check_orthogonal(case, orthogonal, &values),
    }
}

fn check_statistics(case: &Case, statistics: &Json, shape: &[usize], values: &[f64]) {
    let number = |name: &str| statistics[name].as_f64().unwrap_or_else(|| panic!("no `{name}`"));
    let count = values.len() as f64;
    assert_eq!(count, number("count"), "{}: number of values", case.name());
    let mean = values.iter().sum::<f64>() / count;
    let std = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    for (what, found) in [("mean", mean), ("std", std)] {
        let (expected, tolerance) = (number(what), number(&format!("{what}_tolerance")));
        let close = (found - expected).abs() <= tolerance;
        assert!(close, "{}: {what}: expected {expected} ± {tolerance}, found {found}", case.name());
    }
    if let Some(bounds) = statistics["bounds"].as_array() {
        let [low, high] = [0, 1].map(|i| bounds[i].as_f64().unwrap());
        // The ends themselves may be rounded up to single precision.
        let slack = f64::from(f32::EPSILON) * high.abs().max(low.abs());
        for value in values {
            let inside = (low - slack..=high + slack).contains(value);
            assert!(inside, "{}: {value} is not within {low}..={high}", case.name());
        }
    }
    if !statistics["fan_in"].is_null() {
        assert_eq!(fans(shape), (number("fan_in"), number("fan_out")), "{}: fans", case.name());
    }
}

/// The shorter side's vectors are orthogonal and have the length that the gain says.
fn check_orthogonal(case: &Case, orthogonal: &Json, values: &[f64]) {
    let [rows, columns] = serde_json::from_value(orthogonal["flattened"].clone()).unwrap();
    assert_eq!(values.len(), rows * columns, "{}: number of values", case.name());
    let by_columns = match orthogonal["gram"].as_str() {
        Some("columns") => true,
        Some("rows") => false,
        other => panic!("{}: a Gram matrix of {other:?}", case.name()),
    };
    let (vectors, len) = if by_columns { (columns, rows) } else { (rows, columns) };
    let at = |vector: usize, i: usize| match by_columns {
        true => values[i * columns + vector],
        false => values[vector * columns + i],
    };
    let diagonal = orthogonal["gram_diagonal"].as_f64().unwrap();
    for a in 0..vectors {
        for b in 0..vectors {
            let found: f64 = (0..len).map(|i| at(a, i) * at(b, i)).sum();
            let expected = if a == b { diagonal } else { 0.0 };
            let close = (found - expected).abs() <= GRAM_TOLERANCE * diagonal;
            assert!(close, "{}: vectors {a} and {b}: {expected}, found {found}", case.name());
        }
    }
}

#[test]
fn initializers_equal_keras() {
    check_all("initializers", check_case);
}
