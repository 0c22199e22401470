//! Copies of operands as pairs of bfloat16 numbers.

use crate::simd::Simd;

/// Packs neighbours: pair `i` is `x[2 · i]` and `x[2 · i + 1]`; a number that has no neighbour goes
/// with 0.
#[inline(always)]
pub(in crate::kernels) fn pack_neighbors<S: Simd>(simd: S, x: &[f32], pairs: &mut [f32]) {
    assert_eq!(pairs.len(), x.len().div_ceil(2));
    let whole = x.len() - x.len() % (2 * S::LANES);
    for i in (0..whole).step_by(2 * S::LANES) {
        let x = &x[i..][..2 * S::LANES];
        let vector = simd.pair_neighbors(simd.load(x), simd.load(&x[S::LANES..]));
        simd.store(vector, &mut pairs[i / 2..]);
    }
    if whole < x.len() {
        let rest = &x[whole..];
        let (first, second) = rest.split_at(rest.len().min(S::LANES));
        let vector = simd.pair_neighbors(simd.load_part(first), simd.load_part(second));
        simd.store_part(vector, &mut pairs[whole / 2..]);
    }
}

/// Packs two rows: pair `i` is `low[i]` and `high[i]`, or `low[i]` and 0 where there is no second
/// row.
#[inline(always)]
pub(in crate::kernels) fn pack_rows<S: Simd>(
    simd: S,
    low: &[f32],
    high: Option<&[f32]>,
    pairs: &mut [f32],
) {
    let len = pairs.len();
    let (low, high) = (&low[..len], high.map(|high| &high[..len]));
    let whole = len - len % S::LANES;
    for i in (0..whole).step_by(S::LANES) {
        let high = high.map_or(simd.splat(0.0), |high| simd.load(&high[i..]));
        simd.store(simd.pair(simd.load(&low[i..]), high), &mut pairs[i..]);
    }
    if whole < len {
        let high = high.map_or(simd.splat(0.0), |high| simd.load_part(&high[whole..]));
        simd.store_part(simd.pair(simd.load_part(&low[whole..]), high), &mut pairs[whole..]);
    }
}
