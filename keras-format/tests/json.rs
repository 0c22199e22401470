//! Arguments to and from Keras' JSON. The JSON here is what Keras 3.15.1 writes.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras_format::json::{Framed, dtype_policy, value_from_json, value_to_json};
use keras_graph::value::{Argument, Object, Value};
use serde_json::{Value as Json, json};

fn object(class: &str, arguments: &[(&str, Value)]) -> Value {
    let arguments = arguments
        .iter()
        .map(|(name, value)| Argument {
            name: (!name.is_empty()).then(|| (*name).to_owned()),
            value: value.clone(),
        })
        .collect();
    Value::Object(Object { class: class.to_owned(), arguments })
}

fn framed(module: &str, class: &str, config: Json) -> Json {
    json!({"module": module, "class_name": class, "config": config, "registered_name": null})
}

/// What `KERAS_BACKEND=jax` gives for `keras.saving.serialize_keras_object` of the class without
/// arguments, but for the numbers that were arrays of `f32`.
fn defaults() -> Vec<Json> {
    let initializer = |class, config| framed("keras.initializers", class, config);
    let fans = json!({"seed": null, "input_axes": null, "output_axes": null});
    let normal = json!({"seed": null, "mean": 0.0, "stddev": 0.05});
    vec![
        initializer("Zeros", json!({})),
        initializer("Ones", json!({})),
        initializer("Constant", json!({"value": 0.0})),
        initializer("GlorotNormal", fans.clone()),
        initializer("GlorotUniform", fans.clone()),
        initializer("HeNormal", fans.clone()),
        initializer("HeUniform", fans.clone()),
        initializer("LecunNormal", fans.clone()),
        initializer("LecunUniform", fans),
        initializer("Orthogonal", json!({"seed": null, "gain": 1.0})),
        initializer("RandomNormal", normal.clone()),
        initializer("TruncatedNormal", normal),
        initializer("RandomUniform", json!({"seed": null, "minval": -0.05, "maxval": 0.05})),
        initializer(
            "STFT",
            json!({"side": "real", "window": "hann", "periodic": false, "scaling": "density"}),
        ),
        initializer(
            "VarianceScaling",
            json!({"seed": null, "scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal",
                   "input_axes": null, "output_axes": null}),
        ),
        framed("keras.regularizers", "L1", json!({"l1": 0.01})),
        framed("keras.regularizers", "L2", json!({"l2": 0.01})),
        framed("keras.regularizers", "L1L2", json!({"l1": 0.0, "l2": 0.0})),
        framed(
            "keras.regularizers",
            "OrthogonalRegularizer",
            json!({"factor": 0.01, "mode": "rows"}),
        ),
        framed("keras.constraints", "MaxNorm", json!({"max_value": 2, "axis": 0})),
        framed(
            "keras.constraints",
            "MinMaxNorm",
            json!({"min_value": 0.0, "max_value": 1.0, "rate": 1.0, "axis": 0}),
        ),
        framed("keras.constraints", "NonNeg", json!({})),
        framed("keras.constraints", "UnitNorm", json!({"axis": 0})),
    ]
}

#[test]
fn each_class_has_the_defaults_of_keras() {
    for json in defaults() {
        let class = json["class_name"].as_str().unwrap();
        let plain = object(class, &[]);
        assert_eq!(value_to_json(&plain).unwrap(), json);
        assert_eq!(value_from_json(&json).unwrap(), plain);
    }
}

#[test]
fn arguments_find_their_parameters() {
    let written = object("l1_l2", &[("", Value::Float(1e-4)), ("l2", Value::Int(-3))]);
    let json = framed("keras.regularizers", "L1L2", json!({"l1": 1e-4, "l2": -3}));
    assert_eq!(value_to_json(&written).unwrap(), json);
    let read = object("L1L2", &[("l1", Value::Float(1e-4)), ("l2", Value::Int(-3))]);
    assert_eq!(value_from_json(&json).unwrap(), read);
    let orthogonal = object("Orthogonal", &[("", Value::Float(1.41)), ("", Value::Int(7))]);
    let config = value_to_json(&orthogonal).unwrap()["config"].clone();
    assert_eq!(config, json!({"gain": 1.41, "seed": 7}));
}

#[test]
fn plain_values_are_themselves() {
    let value = Value::List(vec![
        Value::None,
        Value::Bool(true),
        Value::Bool(false),
        Value::Int(-3),
        Value::Int(i64::MAX),
        Value::Float(1e-7),
        Value::Float(2.0),
        Value::Str("größe".to_owned()),
        Value::List(vec![Value::List(vec![]), Value::Int(4)]),
    ]);
    let json = value_to_json(&value).unwrap();
    assert_eq!(json, json!([null, true, false, -3, i64::MAX, 1e-7, 2.0, "größe", [[], 4]]));
    let text: Json = serde_json::from_str(&json.to_string()).unwrap();
    assert_eq!(value_from_json(&text).unwrap(), value, "2.0 stays a float as text");
}

