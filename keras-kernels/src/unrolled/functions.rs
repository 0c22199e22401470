//! Activation functions on vectors, each within 1e-6, relative, of the true value, as those in
//! `kernels/math.rs`.
//!
//! Polynomials are evaluated by pairs, since it is the latency that a short net waits for.
//! Source: the quotient of tanh was fitted for least largest relative error on 0 to 9.1.

use crate::kernels::exp::exp;
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
