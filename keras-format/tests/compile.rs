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
    let metrics = [vec![object("MeanAbsoluteError", &[("name", Value::Str("mae".to_owned()))])]];
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
        "metrics": [{
            "module": "keras.metrics",
            "class_name": "MeanAbsoluteError",
            "config": {"name": "mae"},
            "registered_name": null
        }],
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
    let metrics = [vec![], vec![object("BinaryAccuracy", &[])]];
    let weights = [0.25, 2.0];
    let compile = Compile {
        optimizer: &optimizer,
        losses: &losses,
        loss_weights: Some(&weights),
        metrics: &metrics,
        weighted_metrics: &[vec![object("Accuracy", &[])], vec![]],
    };
    let config = compile_config(&compile).unwrap();
    assert_eq!(config["loss"][1]["class_name"], "BinaryCrossentropy");
    assert_eq!(config["loss_weights"], json!([0.25, 2.0]));
    assert_eq!(config["metrics"][0], json!([]));
    assert_eq!(config["metrics"][1][0]["class_name"], "BinaryAccuracy");
    assert_eq!(config["weighted_metrics"][0][0]["class_name"], "Accuracy");
    let few = Compile { loss_weights: Some(&weights[..1]), metrics: &[], ..compile };
    let message = compile_config(&few).unwrap_err().to_string();
    assert!(message.contains("expected 2 loss weights, found 1"), "{message}");
}

#[test]
fn what_cannot_be_written_is_named() {
    let fine = object("Adam", &[]);
    let class = Object { class: "MyDecay".to_owned(), arguments: vec![] };
    let unknown = object("Adam", &[("learning_rate", Value::Object(class))]);
    let mut nameless = object("Adam", &[("learning_rate", Value::Int(1))]);
    nameless.arguments[0].name = None;
    for (optimizer, expected) in [
        (
            unknown,
            "`Adam/learning_rate/MyDecay`: expected an initializer, a regularizer or a constraint",
        ),
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
