//! Models to and from `config.json`: what Keras 3.15.1 wrote is read and written again as it was.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

#[path = "network/sequences.rs"]
mod sequences;

use keras_format::Archive;
use keras_format::network::{from_config, to_config};
use keras_graph::call::{CallValue, Given};
use keras_graph::dtype::Dtype;
use keras_graph::functions::{self, Function};
use keras_graph::layers::Entry;
use keras_graph::network::{Class, LayerKind, Network, NetworkLayer};
use keras_graph::shape::Shape;
use keras_graph::value::{Argument, Quotient, Value};
use serde_json::{Value as Json, json};

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden");

/// The configuration without what Keras notes for itself: `compile_config`, marks of shared
/// objects, arguments of calls that are `null`, and the digits of a number that `f32` does not
/// have.
fn plain(json: &Json) -> Json {
    match json {
        Json::Object(fields) => {
            let noted = ["compile_config", "shared_object_id"];
            let plain = fields.iter().filter(|(key, _)| !noted.contains(&key.as_str())).map(
                |(key, value)| match key.as_str() {
                    "kwargs" => (key.clone(), plain(&given(value))),
                    _ => (key.clone(), plain(value)),
                },
            );
            Json::Object(plain.collect())
        }
        Json::Array(items) => items.iter().map(plain).collect(),
        Json::Number(number) if number.is_f64() => json!(number.as_f64().unwrap() as f32),
        _ => json.clone(),
    }
}

