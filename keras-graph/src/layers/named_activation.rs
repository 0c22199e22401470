//! The activation of a layer: a function's name, a layer that is a function of its input alone, or
//! one with weights of its own.

use super::InnerLayer;
use crate::activation::{Activation, ActivationFunction, FUNCTIONS};
use crate::graph::{Graph, LayerError, NodeId};
use crate::names::snake_case;
use crate::parameter::{Axes, bound, number, object_arguments, unknown_word, word};
use crate::schema::{Mismatch, ParameterType};
use crate::value::{Argument, Object, Value};

/// An activation, and how a configuration spells it.
#[derive(Clone, Debug, PartialEq)]
pub enum NamedActivation {
    /// A function by Keras' name.
    Name(&'static str, ActivationFunction),
    /// A function as a layer with all its arguments.
    Function(Object, ActivationFunction),
    /// A layer with weights, which belong to the layer that it is an activation of.
    Learned(InnerLayer),
}

/// Layers with weights that may be activations.
const LEARNED: &[&str] = &["PReLU"];

/// Layers that are functions of their input alone, and what each takes beside [`COMMON`].
const LAYERS: &[(&str, &[&str])] = &[
    ("Activation", &["activation"]),
    ("ELU", &["alpha"]),
    ("Identity", &[]),
    ("LeakyReLU", &["negative_slope"]),
    ("ReLU", &["max_value", "negative_slope", "threshold"]),
    ("Softmax", &["axis"]),
];

/// Arguments that say nothing of the function.
const COMMON: &[&str] = &["name", "trainable", "dtype"];

const EXPECTED: &str = "the name of an activation, such as `\"relu\"`, or `None`";

impl NamedActivation {
    /// What `None` stands for: `y = x`.
    pub const LINEAR: NamedActivation =
        NamedActivation::Name("linear", ActivationFunction::ElementWise(Activation::Linear));

    /// `tanh x`.
    pub const TANH: NamedActivation =
        NamedActivation::Name("tanh", ActivationFunction::ElementWise(Activation::Tanh));
    /// `1 / (1 + e^-x)`.
    pub const SIGMOID: NamedActivation =
        NamedActivation::Name("sigmoid", ActivationFunction::ElementWise(Activation::Sigmoid));

    /// Whether a layer of this class may be an activation with weights.
    pub fn is_learned(class: &str) -> bool {
        LEARNED.contains(&class)
    }

    /// Appends it to what a layer has computed.
    pub fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        match self {
            NamedActivation::Name(_, function) | NamedActivation::Function(_, function) => {
                graph.activation(x, *function)
            }
            NamedActivation::Learned(InnerLayer { name, layer, trainable, .. }) => {
                graph.in_inner("activation", name, *trainable, |graph| layer.lower(graph, x))
            }
        }
    }

    /// The function that a layer of this class computes.
    fn layer(
        class: &str,
        parameters: &[&'static str],
        object: &Object,
    ) -> Result<NamedActivation, Mismatch> {
        let names = [parameters, COMMON].concat();
        let given = object_arguments(object, &names)?;
        let value =
            |name: &str| names.iter().position(|known| *known == name).and_then(|i| given[i]);
        let wrong = |name: &str, what: &str| {
            Mismatch::expected(format!("`{class}` with {what} for `{name}`"))
        };
        let float = |name: &str, default: f32| {
            let found = value(name).map_or(Some(default), number).filter(|found| *found >= 0.0);
            found.ok_or_else(|| wrong(name, "a number that is not negative"))
        };
        let mut written: Vec<(&str, Value)> = Vec::new();
        let mut noted = |name: &'static str, number: f32| {
            written.push((name, Value::from(number)));
            number
        };
        let function = match class {
            "Activation" => {
                let inner = value("activation").unwrap_or(&Value::None);
                let inner = NamedActivation::from_value(inner)?;
                written.push(("activation", inner.to_value()));
                match inner {
                    NamedActivation::Name(_, f) | NamedActivation::Function(_, f) => f,
                    NamedActivation::Learned(layer) => {
                        let found = layer.layer.schema().class;
                        let help = Some(format!("write `activation = {found}(..)`"));
                        return Err(Mismatch { help, ..wrong("activation", "a function") });
                    }
                }
            }
            "ELU" => {
                let alpha = value("alpha").map_or(Some(1.0), number);
                let alpha = noted("alpha", alpha.ok_or_else(|| wrong("alpha", "a number"))?);
                ActivationFunction::ElementWise(Activation::Elu { alpha })
            }
            "Identity" => ActivationFunction::ElementWise(Activation::Linear),
            "LeakyReLU" => {
                let negative_slope = noted("negative_slope", float("negative_slope", 0.3)?);
                ActivationFunction::ElementWise(Activation::LeakyRelu { negative_slope })
            }
            "ReLU" => {
                let most = value("max_value").filter(|most| **most != Value::None);
                let max_value = match most.map(bound) {
                    None => f32::INFINITY,
                    Some(Some(most)) => noted("max_value", most),
                    Some(None) => return Err(wrong("max_value", "a number that is not negative")),
                };
                let negative_slope = noted("negative_slope", float("negative_slope", 0.0)?);
                let threshold = noted("threshold", float("threshold", 0.0)?);
                let relu = Activation::Relu { negative_slope, max_value, threshold };
                ActivationFunction::ElementWise(relu)
            }
            _ => {
                let axis = value("axis").map_or(Ok(Axes::One(-1)), Axes::from_value);
                if axis.as_ref().ok().is_none_or(|axis| axis.list() != [-1]) {
                    return Err(Mismatch {
                        help: Some(format!("write `{class}(..)` as a layer behind this one")),
                        ..wrong("axis", "-1")
                    });
                }
                written.push(("axis", Value::Int(-1)));
                ActivationFunction::Softmax
            }
        };
        let trainable = value("trainable").filter(|given| matches!(given, Value::Bool(_)));
        let default = Value::Str(snake_case(class));
        written.insert(0, ("name", value("name").cloned().unwrap_or(default)));
        written.insert(1, ("trainable", trainable.cloned().unwrap_or(Value::Bool(true))));
        let arguments = written
            .into_iter()
            .map(|(name, value)| Argument { name: Some(name.to_string()), value })
            .collect();
        Ok(NamedActivation::Function(Object { class: class.to_string(), arguments }, function))
    }
}

