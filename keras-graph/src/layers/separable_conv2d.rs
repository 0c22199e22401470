//! `SeparableConv2D`: a convolution by channel, then one by cell.

use crate::layers::Case;
use crate::layers::family::separable_convolution;

separable_convolution! {
    /// Convolves each channel by itself, then mixes the channels of each cell.
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, rows, columns, filters)`. Source:
    /// Chollet 2016.
    pub struct SeparableConv2D over 2 axes {
        /// Height and width of the kernel.
        kernel_size,
        /// `"valid"`, or `"same"`: zeros around the image.
        padding,
        /// the first kernel `(height, width, channels, depth_multiplier)`
        depthwise,
        /// the second kernel `(1, 1, channels · depth_multiplier, filters)`
        pointwise,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "4, 3", inputs: &[&[6, 7, 2]], output: &[4, 5, 4] },
    Case {
        arguments: "filters = 5, kernel_size = (3, 2), strides = 2, padding = \"same\", \
            depth_multiplier = 3, activation = \"relu\"",
        inputs: &[&[7, 9, 2]],
        output: &[4, 5, 5],
    },
];
