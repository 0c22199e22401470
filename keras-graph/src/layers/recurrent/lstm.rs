//! `LSTM` and `LSTMCell`: long short-term memory.

use super::plain_layers;
use crate::layers::{Case, NamedActivation};
use crate::op::CellKind;

plain_layers! {
    /// Long short-term memory: of `z = x · kernel + h · recurrent_kernel + bias`, with the columns
    /// `i, f, c, o`, `c = f · c + i · activation(c)` and `h = o · activation(c)`, where the gates
    /// `i`, `f` and `o` are the recurrent activation of their columns.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, units)`, or `(batch, steps, units)` with
    /// `return_sequences`; with `return_state` the states `h` and `c`, `(batch, units)` each,
    /// follow. A masked step leaves the states as they are. Sources: Hochreiter and Schmidhuber
    /// 1997, Gers et al. 2000, Keras 3.15 `layers/rnn/lstm.py`.
    layer LSTM,
    /// One step of [`struct@LSTM`], to be run by [`struct@RNN`](crate::layers::RNN).
    ///
    /// Shapes: `(batch, features)` and the states `[h, c]`, `(batch, units)` each, `-> h`, and the
    /// new states.
    cell LSTMCell,
    kernels " the kernel of the inputs `(features, 4 · units)`",
    " the kernel of the states `(units, 4 · units)`", " the bias `(4 · units,)`",
    functions {
        /// Function of the new memory, and of what it shows.
        activation: NamedActivation = NamedActivation::TANH,
        /// Function of the gates.
        recurrent_activation: NamedActivation = NamedActivation::SIGMOID,
    }
    more {
        /// Whether the bias of the forget gate starts at 1.
        unit_forget_bias: bool = true,
    }
    with |layer| {
        kind CellKind::Lstm, gates &layer.recurrent_activation, forget_gate layer.unit_forget_bias
    }
}

pub(in crate::layers) const CASES: &[Case] = &[
    Case { arguments: "3", inputs: &[&[4, 2]], output: &[3] },
    Case { arguments: "2, return_sequences = True", inputs: &[&[3, 4]], output: &[3, 2] },
    Case {
        arguments: "3, go_backwards = True, use_bias = False, return_sequences = True",
        inputs: &[&[4, 2]],
        output: &[4, 3],
    },
    Case {
        arguments: "3, activation = \"elu\", recurrent_activation = \"hard_sigmoid\", \
            unit_forget_bias = False",
        inputs: &[&[3, 2]],
        output: &[3],
    },
    Case {
        arguments: "3, dropout = 0.3, recurrent_dropout = 0.4, return_sequences = True",
        inputs: &[&[4, 2]],
        output: &[4, 3],
    },
];
