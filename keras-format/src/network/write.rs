//! From a network to `config.json`.

use std::borrow::Cow;

use keras_graph::call::{CallArgument, CallValue};
use keras_graph::functions::{ELLIPSIS, SLICE};
use keras_graph::layer::Layer;
use keras_graph::names::automatic_name;
use keras_graph::network::{Class, LayerCall, LayerId, LayerKind, Network, NetworkLayer, TensorId};
use keras_graph::order;
use keras_graph::schema::ParameterType;
use keras_graph::value::Value;
use serde_json::{Map, Value as Json, json};

use super::build::{batch_shape, build_activation, build_config};
use super::{FUNCTIONAL, LAYERS_MODULE, SEQUENTIAL, TENSOR};
use crate::error::Result;
use crate::json::{dtype_policy, framed, value_to_json};

/// The `config.json` of a model, without the `compile_config` that a trained one has beside it.
///
/// Layers stand in Keras' order; those that lead to no output are left out, as Keras leaves them
/// out. Infinity and NaN are noted as [`python`](crate::python) writes them. Errors: an argument of
/// a class that Keras does not have.
pub fn to_config(network: &Network) -> Result<Json> {
    model(network, &network.name, true)
}

fn model(network: &Network, name: &str, trainable: bool) -> Result<Json> {
    match network.class {
        Class::Sequential => sequential(network, name, trainable),
        Class::Functional => functional(&beside_masks(network), name, trainable),
    }
}

/// The network with other names for operations that have an automatic one, if there are masks.
/// Keras makes masks again when it reads the file, by operations with automatic names, and refuses
/// a model in which two have one name. Outputs keep theirs, which name losses and metrics.
fn beside_masks(network: &Network) -> Cow<'_, Network> {
    if network.tensors.iter().all(|tensor| tensor.mask.is_none()) {
        return Cow::Borrowed(network);
    }
    let call = |tensor: &TensorId| &network.calls[network.tensors[tensor.0].call];
    let outputs: Vec<LayerId> = network.outputs.iter().map(|output| call(output).layer).collect();
    let mut renamed = network.clone();
    for (i, layer) in network.layers.iter().enumerate() {
        let is_automatic = layer.name.starts_with(&automatic_name(layer.class()));
        if !layer.is_operation() || !is_automatic || outputs.contains(&LayerId(i)) {
            continue;
        }
        let mut name = format!("op_{}", layer.name);
        while renamed.layers.iter().any(|other| other.name == name) {
            name.push('_');
        }
        renamed.layers[i].name = name;
    }
    Cow::Owned(renamed)
}

fn sequential(network: &Network, name: &str, trainable: bool) -> Result<Json> {
    let layers = (0..network.layers.len())
        .map(|layer| self::layer(network, LayerId(layer), trainable, None))
        .collect::<Result<Vec<Json>>>()?;
    let input_shape = network.inputs.first().map(|&input| batch_shape(network.shape(input)));
    let config = json!({
        "name": name,
        "trainable": trainable,
        "dtype": dtype_policy("float32"),
        "layers": layers,
        "build_input_shape": input_shape,
    });
    let mut json = framed(SEQUENTIAL.0, SEQUENTIAL.1, config);
    json["build_config"] = json!({ "input_shape": input_shape });
    Ok(json)
}

fn functional(network: &Network, name: &str, trainable: bool) -> Result<Json> {
    let nodes = Nodes::new(network);
    let mut layers = Vec::new();
    for id in order::layers(network) {
        let mut json = layer(network, id, trainable, Some(&nodes))?;
        json["name"] = json!(network.layers[id.0].name);
        let inbound = nodes.of[id.0].iter().map(|call| nodes.inbound(call));
        json["inbound_nodes"] = inbound.collect::<Result<Json>>()?;
        layers.push(json);
    }
    let config = json!({
        "name": name,
        "trainable": trainable,
        "layers": layers,
        "input_layers": nodes.ports(&network.inputs, network.input_keys.as_deref()),
        "output_layers": nodes.ports(&network.outputs, network.output_keys.as_deref()),
    });
    let mut json = framed(FUNCTIONAL.0, FUNCTIONAL.1, config);
    json["registered_name"] = json!(FUNCTIONAL.1);
    json["build_config"] = json!({ "input_shape": null });
    Ok(json)
}

