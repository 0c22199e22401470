//! Layers: from values to the layers of a [`Network`]; their calls stand in
//! [`apply`](crate::apply).
//!
//! All layers of a block are made in one arena, called there and checked at once.
//! `Model(inputs, outputs)` then takes the calls between its inputs and outputs as a network of its
//! own, as Keras does; `Sequential` builds one from a list.

use std::collections::HashMap;
use std::rc::Rc;

use keras_graph::layers::Entry;
use keras_graph::names::automatic_name;
use keras_graph::network::{
    Class, LayerId, LayerKind, MAX_LAYERS, Network, NetworkLayer, TensorId,
};
use keras_graph::schema::{ArgumentError, At, Bound};
use keras_graph::value as graph;

use crate::ast::{self, Name};
use crate::call::Given;
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Outcome, Stop};
use crate::ports::{Port, Promise};
use crate::value::Value;

/// Most layers shown in a chain of shapes.
const MAX_CHAIN: usize = 6;

/// The layers made so far.
pub(crate) struct Builder {
    /// All layers that the block made, and their calls.
    pub arena: Network,
    /// What is known of each layer beside the network.
    pub made: Vec<Made>,
    /// Where each call of the arena stands.
    pub call_spots: Vec<Spot>,
    /// The model's own name.
    pub model: String,
    /// The inputs and the outputs of the last `Model(..)`, as far as they are known.
    pub ports: [Vec<Port>; 2],
    /// What names promise that were bound to something with a mistake.
    pub promises: HashMap<Rc<str>, Promise>,
    /// Units of the last layer that had any, whether it could be made or not: what a model with
    /// mistakes most likely returns.
    pub last_units: Option<usize>,
    /// How many layers of each class have an automatic name.
    counters: HashMap<String, usize>,
}

/// What is known of a layer beside the network.
#[derive(Debug)]
pub(crate) struct Made {
    /// Its class as written.
    pub spot: Spot,
    /// Where the value of each argument stands, by the parameter's name.
    pub arguments: Vec<(String, Spot)>,
    /// The layer as an argument of one that wraps it.
    pub object: Option<graph::Object>,
    /// Whether the user named it.
    pub is_named: bool,
    /// Whether another layer wraps it.
    pub is_wrapped: bool,
    /// Whether it is within a layer that calls it, so that nobody else may.
    pub is_taken: bool,
    /// Of a model: its layers in the arena.
    pub members: Vec<LayerId>,
    /// Of a functional model: its calls in the arena.
    pub calls: Vec<usize>,
    /// Of a model: how deep models nest in it.
    pub depth: u32,
    /// Whether it is a `Sequential` that waits for its first call to know its input.
    pub is_deferred: bool,
}

impl Made {
    /// A layer whose class stands here.
    pub(crate) fn at(spot: Spot) -> Made {
        Made {
            spot,
            arguments: Vec::new(),
            object: None,
            is_named: false,
            is_wrapped: false,
            is_taken: false,
            members: Vec::new(),
            calls: Vec::new(),
            depth: 0,
            is_deferred: false,
        }
    }
}

impl Builder {
    pub(crate) fn new(model: &str) -> Builder {
        Builder {
            arena: Network::new(model, Class::Functional),
            made: Vec::new(),
            call_spots: Vec::new(),
            model: model.to_string(),
            ports: [Vec::new(), Vec::new()],
            promises: HashMap::new(),
            last_units: None,
            counters: HashMap::new(),
        }
    }

    /// Whether the layer is a whole model.
    pub(crate) fn is_model(&self, layer: LayerId) -> bool {
        matches!(self.arena.layers[layer.0].kind, LayerKind::Network(_))
    }

    /// Where the name of a layer stands: its `name`, or its class.
    pub(crate) fn name_spot(&self, layer: LayerId) -> Spot {
        let made = &self.made[layer.0];
        let argument = made.arguments.iter().find(|(argument, _)| argument == "name");
        argument.map_or(made.spot, |(_, spot)| *spot)
    }

    /// Where the layers of a model stand, by their paths.
    pub(crate) fn places(&self, model: LayerId) -> HashMap<String, Spot> {
        let mut places = HashMap::new();
        let mut waiting = vec![(String::new(), model)];
        while let Some((scope, model)) = waiting.pop() {
            for &member in &self.made[model.0].members {
                let path = format!("{scope}{}", self.arena.layers[member.0].name);
                waiting.push((format!("{path}/"), member));
                places.insert(path, self.name_spot(member));
            }
        }
        places
    }

