//! What batch normalization does with some vectors of elements, given their channels' numbers.

use super::channels::Terms;
use crate::simd::Simd;

/// `d_y · (x - mean)` and `d_y`.
pub(super) struct GradTerms;

impl Terms<1, 2, 2> for GradTerms {
    #[inline(always)]
    fn terms<S: Simd>(simd: S, [less_mean]: [S::F32; 1], [x, d_y]: [S::F32; 2]) -> [S::F32; 2] {
        [simd.mul(d_y, simd.add(x, less_mean)), d_y]
    }
}

/// `scale · (x - mean) + shift`.
pub(super) struct Normalized;

impl Terms<3, 1, 1> for Normalized {
    #[inline(always)]
    fn terms<S: Simd>(
        simd: S,
        [scale, less_mean, shift]: [S::F32; 3],
        [x]: [S::F32; 1],
    ) -> [S::F32; 1] {
        [simd.add(simd.mul(scale, simd.add(x, less_mean)), shift)]
    }
}

/// `scale · (d_y - Σ d_y / count - (x - mean) · slope)`.
pub(super) struct GradX;

impl Terms<4, 2, 1> for GradX {
    #[inline(always)]
    fn terms<S: Simd>(
        simd: S,
        [scale, less_mean, less_shift, less_slope]: [S::F32; 4],
        [x, d_y]: [S::F32; 2],
    ) -> [S::F32; 1] {
        let less_tilt = simd.mul(simd.add(x, less_mean), less_slope);
        [simd.mul(scale, simd.add(simd.add(d_y, less_shift), less_tilt))]
    }
}

/// `d_y · scale`.
pub(super) struct Scaled;

impl Terms<1, 1, 1> for Scaled {
    #[inline(always)]
    fn terms<S: Simd>(simd: S, [scale]: [S::F32; 1], [d_y]: [S::F32; 1]) -> [S::F32; 1] {
        [simd.mul(d_y, scale)]
    }
}
