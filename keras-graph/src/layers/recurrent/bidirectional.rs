//! `Bidirectional`: a sequence read from both ends.

use super::{CALL, mask_sources, run_layer};
use crate::call::{Call, CallArgument, CallParameter, CallValue, Lowered};
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::{Flags, Layer, MaskSource, MaskedRank, RecurrentLayer};
use crate::layers::recurrent::INITIAL_STATE;
use crate::layers::{Case, InnerLayer};
use crate::op::BinaryFunction;
use crate::parameter::{OnlyNone, word};
use crate::schema::{Mismatch, ParameterType, layer, layer_basics};
use crate::value::{Argument, Object, Value};

layer! {
    /// Runs a recurrent layer over a sequence, and one like it from the sequence's end, and merges
    /// their outputs.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, steps, 2 · units)`, or `(batch, 2 · units)` for
    /// a layer without `return_sequences`; `units` for a merge mode other than `"concat"`. With
    /// `merge_mode = None` both outputs are results. The states of both layers follow, if the
    /// layer has `return_state`. In sequences, the output of a masked step is zero. Source: Keras
    /// 3.15 `layers/rnn/bidirectional.py`.
    pub struct Bidirectional {
        /// The layer, such as `LSTM(8)`.
        layer: InnerLayer,
        /// How outputs are merged: `"concat"`, `"sum"`, `"mul"`, `"ave"`, or `None`.
        merge_mode: MergeMode = MergeMode::Concat,
        /// Not supported: weights are loaded, not given.
        weights: OnlyNone = OnlyNone,
        /// The layer that reads from the end; by default one like `layer`.
        backward_layer: Option<InnerLayer> = None,
    }
}

pub(in crate::layers) const CASES: &[Case] = &[
    Case { arguments: "LSTM(3)", inputs: &[&[4, 2]], output: &[6] },
    Case {
        arguments: "GRU(3, return_sequences = True), merge_mode = \"mul\"",
        inputs: &[&[4, 2]],
        output: &[4, 3],
    },
    Case { arguments: "RNN(GRUCell(3)), merge_mode = \"ave\"", inputs: &[&[4, 2]], output: &[3] },
    Case {
        arguments: "SimpleRNN(3, return_sequences = True), \
            backward_layer = LSTM(2, return_sequences = True, go_backwards = True)",
        inputs: &[&[4, 2]],
        output: &[4, 5],
    },
];

/// How two outputs become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMode {
    /// One behind the other.
    Concat,
    /// Their sum.
    Sum,
    /// Their product.
    Multiply,
    /// Their mean.
    Average,
    /// Not at all.
    Apart,
}

const MODES: &[(&str, MergeMode)] = &[
    ("concat", MergeMode::Concat),
    ("sum", MergeMode::Sum),
    ("mul", MergeMode::Multiply),
    ("ave", MergeMode::Average),
];

impl ParameterType for MergeMode {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        if *value == Value::None {
            return Ok(MergeMode::Apart);
        }
        let mode = word(value).and_then(|name| MODES.iter().find(|(known, _)| *known == name));
        mode.map(|(_, mode)| *mode).ok_or_else(|| {
            Mismatch::expected("`\"concat\"`, `\"sum\"`, `\"mul\"`, `\"ave\"` or `None`")
        })
    }

    fn to_value(&self) -> Value {
        let mode = MODES.iter().find(|(_, mode)| mode == self);
        mode.map_or(Value::None, |(name, _)| Value::Str((*name).to_string()))
    }
}

/// A layer with some of its arguments replaced, and another name.
fn changed(layer: &InnerLayer, name: String, flags: &[(&str, bool)]) -> InnerLayer {
    let mut value = layer.to_value();
    if let Value::Layer(Object { arguments, .. }) = &mut value {
        for &(name, flag) in flags {
            let argument = arguments.iter_mut().find(|given| given.name.as_deref() == Some(name));
            match argument {
                Some(argument) => argument.value = Value::Bool(flag),
                None => arguments
                    .push(Argument { name: Some(name.to_string()), value: Value::Bool(flag) }),
            }
        }
    }
    // A layer that was read is read again.
    let mut layer = InnerLayer::from_value(&value).unwrap_or_else(|_| layer.clone());
    layer.name = name;
    layer
}

