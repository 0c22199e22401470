//! Activation functions on vectors, each within 1e-6, relative, of the true value, as those in `kernels/math.rs`.
//!
//! Polynomials are evaluated by pairs, since it is the latency that a short net waits for.
//! Sources: the exponential's polynomial is that of Cephes' `expf` (Moshier 1992); the quotient of tanh was fitted for least
//! largest relative error on 0 to 9.1.

use crate::simd::Simd;

/// An activation function.
pub trait Function {
    /// `f(x)` of each lane.
    fn apply<S: Simd>(simd: S, x: S::F32) -> S::F32;
}

/// `x`
#[derive(Clone, Copy, Debug)]
pub struct Linear;
/// `max(x, 0)`
#[derive(Clone, Copy, Debug)]
pub struct Relu;
/// `tanh x`
#[derive(Clone, Copy, Debug)]
pub struct Tanh;
/// `1 / (1 + e^-x)`
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid;
/// `x · sigmoid(x)`
#[derive(Clone, Copy, Debug)]
pub struct Silu;

impl Function for Linear {
    #[inline(always)]
    fn apply<S: Simd>(_: S, x: S::F32) -> S::F32 {
        x
    }
}

impl Function for Relu {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: S::F32) -> S::F32 {
        // In this order NaN stays NaN.
        simd.max(simd.splat(0.0), x)
    }
}

impl Function for Tanh {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: S::F32) -> S::F32 {
        /// From here on the result is 1.
        const LIMIT: f32 = 9.1;
        /// `tanh x / x` is the quotient of these two, polynomials of `x²`.
        const ABOVE: [f32; 5] =
            [0.999_999_98, 0.133_744_57, 3.487_789_6e-3, 2.048_083_7e-5, 1.317_705_6e-8];
        const BELOW: [f32; 5] = [1.0, 0.467_077_7, 2.584_730_7e-2, 3.272_885_2e-4, 7.703_85e-7];
        let x = clamp(simd, x, -LIMIT, LIMIT);
        let u = simd.mul(x, x);
        let above = simd.mul(x, quartic(simd, ABOVE, u));
        clamp(simd, simd.div(above, quartic(simd, BELOW, u)), -1.0, 1.0)
    }
}

impl Function for Sigmoid {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: S::F32) -> S::F32 {
        let one = simd.splat(1.0);
        simd.div(one, simd.add(one, exp(simd, simd.mul(simd.splat(-1.0), x))))
    }
}

impl Function for Silu {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: S::F32) -> S::F32 {
        let power = exp(simd, simd.mul(simd.splat(-1.0), x));
        simd.div(x, simd.add(simd.splat(1.0), power))
    }
}

/// `x` between two bounds; NaN stays NaN.
#[inline(always)]
fn clamp<S: Simd>(simd: S, x: S::F32, low: f32, high: f32) -> S::F32 {
    simd.min(simd.splat(high), simd.max(simd.splat(low), x))
}

/// `Σ_i c[i] · u^i`
#[inline(always)]
fn quartic<S: Simd>(simd: S, c: [f32; 5], u: S::F32) -> S::F32 {
    let square = simd.mul(u, u);
    let low = pair(simd, &c[..2], u);
    let high = simd.mul_add(simd.splat(c[4]), square, pair(simd, &c[2..], u));
    simd.mul_add(high, square, low)
}

/// `c[0] + c[1] · u`
#[inline(always)]
fn pair<S: Simd>(simd: S, c: &[f32], u: S::F32) -> S::F32 {
    simd.mul_add(simd.splat(c[1]), u, simd.splat(c[0]))
}

/// `e^x`; what underflows goes to zero through the denormals.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::F32) -> S::F32 {
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
    // Beyond these the result is infinite, or less than half of the least denormal.
    let x = clamp(simd, x, -105.0, 90.0);
    let shifted = simd.mul_add(x, simd.splat(LOG2_E), simd.splat(ROUNDER));
    let whole = simd.add(shifted, simd.splat(-ROUNDER));
    let r = simd.mul_add(whole, simd.splat(-LN_2_HIGH), x);
    let r = simd.mul_add(whole, simd.splat(-LN_2_LOW), r);
    let square = simd.mul(r, r);
    let p = simd.mul_add(pair(simd, &C[4..], r), square, pair(simd, &C[2..], r));
    let p = simd.mul_add(p, square, pair(simd, &C, r));
    let p = simd.add(simd.mul_add(p, square, r), simd.splat(1.0));
    // Two factors, as the power alone may be no number when the product is.
    let most = clamp(simd, whole, -126.0, 127.0);
    let rest = simd.mul_add(most, simd.splat(-1.0), whole);
    /// What is added to a stored exponent.
    const EXPONENT_BIAS: f32 = 127.0;
    let bias = simd.splat(ROUNDER + EXPONENT_BIAS);
    let p = simd.mul(p, simd.to_exponent(simd.add(most, bias)));
    simd.mul(p, simd.to_exponent(simd.add(rest, bias)))
}
