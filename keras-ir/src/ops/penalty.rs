//! Penalties on activations.

use crate::ops::declare::ops;

ops! {
    /// Reduced to one number: `Σ l1 · |x| + l2 · x²`, over all samples.
    Penalty { len: usize, l1: f32, l2: f32 }
    reads (x: sample(len))
    makes sum(1)
    flops 4 * len;

    /// `d_x = (l1 · sign(x) + 2 · l2 · x) / batch`, where `batch` counts the samples of the whole
    /// batch.
    PenaltyGrad { len: usize, l1: f32, l2: f32 }
    reads (x: sample(len))
    makes sample(len)
    flops 4 * len;
}
