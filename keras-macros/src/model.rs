//! `Input` and `Sequential([..])`; what they share with `Model(..)`.

use keras_graph::layers::InputArguments;
use keras_graph::network::{Class, LayerId, LayerKind, Network, NetworkLayer, Tensor, TensorId};

use crate::arguments::{item_spots, name_places};
use crate::ast::{self, Name};
use crate::builder::{Builder, Made};
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Outcome, Stop};
use crate::parse::MAX_NESTING;
use crate::value::{Given, Value};

const SEQUENTIAL_PARAMETERS: &[&str] = &["layers", "trainable", "name"];

impl Evaluator<'_> {
    /// `Input(shape = (28, 28, 1))`
    pub(crate) fn input(&mut self, class: &Name, given: &[Given]) -> Outcome {
        let (arguments, unknown) = self.arguments("Input", given);
        let InputArguments { shape, dtype, name } = match InputArguments::read(&arguments) {
            Ok(read) if unknown.is_empty() => read,
            Ok(_) => return Ok(Value::Unknown),
            Err(errors) => {
                self.argument_errors(class.spot, given, errors, &unknown);
                return Ok(Value::Unknown);
            }
        };
        let is_named = name.is_some();
        let name = name.unwrap_or_else(|| self.builder.next_name("Input"));
        let places = name_places(given);
        let tensor = self.builder.arena.add_input(name, shape, dtype);
        self.builder.call_spots.push(class.spot);
        self.register(Made { is_named, arguments: places, ..Made::at(class.spot) })?;
        Ok(Value::Tensor(tensor))
    }

    /// `Sequential([Input(..), Dense(10)])`
    pub(crate) fn sequential(
        &mut self,
        class: &Name,
        given: &[Given],
        written: &[ast::Argument],
    ) -> Outcome {
        let wanted = ["layers", "trainable", "name"];
        let [layers, trainable, name] = self.sorted(class, SEQUENTIAL_PARAMETERS, wanted, given);
        self.builder.ports = [Vec::new(), Vec::new()];
        let is_named = name.is_some();
        let model_name = self.chosen_name("Sequential", name);
        let Some(layers) = layers else {
            self.wrong(
                class.spot,
                "`Sequential` needs its layers",
                "write `Sequential([Input(shape = ..), Dense(10)])`",
            );
            return Ok(Value::Unknown);
        };
        let items = match &layers.value {
            Value::List(list) => list.items.clone(),
            Value::Unknown => return Ok(Value::Unknown),
            other => {
                let message = format!("`Sequential` expects a list of layers, found {other}");
                self.wrong(
                    layers.spot,
                    message,
                    "write `Sequential([Input(shape = ..), Dense(10)])`",
                );
                return Ok(Value::Unknown);
            }
        };
        let trainable = self.trainable(trainable);
        let spots = item_spots(layers, written, items.len());
        let Some((input, members)) = self.members(class, &items, &spots) else {
            return Ok(Value::Unknown);
        };
        let depth = self.depth_of(&members, class.spot)?;
        let mut made = Made {
            is_named,
            depth,
            members: members.clone(),
            arguments: name_places(given),
            ..Made::at(class.spot)
        };
        let mut network = Network::new(model_name.clone(), Class::Sequential);
        match input {
            Some((name, tensor)) => {
                let dtype = self.builder.arena.input_dtype(&tensor);
                network.add_input(name, tensor.shape, dtype);
                if !self.fill(&mut network, &members)? {
                    return Ok(Value::Unknown);
                }
            }
            None => made.is_deferred = true,
        }
        let layer = NetworkLayer {
            name: model_name,
            kind: LayerKind::Network(Box::new(network)),
            trainable,
            activity_regularizer: None,
        };
        Ok(Value::Layer(self.add(layer, made)?))
    }

    /// The input, if there is one, and the layers of a `Sequential`. None if one is unknown or out
    /// of place.
    #[allow(clippy::type_complexity, reason = "named nowhere else")]
    fn members(
        &mut self,
        class: &Name,
        items: &[Value],
        spots: &[Spot],
    ) -> Option<(Option<(String, Tensor)>, Vec<LayerId>)> {
        let (mut input, mut members, mut complete) = (None, Vec::new(), true);
        for (i, (item, &spot)) in items.iter().zip(spots).enumerate() {
            match item {
                Value::Tensor(tensor) => {
                    let tensor = self.builder.arena.tensors[tensor.0].clone();
                    let layer = self.builder.arena.calls[tensor.call].layer;
                    let described = &self.builder.arena.layers[layer.0];
                    if matches!(described.kind, LayerKind::Input { .. }) && i == 0 {
                        input = Some((described.name.clone(), tensor));
                        members.push(layer);
                        continue;
                    }
                    complete = false;
                    if i > 0 {
                        self.wrong(
                            spot,
                            "an `Input` or a tensor stands in the middle of a `Sequential`",
                            "only its first item is an `Input`",
                        );
                    } else {
                        self.wrong(
                            spot,
                            "a tensor is no layer",
                            "list the layers themselves, without calling them",
                        );
                    }
                }
                Value::Layer(layer) if members.contains(layer) => {
                    complete = false;
                    self.wrong(
                        spot,
                        "this layer stands twice in one `Sequential`",
                        "make a second layer, or share it in a functional model: `layer(x)`",
                    );
                }
                Value::Layer(layer) if self.is_taken(*layer, spot) => complete = false,
                Value::Layer(layer) => members.push(*layer),
                Value::Unknown => complete = false,
                other => {
                    complete = false;
                    let help = "its items are layers: `Dense(10)`";
                    self.wrong(spot, format!("`Sequential` expects layers, found {other}"), help);
                }
            }
        }
        if items.is_empty() {
            self.wrong(
                class.spot,
                "this `Sequential` has no layers",
                "write `Sequential([Input(shape = ..), Dense(10)])`",
            );
            return None;
        }
        if input.is_none()
            && let Some(first) = members.first()
        {
            input = self.built_input(*first);
        }
        complete.then_some((input, members))
    }

    /// The input of a model that stands first in a `Sequential`, under a new name.
    fn built_input(&mut self, first: LayerId) -> Option<(String, Tensor)> {
        let LayerKind::Network(network) = &self.builder.arena.layers[first.0].kind else {
            return None;
        };
        let [input] = network.inputs.as_slice() else { return None };
        let tensor = network.tensors[input.0].clone();
        Some((self.builder.next_name("Input"), tensor))
    }

    /// How deep models nest in one of these layers.
    pub(crate) fn depth_of(&mut self, members: &[LayerId], spot: Spot) -> Result<u32, Stop> {
        let made = &self.builder.made;
        let depth = 1 + members.iter().map(|layer| made[layer.0].depth).max().unwrap_or(0);
        if depth > MAX_NESTING {
            self.wrong(spot, format!("models nest more than {MAX_NESTING} deep"), "");
            return Err(Stop);
        }
        Ok(depth)
    }

    /// Calls the layers of a `Sequential` one after the other. False, with the mistake noted, if
    /// one refuses.
    pub(crate) fn fill(
        &mut self,
        network: &mut Network,
        members: &[LayerId],
    ) -> Result<bool, Stop> {
        let mut tensor = network.inputs[0];
        let mut names: Vec<String> = vec![network.layers[0].name.clone()];
        let mut fits = true;
        for &member in members {
            let described = self.builder.arena.layers[member.0].clone();
            if matches!(described.kind, LayerKind::Input { .. }) {
                continue;
            }
            if names.contains(&described.name) {
                self.same_name(member, &described.name);
                fits = false;
            }
            names.push(described.name.clone());
            let head = self.builder.made[member.0].spot;
            if self.builder.made[member.0].is_deferred && !self.build_in(network, tensor, member)? {
                return Ok(false);
            }
            let described = self.builder.arena.layers[member.0].clone();
            let layer = network.add_layer(described);
            match network.call(layer, &[tensor]) {
                Ok(outputs) if outputs.len() == 1 => tensor = outputs[0],
                Ok(outputs) => {
                    let message = format!(
                        "this layer returns {} tensors, and a `Sequential` passes one on",
                        outputs.len()
                    );
                    let help = "write a functional model, with a name for each tensor: `let (a, b) \
                                = layer(x);`";
                    self.wrong(head, message, help);
                    return Ok(false);
                }
                Err(error) => {
                    let chain = Builder::chain(network, tensor);
                    self.layer_error(member, error, head, &[chain]);
                    return Ok(false);
                }
            }
        }
        if tensor == network.inputs[0] {
            self.wrong(
                self.builder.made[members[0].0].spot,
                "this `Sequential` has an `Input` and no layer",
                "add a layer: `Dense(10)`",
            );
            return Ok(false);
        }
        network.finish(&[tensor]);
        Ok(fits)
    }

    /// Builds a `Sequential` within another one.
    fn build_in(
        &mut self,
        outer: &Network,
        tensor: TensorId,
        member: LayerId,
    ) -> Result<bool, Stop> {
        let Tensor { shape, dtype, .. } = outer.tensors[tensor.0].clone();
        let name = self.builder.next_name("Input");
        let own = self.builder.arena.layers[member.0].name.clone();
        let mut network = Network::new(own, Class::Sequential);
        network.add_input(name, shape, dtype);
        let members = self.builder.made[member.0].members.clone();
        self.builder.made[member.0].is_deferred = false;
        let fits = self.fill(&mut network, &members)?;
        self.builder.arena.layers[member.0].kind = LayerKind::Network(Box::new(network));
        Ok(fits)
    }

    pub(crate) fn same_name(&mut self, layer: LayerId, name: &str) {
        self.wrong(
            self.builder.name_spot(layer),
            format!("two layers of this model are called `{name}`"),
            "give one of them another `name`",
        );
    }
}