/// A layer in its frame. `trainable` is that of the model around it: what is frozen with its model
/// is written as frozen, since Keras reads it from the innermost layer.
fn layer(network: &Network, id: LayerId, trainable: bool, nodes: Option<&Nodes>) -> Result<Json> {
    let described = &network.layers[id.0];
    let trainable = trainable && described.trainable;
    match &described.kind {
        LayerKind::Input { shape, dtype } => {
            let config = json!({
                "batch_shape": batch_shape(shape),
                "dtype": dtype.name,
                "sparse": false,
                "ragged": false,
                "name": described.name,
                "optional": false,
            });
            Ok(framed(LAYERS_MODULE, "InputLayer", config))
        }
        LayerKind::Network(inner) => model(inner, &described.name, trainable),
        LayerKind::Layer(layer) => {
            let config = arguments(described, layer.as_ref(), trainable);
            let config = config.map_err(|error| error.within(&described.name))?;
            let mut json = framed(layer.module(), layer.schema().class, config);
            if layer.as_operation().is_some() {
                json["registered_name"] = json!(layer.schema().class);
                return Ok(json);
            }
            let first = match nodes {
                Some(nodes) => nodes.of[id.0].first().copied(),
                None => network.calls.iter().find(|call| call.layer == id),
            };
            let Some(call) = first else { return Ok(json) };
            if let Some(config) = build_config(network, layer.as_ref(), call) {
                json["build_config"] = config;
            }
            if let Some(&y) = call.outputs.first() {
                build_activation(&mut json["config"], network.shape(y));
            }
            Ok(json)
        }
    }
}

/// The arguments of a layer, defaults included.
fn arguments(described: &NetworkLayer, layer: &dyn Layer, trainable: bool) -> Result<Json> {
    let mut config = Map::new();
    config.insert("name".to_owned(), json!(described.name));
    if layer.has_bare_config() {
        config.insert("dtype".to_owned(), json!("float32"));
    } else if !described.is_operation() {
        config.insert("trainable".to_owned(), json!(trainable));
        config.insert("dtype".to_owned(), dtype_policy("float32"));
    }
    if let Some(regularizer) = &described.activity_regularizer {
        let name = "activity_regularizer";
        config.insert(name.to_owned(), value_to_json(&regularizer.to_value())?);
    }
    for (name, value) in layer.config() {
        let json = value_to_json(&value).map_err(|error| error.within(name))?;
        config.insert(name.to_owned(), json);
    }
    Ok(Json::Object(config))
}

/// The calls of a functional model that lead to its outputs.
struct Nodes<'a> {
    network: &'a Network,
    /// For each layer its calls, in order.
    of: Vec<Vec<&'a LayerCall>>,
    /// For each call its number among those of its layer.
    number: Vec<usize>,
}

