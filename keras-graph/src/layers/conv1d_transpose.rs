//! `Conv1DTranspose`: a convolution over sequences turned round.

use crate::layers::Case;
use crate::layers::family::transposed_convolution;

transposed_convolution! {
    /// Adds a scaled kernel to the output for each step of the input: what takes gradients back
    /// through a [`Conv1D`](super::Conv1D).
    ///
    /// Shapes: `(batch, steps, features) -> (batch, longer, filters)`; with `padding = "same"`
    /// there are `steps · strides` steps.
    pub struct Conv1DTranspose over 1 axes {
        /// Steps of the kernel.
        kernel_size,
        /// Steps added at the end; fewer than the strides.
        output_padding,
        /// the kernel `(steps, filters, features)`
        kernel,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "4, 3", inputs: &[&[5, 2]], output: &[7, 4] },
    Case {
        arguments: "filters = 4, kernel_size = 3, strides = 2, padding = \"same\", \
            activation = \"relu\"",
        inputs: &[&[3, 2]],
        output: &[6, 4],
    },
    Case {
        arguments: "3, 2, strides = 3, output_padding = 2, use_bias = False",
        inputs: &[&[4, 2]],
        output: &[13, 3],
    },
    Case { arguments: "3, 2, dilation_rate = 3", inputs: &[&[4, 2]], output: &[7, 3] },
];
