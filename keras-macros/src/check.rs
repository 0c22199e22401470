//! What a finished block must not leave behind: layers that nobody calls, results that lead
//! nowhere, inputs without use.

use keras_graph::network::{LayerId, LayerKind, Network};

use crate::builder::Held;
use crate::evaluate::Evaluator;

/// Which layers and calls of the arena are part of the model, and how often.
struct Usage {
    layers: Vec<u32>,
    calls: Vec<bool>,
}

impl Evaluator<'_> {
    /// The model that the block ended in, if nothing is wrong with it.
    pub(crate) fn finished(&mut self, model: LayerId) -> Option<Network> {
        if self.builder.made[model.0].is_deferred {
            let spot = self.builder.made[model.0].spot;
            self.wrong(
                spot,
                "this model has no `Input`",
                "begin the list with `Input(shape = (28, 28, 1))`",
            );
        }
        if !self.mistakes.is_empty() {
            return None;
        }
        let usage = self.usage(model);
        self.check_sharing(&usage);
        self.check_unused(&usage);
        self.check_loose_ends(&usage);
        let layer = &self.builder.arena.layers[model.0];
        match (&layer.kind, self.mistakes.is_empty()) {
            (LayerKind::Network(network), true) => {
                let mut network = (**network).clone();
                if !self.builder.made[model.0].is_named {
                    network.name.clone_from(&self.builder.model);
                }
                Some(network)
            }
            _ => None,
        }
    }

    fn usage(&self, model: LayerId) -> Usage {
        let Usage { mut layers, mut calls } = Usage {
            layers: vec![0; self.builder.made.len()],
            calls: vec![false; self.builder.arena.calls.len()],
        };
        let mut waiting = vec![model];
        while let Some(layer) = waiting.pop() {
            layers[layer.0] += 1;
            if layers[layer.0] > 1 {
                continue;
            }
            let made = &self.builder.made[layer.0];
            waiting.extend(&made.members);
            made.calls.iter().for_each(|&call| calls[call] = true);
        }
        Usage { layers, calls }
    }

    /// A layer belongs to one model only, because that model holds its weights.
    fn check_sharing(&mut self, usage: &Usage) {
        for layer in 0..usage.layers.len() {
            if usage.layers[layer] > 1 {
                let name = self.builder.arena.layers[layer].name.clone();
                let spot = self.builder.made[layer].spot;
                let message =
                    format!("`{name}` is part of two models, which cannot share its weights");
                self.wrong(spot, message, "call the smaller model as a layer of the larger one");
            }
        }
    }

    fn check_unused(&mut self, usage: &Usage) {
        // Layers of an unused model are not told one by one.
        let members: Vec<LayerId> =
            self.builder.made.iter().flat_map(|made| made.members.iter().copied()).collect();
        let called: Vec<LayerId> = self.builder.arena.calls.iter().map(|call| call.layer).collect();
        for layer in (0..usage.layers.len()).map(LayerId) {
            let made = &self.builder.made[layer.0];
            let is_elsewhere =
                made.held != Held::Not || members.contains(&layer) || called.contains(&layer);
            if usage.layers[layer.0] > 0 || is_elsewhere {
                continue;
            }
            let described = &self.builder.arena.layers[layer.0];
            let (name, class, spot) = (described.name.clone(), described.class(), made.spot);
            let help = match described.kind {
                LayerKind::Network(_) => {
                    "the model is the block's last expression; call others as layers of it"
                }
                _ => "call it on a tensor, as in `Dense(10)(x)`, or remove it",
            };
            self.wrong(spot, format!("`{name}`, a `{class}`, is never called"), help);
        }
    }

    /// Calls whose results nobody reads.
    fn check_loose_ends(&mut self, usage: &Usage) {
        let mut read = vec![false; self.builder.arena.calls.len()];
        for call in &self.builder.arena.calls {
            for input in call.call.tensors() {
                read[self.builder.arena.tensors[input.0].call] = true;
            }
        }
        for made in &self.builder.made {
            made.calls.iter().for_each(|&call| read[call] = true);
        }
        let used_up: Vec<LayerId> =
            self.builder.made.iter().flat_map(|made| made.members.iter().copied()).collect();
        for (call, &is_read) in read.iter().enumerate() {
            let layer = self.builder.arena.calls[call].layer;
            let described = &self.builder.arena.layers[layer.0];
            let is_input = matches!(described.kind, LayerKind::Input { .. });
            if is_read || usage.calls[call] || is_input && used_up.contains(&layer) {
                continue;
            }
            let name = described.name.clone();
            let spot = self.builder.call_spots[call];
            if is_input {
                self.wrong(
                    spot,
                    format!("the input `{name}` is never used"),
                    "call a layer on it, or remove it",
                );
            } else {
                let message = format!("the result of `{name}` leads to no output of the model");
                self.wrong(spot, message, "list it among `outputs`, or remove the call");
            }
        }
    }
}
