//! `AveragePooling1D`: the mean of each window of a sequence.

use crate::layers::Case;
use crate::layers::family::pool;

pool! {
    /// Takes the mean of each window of a sequence, by feature; steps beyond the ends do not
    /// count.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, windows, features)`.
    pub struct AveragePooling1D over 1 axes by average_pool2d {
        /// Steps of a window.
        pool_size,
        /// `"valid"`, or `"same"`: windows may reach beyond the ends.
        padding,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "2", inputs: &[&[9, 3]], output: &[4, 3] },
    Case { arguments: "3, padding = \"same\"", inputs: &[&[7, 2]], output: &[3, 2] },
    Case { arguments: "pool_size = 3, strides = 2", inputs: &[&[8, 5]], output: &[3, 5] },
];
