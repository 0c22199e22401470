//! Random masks.

use crate::ops::declare::ops;
use crate::ops::layout::{MAX_RANK, elements};

ops! {
    /// Zeroes each element with probability `rate` and scales the others by `1 / (1 - rate)`. Which
    /// are kept is a function of the run's seed, the step, the sample, `key` and the element alone;
    /// so the same op takes `d_y` to `d_x`. Where an extent of `mask` is 1 the elements along that
    /// axis fall together.
    Dropout {
        rank: usize,
        mask: [usize; MAX_RANK],
        to: [usize; MAX_RANK],
        rate: f32,
        key: u32,
        seed: Option<u64>,
    }
    reads (x: sample(elements(&to, rank)))
    makes sample(elements(&to, rank))
    flops 2 * to;
}
