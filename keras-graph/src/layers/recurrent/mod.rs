//! Recurrent layers: what a cell does with all steps of a sequence, and the layers that run one.
//!
//! A cell is a layer that computes one step. It knows how to run a whole sequence too, as the
//! products of all inputs and one op for the steps; so `LSTM(8)` and `RNN(LSTMCell(8))` are the
//! same ops, and stacked cells run one behind the other, each through the whole sequence. Source:
//! Keras 3.15 `layers/rnn/`.

pub(super) mod bidirectional;
pub(super) mod cells;
mod conv_lstm;
pub(super) mod conv_lstm1d;
pub(super) mod conv_lstm2d;
mod convolutional;
mod declare;
pub(super) mod gru;
pub(super) mod lstm;
mod plain;
pub(super) mod rnn;
pub(super) mod simple_rnn;
mod stacked_rnn_cells;

pub use bidirectional::Bidirectional;
pub use conv_lstm1d::ConvLSTM1D;
pub use conv_lstm2d::ConvLSTM2D;
pub use gru::{GRU, GRUCell};
pub use lstm::{LSTM, LSTMCell};
pub use rnn::RNN;
pub use simple_rnn::{SimpleRNN, SimpleRNNCell};
pub use stacked_rnn_cells::StackedRNNCells;

pub(crate) use conv_lstm::conv_lstm;
pub(crate) use convolutional::ConvLstm;
pub(crate) use declare::{flags, plain_layers, recurrent_basics};
pub use plain::UseCudnn;
pub(crate) use plain::{CELL_CALL, Plain, run_step};

use crate::call::{Call, CallKind, CallParameter, Lowered, MASK, TRAINING};
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::{Flags, MaskSource, RecurrentLayer, Run};
use crate::ops::Recurred;
use crate::shape::Shape;

/// `initial_state`: the states before the first step.
pub(crate) const INITIAL_STATE: CallParameter = CallParameter {
    name: "initial_state",
    docs: "The states before the first step, as `return_state` returns them; zeros by default.",
    kind: CallKind::Tensors,
};

/// The arguments of a call of a recurrent layer, in Keras' order.
pub(crate) const CALL: &[CallParameter] = &[INITIAL_STATE, MASK, TRAINING];

/// Appends the ops of a recurrent layer; with [`Flags::go_backwards`], the outputs of the steps in
/// the order in which they are made if `turns`.
pub(crate) fn run_layer<L: RecurrentLayer + ?Sized>(
    layer: &L,
    graph: &mut Graph,
    call: &Call<Lowered>,
    turns: bool,
) -> Result<Vec<Lowered>, LayerError> {
    let (class, flags) = (layer.schema().class, layer.flags());
    let x = call.one(class)?;
    let x = graph.float(x)?;
    let extents = graph.extents(x);
    let expected = layer.states(&extents)?;
    let [times, _, ..] = &extents[..] else { return Err(too_few_axes(class, graph, x)) };
    let mask = call.mask();
    if let Some(mask) = mask {
        expect_mask(class, graph, mask, *times)?;
    }
    let initial = states_of(class, graph, call, &INITIAL_STATE, &expected)?;
    let run = Run {
        backward: flags.go_backwards,
        sequences: flags.return_sequences,
        with_states: flags.return_state,
        initial,
        mask,
    };
    let Recurred { mut output, states } = layer.run(graph, x, &run)?;
    if let Some(mask) = mask.filter(|_| flags.zero_output_for_mask) {
        output = zero_masked(graph, output, mask, &flags)?;
    }
    if flags.return_sequences && flags.go_backwards && turns {
        output = graph.reverse(output, 0)?;
    }
    let mask = mask.filter(|_| flags.return_sequences);
    let mut results = vec![Lowered { node: output, mask }];
    results.extend(states.into_iter().map(Lowered::unmasked));
    Ok(results)
}

fn too_few_axes(class: &str, graph: &Graph, x: NodeId) -> LayerError {
    let found = graph.shape(x);
    let help = "a recurrent layer before it needs `return_sequences = True`; a sequence of numbers \
                has one feature: `Input(shape = (steps, 1))`";
    LayerError::input(format!("`{class}` expects (batch, steps, features), found {found}"))
        .help(help)
}

fn expect_mask(class: &str, graph: &Graph, mask: NodeId, times: usize) -> Result<(), LayerError> {
    let found = graph.shape(mask);
    if found.extents() == [times] {
        return Ok(());
    }
    let message = format!("`{class}` expects `mask` of shape (batch, {times}), found {found}");
    Err(LayerError::argument(MASK.name, message).help("a mask has one truth value for each step"))
}

/// The states that an argument of a call lists, none if it is not given. They must have the extents
/// of those of the cell.
pub(crate) fn states_of(
    class: &str,
    graph: &mut Graph,
    call: &Call<Lowered>,
    parameter: &CallParameter,
    expected: &[Vec<usize>],
) -> Result<Vec<NodeId>, LayerError> {
    let name = parameter.name;
    let Some(given) = call.list(name) else { return Ok(Vec::new()) };
    let shapes: Vec<String> =
        expected.iter().map(|extents| Shape::new(&extents[..]).to_string()).collect();
    let wrong = |found: String| {
        let message =
            format!("`{class}` expects `{name}` of {}, found {found}", shapes.join(" and "));
        LayerError::argument(name, message)
    };
    if given.len() != expected.len() {
        let tensors = |count: usize| match count {
            1 => "one tensor".to_string(),
            count => format!("{count} tensors"),
        };
        let help = format!("write a list of {}", tensors(expected.len()));
        return Err(wrong(tensors(given.len())).help(help));
    }
    let mut states = Vec::with_capacity(given.len());
    for (state, extents) in given.iter().zip(expected) {
        let Some(state) = state else { return Err(wrong("`None`".to_string())) };
        if graph.shape(state.node).extents() != extents {
            return Err(wrong(graph.shape(state.node).to_string()));
        }
        states.push(graph.float(state.node)?);
    }
    Ok(states)
}

/// Zeros where the output's step is masked.
fn zero_masked(
    graph: &mut Graph,
    output: NodeId,
    mask: NodeId,
    flags: &Flags,
) -> Result<NodeId, LayerError> {
    if flags.return_sequences {
        return graph.masked(output, mask, 0.0);
    }
    let times = graph.shape(mask).len();
    let last = if flags.go_backwards { 0 } else { times - 1 };
    let mask = graph.slice(mask, 0, last, 1)?;
    graph.masked(output, mask, 0.0)
}

/// What Keras makes the mask of a recurrent layer's result from.
pub(crate) fn mask_sources(flags: &Flags) -> Vec<MaskSource> {
    match flags.return_sequences {
        true => vec![MaskSource { input: 0, is_mask: true, operations: 0 }],
        false => Vec::new(),
    }
}
