//! Calls of a functional model: read from `inbound_nodes`, sorted so that each stands after those
//! it reads.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use keras_graph::call::{self, CallValue, Given};
use keras_graph::functions::{self, ELLIPSIS, SLICE};
use keras_graph::network::{LayerId, LayerKind, Network, TensorId};
use keras_graph::value::{Argument, Object, Value};
use serde_json::Value as Json;

use super::TENSOR;
use super::history::{self, History};
use super::parts::refused;
use crate::error::{Error, Result};
use crate::json::{kind, value_from_json};

/// A call that was read.
struct Call {
    layer: LayerId,
    call: call::Call<History>,
}

/// The calls of a functional model.
pub(super) struct Calls {
    /// In the order of the file.
    calls: Vec<Call>,
    /// For each layer, its name's place among the layers.
    names: HashMap<String, LayerId>,
    /// For each layer, its first call and how many it has.
    of: Vec<(usize, usize)>,
    /// For each call, what it returned, once it was made.
    outputs: Vec<Vec<TensorId>>,
    /// For each layer that is an input, its tensor.
    inputs: Vec<Option<TensorId>>,
}

/// Reads the inbound nodes of each layer of a network whose inputs are in place.
///
/// Errors: a node that is no call on tensors; a tensor of a layer or a call that is not there.
pub(super) fn read(network: &Network, inbound: &[&[Json]]) -> Result<Calls> {
    let mut read = Calls {
        calls: Vec::new(),
        names: HashMap::new(),
        of: Vec::new(),
        outputs: Vec::new(),
        inputs: vec![None; network.layers.len()],
    };
    for (i, layer) in network.layers.iter().enumerate() {
        read.names.insert(layer.name.clone(), LayerId(i));
    }
    for &input in &network.inputs {
        read.inputs[network.calls[network.tensors[input.0].call].layer.0] = Some(input);
    }
    let mut first = 0;
    for nodes in inbound {
        read.of.push((first, nodes.len()));
        first += nodes.len();
    }
    read.outputs.resize(first, Vec::new());
    for (i, nodes) in inbound.iter().enumerate() {
        let name = &network.layers[i].name;
        if nodes.is_empty() && read.inputs[i].is_none() {
            let expected = "a call of the layer in `inbound_nodes`";
            return Err(Error::malformed(expected, "none").within(name));
        }
        for (node, json) in nodes.iter().enumerate() {
            let place = format!("{name}/inbound_nodes/{node}");
            let layer = LayerId(i);
            let call = read.call(network, layer, json).map_err(|error| error.within(&place))?;
            read.calls.push(Call { layer, call });
        }
    }
    Ok(read)
}

impl Calls {
    /// The call that a node is: tensors, and arguments beside them.
    fn call(&self, network: &Network, layer: LayerId, json: &Json) -> Result<call::Call<History>> {
        let mut given = Vec::new();
        let args = match json.get("args") {
            Some(Json::Array(args)) => args,
            other => return Err(Error::malformed("a list `args`", kind(other))),
        };
        for value in args {
            given.push(Given { name: None, value: self.value(value)? });
        }
        let kwargs = match json.get("kwargs") {
            None => None,
            Some(Json::Object(kwargs)) => Some(kwargs),
            other => return Err(Error::malformed("an object `kwargs`", kind(other))),
        };
        for (name, value) in kwargs.into_iter().flatten() {
            if says_nothing(value) {
                continue;
            }
            let value = self.value(value).map_err(|error| error.within(name))?;
            given.push(Given { name: Some(name.clone()), value });
        }
        let found = format!("{} arguments", given.len());
        if let LayerKind::Layer(layer) = &network.layers[layer.0].kind
            && let Some(operation) = layer.as_operation()
        {
            return functions::bind_operands(operation.function, given).map_err(refused);
        }
        let (class, parameters) = network.call_parameters(layer);
        let call = call::bind(class, parameters, given).map_err(refused)?;
        if call.inputs.is_empty() {
            return Err(Error::malformed("a call on a tensor or a list of tensors", found));
        }
        Ok(call)
    }

    /// The value of an argument of a call: a tensor, a list of values, or a plain value.
    fn value(&self, json: &Json) -> Result<CallValue<History>> {
        Ok(match json {
            Json::Object(object) => match object.get("class_name").and_then(Json::as_str) {
                Some("__slice__") => {
                    let Some(Json::Object(config)) = object.get("config") else {
                        let expected = "a slice's `config`";
                        return Err(Error::malformed(expected, kind(object.get("config"))));
                    };
                    let end = |key| match config.get(key) {
                        None => Ok(Value::None),
                        Some(end) => value_from_json(end),
                    };
                    let ends = [end("start")?, end("stop")?, end("step")?];
                    CallValue::Value(object_of(SLICE, ends.to_vec()))
                }
                Some("__ellipsis__") => CallValue::Value(object_of(ELLIPSIS, Vec::new())),
                Some("__tensor__" | "__numpy__" | "__tuple__") => {
                    CallValue::Value(value_from_json(json)?)
                }
                None if !object.contains_key("class_name") => {
                    // The inputs of a model by key, which Keras sorts.
                    let mut fields: Vec<(&String, &Json)> = object.iter().collect();
                    fields.sort_by_key(|(key, _)| *key);
                    let item = |(key, json): (&String, &Json)| {
                        self.value(json).map_err(|error| error.within(key))
                    };
                    CallValue::List(fields.into_iter().map(item).collect::<Result<_>>()?)
                }
                _ => CallValue::Tensor(self.tensor(json)?),
            },
            Json::Array(items) => {
                CallValue::List(items.iter().map(|item| self.value(item)).collect::<Result<_>>()?)
            }
            _ => CallValue::Value(value_from_json(json)?),
        })
    }