impl<'a> Nodes<'a> {
    fn new(network: &'a Network) -> Nodes<'a> {
        let mut live = order::live_calls(network);
        live.sort_unstable();
        let mut of = vec![Vec::new(); network.layers.len()];
        let mut number = vec![0; network.calls.len()];
        for call in live {
            let calls: &mut Vec<&LayerCall> = &mut of[network.calls[call].layer.0];
            number[call] = calls.len();
            if !network.calls[call].call.tensors().is_empty() {
                calls.push(&network.calls[call]);
            }
        }
        Nodes { network, of, number }
    }

    /// Layer, number of its call, number of the call's output.
    fn history(&self, tensor: TensorId) -> (LayerId, usize, usize) {
        let call = self.network.tensors[tensor.0].call;
        let LayerCall { layer, outputs, .. } = &self.network.calls[call];
        let output = outputs.iter().position(|&output| output == tensor);
        (*layer, self.number[call], output.expect("a tensor is an output of its call"))
    }

    /// One call as an inbound node.
    fn inbound(&self, LayerCall { layer, call, .. }: &LayerCall) -> Result<Json> {
        let tensors: Vec<Json> = call.inputs.iter().map(|&tensor| self.tensor(tensor)).collect();
        let joins = match &self.network.layers[layer.0].kind {
            LayerKind::Layer(layer) => layer.joins(),
            LayerKind::Network(_) | LayerKind::Input { .. } => tensors.len() > 1,
        };
        let mut args = if joins { vec![Json::Array(tensors)] } else { tensors };
        let mut kwargs = Map::new();
        let operation = self.network.layers[layer.0].is_operation();
        for CallArgument { name, is_positional, value } in &call.arguments {
            let json = match value {
                CallValue::Value(Value::List(items)) if operation && !LISTS.contains(name) => {
                    array(items)
                }
                value => self.value(value),
            };
            let json = json.map_err(|error| error.within(name))?;
            if *is_positional {
                args.push(json);
            } else {
                kwargs.insert((*name).to_owned(), json);
            }
        }
        Ok(json!({ "args": args, "kwargs": kwargs }))
    }

    /// The value of an argument of a call.
    fn value(&self, value: &CallValue<TensorId>) -> Result<Json> {
        match value {
            CallValue::Tensor(tensor) => Ok(self.tensor(*tensor)),
            CallValue::List(items) => items.iter().map(|item| self.value(item)).collect(),
            CallValue::Value(value) => constant(value),
        }
    }

    fn tensor(&self, tensor: TensorId) -> Json {
        let (layer, node, output) = self.history(tensor);
        let config = json!({
            "shape": batch_shape(self.network.shape(tensor)),
            "dtype": self.network.input_dtype(&self.network.tensors[tensor.0]).name,
            "keras_history": [self.network.layers[layer.0].name, node, output],
        });
        json!({ "class_name": TENSOR, "config": config })
    }

    /// The model's inputs or outputs: a history, a list of several, or a dictionary of them.
    fn ports(&self, tensors: &[TensorId], keys: Option<&[String]>) -> Json {
        let port = |&tensor: &TensorId| {
            let (layer, node, output) = self.history(tensor);
            let layer = &self.network.layers[layer.0];
            // Keras counts a first call that a functional model has of its own; here, and here
            // alone.
            let own = match &layer.kind {
                LayerKind::Network(inner) => inner.class == Class::Functional,
                LayerKind::Input { .. } | LayerKind::Layer(_) => false,
            };
            json!([layer.name, node + usize::from(own), output])
        };
        match (tensors, keys) {
            (_, Some(keys)) => {
                let ports = keys.iter().cloned().zip(tensors.iter().map(port));
                Json::Object(ports.collect())
            }
            ([tensor], None) => port(tensor),
            (_, None) => tensors.iter().map(port).collect(),
        }
    }
}

/// A constant of a call: slices and `...` have forms of their own.
fn constant(value: &Value) -> Result<Json> {
    match value {
        Value::List(items) => items.iter().map(constant).collect(),
        Value::Object(object) if object.class == ELLIPSIS => {
            Ok(json!({ "class_name": "__ellipsis__", "config": {} }))
        }
        Value::Object(object) if object.class == SLICE => {
            let end = |i: usize| match object.arguments.get(i) {
                Some(argument) => value_to_json(&argument.value),
                None => Ok(Json::Null),
            };
            let config = json!({ "start": end(0)?, "stop": end(1)?, "step": end(2)? });
            Ok(json!({ "class_name": "__slice__", "config": config }))
        }
        value => value_to_json(value),
    }
}

/// Arguments of operations of which lists are no arrays.
const LISTS: &[&str] = &["key", "indices"];

/// A constant of several numbers, which Keras takes as an array alone.
fn array(items: &[Value]) -> Result<Json> {
    fn is_float(value: &Value) -> bool {
        match value {
            Value::List(items) => items.iter().any(is_float),
            value => matches!(value, Value::Float(_) | Value::Quotient(_)),
        }
    }
    let value = items.iter().map(value_to_json).collect::<Result<Json>>()?;
    let dtype = if items.iter().any(is_float) { "float32" } else { "int32" };
    Ok(json!({ "class_name": "__tensor__", "config": { "value": value, "dtype": dtype } }))
}
