//! Layers: from values to the layers of a network; their calls stand in
//! [`apply`](crate::apply).
//!
//! All layers of a block are made in one arena, called there and checked at once.
//! `Model(inputs, outputs)` then takes the calls between its inputs and outputs as a network of its
//! own, as Keras does; `Sequential` builds one from a list.

use keras_graph::layers::Entry;
use keras_graph::network::{LayerId, MAX_LAYERS, NetworkLayer};
use keras_graph::schema::Bound;
use keras_graph::value as graph;

use crate::ast::{self, Name};
use crate::builder::{Held, Made};
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Outcome, Stop};
use crate::value::{Given, Value};

impl Evaluator<'_> {
    /// `Dense(10)`, `Input(..)`, `Sequential(..)`, `Model(..)`
    pub(crate) fn construct(
        &mut self,
        name: &Name,
        given: &[Given],
        written: &[ast::Argument],
    ) -> Outcome {
        match &*name.text {
            "Input" | "InputLayer" => self.input(name, given),
            "Sequential" => self.sequential(name, given, written),
            "Model" | "Functional" => self.functional(name, given, written),
            class => match Entry::by_class(class) {
                Some(entry) => self.layer(entry, name, given),
                None => Ok(Value::Unknown),
            },
        }
    }

    /// Adds a layer to the arena.
    pub(crate) fn add(&mut self, layer: NetworkLayer, made: Made) -> Result<LayerId, Stop> {
        let id = self.builder.arena.add_layer(layer);
        self.register(made)?;
        Ok(id)
    }

    /// Notes what is known of the arena's last layer.
    pub(crate) fn register(&mut self, made: Made) -> Result<(), Stop> {
        let spot = made.spot;
        self.builder.made.push(made);
        if self.builder.made.len() > MAX_LAYERS {
            self.wrong(spot, format!("a model has at most {MAX_LAYERS} layers"), "");
            return Err(Stop);
        }
        Ok(())
    }

    fn layer(&mut self, entry: &'static Entry, name: &Name, given: &[Given]) -> Outcome {
        let class = entry.schema.class;
        let (arguments, unknown) = self.arguments(class, given);
        let is_named = arguments.iter().any(|argument| {
            argument.name.as_deref() == Some("name")
                && matches!(argument.value, graph::Value::Str(_))
        });
        let wraps = |name: &str| matches!(name, "layer" | "cell" | "cells");
        let wraps = entry.schema.parameters.iter().any(|parameter| wraps(parameter.name));
        if wraps && !self.are_wrapped_alone(given) {
            return Ok(Value::Unknown);
        }
        let automatic = if is_named { String::new() } else { self.builder.next_name(class) };
        let bound = Bound::new(entry.schema, &arguments);
        if let Some(units) = bound.position("units").and_then(|i| arguments[i].value.integer()) {
            self.builder.last_units = usize::try_from(units).ok();
        }
        let built = entry.build(&arguments, || automatic.clone());
        let layer = match built {
            Ok(layer) if unknown.is_empty() => layer,
            Ok(_) => return Ok(Value::Unknown),
            Err(errors) => {
                self.argument_errors(name.spot, given, errors, &unknown);
                return Ok(Value::Unknown);
            }
        };
        let parameters = entry.schema.parameters.iter().map(|parameter| parameter.name);
        let mut places: Vec<(String, Spot)> = parameters
            .chain(keras_graph::schema::COMMON.iter().copied())
            .filter_map(|p| bound.position(p).map(|i| (p.to_string(), given[i].spot)))
            .collect();
        places.extend(self.places_within(given));
        let mut made = Made { arguments: places, is_named, ..Made::at(name.spot) };
        made.object = Some(self.as_object(class, &arguments, &layer.name));
        Ok(Value::Layer(self.add(layer, made)?))
    }

    /// Where arguments of layers among the arguments stand, as far as their names are given once: a
    /// mistake in one is found when the outer layer is called.
    fn places_within(&self, given: &[Given]) -> Vec<(String, Spot)> {
        let layers = given.iter().flat_map(|argument| argument.value.layers());
        let places: Vec<&(String, Spot)> =
            layers.flat_map(|layer| &self.builder.made[layer.0].arguments).collect();
        let is_single = |name: &String| {
            let same = places.iter().filter(|(other, _)| other == name).count();
            same == 1 && !keras_graph::schema::COMMON.contains(&name.as_str())
        };
        places.iter().filter(|(name, _)| is_single(name)).map(|place| (*place).clone()).collect()
    }

    /// Whether a layer is within another one, which calls it; tells so.
    pub(crate) fn is_taken(&mut self, layer: LayerId, spot: Spot) -> bool {
        let is_taken = self.builder.made[layer.0].held == Held::Wrapped;
        if is_taken {
            let name = self.builder.arena.layers[layer.0].name.clone();
            let message = format!("`{name}` is within another layer, which calls it");
            let help =
                "call that layer, or make a second one: a layer within another shares no weights";
            self.wrong(spot, message, help);
        }
        is_taken
    }

    /// Whether no layer among the arguments is called elsewhere too, where it would share its
    /// weights; tells which is.
    fn are_wrapped_alone(&mut self, given: &[Given]) -> bool {
        let layers = given.iter().flat_map(|argument| {
            argument.value.layers().into_iter().map(move |layer| (layer, argument))
        });
        for (layer, argument) in layers {
            if self.is_taken(layer, argument.spot) {
                return false;
            }
            if self.builder.arena.calls.iter().any(|call| call.layer == layer) {
                let name = self.builder.arena.layers[layer.0].name.clone();
                let message = format!("`{name}` is called elsewhere too");
                let help = "make a second layer: a layer within another shares no weights";
                self.wrong(argument.spot, message, help);
                return false;
            }
            self.builder.made[layer.0].held = Held::Wrapped;
        }
        true
    }

    fn as_object(&self, class: &str, arguments: &[graph::Argument], name: &str) -> graph::Object {
        let mut arguments = arguments.to_vec();
        if !arguments.iter().any(|argument| argument.name.as_deref() == Some("name")) {
            let value = graph::Value::Str(name.to_string());
            arguments.push(graph::Argument { name: Some("name".to_string()), value });
        }
        graph::Object { class: class.to_string(), arguments }
    }
}
