//! `ConvLSTM1D`: an LSTM over sequences of rows of cells.

use super::conv_lstm;
use crate::layers::Case;

conv_lstm! {
    /// Long short-term memory over sequences of rows of cells: as
    /// [`struct@LSTM`](crate::layers::LSTM), with convolutions in place of the products.
    ///
    /// Shapes: `(batch, times, steps, channels) -> (batch, windows, filters)`, or
    /// `(batch, times, .., filters)` with `return_sequences`; with `return_state` the states `h`
    /// and `c`, each like the output of one time, follow. A masked time leaves the states as they
    /// are. Sources: Shi et al. 2015, Keras 3.15 `layers/rnn/conv_lstm.py`.
    pub struct ConvLSTM1D over 1 axes {
        /// Cells of the kernel.
        kernel_size,
        " the kernel of the inputs `(steps, channels, 4 · filters)`",
        " the kernel of the states `(steps, filters, 4 · filters)`",
    }
}

pub(in crate::layers) const CASES: &[Case] = &[
    Case { arguments: "2, 3", inputs: &[&[3, 5, 2]], output: &[3, 2] },
    Case {
        arguments: "3, 2, padding = \"same\", strides = 2, return_sequences = True",
        inputs: &[&[3, 5, 2]],
        output: &[3, 3, 3],
    },
    Case {
        arguments: "2, 3, padding = \"same\", go_backwards = True, use_bias = False, \
            return_sequences = True, unit_forget_bias = False",
        inputs: &[&[2, 4, 3]],
        output: &[2, 4, 2],
    },
];
