//! `compile_config` as Keras 3.15.1 writes it.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras_format::compile::{Compile, compile_config};
use keras_graph::value::{Argument, Object, Value};
use serde_json::json;

fn object(class: &str, arguments: &[(&str, Value)]) -> Object {
    let arguments = arguments
        .iter()
        .map(|(name, value)| Argument { name: Some((*name).to_owned()), value: value.clone() })
        .collect();
    Object { class: class.to_owned(), arguments }
}

#[test]
fn one_output_has_one_loss() {
    let optimizer = object(
        "SGD",
        &[
            ("name", Value::Str("SGD".to_owned())),
            ("learning_rate", Value::Float(0.25)),
            ("nesterov", Value::Bool(true)),
            ("clipnorm", Value::None),
        ],
    );
    let losses = [object("MeanSquaredError", &[("reduction", Value::Str("sum".to_owned()))])];
    let metrics = [vec!["mean_absolute_error".to_owned()]];
    let compile = Compile {
        optimizer: &optimizer,
        losses: &losses,
        loss_weights: None,
        metrics: &metrics,
        weighted_metrics: &[],
    };
    let expected = json!({
        "optimizer": {
            "module": "keras.optimizers",
            "class_name": "SGD",
            "config": {"name": "SGD", "learning_rate": 0.25, "nesterov": true, "clipnorm": null},
            "registered_name": null
        },
        "loss": {
            "module": "keras.losses",
            "class_name": "MeanSquaredError",
            "config": {"reduction": "sum"},
            "registered_name": null
        },
        "loss_weights": null,
        "metrics": ["mean_absolute_error"],
        "weighted_metrics": null,
        "run_eagerly": false,
        "steps_per_execution": 1,
        "jit_compile": "auto"
    });
    assert_eq!(compile_config(&compile).unwrap(), expected);
}

#[test]
fn several_outputs_have_lists() {
    let optimizer = object("Adam", &[]);
    let losses = [object("MeanSquaredError", &[]), object("BinaryCrossentropy", &[])];
    let metrics = [vec![], vec!["binary_accuracy".to_owned()]];
    let weights = [0.25, 2.0];
    let compile = Compile {
        optimizer: &optimizer,
        losses: &losses,
        loss_weights: Some(&weights),
        metrics: &metrics,
        weighted_metrics: &[vec!["accuracy".to_owned()], vec![]],
    };
    let config = compile_config(&compile).unwrap();
    assert_eq!(config["loss"][1]["class_name"], "BinaryCrossentropy");
    assert_eq!(config["loss_weights"], json!([0.25, 2.0]));
    assert_eq!(config["metrics"], json!([[], ["binary_accuracy"]]));
    assert_eq!(config["weighted_metrics"], json!([["accuracy"], []]));
    let few = Compile { loss_weights: Some(&weights[..1]), metrics: &[], ..compile };
    let message = compile_config(&few).unwrap_err().to_string();
    assert!(message.contains("expected 2 loss weights, found 1"), "{message}");
}

#[test]
fn what_cannot_be_written_is_named() {
    let fine = object("Adam", &[]);
    let infinite = object("Adam", &[("learning_rate", Value::Float(f64::INFINITY))]);
    let mut nameless = object("Adam", &[("learning_rate", Value::Int(1))]);
    nameless.arguments[0].name = None;
    for (optimizer, expected) in [
        (infinite, "`Adam/learning_rate`: expected a finite number, found inf"),
        (nameless, "`Adam`: expected every argument by name, found 1"),
    ] {
        let compile = Compile {
            optimizer: &optimizer,
            losses: &[],
            loss_weights: None,
            metrics: &[],
            weighted_metrics: &[],
        };
        let message = compile_config(&compile).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(compile_config(&Compile { optimizer: &fine, ..compile }).is_ok());
    }
}
