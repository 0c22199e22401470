//! `ConvLSTM2D`: an LSTM over sequences of images.

use super::conv_lstm;
use crate::layers::Case;

conv_lstm! {
    /// Long short-term memory over sequences of images: as [`struct@LSTM`](crate::layers::LSTM),
    /// with convolutions in place of the products.
    ///
    /// Shapes: `(batch, times, height, width, channels) -> (batch, rows, columns, filters)`, or
    /// `(batch, times, .., filters)` with `return_sequences`; with `return_state` the states `h`
    /// and `c`, each like the output of one time, follow. A masked time leaves the states as they
    /// are. Sources: Shi et al. 2015, Keras 3.15 `layers/rnn/conv_lstm.py`.
    pub struct ConvLSTM2D over 2 axes {
        /// Height and width of the kernel.
        kernel_size,
        " the kernel of the inputs `(height, width, channels, 4 · filters)`",
        " the kernel of the states `(height, width, filters, 4 · filters)`",
    }
}

pub(in crate::layers) const CASES: &[Case] = &[
    Case { arguments: "2, 2", inputs: &[&[2, 3, 4, 2]], output: &[2, 3, 2] },
    Case {
        arguments: "3, (2, 3), padding = \"same\", strides = (1, 2), return_sequences = True",
        inputs: &[&[3, 3, 4, 2]],
        output: &[3, 3, 2, 3],
    },
    Case {
        arguments: "2, 2, dilation_rate = (1, 2), go_backwards = True, return_sequences = True, \
            activation = \"elu\", recurrent_activation = \"hard_sigmoid\"",
        inputs: &[&[2, 3, 4, 1]],
        output: &[2, 2, 2, 2],
    },
    Case { arguments: "2, 2, padding = \"same\"", inputs: &[&[1, 3, 2, 2]], output: &[3, 2, 2] },
    Case {
        arguments: "2, 2, dropout = 0.3, recurrent_dropout = 0.4, return_sequences = True",
        inputs: &[&[3, 2, 3, 2]],
        output: &[3, 1, 2, 2],
    },
    Case {
        arguments: "2, 2, recurrent_dropout = 0.4, activation = \"softmax\"",
        inputs: &[&[2, 2, 3, 2]],
        output: &[1, 2, 2],
    },
];
