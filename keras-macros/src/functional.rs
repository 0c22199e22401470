//! `Model(inputs = .., outputs = ..)`: takes the calls between its ends out of the arena.

use std::collections::HashMap;
use std::rc::Rc;

use keras_graph::names::distinct;
use keras_graph::network::{
    Class, LayerCall, LayerId, LayerKind, Network, NetworkLayer, Tensor, TensorId,
};

use crate::arguments::{item_spots, name_places, written_list};
use crate::ast::{self, ExprKind, Name};
use crate::builder::Made;
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Outcome};
use crate::value::{Given, Value};

const MODEL_PARAMETERS: &[&str] = &["inputs", "outputs", "name", "trainable"];

/// A tensor at the edge of a model.
struct End {
    tensor: TensorId,
    layer: LayerId,
    spot: Spot,
    variable: Option<Rc<str>>,
}

impl Evaluator<'_> {
    /// `Model(inputs = x, outputs = y)`
    pub(crate) fn functional(
        &mut self,
        class: &Name,
        given: &[Given],
        written: &[ast::Argument],
    ) -> Outcome {
        let wanted = ["inputs", "outputs", "name", "trainable"];
        let [inputs, outputs, name, trainable] =
            self.sorted(class, MODEL_PARAMETERS, wanted, given);
        let is_named = name.is_some();
        let model_name = self.chosen_name("Functional", name);
        let trainable = self.trainable(trainable);
        self.builder.ports =
            [inputs, outputs].map(|given| given.map_or_else(Vec::new, |g| self.ports(g, written)));
        let (Some(inputs), Some(outputs)) = (inputs, outputs) else {
            let missing = if inputs.is_none() { "inputs" } else { "outputs" };
            self.wrong(
                class.spot,
                format!("`Model` needs the argument `{missing}`"),
                "write `Model(inputs = x, outputs = y)`",
            );
            return Ok(Value::Unknown);
        };
        let (Some(input_ends), Some(output_ends)) =
            (self.ends("inputs", inputs, written), self.ends("outputs", outputs, written))
        else {
            return Ok(Value::Unknown);
        };
        let Some(calls) = self.between(&input_ends, &output_ends) else {
            return Ok(Value::Unknown);
        };
        let (network, members) = self.extract(&model_name, &calls, &input_ends, &output_ends);
        if !self.names_differ(&network, &members) {
            return Ok(Value::Unknown);
        }
        let depth = self.depth_of(&members, class.spot)?;
        let arguments = name_places(given);
        let made = Made { is_named, arguments, members, calls, depth, ..Made::at(class.spot) };
        let layer = NetworkLayer {
            name: model_name,
            kind: LayerKind::Network(Box::new(network)),
            trainable,
            activity_regularizer: None,
        };
        Ok(Value::Layer(self.add(layer, made)?))
    }

    /// The tensors of `inputs` or `outputs`.
    fn ends(&mut self, what: &str, given: &Given, written: &[ast::Argument]) -> Option<Vec<End>> {
        let (items, spots) = match &given.value {
            Value::List(list) => (list.items.clone(), item_spots(given, written, list.items.len())),
            value => (vec![value.clone()], vec![given.spot]),
        };
        let variables = variables(given, written, items.len());
        let mut ends: Vec<End> = Vec::new();
        for ((item, spot), variable) in items.iter().zip(spots).zip(variables) {
            let Value::Tensor(tensor) = item else {
                if !item.is_unknown() {
                    let help = "a tensor is what `Input` and calls of layers return";
                    self.wrong(spot, format!("`{what}` expects tensors, found {item}"), help);
                }
                return None;
            };
            let arena = &self.builder.arena;
            let layer = arena.calls[arena.tensors[tensor.0].call].layer;
            let is_input = matches!(arena.layers[layer.0].kind, LayerKind::Input { .. });
            // Outputs may be inputs, and stand there twice.
            if what == "inputs" && !is_input {
                let help = "`inputs` lists what `Input(..)` returned";
                self.wrong(spot, "this tensor is no `Input`", help);
                return None;
            }
            if what == "inputs" && ends.iter().any(|end| end.tensor == *tensor) {
                self.wrong(spot, "this tensor stands twice in `inputs`", "");
                return None;
            }
            ends.push(End { tensor: *tensor, layer, spot, variable });
        }
        if ends.is_empty() {
            self.wrong(given.spot, format!("`{what}` is empty"), "");
            return None;
        }
        Some(ends)
    }

    /// The arena's calls that lead from the inputs to the outputs, in order.
    fn between(&mut self, inputs: &[End], outputs: &[End]) -> Option<Vec<usize>> {
        let arena = &self.builder.arena;
        let mut needed = vec![false; arena.calls.len()];
        let mut waiting: Vec<TensorId> = outputs.iter().map(|end| end.tensor).collect();
        while let Some(tensor) = waiting.pop() {
            let call = arena.tensors[tensor.0].call;
            if !needed[call] {
                needed[call] = true;
                waiting.extend(arena.calls[call].call.tensors());
            }
        }
        let calls: Vec<usize> = (0..needed.len()).filter(|&call| needed[call]).collect();
        let is_input =
            |layer: LayerId| matches!(arena.layers[layer.0].kind, LayerKind::Input { .. });
        let is_given = |layer| inputs.iter().any(|end| end.layer == layer);
        let strangers: Vec<LayerId> = calls
            .iter()
            .map(|&call| &arena.calls[call])
            .filter(|call| is_input(call.layer) && !is_given(call.layer))
            .map(|call| call.layer)
            .collect();
        for &stranger in &strangers {
            let name = self.builder.arena.layers[stranger.0].name.clone();
            let spot = self.builder.made[stranger.0].spot;
            self.wrong(
                spot,
                format!("the outputs depend on the input `{name}`, which is not among `inputs`"),
                "list it: `Model(inputs = [a, b], outputs = y)`",
            );
        }
        let mut complete = strangers.is_empty();
        for end in inputs {
            let call = self.builder.arena.tensors[end.tensor.0].call;
            if !needed[call] {
                let own = &self.builder.arena.layers[end.layer.0].name;
                let name = end.variable.as_deref().unwrap_or(own).to_string();
                self.wrong(
                    end.spot,
                    format!("no output depends on the input `{name}`"),
                    "remove it from `inputs`, or use it",
                );
                complete = false;
            }
        }
        complete.then_some(calls)
    }

    /// A network of these calls, and its layers in the arena.
    fn extract(
        &self,
        name: &str,
        calls: &[usize],
        inputs: &[End],
        outputs: &[End],
    ) -> (Network, Vec<LayerId>) {
        let arena = &self.builder.arena;
        let mut members: Vec<LayerId> = calls.iter().map(|&call| arena.calls[call].layer).collect();
        members.sort();
        members.dedup();
        let mut network = Network::new(name, Class::Functional);
        let mut tensors: HashMap<TensorId, TensorId> = HashMap::new();
        for &layer in &members {
            network.add_layer(arena.layers[layer.0].clone());
        }
        for &call in calls {
            let LayerCall { layer, call, outputs } = &arena.calls[call];
            let index = network.calls.len();
            for &output in outputs {
                tensors.insert(output, TensorId(network.tensors.len()));
                network.tensors.push(Tensor { call: index, ..arena.tensors[output.0].clone() });
            }
            let layer = LayerId(members.binary_search(layer).unwrap_or_default());
            network.calls.push(LayerCall {
                layer,
                call: call.map(|tensor| tensors[&tensor]),
                outputs: outputs.iter().map(|tensor| tensors[tensor]).collect(),
            });
        }
        network.inputs = inputs.iter().map(|end| tensors[&end.tensor]).collect();
        let ends: Vec<TensorId> = outputs.iter().map(|end| tensors[&end.tensor]).collect();
        network.finish(&ends);
        self.name_ends(&mut network, &members, inputs, outputs);
        (network, members)
    }

    /// Several inputs or outputs are named by `name`, or by what they were bound to.
    fn name_ends(
        &self,
        network: &mut Network,
        members: &[LayerId],
        inputs: &[End],
        outputs: &[End],
    ) {
        let bound = |end: &End| {
            let variable =
                end.variable.clone().filter(|_| !self.builder.made[end.layer.0].is_named);
            variable.map(|variable| variable.to_string())
        };
        if inputs.len() > 1 {
            for end in inputs {
                let at = members.binary_search(&end.layer).unwrap_or_default();
                if let Some(name) = bound(end)
                    && !network.layers.iter().any(|layer| layer.name == name)
                {
                    network.layers[at].name = name;
                }
            }
        }
        if outputs.len() > 1 {
            for (i, end) in outputs.iter().enumerate() {
                if let Some(name) = bound(end) {
                    network.output_names[i] = name;
                }
            }
            network.output_names = distinct(std::mem::take(&mut network.output_names));
        }
    }

    fn names_differ(&mut self, network: &Network, members: &[LayerId]) -> bool {
        let mut seen: HashMap<&str, LayerId> = HashMap::new();
        let mut differ = true;
        for (layer, &member) in network.layers.iter().zip(members) {
            if seen.insert(&layer.name, member).is_some() {
                self.same_name(member, &layer.name);
                differ = false;
            }
        }
        differ
    }
}

/// The names that the items were written as.
fn variables(given: &Given, written: &[ast::Argument], len: usize) -> Vec<Option<Rc<str>>> {
    let of = |expr: &ast::Expr| match &expr.kind {
        ExprKind::Name(name) => Some(name.clone()),
        _ => None,
    };
    match written_list(given, written, len) {
        Some(items) => items.iter().map(of).collect(),
        None if len == 1 => vec![given.variable.clone()],
        None => vec![None; len],
    }
}
