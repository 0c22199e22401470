//! `AveragePooling2D`: the mean of each window.

use crate::layers::Case;
use crate::layers::family::pool;

pool! {
    /// Takes the mean of each window, by channel; cells beyond the edge do not count.
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, rows, columns, channels)`.
    pub struct AveragePooling2D over 2 axes by average_pool2d {
        /// Height and width of a window.
        pool_size,
        /// `"valid"`, or `"same"`: windows may reach beyond the edge.
        padding,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "2", inputs: &[&[6, 9, 2]], output: &[3, 4, 2] },
    Case { arguments: "(2, 3), padding = \"same\"", inputs: &[&[7, 8, 3]], output: &[4, 3, 3] },
    Case {
        arguments: "pool_size = 3, strides = (1, 2)",
        inputs: &[&[6, 8, 2]],
        output: &[4, 3, 2],
    },
];
