//! `SpatialDropout1D`: zeroes random features of a sequence while training.

use crate::layers::Case;
use crate::layers::family::spatial_dropout;

spatial_dropout! {
    /// While training, zeroes each feature at all steps with probability `rate` and scales the
    /// others by `1 / (1 - rate)`. Does nothing in a prediction.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, steps, features)`. Source: Tompson et al. 2014.
    pub struct SpatialDropout1D over 1 axes {}
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "0.5", inputs: &[&[2, 3]], output: &[2, 3] },
    Case { arguments: "rate = 0.25, seed = 7", inputs: &[&[4, 5]], output: &[4, 5] },
    Case { arguments: "rate = 1.0", inputs: &[&[3, 2]], output: &[3, 2] },
];
