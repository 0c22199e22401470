//! `DepthwiseConv2D`: a convolution of each channel by itself.

use crate::layers::Case;
use crate::layers::family::depthwise_convolution;

depthwise_convolution! {
    /// Convolves each channel with kernels of its own: `y[i, j, c · depth_multiplier + m] =
    /// activation(Σ x[i + a, j + b, c] · kernel[a, b, c, m] + bias[..])`.
    ///
    /// Shapes:
    /// `(batch, height, width, channels) -> (batch, rows, columns, channels · depth_multiplier)`.
    pub struct DepthwiseConv2D over 2 axes {
        /// Height and width of the kernel.
        kernel_size,
        /// `"valid"`, or `"same"`: zeros around the image.
        padding,
        /// the kernel `(height, width, channels, depth_multiplier)`
        kernel,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "3", inputs: &[&[6, 7, 2]], output: &[4, 5, 2] },
    Case {
        arguments: "kernel_size = (3, 2), strides = 2, padding = \"same\", depth_multiplier = 3, \
            activation = \"relu\"",
        inputs: &[&[7, 9, 2]],
        output: &[4, 5, 6],
    },
    Case {
        arguments: "(2, 3), dilation_rate = (3, 2), use_bias = False",
        inputs: &[&[5, 7, 4]],
        output: &[2, 3, 4],
    },
];
