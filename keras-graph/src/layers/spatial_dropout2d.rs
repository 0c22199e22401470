//! `SpatialDropout2D`: zeroes random channels of an image while training.

use crate::layers::Case;
use crate::layers::family::spatial_dropout;
use crate::parameter::ChannelsLast;

spatial_dropout! {
    /// While training, zeroes each channel of an image with probability `rate` and scales the
    /// others by `1 / (1 - rate)`. Does nothing in a prediction.
    ///
    /// Shapes:
    /// `(batch, height, width, channels) -> (batch, height, width, channels)`. Source: Tompson et
    /// al. 2014.
    pub struct SpatialDropout2D over 2 axes {
        /// Order of the axes.
        data_format: ChannelsLast<2> = ChannelsLast,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "0.5", inputs: &[&[2, 3, 4]], output: &[2, 3, 4] },
    Case { arguments: "rate = 0.25, seed = 7", inputs: &[&[3, 2, 5]], output: &[3, 2, 5] },
];