/// The arguments of a call that are not `null`, and no lists of nothing but `null`.
fn given(kwargs: &Json) -> Json {
    let kwargs = kwargs.as_object().into_iter().flatten();
    let is_null = |value: &Json| match value {
        Json::Array(items) => items.iter().all(Json::is_null),
        value => value.is_null(),
    };
    let given = kwargs.filter(|(_, value)| !is_null(value));
    Json::Object(given.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn check(name: &str, config: &Json) {
    let network = from_config(config).unwrap_or_else(|error| panic!("{name}: {error}"));
    let written = to_config(&network).unwrap();
    let (written, expected) = (plain(&written), plain(config));
    if written != expected {
        difference(name, &written, &expected);
    }
    survives(name, &network);
}

fn survives(name: &str, network: &Network) {
    let written = to_config(network).unwrap();
    let again = to_config(&from_config(&written).unwrap()).unwrap();
    assert_eq!(written, again, "{name} does not survive");
}

/// Panics at the first place where two trees differ.
fn difference(path: &str, found: &Json, expected: &Json) {
    match (found, expected) {
        (Json::Object(a), Json::Object(b)) => {
            for key in a.keys().chain(b.keys()) {
                let none = json!("(none)");
                let (a, b) = (a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none));
                difference(&format!("{path}/{key}"), a, b);
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                difference(&format!("{path}/{i}"), a, b);
            }
        }
        _ => assert_eq!(found, expected, "{path}"),
    }
}

#[test]
fn the_models_of_keras_are_written_as_they_were() {
    let trained = ["training/mlp_classifier.final", "training/mlp_regression.final"];
    let layers = ["models/mlp", "files/activations", "files/learned_activations"];
    for name in layers.into_iter().chain(trained) {
        let mut archive = Archive::read(format!("{MODELS}/{name}.keras")).unwrap();
        // Keras builds an activation in a prediction, so it notes the size of that batch.
        for layer in archive.config["config"]["layers"].as_array_mut().unwrap() {
            if let Some(shape) = layer.pointer_mut("/config/activation/build_config/input_shape") {
                shape[0] = Json::Null;
            }
        }
        check(name, &archive.config);
    }
}

const CONFIGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/configs");

/// A configuration that `make_configs.py` made.
fn fixture(name: &str) -> Json {
    let text = std::fs::read_to_string(format!("{CONFIGS}/{name}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn awkward_models_are_written_as_they_were() {
    for name in ["shared", "nested", "several", "keys", "depths", "options", "reversible"] {
        check(name, &fixture(name));
    }
}

#[test]
fn outputs_by_key_are_sorted_as_keras_sorts_them() {
    let network = from_config(&fixture("several")).unwrap();
    survives("several", &network);
    let inner = network.layers.iter().find_map(|layer| match &layer.kind {
        LayerKind::Network(inner) => Some(inner),
        LayerKind::Input { .. } | LayerKind::Layer(_) => None,
    });
    let inner = inner.unwrap();
    assert_eq!(inner.output_names, ["code", "sum"]);
    let extents: Vec<&[usize]> =
        inner.outputs.iter().map(|&output| inner.shape(output).extents()).collect();
    assert_eq!(extents, [&[2], &[4]]);
    assert_eq!(network.output_names, ["parts", "last"]);
    let extents: Vec<&[usize]> =
        network.outputs.iter().map(|&output| network.shape(output).extents()).collect();
    assert_eq!(extents, [&[4], &[3]]);
}

#[test]
fn inputs_by_key_are_sorted_as_keras_sorts_them() {
    let network = from_config(&fixture("keys")).unwrap();
    let names = |keys: &Option<Vec<String>>| keys.clone().unwrap();
    assert_eq!(
        (names(&network.input_keys), names(&network.output_keys)),
        (vec!["p".to_owned(), "q".to_owned()], vec!["only".to_owned()],)
    );
    let extents: Vec<&[usize]> =
        network.inputs.iter().map(|&input| network.shape(input).extents()).collect();
    assert_eq!(extents, [&[4], &[3]]);
    // A call by key is one on a list in that order.
    let mut outer = fixture("several");
    let parts = &mut outer["config"]["layers"][2];
    let args = parts["inbound_nodes"][0]["args"][0].as_array().unwrap().clone();
    parts["inbound_nodes"][0]["args"][0] = json!({ "z": args[1], "y": args[0] });
    parts["inbound_nodes"][0]["kwargs"] = json!({ "mask": { "z": null, "y": null } });
    let straight = to_config(&from_config(&fixture("several")).unwrap()).unwrap();
    assert_eq!(to_config(&from_config(&outer).unwrap()).unwrap(), straight);
}

#[test]
fn layers_may_stand_in_any_order() {
    for name in ["shared", "nested", "several", "depths"] {
        let mut config = fixture(name);
        let straight = to_config(&from_config(&config).unwrap()).unwrap();
        config["config"]["layers"].as_array_mut().unwrap().reverse();
        assert_eq!(to_config(&from_config(&config).unwrap()).unwrap(), straight, "{name}");
    }
}

#[test]
fn what_is_frozen_with_its_model_is_written_so() {
    let mut network = from_config(&fixture("nested")).unwrap();
    for layer in &mut network.layers {
        layer.trainable = layer.name != "tower";
    }
    let config = to_config(&network).unwrap();
    let layers = config["config"]["layers"].as_array().unwrap();
    let named = |name: &str| layers.iter().find(|layer| layer["name"] == name).unwrap();
    assert_eq!(named("widen")["config"]["trainable"], true);
    let tower = &named("tower")["config"];
    assert_eq!(tower["trainable"], false);
    assert_eq!(tower["layers"][2]["config"]["trainable"], false, "{}", tower["layers"][2]["name"]);
}

fn dense(name: &str, units: i64) -> Json {
    let config = json!({"name": name, "units": units});
    json!({"module": "keras.layers", "class_name": "Dense", "config": config})
}

fn sequential(layers: &[Json]) -> Json {
    let config = json!({"name": "model", "layers": layers});
    json!({"module": "keras", "class_name": "Sequential", "config": config})
}

#[test]
fn a_sequential_model_may_lack_its_input() {
    let mut model = sequential(&[dense("first", 4), dense("second", 3)]);
    model["config"]["build_input_shape"] = json!([null, 5, 7]);
    let mut built = sequential(&[dense("first", 4), dense("second", 3)]);
    built["build_config"] = json!({"input_shape": [32, 5, 7]});
    let mut layer = dense("first", 4);
    layer["build_config"] = json!({"input_shape": [null, 5, 7]});
    for config in [model, built, sequential(&[layer, dense("second", 3)])] {
        let network = from_config(&config).unwrap();
        assert_eq!(network.shape(network.inputs[0]).extents(), [5, 7]);
        assert_eq!(network.shape(network.outputs[0]).extents(), [5, 3]);
        survives("without input", &network);
    }
}

#[test]
fn a_layer_within_a_layer_is_read_and_written() {
    let framed = |class: &str, config: Json| {
        json!({
            "module": "keras.layers", "class_name": class, "config": config,
            "registered_name": null,
        })
    };
    let inner = framed("Dense", json!({ "name": "each", "units": 8, "quantization_config": null }));
    let config = json!({
        "module": "keras", "class_name": "Sequential", "registered_name": null,
        "config": { "name": "steps", "layers": [
            framed("InputLayer", json!({ "name": "x", "batch_shape": [null, 5, 4] })),
            framed("TimeDistributed", json!({ "name": "all", "layer": inner })),
        ] },
    });
    let written = to_config(&from_config(&config).unwrap()).unwrap();
    let inner = &written["config"]["layers"][1]["config"]["layer"];
    let [module, class] = ["module", "class_name"].map(|key| inner[key].as_str().unwrap());
    assert_eq!((module, class), ("keras.layers", "Dense"));
    assert_eq!((&inner["config"]["name"], &inner["config"]["units"]), (&json!("each"), &json!(8)));
    assert_eq!(to_config(&from_config(&written).unwrap()).unwrap(), written);
}

/// `x + constant`, written.
fn sum_with(constant: Vec<Value>) -> Json {
    let mut network = Network::new("model", Class::Functional);
    let x = network.add_input("x", Shape::new([3]), Dtype::Float32);
    let operands = [CallValue::Tensor(x), CallValue::Value(Value::List(constant))];
    let given = operands.map(|value| Given { name: None, value }).to_vec();
    let (operation, call) = functions::bind(Function::by_name("add").unwrap(), given).unwrap();
    let layer = network.add_layer(NetworkLayer {
        name: "add".to_owned(),
        kind: LayerKind::Layer(Box::new(operation)),
        trainable: true,
        activity_regularizer: None,
    });
    let outputs = network.call_with(layer, call).unwrap();
    network.finish(&outputs);
    survives("sum", &network);
    to_config(&network).unwrap()["config"]["layers"][1]["inbound_nodes"][0]["args"][1].clone()
}

#[test]
fn an_array_is_written_with_the_type_that_it_is_computed_with() {
    let array = |dtype: &str, value: Json| {
        let config = json!({ "value": value, "dtype": dtype });
        json!({ "class_name": "__tensor__", "config": config })
    };
    let [one, half] = [Value::Int(1), Value::Float(0.5)];
    let three_quarters = Value::Quotient(Quotient { whole: 0, exact: 0.75 });
    let ints = vec![one.clone(), Value::Int(2), Value::Int(-3)];
    assert_eq!(sum_with(ints), array("int32", json!([1, 2, -3])));
    let floats = vec![one.clone(), half, Value::Int(-3)];
    assert_eq!(sum_with(floats), array("float32", json!([1, 0.5, -3])));
    let quotients = vec![one, three_quarters, Value::Int(-3)];
    assert_eq!(sum_with(quotients), array("float32", json!([1, 0.75, -3])));
}

#[test]
fn the_type_of_an_input_is_written_as_it_was_read() {
    for name in ["int64", "uint8", "float64", "bfloat16", "bool"] {
        let mut network = Network::new("model", Class::Functional);
        let x = network.add_input("x", Shape::new([3]), Dtype::Float32);
        network.finish(&[x]);
        let mut written = to_config(&network).unwrap();
        written["config"]["layers"][0]["config"]["dtype"] = json!(name);
        let read = from_config(&written).unwrap();
        let again = to_config(&read).unwrap();
        assert_eq!(again["config"]["layers"][0]["config"]["dtype"], name);
        assert_eq!(to_config(&from_config(&again).unwrap()).unwrap(), again);
    }
}

#[test]
fn operations_keep_apart_from_those_of_masks() {
    let build = |mask_zero: bool| {
        let argument = |name: &str, value| Argument { name: Some(name.to_owned()), value };
        let arguments = [
            argument("input_dim", Value::Int(5)),
            argument("output_dim", Value::Int(3)),
            argument("mask_zero", Value::Bool(mask_zero)),
        ];
        let entry = Entry::by_class("Embedding").unwrap();
        let mut network = Network::new("model", Class::Functional);
        let x = network.add_input("x", Shape::new([4]), Dtype::Int32);
        let layer = entry.build(&arguments, || "embedding".to_owned()).unwrap();
        let layer = network.add_layer(layer);
        let y = network.call(layer, &[x]).unwrap()[0];
        let mut outputs = vec![y];
        for name in ["not_equal", "not_equal_1", "other"] {
            let operands = [CallValue::Tensor(x), CallValue::Value(Value::Int(0))];
            let given = operands.map(|value| Given { name: None, value }).to_vec();
            let function = Function::by_name("not_equal").unwrap();
            let (operation, call) = functions::bind(function, given).unwrap();
            let kind = LayerKind::Layer(Box::new(operation));
            let (name, trainable, activity_regularizer) = (name.to_owned(), true, None);
            let layer = NetworkLayer { name, kind, trainable, activity_regularizer };
            let layer = network.add_layer(layer);
            outputs.extend(network.call_with(layer, call).unwrap());
        }
        // The first leads to an output by another operation.
        let given = vec![
            Given { name: None, value: CallValue::Tensor(outputs[1]) },
            Given { name: None, value: CallValue::Tensor(outputs[2]) },
        ];
        let (operation, call) =
            functions::bind(Function::by_name("logical_or").unwrap(), given).unwrap();
        let kind = LayerKind::Layer(Box::new(operation));
        let (name, trainable, activity_regularizer) = ("logical_or".to_owned(), true, None);
        let layer = NetworkLayer { name, kind, trainable, activity_regularizer };
        let layer = network.add_layer(layer);
        let or = network.call_with(layer, call).unwrap()[0];
        network.finish(&[outputs[0], or, outputs[3]]);
        survives("masks", &network);
        let config = to_config(&network).unwrap();
        let layers = config["config"]["layers"].as_array().unwrap();
        let mut names: Vec<String> =
            layers.iter().map(|layer| layer["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let plain = ["embedding", "logical_or", "not_equal", "not_equal_1", "other", "x"];
    assert_eq!(build(false), plain);
    let apart = ["embedding", "logical_or", "op_not_equal", "op_not_equal_1", "other", "x"];
    assert_eq!(build(true), apart);
}
