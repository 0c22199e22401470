//! Distributions along an axis.

use crate::ops::declare::ops;

ops! {
    /// `y[o, a, i] = exp(x[o, a, i]) / Σ_a exp(x[o, a, i])`.
    Softmax { outer: usize, extent: usize, inner: usize }
    reads (x: sample(outer * extent * inner))
    makes sample(outer * extent * inner)
    flops 5 * outer * extent * inner;

    /// `d_x = y · (d_y - Σ_a y · d_y)`.
    SoftmaxGrad { outer: usize, extent: usize, inner: usize }
    reads (y: sample(outer * extent * inner), d_y: sample(outer * extent * inner))
    makes sample(outer * extent * inner)
    flops 4 * outer * extent * inner;

    /// `y = x - log Σ_a exp(x)`.
    LogSoftmax { outer: usize, extent: usize, inner: usize }
    reads (x: sample(outer * extent * inner))
    makes sample(outer * extent * inner)
    flops 5 * outer * extent * inner;

    /// `d_x = d_y - exp(y) · Σ_a d_y`.
    LogSoftmaxGrad { outer: usize, extent: usize, inner: usize }
    reads (y: sample(outer * extent * inner), d_y: sample(outer * extent * inner))
    makes sample(outer * extent * inner)
    flops 4 * outer * extent * inner;

    /// Keras' `sparsemax` along the axis.
    Sparsemax { outer: usize, extent: usize, inner: usize }
    reads (x: sample(outer * extent * inner))
    makes sample(outer * extent * inner)
    flops outer * inner * extent.sort();

    /// The gradient of [`Sparsemax`].
    SparsemaxGrad { outer: usize, extent: usize, inner: usize }
    reads (
        x: sample(outer * extent * inner),
        y: sample(outer * extent * inner),
        d_y: sample(outer * extent * inner),
    )
    makes sample(outer * extent * inner)
    flops outer * inner * extent.sort();
}
