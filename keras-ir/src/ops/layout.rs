//! Ops that move elements, or sum what was repeated.

use crate::ops::declare::ops;

/// Axes of a general transpose or broadcast; a tensor has at most this many per sample.
pub const MAX_RANK: usize = 8;

/// The product of the first `rank` extents.
#[inline(always)]
pub(super) fn elements(extents: &[usize; MAX_RANK], rank: usize) -> usize {
    extents[..rank].iter().product()
}

ops! {
    /// Repeats `x` along axes of extent 1: `y[i0, i1, ..] = x[i0 or 0, i1 or 0, ..]`. Axes beyond
    /// `rank` are 1.
    Broadcast { rank: usize, from: [usize; MAX_RANK], to: [usize; MAX_RANK] }
    reads (x: any(elements(&from, rank)))
    makes any(elements(&to, rank))
    flops 0;

    /// The adjoint of [`Broadcast`]: sums `x`, of extents `from`, over the axes where `to` is 1.
    SumTo { rank: usize, from: [usize; MAX_RANK], to: [usize; MAX_RANK] }
    reads (x: sample(elements(&from, rank)))
    makes sample(elements(&to, rank))
    flops from;

    /// `y[i..] = x[..]` with axes permuted: axis `a` of `y` is axis `axes[a]` of `x`, whose extents
    /// are `from`.
    Transpose { rank: usize, from: [usize; MAX_RANK], axes: [usize; MAX_RANK] }
    reads (x: any(elements(&from, rank)))
    makes any(elements(&from, rank))
    flops 0;

    /// The same elements under another shape. Needs no kernel call where the plan shares the
    /// buffer.
    Reshape { len: usize }
    reads (x: any(len))
    makes any(len)
    flops 0;

    /// Joins along an axis: `y[outer, Σ extents, inner]`. Part `i` is `[outer, extents[i], inner]`;
    /// `extents` are read off the lengths of the parts.
    Concat { outer: usize, extent: usize, inner: usize }
    reads (x: parts(outer * inner, outer * extent * inner))
    makes any(outer * extent * inner)
    flops 0;

    /// A part along an axis: `y[outer, len, inner] = x[outer, begin..begin + len, inner]`.
    Slice { outer: usize, extent: usize, inner: usize, begin: usize, len: usize }
    reads (x: any(outer * extent * inner))
    makes any(outer * len * inner)
    flops 0;

    /// Zeros around height and width: `y[h + top, w + left, c] = x[h, w, c]`.
    Pad2D { h: usize, w: usize, c: usize, top: usize, bottom: usize, left: usize, right: usize }
    reads (x: any(h * w * c))
    makes any((h + top + bottom) * (w + left + right) * c)
    flops 0;

    /// The adjoint of [`Pad2D`], with its fields: `y[h, w, c] = x[h + top, w + left, c]`.
    Crop2D { h: usize, w: usize, c: usize, top: usize, bottom: usize, left: usize, right: usize }
    reads (x: any((h + top + bottom) * (w + left + right) * c))
    makes any(h * w * c)
    flops 0;
}
