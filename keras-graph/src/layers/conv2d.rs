//! `Conv2D`: a convolution over images.

use crate::layers::Case;
use crate::layers::family::convolution;
use crate::parameter::Padding;

convolution! {
    /// Convolution over images:
    /// `y[i, j, o] = activation(Σ x[i + a, j + b, c] · kernel[a, b, c, o] + bias[o])`.
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, rows, columns, filters)`.
    pub struct Conv2D over 2 axes {
        /// Height and width of the kernel.
        kernel_size,
        /// `"valid"`, or `"same"`: zeros around the image.
        padding: Padding,
        /// the kernel `(height, width, channels / groups, filters)`
        kernel,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "4, 3", inputs: &[&[6, 7, 2]], output: &[4, 5, 4] },
    Case {
        arguments: "filters = 4, kernel_size = (3, 2), strides = (2, 3), padding = \"same\", \
            activation = \"relu\"",
        inputs: &[&[7, 8, 3]],
        output: &[4, 3, 4],
    },
    Case {
        arguments: "filters = 6, kernel_size = 2, dilation_rate = (2, 3), groups = 2, \
            use_bias = False",
        inputs: &[&[5, 7, 4]],
        output: &[3, 4, 6],
    },
];
