//! Models that call the layer of a case once: on tensors, on a mask, with options.

use std::collections::HashMap;

use keras_graph::activation::{Activation, ActivationFunction};
use keras_graph::call::{Call, CallKind, CallParameter, CallValue, Given, Lowered, bind};
use keras_graph::dtype::Dtype;
use keras_graph::graph::{Graph, LayerError, NodeId};
use keras_graph::layer::Layer;
use keras_graph::layers::Entry;
use keras_graph::network::{Class, LayerKind, Network, NetworkLayer, TensorId};
use keras_graph::schema::Schema;
use keras_graph::shape::Shape;
use keras_graph::value::{Object, Value};
use serde_json::Value as Json;

use crate::python;
use crate::tensors::{Case, Tensor};

/// A call such as `activations.elu(x, alpha = 1.5)`, as a layer.
#[derive(Clone, Debug)]
struct Function(Object);

static FUNCTION: Schema = Schema { class: "Function", docs: "", parameters: &[] };

impl Function {
    fn argument(&self, name: &str, default: f32) -> f32 {
        let found = self.0.arguments.iter().find(|argument| argument.name.as_deref() == Some(name));
        match found.map(|argument| &argument.value) {
            None => default,
            Some(Value::Float(value)) => *value as f32,
            Some(Value::Int(value)) => *value as f32,
            Some(other) => panic!("`{name}` is {other}"),
        }
    }

    fn element_wise(&self) -> Option<Activation> {
        let positional = |i: usize| match self.0.arguments.get(i).map(|a| &a.value) {
            Some(Value::Float(value)) => *value as f32,
            other => panic!("argument {i} is {other:?}"),
        };
        Some(match self.0.class.as_str() {
            "relu" => Activation::Relu {
                negative_slope: self.argument("negative_slope", 0.0),
                max_value: self.argument("max_value", f32::INFINITY),
                threshold: self.argument("threshold", 0.0),
            },
            "leaky_relu" => {
                Activation::LeakyRelu { negative_slope: self.argument("negative_slope", 0.2) }
            }
            "elu" => Activation::Elu { alpha: self.argument("alpha", 1.0) },
            "celu" => Activation::Celu { alpha: self.argument("alpha", 1.0) },
            "gelu" => match &self.0.arguments[1].value {
                Value::Bool(true) => Activation::GeluTanh,
                _ => Activation::Gelu,
            },
            "hard_shrink" => Activation::HardShrink { threshold: self.argument("threshold", 0.5) },
            "soft_shrink" => Activation::SoftShrink { threshold: self.argument("threshold", 0.5) },
            "squareplus" => Activation::Squareplus { b: self.argument("b", 4.0) },
            "threshold" => Activation::Threshold { threshold: positional(1), value: positional(2) },
            _ => return None,
        })
    }
}

impl Layer for Function {
    fn schema(&self) -> &'static Schema {
        &FUNCTION
    }

    fn config(&self) -> Vec<(&'static str, Value)> {
        vec![]
    }

    fn boxed(&self) -> Box<dyn Layer> {
        Box::new(self.clone())
    }

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        if let Some(f) = self.element_wise() {
            return graph.unary(x, f);
        }
        let axis = self.argument("axis", -1.0) as i64;
        let axis = graph.shape(x).axis(axis).unwrap();
        match self.0.class.as_str() {
            "softmax" => graph.softmax(x, axis),
            "log_softmax" => graph.log_softmax(x, axis),
            "sparsemax" => graph.sparsemax(x, axis),
            "glu" => graph.with_axes_last(x, &[axis], |graph, x| {
                graph.activation(x, ActivationFunction::Glu)
            }),
            other => panic!("no function `{other}`"),
        }
    }
}

/// A layer that gives the mask that reaches it.
#[derive(Clone, Debug)]
struct MaskOf;

static MASK_OF: Schema = Schema { class: "MaskOf", docs: "", parameters: &[] };

impl Layer for MaskOf {
    fn schema(&self) -> &'static Schema {
        &MASK_OF
    }

    fn config(&self) -> Vec<(&'static str, Value)> {
        vec![]
    }

    fn boxed(&self) -> Box<dyn Layer> {
        Box::new(self.clone())
    }

    fn lower_call(&self, _: &mut Graph, call: &Call<Lowered>) -> Result<Vec<Lowered>, LayerError> {
        Ok(vec![Lowered::unmasked(call.mask().expect("a mask"))])
    }
}

/// The model of a case: its inputs and one call of its layer, or those of a list of layers.
pub(crate) fn network(case: &Case, trainable: bool) -> Network {
    let (mut network, outputs) = called(case, trainable);
    network.finish(&outputs);
    network
}

