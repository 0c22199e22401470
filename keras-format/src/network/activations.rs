//! Activation functions that were called on tensors: `keras.activations.relu(x)`. Keras writes each
//! call as an operation, which is read as the layer that computes the same.

use keras_graph::layers::Entry;
use keras_graph::network::NetworkLayer;
use keras_graph::value::{Argument, Value};

use super::parts::{arguments, refused};
use crate::error::{Error, Result};
use crate::json::Framed;

/// Modules in which such operations stand.
const MODULES: &[&str] =
    &["keras.src.activations.activations", "keras.src.ops.nn", "keras.src.ops.numpy"];

/// Operations that are layers of their own, with the same arguments.
const LAYERS: &[(&str, &str)] =
    &[("Elu", "ELU"), ("LeakyRelu", "LeakyReLU"), ("ReLU", "ReLU"), ("Softmax", "Softmax")];

/// Operations that are an `Activation`, by the name of the function.
const FUNCTIONS: &[(&str, &str)] = &[
    ("Celu", "celu"),
    ("Exp", "exponential"),
    ("Gelu", "gelu"),
    ("Glu", "glu"),
    ("HardShrink", "hard_shrink"),
    ("HardSigmoid", "hard_sigmoid"),
    ("HardSilu", "hard_silu"),
    ("HardTanh", "hard_tanh"),
    ("LogSigmoid", "log_sigmoid"),
    ("LogSoftmax", "log_softmax"),
    ("Mish", "mish"),
    ("Relu", "relu"),
    ("Relu6", "relu6"),
    ("Selu", "selu"),
    ("Sigmoid", "sigmoid"),
    ("Silu", "silu"),
    ("SoftShrink", "soft_shrink"),
    ("Softplus", "softplus"),
    ("Softsign", "softsign"),
    ("SparsePlus", "sparse_plus"),
    ("SparseSigmoid", "sparse_sigmoid"),
    ("Squareplus", "squareplus"),
    ("Tanh", "tanh"),
    ("TanhShrink", "tanh_shrink"),
];

/// What the functions have where `Activation` cannot say otherwise.
const DEFAULTS: &[(&str, f64)] = &[("alpha", 1.0), ("axis", -1.0), ("threshold", 0.5), ("b", 4.0)];

/// The layer that computes what an operation does; none if it is no activation function.
pub(super) fn activation(framed: &Framed) -> Option<Result<NetworkLayer>> {
    if !MODULES.contains(&framed.module) {
        return None;
    }
    let named = |table: &[(&str, &'static str)]| {
        table.iter().find(|(class, _)| *class == framed.class_name).map(|(_, name)| *name)
    };
    if let Some(class) = named(LAYERS) {
        return Some(arguments(framed.config).and_then(|arguments| build(class, &arguments)));
    }
    let function = named(FUNCTIONS)?;
    Some(arguments(framed.config).and_then(|mut arguments| {
        for argument in &arguments {
            check(framed.class_name, argument)?;
        }
        arguments.retain(|argument| argument.name.as_deref() == Some("name"));
        let value = Value::Str(function.to_owned());
        arguments.push(Argument { name: Some("activation".to_owned()), value });
        build("Activation", &arguments)
    }))
}

fn build(class: &str, arguments: &[Argument]) -> Result<NetworkLayer> {
    let entry = Entry::by_class(class).expect("a class of the catalogue");
    entry.build(arguments, String::new).map_err(refused)
}

/// Refuses an argument that an `Activation` cannot have.
fn check(class: &str, argument: &Argument) -> Result<()> {
    let name = argument.name.as_deref().unwrap_or_default();
    let default = DEFAULTS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let is_default = match &argument.value {
        _ if name == "name" => true,
        Value::None | Value::Bool(false) => true,
        value => default.is_some() && value.number() == default,
    };
    if is_default {
        return Ok(());
    }
    let found = format!("`{name}` = {} of the function `{class}`", argument.value);
    Err(Error::unsupported(found, "call the function with its defaults"))
}
