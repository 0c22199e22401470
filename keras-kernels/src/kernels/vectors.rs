//! A row of channels seen as vectors, of which the last one may be shorter.

use crate::simd::Simd;

/// Runs a body for each vector of some channels: `for_each_vector!(S, channels, |first, len| { ..
/// })`. The length of a whole one is a constant. A macro, as a closure with two callers may be
/// compiled without the caller's instructions.
macro_rules! for_each_vector {
    ($S:ident, $channels:expr, |$first:ident, $len:ident| $body:block) => {
        let whole = $channels / $S::LANES * $S::LANES;
        for $first in (0..whole).step_by($S::LANES) {
            let $len = $S::LANES;
            $body
        }
        if whole < $channels {
            let ($first, $len) = (whole, $channels - whole);
            $body
        }
    };
}
pub(super) use for_each_vector;

/// The first `len` elements of `x`; the other lanes are 0.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, x: &[f32], len: usize) -> S::F32 {
    if len == S::LANES { simd.load(x) } else { simd.load_part(&x[..len]) }
}

/// Writes the first `len` lanes to `y`.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, vector: S::F32, y: &mut [f32], len: usize) {
    if len == S::LANES { simd.store(vector, y) } else { simd.store_part(vector, &mut y[..len]) }
}
