//! The exponential of a vector, by pairs of terms: it is the latency that a single row waits for.
//!
//! [`math::exp`](super::math) is that of one number. Source: the polynomial of Cephes' `expf`
//! (Moshier 1992).

use crate::simd::Simd;

/// Added and taken away again, it rounds a number to whole: 1.5 · 2^23, where floats are one apart.
const ROUNDER: f32 = 12_582_912.0;
/// What is added to a stored exponent.
const EXPONENT_BIAS: f32 = 127.0;

/// `e^x` within 1e-6 of it, relative; what underflows goes to zero through the denormals.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::F32) -> S::F32 {
    // Beyond these the result is infinite, or less than half of the least denormal. In this order
    // NaN stays NaN.
    let x = simd.min(simd.splat(90.0), simd.max(simd.splat(-105.0), x));
    let (shifted, p) = split(simd, x);
    let whole = simd.add(shifted, simd.splat(-ROUNDER));
    // Two factors, as the power alone may be no number when the product is.
    let most = simd.min(simd.splat(127.0), simd.max(simd.splat(-126.0), whole));
    let rest = simd.mul_add(most, simd.splat(-1.0), whole);
    let bias = simd.splat(ROUNDER + EXPONENT_BIAS);
    let p = simd.mul(p, simd.to_exponent(simd.add(most, bias)));
    simd.mul(p, simd.to_exponent(simd.add(rest, bias)))
}

/// `e^x` for `x` up to 0, within 1e-6 of it, relative; 0 where that is no normal number, and NaN
/// where `x` is.
#[inline(always)]
pub(crate) fn exp_to_one<S: Simd>(simd: S, x: S::F32) -> S::F32 {
    /// The power of 2 in its result is -127, whose stored exponent is that of 0.
    const LEAST: f32 = -88.0;
    // In this order NaN stays NaN.
    let (shifted, p) = split(simd, simd.max(simd.splat(LEAST), x));
    simd.mul(p, simd.to_exponent(simd.add(shifted, simd.splat(EXPONENT_BIAS))))
}

/// `n` and `e^r` where `x = n · ln 2 + r`, with whole `n` and `|r| <= ln 2 / 2`; [`ROUNDER`] is
/// still added to `n`.
#[inline(always)]
fn split<S: Simd>(simd: S, x: S::F32) -> (S::F32, S::F32) {
    use core::f32::consts::LOG2_E;
    /// The high part of ln 2, whose product with a small whole number is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    /// What is missing from it.
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// `e^r = 1 + r + r² · Σ_i C[i] · r^i`
    const C: [f32; 6] =
        [0.5, 1.666_666_5e-1, 4.166_579_6e-2, 8.333_452e-3, 1.398_199_9e-3, 1.987_569_1e-4];
    let shifted = simd.mul_add(x, simd.splat(LOG2_E), simd.splat(ROUNDER));
    let whole = simd.add(shifted, simd.splat(-ROUNDER));
    let r = simd.mul_add(whole, simd.splat(-LN_2_HIGH), x);
    let r = simd.mul_add(whole, simd.splat(-LN_2_LOW), r);
    let square = simd.mul(r, r);
    let low = simd.mul_add(simd.splat(C[1]), r, simd.splat(C[0]));
    let middle = simd.mul_add(simd.splat(C[3]), r, simd.splat(C[2]));
    let high = simd.mul_add(simd.splat(C[5]), r, simd.splat(C[4]));
    let p = simd.mul_add(simd.mul_add(high, square, middle), square, low);
    (shifted, simd.mul_add(p, square, simd.add(r, simd.splat(1.0))))
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
