//! `Conv2DTranspose`: a convolution turned round.

use crate::layers::Case;
use crate::layers::family::transposed_convolution;

transposed_convolution! {
    /// Adds a scaled kernel to the output for each cell of the input: what takes gradients back
    /// through a [`Conv2D`](super::Conv2D).
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, rows, columns, filters)`; with
    /// `padding = "same"` there are `height · strides[0]` rows.
    pub struct Conv2DTranspose over 2 axes {
        /// Height and width of the kernel.
        kernel_size,
        /// Rows and columns added at the end; fewer than the strides.
        output_padding,
        /// the kernel `(height, width, filters, channels)`
        kernel,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "4, 3", inputs: &[&[5, 6, 2]], output: &[7, 8, 4] },
    Case {
        arguments: "filters = 4, kernel_size = 3, strides = 2, padding = \"same\", \
            activation = \"relu\"",
        inputs: &[&[3, 5, 2]],
        output: &[6, 10, 4],
    },
    Case {
        arguments: "3, (2, 4), strides = (3, 2), output_padding = (2, 1), use_bias = False",
        inputs: &[&[4, 5, 2]],
        output: &[13, 13, 3],
    },
    Case { arguments: "3, 2, dilation_rate = (2, 3)", inputs: &[&[4, 5, 2]], output: &[6, 8, 3] },
];