impl ParameterType for NamedActivation {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        if *value == Value::None {
            return Ok(NamedActivation::LINEAR);
        }
        if let Value::Layer(object) = value {
            if let Some((class, takes)) = LAYERS.iter().find(|(class, _)| *class == object.class) {
                return NamedActivation::layer(class, takes, object);
            }
            if LEARNED.contains(&object.class.as_str()) {
                return InnerLayer::from_value(value).map(NamedActivation::Learned);
            }
            let help = format!("write `{}(..)` as a layer behind this one", object.class);
            return Err(Mismatch { help: Some(help), ..Mismatch::expected(EXPECTED) });
        }
        // Keras writes an alias as the function that it stands for.
        let name = word(value).map(|name| match name {
            "swish" => "silu",
            "hard_swish" => "hard_silu",
            name => name,
        });
        match FUNCTIONS.iter().find(|(known, _)| Some(*known) == name) {
            Some(&(name, function)) => Ok(NamedActivation::Name(name, function)),
            None => Err(unknown_word(value, EXPECTED, FUNCTIONS.iter().map(|(name, _)| *name))),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            NamedActivation::Name(name, _) => Value::Str((*name).to_string()),
            NamedActivation::Function(object, _) => Value::Layer(object.clone()),
            NamedActivation::Learned(layer) => layer.to_value(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(class: &str, arguments: &[(&str, Value)]) -> Result<NamedActivation, Mismatch> {
        let argument = |(name, value): &(&str, Value)| Argument {
            name: Some(*name).filter(|name| !name.is_empty()).map(str::to_string),
            value: value.clone(),
        };
        let arguments = arguments.iter().map(argument).collect();
        NamedActivation::from_value(&Value::Layer(Object { class: class.to_string(), arguments }))
    }

    fn function(activation: &NamedActivation) -> ActivationFunction {
        match activation {
            NamedActivation::Name(_, function) | NamedActivation::Function(_, function) => {
                *function
            }
            NamedActivation::Learned(layer) => panic!("{layer:?}"),
        }
    }

    #[test]
    fn layers_are_functions() {
        let relu6 = read("ReLU", &[("max_value", Value::Float(6.0))]).unwrap();
        let expected = Activation::Relu { negative_slope: 0.0, max_value: 6.0, threshold: 0.0 };
        assert_eq!(function(&relu6), ActivationFunction::ElementWise(expected));
        let leaky = read("LeakyReLU", &[("", Value::Float(0.1))]).unwrap();
        let expected = Activation::LeakyRelu { negative_slope: 0.1 };
        assert_eq!(function(&leaky), ActivationFunction::ElementWise(expected));
        assert_eq!(function(&read("Softmax", &[]).unwrap()), ActivationFunction::Softmax);
        let inner = [("activation", Value::Str("swish".into()))];
        let silu = ActivationFunction::ElementWise(Activation::Silu);
        assert_eq!(function(&read("Activation", &inner).unwrap()), silu);
        let unbounded = read("ReLU", &[("max_value", Value::Float(f64::INFINITY))]).unwrap();
        assert_eq!(function(&unbounded), ActivationFunction::ElementWise(Activation::RELU));
        for read in [relu6, leaky, unbounded] {
            // What is written is read again.
            assert_eq!(NamedActivation::from_value(&read.to_value()).unwrap(), read);
        }
    }

    #[test]
    fn other_layers_are_refused() {
        let dense = read("Dense", &[("units", Value::Int(3))]).unwrap_err();
        assert_eq!(dense.help.unwrap(), "write `Dense(..)` as a layer behind this one");
        let axis = read("Softmax", &[("axis", Value::Int(1))]).unwrap_err();
        assert_eq!(axis.expected, "`Softmax` with -1 for `axis`");
        let slope = read("LeakyReLU", &[("", Value::Int(-1))]).unwrap_err();
        assert!(slope.expected.contains("not negative"), "{}", slope.expected);
    }
}
