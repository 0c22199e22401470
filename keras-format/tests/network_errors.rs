//! Configurations that cannot be read: each fault is named by layer, argument, what was expected
//! and found.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras_format::json::dtype_policy;
use keras_format::network::from_config;
use keras_graph::network::MAX_LAYERS;
use serde_json::{Value as Json, json};

/// A layer of Keras in its frame.
fn layer(class: &str, config: Json) -> Json {
    json!({"module": "keras.layers", "class_name": class, "config": config})
}

fn dense(name: &str, units: i64) -> Json {
    layer("Dense", json!({"name": name, "units": units}))
}

fn input(name: &str, extents: &[usize]) -> Json {
    let batch_shape: Json =
        [Json::Null].into_iter().chain(extents.iter().map(|&extent| json!(extent))).collect();
    layer("InputLayer", json!({"name": name, "batch_shape": batch_shape, "dtype": "float32"}))
}

fn sequential(layers: &[Json]) -> Json {
    let config = json!({"name": "model", "layers": layers});
    json!({"module": "keras", "class_name": "Sequential", "config": config})
}

/// A call on tensors given as layer, call and output.
fn node(histories: &[(&str, usize, usize)]) -> Json {
    let tensor = |history: &(&str, usize, usize)| {
        json!({"class_name": "__keras_tensor__",
                                                         "config": {"keras_history": history}})
    };
    let tensors: Vec<Json> = histories.iter().map(tensor).collect();
    let args = if tensors.len() == 1 { json!(tensors) } else { json!([tensors]) };
    json!({"args": args, "kwargs": {}})
}

fn called(mut layer: Json, nodes: &[Json]) -> Json {
    layer["name"] = layer["config"]["name"].clone();
    layer["inbound_nodes"] = json!(nodes);
    layer
}

fn functional(layers: &[Json], inputs: Json, outputs: Json) -> Json {
    let config = json!({"name": "model", "layers": layers,
                        "input_layers": inputs, "output_layers": outputs});
    json!({"module": "keras.src.models.functional", "class_name": "Functional", "config": config})
}

/// `x -> a -> b`, with one thing changed.
fn chain(change: impl FnOnce(&mut Json)) -> Json {
    let mut model = functional(
        &[
            called(input("x", &[3]), &[]),
            called(dense("a", 4), &[node(&[("x", 0, 0)])]),
            called(dense("b", 5), &[node(&[("a", 0, 0)])]),
        ],
        json!(["x", 0, 0]),
        json!(["b", 0, 0]),
    );
    change(&mut model["config"]);
    model
}

fn refuses(config: &Json, expected: &str) {
    let message = from_config(config).unwrap_err().to_string();
    assert!(message.contains(expected), "expected {expected}\nfound {message}");
}

#[test]
fn the_chain_itself_is_read() {
    let network = from_config(&chain(|_| {})).unwrap();
    assert_eq!(network.shape(network.outputs[0]).extents(), [5]);
    let inner = sequential(&[input("x", &[2, 7]), dense("in", 2)]);
    let mut outer = sequential(&[inner, dense("out", 3)]);
    outer["config"]["name"] = json!("outer");
    let network = from_config(&outer).unwrap();
    assert_eq!(network.shape(network.inputs[0]).extents(), [2, 7], "the input of the first layer");
    assert_eq!(network.shape(network.outputs[0]).extents(), [2, 3]);
}

#[test]
fn classes_that_are_not_available() {
    let alone = |layer: Json| sequential(&[input("x", &[4]), layer]);
    let lambda = layer("Lambda", json!({"name": "l", "function": {"class_name": "__lambda__"}}));
    refuses(&alone(lambda), "the Python code of a `Lambda` is not supported\nhelp: write");
    let strange = layer("Zebra", json!({"name": "z"}));
    refuses(&alone(strange), "`model/z`: the layer `Zebra` is not supported");
    let own = json!({"module": "my.layers", "class_name": "Dense",
                     "config": {"name": "d", "units": 3}, "registered_name": "my>Dense"});
    refuses(&alone(own), "`model/d`: the class `Dense` of the module `my.layers` is not supported");
    let mut subclass = sequential(&[input("x", &[4]), dense("d", 3)]);
    subclass["module"] = json!("my.models");
    refuses(&subclass, "the class `Sequential` of the module `my.models` is not supported");
    refuses(&dense("d", 3), "the class `Dense` of the module `keras.layers` is not supported");
    let operation =
        json!({"module": "keras.src.ops.math", "class_name": "FFT2", "config": {"name": "fft"}});
    refuses(&alone(operation), "`model/fft`: the operation `FFT2` is not supported");
    let operation =
        json!({"module": "keras.src.ops.numpy", "class_name": "Add", "config": {"name": "add"}});
    refuses(&alone(operation), "`model/add`: `add` expects the arguments x1, x2");
}

