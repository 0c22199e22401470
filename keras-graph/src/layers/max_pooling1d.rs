//! `MaxPooling1D`: the largest step of each window of a sequence.

use crate::layers::Case;
use crate::layers::family::pool;
use crate::parameter::Sizes;

pool! {
    /// Takes the largest step of each window of a sequence, by feature.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, windows, features)`.
    pub struct MaxPooling1D over 1 axes by max_pool2d {
        /// Steps of a window.
        pool_size = Sizes([2]),
        /// `"valid"`, or `"same"`: windows may reach beyond the ends, where nothing counts.
        padding,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[9, 3]], output: &[4, 3] },
    Case { arguments: "3, padding = \"same\"", inputs: &[&[7, 2]], output: &[3, 2] },
    Case { arguments: "pool_size = 3, strides = 2", inputs: &[&[8, 5]], output: &[3, 5] },
];
