//! Ops whose kernels take scratch and are not cut.

use super::*;

impl Needs for Upsample2D {
    /// An image that is wide already and not yet long.
    fn workspace_len(&self, _: Algorithm) -> usize {
        self.h * self.w * self.columns * self.c
    }
}

impl Needs for Upsample2DGrad {
    /// An image that is wide still and no longer long.
    fn workspace_len(&self, _: Algorithm) -> usize {
        self.h * self.w * self.columns * self.c
    }
}

impl Needs for Sparsemax {
    /// A line in order.
    fn workspace_len(&self, _: Algorithm) -> usize {
        self.extent
    }
}

impl Needs for SparsemaxGrad {
    /// A line in order.
    fn workspace_len(&self, _: Algorithm) -> usize {
        self.extent
    }
}

impl Needs for Moments {
    /// The means of some samples, for the second pass.
    fn workspace_len(&self, _: Algorithm) -> usize {
        self.channels
    }
}
