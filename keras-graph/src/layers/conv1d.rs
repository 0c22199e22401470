//! `Conv1D`: a convolution over sequences.

use crate::layers::Case;
use crate::layers::family::convolution;
use crate::parameter::CausalPadding;

convolution! {
    /// Convolution over sequences:
    /// `y[t, o] = activation(Σ x[t + a, c] · kernel[a, c, o] + bias[o])`.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, windows, filters)`.
    pub struct Conv1D over 1 axes {
        /// Steps of the kernel.
        kernel_size,
        /// `"valid"`, `"same"`: zeros at both ends, or `"causal"`: zeros in front, so that no
        /// output depends on later steps.
        padding: CausalPadding,
        /// the kernel `(steps, features / groups, filters)`
        kernel,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "4, 3", inputs: &[&[7, 2]], output: &[5, 4] },
    Case {
        arguments: "filters = 4, kernel_size = 4, strides = 2, padding = \"same\", \
            activation = \"relu\"",
        inputs: &[&[9, 3]],
        output: &[5, 4],
    },
    Case {
        arguments: "16, 3, padding = \"causal\", dilation_rate = 2",
        inputs: &[&[7, 3]],
        output: &[7, 16],
    },
    Case {
        arguments: "3, 5, padding = \"causal\", strides = 2",
        inputs: &[&[4, 2]],
        output: &[2, 3],
    },
    Case {
        arguments: "filters = 6, kernel_size = 2, dilation_rate = 3, groups = 2, use_bias = False",
        inputs: &[&[8, 4]],
        output: &[5, 6],
    },
];