    fn tensor(&self, json: &Json) -> Result<History> {
        if json.get("class_name").and_then(Json::as_str) != Some(TENSOR) {
            return Err(Error::malformed(format!("a tensor (`{TENSOR}`)"), kind(Some(json))));
        }
        let history = json.get("config").and_then(|config| config.get("keras_history"));
        let (layer, node, output) = history::parts(history)?;
        let Some(&id) = self.names.get(layer) else {
            return Err(Error::malformed(
                "a tensor of a layer of this model",
                format!("`{layer}`"),
            ));
        };
        let calls = self.count(id);
        if node >= calls {
            let found = format!("number {node}");
            return Err(Error::malformed(format!("one of the {calls} calls of `{layer}`"), found));
        }
        Ok(History { layer: id, node, output })
    }

    /// The calls, each after those that it reads and after the earlier ones of its layer; else as
    /// in the file.
    ///
    /// Errors: calls in a circle.
    pub(super) fn order(&self, network: &Network) -> Result<Vec<usize>> {
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); self.calls.len()];
        let mut missing = vec![0usize; self.calls.len()];
        for (i, call) in self.calls.iter().enumerate() {
            let earlier = (i > self.of[call.layer.0].0).then(|| i - 1);
            let read = call.call.tensors().into_iter().filter_map(|history| self.made_by(&history));
            for maker in read.chain(earlier) {
                readers[maker].push(i);
                missing[i] += 1;
            }
        }
        let ready = (0..self.calls.len()).filter(|&i| missing[i] == 0).map(Reverse);
        let mut ready: BinaryHeap<Reverse<usize>> = ready.collect();
        let mut order = Vec::new();
        while let Some(Reverse(i)) = ready.pop() {
            order.push(i);
            for &reader in &readers[i] {
                missing[reader] -= 1;
                if missing[reader] == 0 {
                    ready.push(Reverse(reader));
                }
            }
        }
        match missing.iter().position(|&missing| missing > 0) {
            None => Ok(order),
            Some(i) => {
                let name = &network.layers[self.calls[i].layer.0].name;
                let expected = "calls that read what earlier ones made";
                Err(Error::malformed(expected, "a circle of calls").within(name))
            }
        }
    }

    /// The call that makes a tensor; none for an input.
    fn made_by(&self, history: &History) -> Option<usize> {
        let input = self.inputs[history.layer.0];
        input.is_none().then(|| self.of[history.layer.0].0 + history.node)
    }

    /// The layer of a call, and how it is called: calls are made in [`Calls::order`].
    ///
    /// Errors: an output that a call does not have.
    pub(super) fn made_call(
        &self,
        network: &Network,
        call: usize,
    ) -> Result<(LayerId, call::Call<TensorId>)> {
        let Call { layer, call } = &self.calls[call];
        let name = &network.layers[layer.0].name;
        let call = call.try_map(|history| self.made(network, &history));
        Ok((*layer, call.map_err(|error| error.within(name))?))
    }

    /// Notes what a call returned.
    pub(super) fn set_outputs(&mut self, call: usize, outputs: Vec<TensorId>) {
        self.outputs[call] = outputs;
    }

    /// The layer of this name.
    pub(super) fn named(&self, name: &str) -> Option<LayerId> {
        self.names.get(name).copied()
    }

    /// How many calls a layer has; an input is one.
    pub(super) fn count(&self, layer: LayerId) -> usize {
        if self.inputs[layer.0].is_some() { 1 } else { self.of[layer.0].1 }
    }

    /// The tensor that a history names, once its call is made.
    pub(super) fn made(&self, network: &Network, history: &History) -> Result<TensorId> {
        let outputs = match (self.inputs[history.layer.0], self.made_by(history)) {
            (Some(input), _) => &[input][..],
            (None, Some(call)) => self.outputs[call].as_slice(),
            (None, None) => &[],
        };
        outputs.get(history.output).copied().ok_or_else(|| {
            let name = &network.layers[history.layer.0].name;
            let expected = format!("one of the {} outputs of `{name}`", outputs.len());
            Error::malformed(expected, format!("number {}", history.output))
        })
    }
}

fn object_of(class: &str, ends: Vec<Value>) -> Value {
    let arguments = ends.into_iter().map(|value| Argument { name: None, value }).collect();
    Value::Object(Object { class: class.to_string(), arguments })
}

/// Whether a value is what Keras writes for an argument that was not given.
fn says_nothing(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Array(items) => !items.is_empty() && items.iter().all(Json::is_null),
        Json::Object(fields) => !fields.is_empty() && fields.values().all(Json::is_null),
        Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}
