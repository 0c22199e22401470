//! `DepthwiseConv1D`: a convolution of each feature of a sequence by itself.

use crate::layers::Case;
use crate::layers::family::depthwise_convolution;

depthwise_convolution! {
    /// Convolves each feature with kernels of its own:
    /// `y[t, c · depth_multiplier + m] = activation(Σ x[t + a, c] · kernel[a, c, m] + bias[..])`.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, windows, features · depth_multiplier)`.
    pub struct DepthwiseConv1D over 1 axes {
        /// Steps of the kernel.
        kernel_size,
        /// `"valid"`, or `"same"`: zeros at both ends.
        padding,
        /// the kernel `(steps, features, depth_multiplier)`
        kernel,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "3", inputs: &[&[7, 2]], output: &[5, 2] },
    Case {
        arguments: "kernel_size = 4, strides = 2, padding = \"same\", depth_multiplier = 3, \
            activation = \"relu\"",
        inputs: &[&[9, 2]],
        output: &[5, 6],
    },
    Case {
        arguments: "2, dilation_rate = 3, use_bias = False",
        inputs: &[&[5, 4]],
        output: &[2, 4],
    },
];
