//! What batch normalization does with some vectors of elements, given their channels' numbers.
//!
//! The gradients of a normalization with a ReLU behind it compute what the ReLU cut off anew, with
//! the forward pass's very operations.

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

/// [`Normalized`] and an element that is added.
pub(super) struct NormalizedSum;

impl Terms<3, 2, 1> for NormalizedSum {
    #[inline(always)]
    fn terms<S: Simd>(simd: S, numbers: [S::F32; 3], [x, skip]: [S::F32; 2]) -> [S::F32; 1] {
        let [y] = Normalized::terms(simd, numbers, [x]);
        [simd.add(y, skip)]
    }
}

/// `d_y` where [`Normalized`] lies above 0, and below the last number if there is a bound; else 0.
#[inline(always)]
fn behind_relu<S: Simd, const BOUNDED: bool>(
    simd: S,
    [scale, less_mean, shift, most]: [S::F32; 4],
    [x, d_y]: [S::F32; 2],
) -> S::F32 {
    let (zero, one) = (simd.splat(0.0), simd.splat(1.0));
    let [y] = Normalized::terms(simd, [scale, less_mean, shift], [x]);
    // NaN becomes 0, as its slope is; a factor keeps what is NaN in `d_y`.
    let y = simd.max(y, zero);
    let slope = simd.where_equal(y, zero, zero, one);
    let slope =
        if BOUNDED { simd.where_equal(simd.min(y, most), most, zero, slope) } else { slope };
    simd.mul(d_y, slope)
}

/// [`GradTerms`] of a normalization with a ReLU behind it: scale, mean, shift and the ReLU's bound.
pub(super) struct ReluGradTerms<const BOUNDED: bool>;

impl<const BOUNDED: bool> Terms<4, 2, 2> for ReluGradTerms<BOUNDED> {
    #[inline(always)]
    fn terms<S: Simd>(simd: S, numbers: [S::F32; 4], [x, d_y]: [S::F32; 2]) -> [S::F32; 2] {
        let d_y = behind_relu::<S, BOUNDED>(simd, numbers, [x, d_y]);
        GradTerms::terms(simd, [numbers[1]], [x, d_y])
    }
}

/// [`GradX`] likewise: the numbers of both.
pub(super) struct ReluGradX<const BOUNDED: bool>;

impl<const BOUNDED: bool> Terms<6, 2, 1> for ReluGradX<BOUNDED> {
    #[inline(always)]
    fn terms<S: Simd>(simd: S, numbers: [S::F32; 6], [x, d_y]: [S::F32; 2]) -> [S::F32; 1] {
        let [scale, less_mean, shift, most, less_shift, less_slope] = numbers;
        let d_y = behind_relu::<S, BOUNDED>(simd, [scale, less_mean, shift, most], [x, d_y]);
        GradX::terms(simd, [scale, less_mean, less_shift, less_slope], [x, d_y])
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