#[test]
fn forms_of_keras_become_plain_values() {
    let cases = [
        (json!({"class_name": "__tuple__", "items": [1, [2]]}), "(1, (2,))"),
        (
            json!({
                "class_name": "__numpy__",
                "config": {"value": [[1.5, -2.0]], "dtype": "float32"},
            }),
            "((1.5, -2.0),)",
        ),
        (json!({"class_name": "__tensor__", "config": {"value": 3.5, "dtype": "float32"}}), "3.5"),
        (dtype_policy("mixed_float16"), "\"mixed_float16\""),
        (
            json!({"module": "builtins", "class_name": "function", "config": "relu",
                   "registered_name": "function"}),
            "\"relu\"",
        ),
        (
            framed(
                "keras.layers",
                "LSTM",
                json!({"units": 3, "seed": null,
                "bias_initializer": framed("keras.initializers", "Zeros", json!({}))}),
            ),
            "LSTM(units = 3, seed = None, bias_initializer = Zeros())",
        ),
    ];
    for (json, expected) in cases {
        assert_eq!(value_from_json(&json).unwrap().to_string(), expected);
    }
}

#[test]
fn frames_come_off() {
    let json = framed("keras.layers", "Dense", json!({"units": 5}));
    let framed = Framed::from_json(&json).unwrap();
    assert_eq!((framed.module, framed.class_name), ("keras.layers", "Dense"));
    assert_eq!(framed.config["units"], 5);
    assert!(Framed::from_json(&json!([1])).is_err());
}

#[test]
fn what_cannot_be_read_is_named() {
    let lambda =
        framed("keras.layers", "Lambda", json!({"function": {"class_name": "__lambda__"}}));
    let code = json!({"class_name": "__lambda__", "config": {"value": {"code": "4wAA"}}});
    let cases = [
        (
            lambda.clone(),
            "the Python code of a `Lambda` is not supported\nhelp: write the function",
        ),
        (code.clone(), "the Python code of a `__lambda__` is not supported"),
        (json!([1, code]), "`1`: the Python code"),
        (framed("os", "system", json!({"command": "ls"})), "`system` of the module `os` is not"),
        (
            framed(
                "keras.layers",
                "Bidirectional",
                json!({"layer": framed("my>lib", "Cell", json!({}))}),
            ),
            "`Bidirectional/layer`: `Cell` of the module `my>lib` is not supported",
        ),
        (json!({"units": 5}), "expected an object with a text `class_name`, found none"),
        (json!({"class_name": "Dense"}), "`Dense`: expected an object with a text `module`"),
        (json!({"class_name": "Dense", "module": "keras.layers", "config": [1]}), "found a list"),
        (json!({"class_name": "__tuple__"}), "expected a tuple's `items`, found none"),
        (framed("keras", "DTypePolicy", json!({"name": 4})), "policy's `name`, found a number"),
    ];
    for (json, expected) in cases {
        let message = value_from_json(&json).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let message = value_from_json(&deep).unwrap_err().to_string();
    assert!(message.contains("expected values nested at most 64 deep"), "{message}");
}

#[test]
fn what_cannot_be_written_is_named() {
    let cases = [
        (object("L3", &[]), "`L3`: expected an initializer, a regularizer or a constraint"),
        (object("L2", &[("l1", Value::Int(1))]), "`L2`: expected the arguments (l2), found `l1`"),
        (object("L2", &[("", Value::Int(1)), ("", Value::Int(2))]), "found one more"),
        (object("L2", &[("", Value::Int(1)), ("l2", Value::Int(2))]), "expected `l2` once"),
    ];
    for (value, expected) in cases {
        let message = value_to_json(&value).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_layer_and_an_initializer_of_one_name_stay_apart() {
    let initializer = framed("keras.initializers", "Identity", json!({ "gain": 1.0 }));
    let value = value_from_json(&initializer).unwrap();
    assert_eq!(value, object("Identity", &[]));
    assert_eq!(value_to_json(&value).unwrap(), initializer);
    let config = json!({ "dtype": dtype_policy("float32"), "name": "same" });
    let layer = framed("keras.layers", "Identity", config);
    let value = value_from_json(&layer).unwrap();
    assert!(matches!(value, Value::Layer(_)), "{value}");
    assert_eq!(value_to_json(&value).unwrap()["module"], "keras.layers");
}