#[test]
fn keys_of_another_kind() {
    refuses(
        &chain(|config| config["layers"][1]["inbound_nodes"][0]["kwargs"] = json!([1])),
        "`model/a/inbound_nodes/0`: expected an object `kwargs`, found a list",
    );
    refuses(
        &chain(|config| config["trainable"] = json!("False")),
        "`model`: expected a boolean `trainable`, found a text",
    );
    refuses(
        &chain(|config| config["layers"][1]["name"] = json!(7)),
        "`model/a`: expected the name `a`, found `7` in its frame",
    );
    refuses(
        &chain(|config| {
            let tensor = &mut config["layers"][1]["inbound_nodes"][0]["args"];
            tensor.as_array_mut().unwrap().push(json!({ "class_name": "__slice__" }));
        }),
        "`model/a/inbound_nodes/0`: expected a slice's `config`, found none",
    );
}

#[test]
fn keys_that_are_missing_or_wrong() {
    refuses(&json!([1]), "expected an object with a text `class_name`, found none");
    refuses(&chain(|config| config["name"] = json!("a/b")), "a `name` without `/`, found `a/b`");
    refuses(
        &chain(|config| config["layers"] = json!(3)),
        "`model`: expected a list `layers`, found a number",
    );
    let nameless = |config: &mut Json| config["layers"][1]["config"] = json!({"units": 4});
    refuses(&chain(nameless), "`model`: expected a `name` without `/`");
    let renamed = |config: &mut Json| config["layers"][1]["name"] = json!("c");
    refuses(&chain(renamed), "`model/a`: expected the name `a`, found `c` in its frame");
    let uncalled = |config: &mut Json| config["layers"][1]["inbound_nodes"] = json!([]);
    refuses(
        &chain(uncalled),
        "`model/a`: expected a call of the layer in `inbound_nodes`, found none",
    );
    let unlisted = |config: &mut Json| config["layers"][1]["inbound_nodes"] = json!(null);
    refuses(&chain(unlisted), "`model/a`: expected a list `inbound_nodes`, found null");
    let twice = |config: &mut Json| config["layers"][2] = config["layers"][1].clone();
    refuses(&chain(twice), "`model/a`: expected one layer of this name, found two");
    refuses(&sequential(&[input("x", &[3])]), "`model/layers`: expected a layer beside the input");
    refuses(&sequential(&[dense("a", 3)]), "`model/layers`: expected an `InputLayer`, or a shape");
    let two = sequential(&[input("x", &[3]), dense("a", 3), input("y", &[3])]);
    refuses(&two, "`model`: expected one `InputLayer`, the first layer, found another as layer 1");
    let shared = |config: &mut Json| config["layers"][1]["shared_object_id"] = json!(7);
    refuses(&chain(shared), "`model/a`: a layer that another model of the file has as well");
}

#[test]
fn arguments_and_inputs_that_a_layer_refuses() {
    let alone = |layer: Json| sequential(&[input("x", &[4]), layer]);
    refuses(&alone(dense("d", -2)), "`model/d`: `units` of `Dense` expects a positive integer");
    let unknown = layer("Dense", json!({"name": "d", "units": 3, "unit": 3}));
    refuses(
        &alone(unknown),
        "`model/d`: `Dense` has no argument `unit`\nhelp: did you mean `units`?",
    );
    let missing = layer("Dense", json!({"name": "d"}));
    refuses(&alone(missing), "`model/d`: `Dense` needs the argument `units`");
    let newer = layer("Dense", json!({"name": "d", "units": 3, "argument_of_tomorrow": null}));
    assert!(from_config(&alone(newer)).is_ok(), "null is what a newer Keras writes for none");
    let half = layer("Dense", json!({"name": "d", "units": 3, "dtype": "float16"}));
    refuses(&alone(half), "`model/d`: `dtype` of `Dense` expects only `\"float32\"`");
    let policy = dtype_policy("mixed_bfloat16");
    let mixed = layer("Dense", json!({"name": "d", "units": 3, "dtype": policy}));
    refuses(
        &alone(mixed),
        "`model/d`: `dtype` of `Dense` expects only `\"float32\"` or `None`, \
         found \"mixed_bfloat16\"\nhelp: a policy is of a run",
    );
    let conv = layer("Conv2D", json!({"name": "c", "filters": 3, "kernel_size": 2}));
    refuses(
        &alone(conv),
        "`model/c`: `Conv2D` expects (batch, height, width, channels), found (batch, 4)",
    );
    let mut open = sequential(&[input("x", &[4]), dense("d", 3)]);
    open["config"]["layers"][0]["config"]["batch_shape"] = json!([null, null, 3]);
    refuses(&open, "`model/x`: `batch_shape` of `Input` expects");
}

