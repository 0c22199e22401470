//! What is left of the elements along an axis, and elements picked along one.

use crate::literal::literal_enum;
use crate::ops::declare::ops;

/// What becomes of the elements along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReduceFunction {
    /// The largest.
    Max,
    /// The smallest.
    Min,
}
literal_enum!(ReduceFunction { Max, Min });

ops! {
    /// `y[o, i]` is the largest or the smallest of `x[o, a, i]`; NaN if one is NaN.
    Reduce { outer: usize, extent: usize, inner: usize, f: ReduceFunction }
    reads (x: sample(outer * extent * inner))
    makes sample(outer * inner)
    flops outer * extent * inner;

    /// `d_y[o, i]`, shared evenly by the elements `x[o, a, i]` that equal `y[o, i]`.
    ReduceGrad { outer: usize, extent: usize, inner: usize }
    reads (x: sample(outer * extent * inner), y: sample(outer * inner), d_y: sample(outer * inner))
    makes sample(outer * extent * inner)
    flops 2 * outer * extent * inner;

    /// `y[o, j, i] = x[o, ids[o, j, i], i]` for `count` ids a line; an id below 0 counts from the
    /// end, one outside gives NaN.
    Gather { outer: usize, extent: usize, inner: usize, count: usize }
    reads (x: any(outer * extent * inner), ids: ids(outer * count * inner))
    makes any(outer * count * inner)
    flops 0;

    /// The adjoint of [`Gather`]: `d_x[o, ids[o, j, i], i] += d_y[o, j, i]`, on zeros.
    GatherGrad { outer: usize, extent: usize, inner: usize, count: usize }
    reads (ids: ids(outer * count * inner), d_y: sample(outer * count * inner))
    makes sample(outer * extent * inner)
    flops outer * count * inner;

    /// `y[o, a, i] = Σ_{b ≤ a} x[o, b, i]`, or over `b ≥ a` if `reverse`.
    Cumsum { outer: usize, extent: usize, inner: usize, reverse: bool }
    reads (x: sample(outer * extent * inner))
    makes sample(outer * extent * inner)
    flops outer * extent * inner;
}
