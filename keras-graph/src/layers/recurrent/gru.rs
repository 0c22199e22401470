//! `GRU` and `GRUCell`: gated recurrent units.

use super::plain_layers;
use crate::layers::{Case, NamedActivation};
use crate::op::CellKind;

plain_layers! {
    /// Gated recurrent units: of the columns `z, r, h` of `x · kernel` and `h · recurrent_kernel`,
    /// `h = z · h + (1 - z) · c`, where the gates `z` and `r` are the recurrent activation of both
    /// products' sums, and `c = activation(x_h + r · h_h)`.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, units)`, or `(batch, steps, units)` with
    /// `return_sequences`; with `return_state` the state `(batch, units)` follows. A masked step
    /// leaves the state as it is. Sources: Cho et al. 2014, Keras 3.15 `layers/rnn/gru.py`.
    layer GRU,
    /// One step of [`struct@GRU`], to be run by [`struct@RNN`](crate::layers::RNN).
    ///
    /// Shapes: `(batch, features)` and the state `(batch, units) -> (batch, units)`, twice.
    cell GRUCell,
    kernels " the kernel of the inputs `(features, 3 · units)`",
    " the kernel of the states `(units, 3 · units)`",
    " the bias: `(2, 3 · units)`, of inputs and of states, or `(3 · units,)` without `reset_after`",
    functions {
        /// Function of the new state.
        activation: NamedActivation = NamedActivation::TANH,
        /// Function of the gates.
        recurrent_activation: NamedActivation = NamedActivation::SIGMOID,
    }
    more {
        /// Whether the reset gate is applied to the product of the state, and not to the state.
        reset_after: bool = true,
    }
    with |layer| {
        kind if layer.reset_after { CellKind::Gru } else { CellKind::GruResetBefore },
        gates &layer.recurrent_activation,
        forget_gate false
    }
}

pub(in crate::layers) const CASES: &[Case] = &[
    Case { arguments: "3", inputs: &[&[4, 2]], output: &[3] },
    Case { arguments: "2, return_sequences = True", inputs: &[&[3, 4]], output: &[3, 2] },
    Case {
        arguments: "3, reset_after = False, return_sequences = True, go_backwards = True",
        inputs: &[&[4, 2]],
        output: &[4, 3],
    },
    Case {
        arguments: "3, activation = \"selu\", recurrent_activation = \"hard_sigmoid\", \
            use_bias = False",
        inputs: &[&[3, 2]],
        output: &[3],
    },
    Case {
        arguments: "3, dropout = 0.3, recurrent_dropout = 0.4, return_sequences = True",
        inputs: &[&[4, 2]],
        output: &[4, 3],
    },
    Case {
        arguments: "3, reset_after = False, recurrent_dropout = 0.4",
        inputs: &[&[4, 2]],
        output: &[3],
    },
];
