//! `SeparableConv1D`: a convolution by feature, then one by step.

use crate::layers::Case;
use crate::layers::family::separable_convolution;

separable_convolution! {
    /// Convolves each feature of a sequence by itself, then mixes the features of each step.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, windows, filters)`. Source: Chollet 2016.
    pub struct SeparableConv1D over 1 axes {
        /// Steps of the kernel.
        kernel_size,
        /// `"valid"`, or `"same"`: zeros at both ends.
        padding,
        /// the first kernel `(steps, features, depth_multiplier)`
        depthwise,
        /// the second kernel `(1, features · depth_multiplier, filters)`
        pointwise,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "4, 3", inputs: &[&[7, 2]], output: &[5, 4] },
    Case {
        arguments: "filters = 5, kernel_size = 2, strides = 2, padding = \"same\", \
            depth_multiplier = 3, activation = \"relu\"",
        inputs: &[&[9, 2]],
        output: &[5, 5],
    },
];