impl Bidirectional {
    /// The layer that reads from the beginning, and that from the end, as Keras names them and with
    /// the arguments that it sets.
    fn layers(&self) -> Result<[InnerLayer; 2], LayerError> {
        let flags = |argument: &'static str, layer: &InnerLayer| {
            let class = layer.layer.schema().class;
            layer.layer.as_recurrent().map(RecurrentLayer::flags).ok_or_else(|| {
                let message = format!("`Bidirectional` expects a recurrent layer, found `{class}`");
                LayerError::argument(argument, message)
                    .help("write a layer such as `LSTM(8)` or `RNN(cell)`")
            })
        };
        let given = flags("layer", &self.layer)?;
        let named = |prefix: &str| {
            let name = &self.layer.name;
            format!("{prefix}{}", name.strip_prefix(prefix).unwrap_or(name))
        };
        let zero = ("zero_output_for_mask", given.return_sequences);
        let forward = changed(&self.layer, named("forward_"), &[zero]);
        let backward = match &self.backward_layer {
            Some(layer) => {
                let found = flags("backward_layer", layer)?;
                check(&given, &found)?;
                changed(layer, layer.name.clone(), &[zero])
            }
            // As Keras has it, which refuses a layer that goes backwards already.
            None if given.go_backwards => {
                let message = "`Bidirectional` expects a layer that begins with the first step, \
                               found `go_backwards = True`";
                return Err(LayerError::argument("layer", message)
                    .help("leave it out: the second layer goes backwards by itself"));
            }
            None => changed(&self.layer, named("backward_"), &[zero, ("go_backwards", true)]),
        };
        let mut layers = [forward, backward];
        if layers[0].name == layers[1].name {
            layers[1].name.push_str("_1");
        }
        Ok(layers)
    }

    fn merge(&self, graph: &mut Graph, a: NodeId, b: NodeId) -> Result<NodeId, LayerError> {
        let function = match self.merge_mode {
            MergeMode::Concat | MergeMode::Apart => {
                let axis = graph.shape(a).rank() - 1;
                return graph.concat(&[a, b], axis);
            }
            MergeMode::Multiply => BinaryFunction::Multiply,
            MergeMode::Sum | MergeMode::Average => BinaryFunction::Add,
        };
        if graph.shape(a) != graph.shape(b) {
            let (first, second) = (graph.shape(a), graph.shape(b));
            let message = format!(
                "`Bidirectional` expects outputs of one shape for this `merge_mode`, found \
                 {first} and {second}"
            );
            return Err(LayerError::argument("merge_mode", message)
                .help("write `merge_mode = \"concat\"`, or layers with the same `units`"));
        }
        let merged = graph.binary(a, b, function)?;
        match self.merge_mode {
            MergeMode::Average => graph.affine(merged, 0.5, 0.0),
            _ => Ok(merged),
        }
    }
}

/// Refuses two layers that do not fit, as Keras does.
fn check(forward: &Flags, backward: &Flags) -> Result<(), LayerError> {
    let wrong = |message: String, help: &str| {
        Err(LayerError::argument("backward_layer", message).help(help))
    };
    if forward.go_backwards == backward.go_backwards {
        let found = if forward.go_backwards { "True" } else { "False" };
        let message = format!(
            "`Bidirectional` expects one layer with `go_backwards = True`, found `{found}` in both"
        );
        return wrong(message, "write `go_backwards = True` in `backward_layer` alone");
    }
    for (name, [a, b]) in [
        ("return_sequences", [forward.return_sequences, backward.return_sequences]),
        ("return_state", [forward.return_state, backward.return_state]),
    ] {
        if a != b {
            let message = format!(
                "`Bidirectional` expects layers with the same `{name}`, found one with it and one \
                 without"
            );
            return wrong(message, &format!("write `{name} = True` in both, or in none"));
        }
    }
    Ok(())
}

impl Layer for Bidirectional {
    layer_basics!(no config);

    fn config(&self) -> Vec<(&'static str, Value)> {
        let mut config = self.config_values();
        if let Ok([forward, backward]) = self.layers() {
            for (name, value) in &mut config {
                match *name {
                    "layer" => *value = forward.to_value(),
                    "backward_layer" => *value = backward.to_value(),
                    _ => {}
                }
            }
        }
        config.retain(|(name, _)| *name != "weights");
        config
    }

    fn call_parameters(&self) -> &'static [CallParameter] {
        CALL
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn mask_sources(&self, _: &[MaskedRank]) -> Vec<MaskSource> {
        let flags = self.layer.layer.as_recurrent().map(RecurrentLayer::flags);
        flags.map_or(Vec::new(), |flags| mask_sources(&flags))
    }

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let [forward, backward] = self.layers()?;
        let calls = split_states(call)?;
        let mut run = |attribute: &'static str, layer: &InnerLayer, call: &Call<Lowered>| {
            let InnerLayer { name, layer, trainable, .. } = layer;
            graph.in_inner(attribute, name, *trainable, |graph| match layer.as_recurrent() {
                Some(layer) => run_layer(layer, graph, call, false),
                None => Err(LayerError::argument(attribute, "expects a recurrent layer")),
            })
        };
        let first = run("forward_layer", &forward, &calls[0])?;
        let second = run("backward_layer", &backward, &calls[1])?;
        let ([a, states @ ..], [b, others @ ..]) = (&first[..], &second[..]) else {
            return Err(LayerError::input("`Bidirectional` expects layers with an output"));
        };
        let mut results = match self.merge_mode {
            MergeMode::Apart => vec![*a, *b],
            _ => vec![Lowered { node: self.merge(graph, a.node, b.node)?, mask: a.mask }],
        };
        results.extend(states.iter().chain(others));
        Ok(results)
    }
}

/// The calls of both layers: each gets half of the initial states.
fn split_states(call: &Call<Lowered>) -> Result<[Call<Lowered>; 2], LayerError> {
    let mut calls = [call.clone(), call.clone()];
    let Some(states) = call.list(INITIAL_STATE.name) else { return Ok(calls) };
    if !states.len().is_multiple_of(2) {
        let found = states.len();
        let message = format!(
            "`Bidirectional` expects `initial_state` with the states of both layers, found a list \
             of {found}"
        );
        return Err(LayerError::argument(INITIAL_STATE.name, message)
            .help("write the states of the first layer, then those of the second"));
    }
    let (first, second) = states.split_at(states.len() / 2);
    for (call, states) in calls.iter_mut().zip([first, second]) {
        let value = |state: &Option<Lowered>| match state {
            Some(tensor) => CallValue::Tensor(*tensor),
            None => CallValue::Value(Value::None),
        };
        let own = CallValue::List(states.iter().map(value).collect());
        let argument = |given: &&mut CallArgument<Lowered>| given.name == INITIAL_STATE.name;
        if let Some(argument) = call.arguments.iter_mut().find(argument) {
            argument.value = own;
        }
    }
    Ok(calls)
}
