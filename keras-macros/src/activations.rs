//! Activation functions that are called on tensors: `activations.relu(x, negative_slope = 0.1)`.
//! Each call makes the layer that computes the same, and calls it.

use keras_graph::activation::FUNCTIONS;

use crate::ast::Name;
use crate::call::Given;
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Outcome};
use crate::names::nearest;
use crate::value::Value;

/// Functions that are layers of their own, and what they take behind the tensor.
const LAYERS: &[(&str, &str, &[&str])] = &[
    ("elu", "ELU", &["alpha"]),
    ("leaky_relu", "LeakyReLU", &["negative_slope"]),
    ("relu", "ReLU", &["negative_slope", "max_value", "threshold"]),
    ("softmax", "Softmax", &["axis"]),
];

/// What `leaky_relu` has by default; the layer has 0.3.
const LEAKY_SLOPE: f64 = 0.2;

impl Evaluator<'_> {
    /// `activations.name(x, ..)`
    pub(crate) fn activation(
        &mut self,
        name: &Name,
        given: &[Given],
        head: Spot,
        spot: Spot,
    ) -> Outcome {
        let text = &*name.text;
        let known = || FUNCTIONS.iter().map(|(known, _)| *known);
        if !known().any(|known| known == text) {
            let near = nearest(text, known()).map(|near| format!("did you mean `{near}`?"));
            let message = format!("there is no activation `{text}`");
            return Ok(self.wrong(name.spot, message, &near.unwrap_or_default()));
        }
        let is_tensor = |given: &Given| given.name.as_ref().is_none_or(|name| &*name.text == "x");
        let Some((x, rest)) = given.split_first().filter(|(x, _)| is_tensor(x)) else {
            let help = format!("write `activations.{text}(x)`");
            return Ok(self.wrong(head, format!("`{text}` is called on a tensor"), &help));
        };
        if x.value.is_unknown() {
            return Ok(Value::Unknown);
        }
        let layer = LAYERS.iter().find(|(function, ..)| *function == text);
        let (class, parameters) =
            layer.map_or(("Activation", &[][..]), |(_, class, parameters)| (*class, *parameters));
        let mut arguments = Vec::new();
        for (i, argument) in rest.iter().enumerate() {
            let keyword = argument.name.as_ref().map(|name| &*name.text);
            let parameter = match keyword {
                Some(keyword) => parameters.iter().find(|parameter| **parameter == keyword),
                None => parameters.get(i),
            };
            let Some(parameter) = parameter else {
                let place = argument.name.as_ref().map_or(argument.spot, |name| name.spot);
                let what = keyword.map_or("one more".to_string(), |name| format!("`{name}`"));
                let takes = match parameters {
                    [] => "takes a tensor alone here".to_string(),
                    parameters => format!("takes a tensor and {}", parameters.join(", ")),
                };
                return Ok(self.wrong(place, format!("`{text}` {takes}, found {what}"), ""));
            };
            let name = Some(Name { text: (*parameter).into(), spot: argument.spot });
            arguments.push(Given { name, ..argument.clone() });
        }
        let also = |parameter: &str, value: Value| Given {
            name: Some(Name { text: parameter.into(), spot: name.spot }),
            value,
            spot: name.spot,
            variable: None,
        };
        match text {
            "leaky_relu" if rest.is_empty() => {
                arguments.push(also("negative_slope", Value::Float(LEAKY_SLOPE)));
            }
            _ if class == "Activation" => {
                arguments.push(also("activation", Value::Str(text.into())));
            }
            _ => {}
        }
        let class = Name { text: class.into(), spot: name.spot };
        match self.construct(&class, &arguments, &[])? {
            Value::Layer(layer) => {
                let x = Given { name: None, ..x.clone() };
                self.call_layer(layer, &[x], head, spot)
            }
            other => Ok(other),
        }
    }
}
