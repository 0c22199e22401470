//! Calls of layers: `layer(x)`, `layer([a, b])`, `layer(x, mask = m, training = False)`.

use keras_graph::call::{self, Call, CallValue};
use keras_graph::graph::LayerError;
use keras_graph::network::{Class, LayerId, LayerKind, MAX_LAYERS, Network, TensorId};

use crate::builder::Builder;
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Outcome, Stop};
use crate::value::{Given, Value};

impl Evaluator<'_> {
    /// `layer(x)`, `layer([a, b])` or `layer(x, mask = m)`
    pub(crate) fn call_layer(
        &mut self,
        layer: LayerId,
        given: &[Given],
        head: Spot,
        spot: Spot,
    ) -> Outcome {
        if self.is_taken(layer, head) {
            return Ok(Value::Unknown);
        }
        let Some(call) = self.bind_call(layer, given, head) else {
            return Ok(Value::Unknown);
        };
        self.check_calls(head)?;
        let is_deferred = self.builder.made[layer.0].is_deferred;
        if is_deferred && !self.build_deferred(layer, &call.inputs, head)? {
            return Ok(Value::Unknown);
        }
        Ok(self.made_call(layer, call, given, head, spot))
    }

    /// Stops where a model has too many calls.
    pub(crate) fn check_calls(&mut self, head: Spot) -> Result<(), Stop> {
        if self.builder.call_spots.len() < MAX_LAYERS {
            return Ok(());
        }
        self.wrong(head, format!("a model has at most {MAX_LAYERS} calls of layers"), "");
        Err(Stop)
    }

    /// What a call returns that was written with the arguments `given`.
    pub(crate) fn made_call(
        &mut self,
        layer: LayerId,
        call: Call<TensorId>,
        given: &[Given],
        head: Spot,
        spot: Spot,
    ) -> Value {
        let tensors = call.tensors();
        match self.builder.arena.call_with(layer, call) {
            Ok(outputs) => {
                self.builder.call_spots.push(Spot { order: head.order, ..head.to(spot) });
                match outputs.as_slice() {
                    [one] => Value::Tensor(*one),
                    many => Value::list(many.iter().map(|&tensor| Value::Tensor(tensor)).collect()),
                }
            }
            Err(error) => {
                let arena = &self.builder.arena;
                let chains: Vec<String> =
                    tensors.iter().map(|&tensor| Builder::chain(arena, tensor)).collect();
                let argument = given.iter().find(|given| {
                    given.name.as_ref().map(|name| &*name.text) == error.argument
                        && error.argument.is_some()
                });
                let head = argument.map_or(head, |argument| argument.spot);
                self.layer_error(layer, error, head, &chains);
                Value::Unknown
            }
        }
    }

    /// The call that the arguments make; none if one of them is unknown or was refused.
    fn bind_call(&mut self, layer: LayerId, given: &[Given], head: Spot) -> Option<Call<TensorId>> {
        let name = self.builder.arena.layers[layer.0].name.clone();
        let is_inputs = |(i, given): (usize, &Given)| match &given.name {
            Some(name) => &*name.text == "inputs",
            None => i == 0,
        };
        let Some(first) = given.iter().enumerate().position(is_inputs) else {
            let message = format!("`{name}` is called on nothing");
            self.wrong(head, message, "call it on a tensor: `layer(x)`");
            return None;
        };
        let mut complete = true;
        let mut values = Vec::with_capacity(given.len());
        for (i, argument) in given.iter().enumerate() {
            if i == first && !self.are_tensors(&name, argument) {
                complete = false;
            }
            let value =
                if argument.value.is_unknown() { None } else { call_value(&argument.value) };
            if value.is_none() && i != first && !argument.value.is_unknown() {
                let message = format!("{} is no argument of a call", argument.value.kind());
                self.wrong(argument.spot, message, "");
            }
            complete &= value.is_some();
            let keyword = argument.name.as_ref().map(|name| name.text.to_string());
            let value = value.unwrap_or(CallValue::List(Vec::new()));
            values.push(call::Given { name: keyword, value });
        }
        if self.joins(layer) && matches!(given, [Given { value: Value::Tensor(_), .. }]) {
            let message = format!("`{name}` is called on a list of tensors, found one tensor");
            self.wrong(head, message, "write `Add()([a, b])`");
            return None;
        }
        if !complete {
            return None;
        }
        let (class, parameters) = self.builder.arena.call_parameters(layer);
        match call::bind(class, parameters, values) {
            Ok(call) => Some(call),
            Err(errors) => {
                self.argument_errors(head, given, errors, &[]);
                None
            }
        }
    }

    /// Whether a layer can be called on this value; notes why not.
    fn are_tensors(&mut self, layer: &str, argument: &Given) -> bool {
        let items = match &argument.value {
            Value::List(list) => list.items.as_slice(),
            value => std::slice::from_ref(value),
        };
        let mut complete = true;
        for item in items {
            match item {
                Value::Tensor(_) => {}
                Value::Unknown => complete = false,
                other => {
                    let help = match other {
                        Value::Layer(_) => "call the layer on a tensor first: `Dense(10)(x)`",
                        _ => "a tensor is what `Input` and calls of layers return",
                    };
                    let message = format!("`{layer}` is called on a tensor, found {other}");
                    self.wrong(argument.spot, message, help);
                    complete = false;
                }
            }
        }
        complete
    }

    /// Whether a layer joins the tensors of a list.
    fn joins(&self, layer: LayerId) -> bool {
        match &self.builder.arena.layers[layer.0].kind {
            LayerKind::Layer(layer) => layer.joins(),
            LayerKind::Input { .. } | LayerKind::Network(_) => false,
        }
    }

    /// Notes why a layer refused its input.
    pub(crate) fn layer_error(
        &mut self,
        layer: LayerId,
        error: LayerError,
        head: Spot,
        chains: &[String],
    ) {
        let made = &self.builder.made[layer.0];
        let argument = error.argument.and_then(|argument| {
            made.arguments.iter().find(|(name, _)| name == argument).map(|(_, spot)| *spot)
        });
        let expanding = self.expanding_note();
        let mistake = self.mistakes.add(argument.unwrap_or(head), error.message);
        match chains {
            [one] => {
                mistake.note(format!("shapes so far: {one}"));
            }
            many => {
                for (i, chain) in many.iter().take(4).enumerate() {
                    mistake.note(format!("shapes so far, input {}: {chain}", i + 1));
                }
            }
        }
        if let Some(note) = expanding {
            mistake.note(note);
        }
        if let Some(help) = error.help {
            mistake.help(help);
        }
    }

    /// Builds a `Sequential` without an `Input` for the shape that it is called on first.
    fn build_deferred(
        &mut self,
        layer: LayerId,
        inputs: &[TensorId],
        head: Spot,
    ) -> Result<bool, Stop> {
        let [input] = inputs else {
            self.wrong(head, "a `Sequential` is called on one tensor", "");
            return Ok(false);
        };
        let tensor = self.builder.arena.tensors[input.0].clone();
        let name = self.builder.next_name("Input");
        let mut network =
            Network::new(self.builder.arena.layers[layer.0].name.clone(), Class::Sequential);
        network.add_input(name, tensor.shape, tensor.dtype);
        let members = self.builder.made[layer.0].members.clone();
        self.builder.made[layer.0].is_deferred = false;
        if !self.fill(&mut network, &members)? {
            return Ok(false);
        }
        self.builder.arena.layers[layer.0].kind = LayerKind::Network(Box::new(network));
        Ok(true)
    }
}

/// A value as an argument of a call; none if it cannot be one.
pub(crate) fn call_value(value: &Value) -> Option<CallValue<TensorId>> {
    match value {
        Value::Tensor(tensor) => Some(CallValue::Tensor(*tensor)),
        Value::List(list) => {
            let items = list.items.iter().map(call_value);
            items.collect::<Option<Vec<_>>>().map(CallValue::List)
        }
        other => other.argument().map(CallValue::Value),
    }
}