/// A model whose output is the mask of one of a case's outputs.
pub(crate) fn mask_network(case: &Case, output: usize) -> Network {
    let (mut network, outputs) = called(case, true);
    let mask_of = plain_layer(LayerKind::Layer(Box::new(MaskOf)), true);
    let mask_of = network.add_layer(NetworkLayer { name: "mask_of".to_string(), ..mask_of });
    let mask = network.call(mask_of, &[outputs[output]]).unwrap();
    network.finish(&mask);
    network
}

fn plain_layer(kind: LayerKind, trainable: bool) -> NetworkLayer {
    let name = "layer".to_string();
    NetworkLayer { name, kind, trainable, activity_regularizer: None }
}

fn built(object: &Object, name: String, trainable: bool) -> NetworkLayer {
    let entry = Entry::by_class(&object.class).unwrap();
    NetworkLayer { trainable, ..entry.build(&object.arguments, || name).unwrap() }
}

/// A network with the calls of a case, and what the last returned.
fn called(case: &Case, trainable: bool) -> (Network, Vec<TensorId>) {
    let mut network = Network::new("case", Class::Functional);
    let mut input = |name: String, tensor: &Tensor, dtype: Dtype| {
        network.add_input(name, Shape::new(&tensor.shape[1..]), dtype)
    };
    let mut inputs = Vec::new();
    for (i, tensor) in case.numbered("input").iter().enumerate() {
        let dtype = match case.json["input_dtypes"][i].as_str() {
            Some("int32") => Dtype::Int32,
            _ => Dtype::Float32,
        };
        inputs.push(input(format!("input_{i}"), tensor, dtype));
    }
    let mut named: HashMap<String, TensorId> =
        inputs.iter().enumerate().map(|(i, &x)| (format!("input_{i}"), x)).collect();
    for (name, described) in case.json["extra"].as_object().into_iter().flatten() {
        let dtype = if described["dtype"] == "bool" { Dtype::Bool } else { Dtype::Float32 };
        named.insert(name.clone(), input(name.clone(), case.tensor(name), dtype));
    }
    let object = python::call(case.code());
    let layers: Vec<NetworkLayer> = match case.json["kind"].as_str() {
        Some("function") => {
            vec![plain_layer(LayerKind::Layer(Box::new(Function(object))), trainable)]
        }
        Some("Sequential") => match &object.arguments[0].value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(i, item)| match item {
                    Value::Layer(object) => built(object, format!("layer_{i}"), trainable),
                    other => panic!("expected a layer, found {other}"),
                })
                .collect(),
            other => panic!("expected a list of layers, found {other}"),
        },
        _ => vec![built(&object, "layer".to_string(), trainable)],
    };
    for layer in layers {
        let layer = network.add_layer(layer);
        let (class, parameters) = network.call_parameters(layer);
        let mut given = positional(case, parameters, &inputs);
        for (name, value) in case.json["kwargs"].as_object().into_iter().flatten() {
            given.push(Given { name: Some(name.clone()), value: call_value(case, &named, value) });
        }
        let call = bind(class, parameters, given).unwrap();
        inputs = network.call_with(layer, call).unwrap();
    }
    (network, inputs)
}

/// What a layer of these parameters is called on by position: as the case says, or on all inputs.
fn positional(
    case: &Case,
    parameters: &'static [CallParameter],
    inputs: &[TensorId],
) -> Vec<Given<TensorId>> {
    let by_position = |value| Given { name: None, value };
    let input = |name: &Json| {
        let index = name.as_str().and_then(|name| name.strip_prefix("input_"));
        CallValue::Tensor(inputs[index.unwrap().parse::<usize>().unwrap()])
    };
    let value = |argument: &Json| match argument {
        Json::Array(names) => CallValue::List(names.iter().map(input).collect()),
        name => input(name),
    };
    if let Some(arguments) = case.json["args"].as_array() {
        return arguments.iter().map(value).map(by_position).collect();
    }
    let tensors: Vec<CallValue<TensorId>> = inputs.iter().copied().map(CallValue::Tensor).collect();
    if tensors.len() > 1 && !needs_several(parameters) {
        return vec![by_position(CallValue::List(tensors))];
    }
    tensors.into_iter().map(by_position).collect()
}

/// Whether a layer takes several tensors one by one.
fn needs_several(parameters: &'static [CallParameter]) -> bool {
    parameters.first().is_some_and(|first| first.kind == CallKind::Needed)
}

/// The value of an argument of a call: a tensor, a list, or an option.
fn call_value(case: &Case, named: &HashMap<String, TensorId>, value: &Json) -> CallValue<TensorId> {
    match value {
        Json::String(tensor) => CallValue::Tensor(named[tensor.as_str()]),
        Json::Bool(value) => CallValue::Value(Value::Bool(*value)),
        Json::Array(items) => {
            CallValue::List(items.iter().map(|item| call_value(case, named, item)).collect())
        }
        other => panic!("{}: cannot call with {other}", case.name()),
    }
}