    /// Keras' next automatic name for a class.
    pub(crate) fn next_name(&mut self, class: &str) -> String {
        let name = automatic_name(class);
        let count = self.counters.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name}_{}", *count - 1) }
    }

    /// The shapes from an input to a tensor.
    pub(crate) fn chain(network: &Network, tensor: TensorId) -> String {
        let mut steps = Vec::new();
        let mut next = Some(tensor);
        while let Some(tensor) = next {
            let call = &network.calls[network.tensors[tensor.0].call];
            steps.push(format!("{} {}", network.layers[call.layer.0].name, network.shape(tensor)));
            next = call.call.inputs.first().copied();
        }
        if steps.len() > MAX_CHAIN {
            let first = steps.len() - 1;
            steps.drain(MAX_CHAIN - 2..first);
            steps.insert(MAX_CHAIN - 2, "...".to_string());
        }
        steps.reverse();
        steps.join(" -> ")
    }
}

/// Where an argument stands: its keyword, or its value.
fn keyword_spot(given: &Given) -> Spot {
    given.name.as_ref().map_or(given.spot, |name| name.spot)
}

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
        let Some((arguments, unknown)) = self.arguments(class, given) else {
            return Ok(Value::Unknown);
        };
        let is_named = arguments.iter().any(|argument| {
            argument.name.as_deref() == Some("name")
                && matches!(argument.value, graph::Value::Str(_))
        });
        let wraps = entry.schema.parameters.iter().any(|parameter| parameter.name == "layer");
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
        let places = parameters
            .chain(keras_graph::schema::COMMON.iter().copied())
            .filter_map(|p| bound.position(p).map(|i| (p.to_string(), given[i].spot)))
            .collect();
        let mut made = Made { arguments: places, is_named, ..Made::at(name.spot) };
        made.object = Some(self.as_object(class, &arguments, &layer.name));
        Ok(Value::Layer(self.add(layer, made)?))
    }

    /// Whether a layer is within another one, which calls it; tells so.
    pub(crate) fn is_taken(&mut self, layer: LayerId, spot: Spot) -> bool {
        let is_taken = self.builder.made[layer.0].is_taken;
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
        for argument in given {
            let Value::Layer(layer) = argument.value else { continue };
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
            self.builder.made[layer.0].is_taken = true;
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

    /// Notes why arguments were refused. Those that are unknown were told before.
    pub(crate) fn argument_errors(
        &mut self,
        class: Spot,
        given: &[Given],
        errors: Vec<ArgumentError>,
        unknown: &[usize],
    ) {
        // A misspelt keyword is most likely the one that is missing.
        let is_misspelt = errors.iter().any(|error| matches!(error.at, At::Keyword(_)));
        for error in errors {
            let is_told = match error.at {
                At::Value(i) => unknown.contains(&i),
                At::Call => is_misspelt,
                At::Keyword(_) => false,
            };
            if !is_told {
                self.argument_error(class, given, error);
            }
        }
    }

    /// Notes why an argument was refused, at the token that is wrong.
    fn argument_error(&mut self, class: Spot, given: &[Given], error: ArgumentError) {
        let spot = match error.at {
            At::Call => class,
            At::Keyword(i) => given.get(i).map_or(class, keyword_spot),
            At::Value(i) => given.get(i).map_or(class, |given| given.spot),
        };
        let unread = given
            .iter()
            .find(|given| given.spot.order == spot.order && matches!(given.value, Value::None));
        let expanding = self.expanding_note();
        let mistake = self.mistakes.add(spot, error.message);
        if let Some(help) = error.help {
            mistake.help(help);
        } else if unread.is_some() {
            mistake.help("every extent but the batch is known while compiling: write a number");
        }
        if let Some(note) = expanding {
            mistake.note(note);
        }
    }

    /// In which templates evaluation is.
    pub(crate) fn expanding_note(&self) -> Option<String> {
        let names: Vec<&str> = self.expanding.iter().rev().map(|(name, _)| &**name).collect();
        match names.as_slice() {
            [] => None,
            [one] => Some(format!("in the template `{one}`")),
            [first, rest @ ..] => {
                Some(format!("in the template `{first}`, expanded by `{}`", rest.join("`, by `")))
            }
        }
    }
}
