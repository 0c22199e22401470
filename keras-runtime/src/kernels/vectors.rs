//! A row of channels seen as vectors, of which the last one may be shorter; and the exponential of a vector.

use crate::simd::Simd;

/// Runs a block for each vector of some channels: `for_each_vector!(S, channels, |first, len| { .. })`. The length of a whole
/// one is a constant. A macro, as a closure with two callers may be compiled without the caller's instructions.
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

/// `e^x` for `x` up to 0, within 1e-6 of it, relative; 0 where that is no normal number, and NaN where `x` is.
///
/// By pairs of terms, since it is the latency that a single row waits for. Source: the polynomial of Cephes' `expf` (Moshier 1992).
#[inline(always)]
pub(crate) fn exp_to_one<S: Simd>(simd: S, x: S::F32) -> S::F32 {
    use std::f32::consts::LOG2_E;
    /// Added and taken away again, it rounds a number to whole: 1.5 · 2^23, where floats are one apart.
    const ROUNDER: f32 = 12_582_912.0;
    /// The high part of ln 2, whose product with a small whole number is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    /// What is missing from it.
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// `e^r = 1 + r + r² · Σ_i C[i] · r^i`, for `|r| <= ln 2 / 2`.
    const C: [f32; 6] =
        [0.5, 1.666_666_5e-1, 4.166_579_6e-2, 8.333_452e-3, 1.398_199_9e-3, 1.987_569_1e-4];
    /// The power of 2 in its result is -127, whose stored exponent is that of 0.
    const LEAST: f32 = -88.0;
    /// What is added to a stored exponent.
    const EXPONENT_BIAS: f32 = 127.0;
    // In this order NaN stays NaN.
    let x = simd.max(simd.splat(LEAST), x);
    let shifted = simd.mul_add(x, simd.splat(LOG2_E), simd.splat(ROUNDER));
    let power = simd.to_exponent(simd.add(shifted, simd.splat(EXPONENT_BIAS)));
    let whole = simd.add(shifted, simd.splat(-ROUNDER));
    let r = simd.mul_add(whole, simd.splat(-LN_2_HIGH), x);
    let r = simd.mul_add(whole, simd.splat(-LN_2_LOW), r);
    let square = simd.mul(r, r);
    let low = simd.mul_add(simd.splat(C[1]), r, simd.splat(C[0]));
    let middle = simd.mul_add(simd.splat(C[3]), r, simd.splat(C[2]));
    let high = simd.mul_add(simd.splat(C[5]), r, simd.splat(C[4]));
    let p = simd.mul_add(simd.mul_add(high, square, middle), square, low);
    let p = simd.mul_add(p, square, simd.add(r, simd.splat(1.0)));
    simd.mul(p, power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Kernel, Level, dispatch, with_level};

    /// Exponentials of sixteen numbers.
    struct Powers([f32; 16]);

    impl Kernel for Powers {
        type Output = [f32; 16];

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> [f32; 16] {
            let mut powers = [0.0; 16];
            for at in (0..16).step_by(S::LANES) {
                simd.store(exp_to_one(simd, simd.load(&self.0[at..])), &mut powers[at..]);
            }
            powers
        }
    }

    #[test]
    fn exponentials_of_what_is_not_positive_are_close_to_the_truth() {
        for level in Level::available() {
            let powers = |x| with_level(level, || dispatch(Powers(x))).expect("it is available");
            for step in 0..5000 {
                let x = core::array::from_fn(|i| (16 * step + i) as f32 * (-87.0 / 80_000.0));
                for (x, found) in x.into_iter().zip(powers(x)) {
                    let expected = f64::from(x).exp();
                    let error = (f64::from(found) - expected).abs();
                    assert!(error <= 1e-6 * expected, "exp({x}) = {found} at {level:?}");
                }
            }
            let mut x = [-90.0; 16];
            (x[1], x[2], x[3]) = (f32::NEG_INFINITY, f32::NAN, 0.0);
            let found = powers(x);
            assert_eq!([found[0], found[1], found[3]], [0.0, 0.0, 1.0], "{level:?}");
            assert!(found[2].is_nan(), "{level:?}");
        }
    }
}
