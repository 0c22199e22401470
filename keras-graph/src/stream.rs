//! Streams: a model of sequences that runs step by step, with its states kept between steps.
//!
//! The same network is lowered once more, for a sequence of one step. Layers that compute each step
//! by itself are lowered as they are; recurrent layers and causal convolutions read their states
//! from the graph and leave new ones there. Whatever looks ahead, or at all steps, is refused by
//! name.

use crate::compile::plan_of;
use crate::error::LayerError;
use crate::graph::Graph;
use crate::layer::{Flags, Layer};
use crate::network::{LayerCall, LayerKind, Network};
use crate::order::live_calls;
use crate::plan::Plan;
use crate::value::Value;

/// A model as a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// Computes one step. Its first input and output are the model's, of a sequence of one step;
    /// the others are the states, before the step and behind it.
    pub plan: Plan,
}

/// Layers that compute each step of a sequence by itself. An `axis` must be that of the features.
const BY_STEP: &[&str] = &[
    "Activation",
    "ActivityRegularization",
    "Add",
    "Average",
    "BatchNormalization",
    "Concatenate",
    "Dense",
    "Dropout",
    "ELU",
    "Embedding",
    "Identity",
    "LayerNormalization",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "Multiply",
    "ReLU",
    "Rescaling",
    "RMSNormalization",
    "Softmax",
    "SpatialDropout1D",
    "Subtract",
    "TimeDistributed",
    "UnitNormalization",
];

/// Layers for sequences beside the recurrent ones.
const OF_SEQUENCES: &[&str] = &["Bidirectional", "Conv1D"];

/// Whether a model has a layer for sequences, so that someone may want it as a stream.
pub fn is_of_sequences(network: &Network) -> bool {
    network.layers.iter().any(|layer| match &layer.kind {
        LayerKind::Input { .. } => false,
        LayerKind::Layer(layer) => {
            layer.as_recurrent().is_some() || OF_SEQUENCES.contains(&layer.schema().class)
        }
        LayerKind::Network(network) => is_of_sequences(network),
    })
}

/// The plan of one step. Errors: a layer that looks ahead, or at all steps; its path stands in the
/// error.
pub fn compile_stream(network: &Network) -> Result<Stream, LayerError> {
    let (&[input], &[output]) = (&network.inputs[..], &network.outputs[..]) else {
        return Err(LayerError::input("it has several inputs or outputs"));
    };
    check(network, "")?;
    let [steps, ..] = *network.shape(input).extents() else {
        return Err(LayerError::input("its input has no steps"));
    };
    let whole = network.lower(crate::graph::Mode::Inference)?;
    let mut graph = Graph::of_one_step(1);
    network.lower_step(&mut graph)?;
    let shape = network.shape(output).extents();
    let one = [&[1], shape.get(1..).unwrap_or_default()].concat();
    let found = graph.shape(graph.outputs()[0]).extents();
    if shape.first() != Some(&steps) || found != one {
        return Err(LayerError::input("it does not return an output for each step"));
    }
    for (a, b) in whole.weights().iter().zip(graph.weights()) {
        if (&a.layer, a.name, &a.shape) != (&b.layer, b.name, &b.shape) {
            return Err(refused(&a.layer, "its weights depend on the number of steps"));
        }
    }
    let states = graph.past.as_ref().map_or(Vec::new(), |(_, past)| past.states.clone());
    let behind = states.iter().map(|[_, behind]| *behind);
    graph.outputs.extend(behind);
    Ok(Stream { plan: plan_of(network, graph, states.len())? })
}

fn refused(layer: &str, why: &str) -> LayerError {
    LayerError { layer: Some(layer.to_string()), ..LayerError::input(why) }
}

/// Refuses what does not compute each step by itself or keep its own past.
fn check(network: &Network, scope: &str) -> Result<(), LayerError> {
    for call in live_calls(network) {
        let LayerCall { layer, call, .. } = &network.calls[call];
        let described = &network.layers[layer.0];
        let path = format!("{scope}{}", described.name);
        match &described.kind {
            LayerKind::Input { .. } => {}
            LayerKind::Network(inner) => check(inner, &format!("{path}/"))?,
            LayerKind::Layer(layer) => {
                let class = layer.schema().class;
                let ranks = call.tensors().into_iter().map(|tensor| network.shape(tensor).rank());
                let least = if class == "Embedding" { 1 } else { 2 };
                let has_steps = ranks.into_iter().all(|rank| rank >= least);
                if let Some(why) = keeps_no_past(&**layer)
                    && !(is_by_step(&**layer) && has_steps)
                {
                    return Err(refused(&path, &format!("`{class}` {why}")));
                }
                if !call.arguments.is_empty() {
                    return Err(refused(&path, &format!("`{class}` is called with arguments")));
                }
                if call.inputs.iter().any(|input| network.tensors[input.0].mask.is_some()) {
                    return Err(refused(&path, &format!("`{class}` reads a mask")));
                }
            }
        }
    }
    Ok(())
}

/// Why a layer cannot keep what it needs of the past; None if it can.
fn keeps_no_past(layer: &dyn Layer) -> Option<&'static str> {
    if let Some(layer) = layer.as_recurrent() {
        let flags = layer.flags();
        return match flags {
            Flags { go_backwards: true, .. } => Some("reads the sequence from its end"),
            Flags { return_sequences: false, .. } => {
                Some("returns the output of the last step alone")
            }
            Flags { return_state: true, .. } => Some("returns its states"),
            _ => None,
        };
    }
    if layer.schema().class != "Conv1D" {
        return Some("does not compute each step by itself");
    }
    let config = layer.config();
    let value = |name: &str| config.iter().find(|(known, _)| *known == name).map(|(_, v)| v);
    let is_one = |name: &str| value(name) == Some(&Value::List(vec![Value::Int(1)]));
    if !is_one("strides") {
        return Some("does not make an output for each step");
    }
    let is_causal = value("padding") == Some(&Value::Str("causal".to_string()));
    let looks_ahead = !is_causal && !is_one("kernel_size");
    looks_ahead.then_some("looks ahead unless it has `padding = \"causal\"`")
}

fn is_by_step(layer: &dyn Layer) -> bool {
    let is_last = |value: &Value| match value {
        Value::Int(axis) => *axis == -1,
        Value::List(axes) => axes[..] == [Value::Int(-1)],
        _ => false,
    };
    let class = layer.schema().class;
    let mut config = layer.config().into_iter();
    BY_STEP.contains(&class) && config.all(|(name, value)| name != "axis" || is_last(&value))
}

#[cfg(test)]
mod tests;
