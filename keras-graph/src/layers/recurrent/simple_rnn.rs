//! `SimpleRNN` and `SimpleRNNCell`: a state that is a function of input and state.

use super::plain_layers;
use crate::layers::{Case, NamedActivation};
use crate::op::CellKind;

plain_layers! {
    /// The state follows the inputs: `h = activation(x · kernel + h · recurrent_kernel + bias)`.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, units)`, or `(batch, steps, units)` with
    /// `return_sequences`; with `return_state` the state `(batch, units)` follows. A masked step
    /// leaves the state as it is. Source: Keras 3.15 `layers/rnn/simple_rnn.py`.
    layer SimpleRNN,
    /// One step of [`struct@SimpleRNN`], to be run by [`struct@RNN`](crate::layers::RNN).
    ///
    /// Shapes: `(batch, features)` and the state `(batch, units) -> (batch, units)`, twice.
    cell SimpleRNNCell,
    kernels " the kernel of the inputs `(features, units)`",
    " the kernel of the states `(units, units)`", " the bias `(units,)`",
    functions {
        /// Function of the new state.
        activation: NamedActivation = NamedActivation::TANH,
    }
    more {}
    with |_layer| {
        kind CellKind::Simple, gates &NamedActivation::LINEAR, forget_gate false
    }
    configured without "seed"
}

pub(in crate::layers) const CASES: &[Case] = &[
    Case { arguments: "3", inputs: &[&[4, 2]], output: &[3] },
    Case {
        arguments: "2, activation = \"relu\", return_sequences = True",
        inputs: &[&[3, 4]],
        output: &[3, 2],
    },
    Case {
        arguments: "3, go_backwards = True, use_bias = False, return_sequences = True",
        inputs: &[&[4, 2]],
        output: &[4, 3],
    },
    Case {
        arguments: "3, dropout = 0.3, recurrent_dropout = 0.4, return_sequences = True",
        inputs: &[&[4, 2]],
        output: &[4, 3],
    },
];