#[test]
fn calls_that_cannot_be_made() {
    let inbound = |layer: usize, nodes: Json| {
        chain(move |config| config["layers"][layer]["inbound_nodes"] = nodes)
    };
    let place = "`model/a/inbound_nodes/0`: expected";
    refuses(
        &inbound(1, json!([node(&[("z", 0, 0)])])),
        "a tensor of a layer of this model, found `z`",
    );
    refuses(
        &inbound(1, json!([node(&[("x", 1, 0)])])),
        "one of the 1 calls of `x`, found number 1",
    );
    refuses(
        &inbound(2, json!([node(&[("a", 0, 3)])])),
        "`model/b`: expected one of the 1 outputs of `a`",
    );
    refuses(
        &inbound(1, json!([node(&[("b", 0, 0)])])),
        "`model/a`: expected calls that read what earlier ones made, found a circle",
    );
    refuses(
        &inbound(1, json!([{"args": [1], "kwargs": {}}])),
        "`Dense` is called on a tensor or a list of tensors, found `1`",
    );
    refuses(
        &inbound(1, json!([{"args": [[2]]}])),
        "`Dense` is called on a tensor or a list of tensors, found a list",
    );
    refuses(&inbound(1, json!([[["x", 0, 0, {}]]])), &format!("{place} a list `args`, found none"));
    refuses(
        &inbound(1, json!([node(&[("x", 0, 0), ("x", 0, 0)])])),
        "`model/a`: `Dense` expects one tensor, found a list of 2",
    );
    let with = |kwargs: Json| {
        let mut node = node(&[("x", 0, 0)]);
        node["kwargs"] = kwargs;
        inbound(1, json!([node]))
    };
    refuses(
        &with(json!({"attention_mask": false})),
        "`model/a/inbound_nodes/0`: `Dense` has no call argument `attention_mask`",
    );
    refuses(
        &with(json!({"training": 1})),
        "`training` of a call of `Dense` expects `True` or `False`, found `1`",
    );
    refuses(
        &with(json!({"training": {"class_name": "__keras_tensor__"}})),
        "`model/a/inbound_nodes/0/training`: expected a layer's name",
    );
    let port = |key: &'static str, value: Json| chain(move |config| config[key] = value);
    refuses(
        &port("output_layers", json!(["b", 1, 0])),
        "`model/output_layers`: expected tensors of the calls of this model, found call 1 of `b`",
    );
    refuses(&port("output_layers", json!([["b", 0, 0], ["z", 0, 0]])), "found call 0 of `z`");
    refuses(
        &port("output_layers", json!([["b", 0, 0], "z"])),
        "expected a layer's name, the number of its call",
    );
    refuses(&port("output_layers", json!(null)), "expected tensors in `output_layers`, found null");
    refuses(
        &port("input_layers", json!(["a", 0, 0])),
        "`model/input_layers`: expected each `InputLayer` once, found a",
    );
    refuses(
        &port("input_layers", json!([["x", 0, 0], ["x", 0, 0]])),
        "each `InputLayer` once, found x, x",
    );
}

#[test]
fn sizes_are_bounded() {
    let many = (0..MAX_LAYERS).map(|i| dense(&format!("d{i}"), 1));
    let many: Vec<Json> = [input("x", &[1])].into_iter().chain(many).collect();
    refuses(
        &sequential(&many),
        &format!("`model`: expected at most {MAX_LAYERS} layers, found more"),
    );
    let mut deep = sequential(&[input("x", &[2]), dense("d", 2)]);
    for i in 0..100 {
        deep = sequential(&[input("x", &[2]), deep]);
        deep["config"]["name"] = json!(format!("m{i}"));
    }
    refuses(&deep, "expected models nested at most 64 deep, found deeper");
}

/// Thirty models, each of which calls the one within it twice: a billion calls of the innermost
/// layer.
#[test]
fn calls_of_calls_are_bounded() {
    let mut model = dense("d", 2);
    for i in 0..30 {
        let name = model["config"]["name"].as_str().unwrap().to_owned();
        let own = usize::from(i > 0);
        model = functional(
            &[
                called(input("x", &[2]), &[]),
                called(model, &[node(&[("x", 0, 0)]), node(&[(&name, 0, 0)])]),
            ],
            json!(["x", 0, 0]),
            json!([name, 1 + own, 0]),
        );
        model["config"]["name"] = json!(format!("m{i}"));
    }
    refuses(&model, "expected calls that come to at most 262144 layers, found more");
}
