//! What a block has made so far: layers and their calls in one network, and what is known of them
//! beside it.

use std::collections::HashMap;
use std::rc::Rc;

use keras_graph::dtype::Dtype;
use keras_graph::names::automatic_name;
use keras_graph::network::{Class, LayerId, LayerKind, Network, TensorId};
use keras_graph::shape::Shape;
use keras_graph::value as graph;

use crate::errors::Spot;

/// Most layers shown in a chain of shapes.
const MAX_CHAIN: usize = 6;

/// An input or an output.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub name: String,
    pub shape: Shape,
    pub dtype: Dtype,
    pub spot: Spot,
}

/// What the text of a call says of a result that could not be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promise {
    /// The argument `name`.
    pub name: Option<String>,
    /// The argument `shape`, or the units.
    pub shape: Option<Shape>,
}

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

/// What another layer does with one among its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// It is among nobody's arguments.
    Not,
    /// It takes it as a function.
    Function,
    /// It calls it, so that nobody else may.
    Wrapped,
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
    /// What another layer does with it.
    pub held: Held,
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
            held: Held::Not,
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
            next = call.call.tensors().first().copied();
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
