//! Activation functions on slices: the fast loops that element-wise ops run and that products apply
//! on their way out.
//!
//! One `match` stands outside of each loop, whose body has neither branch nor library call, so that
//! it vectorises. The oracle, number by number in `f64`, is in `activate_reference.rs`. NaN passes
//! through all functions. At a kink the derivative is TensorFlow's: that of the constant, or of the
//! flatter, side.

use super::math::{exp, exp_m1, ln, ln_1p_unit, normal, sigmoid, softplus, tanh};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::simd::{Kernel, Simd, dispatch};
use core::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
use keras_ir::activation::Activation;

/// Slope of SELU's positive part (Klambauer et al. 2017).
pub(super) const SELU_SCALE: f32 = 1.050_701;
/// Ratio of SELU's negative limit to its positive slope.
pub(super) const SELU_ALPHA: f32 = 1.673_263_2;
/// `√(2 / π)`, of the tanh form of GELU.
const SQRT_2_OVER_PI: f32 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
/// `1 / √(2 π)`, height of the normal density.
const NORMAL_PEAK: f32 = 0.5 * SQRT_2_OVER_PI;
/// Factor of the cube in the tanh form of GELU.
const GELU_CUBE: f32 = 0.044_715;
/// From here on mish is its argument, and GELU 0 or its argument, to the last bit; their formulas
/// would overflow.
const MISH_LIMIT: f32 = 20.0;
const GELU_LIMIT: f32 = 16.0;
/// Beyond this `√(x² + b)` is `|x|`, and `x²` would overflow.
const SQUAREPLUS_LIMIT: f32 = 1e15;

/// Applies `f` to each element of `y`.
pub(crate) fn activate(f: Activation, y: &mut [f32]) {
    struct Activate<'a>(Activation, &'a mut [f32]);
    impl Kernel for Activate<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            activate_loops::<S>(self.0, self.1);
        }
    }
    if f != Activation::Linear {
        dispatch(Activate(f, y));
    }
}

#[inline(always)]
pub(super) fn activate_loops<S: Simd>(f: Activation, y: &mut [f32]) {
    use Activation::*;
    match f {
        Linear => {}
        Relu { negative_slope, max_value, threshold } => {
            relu::<S>(y, negative_slope, max_value, threshold)
        }
        LeakyRelu { negative_slope } => {
            map(y, |x| if x < 0.0 { negative_slope * x } else { x });
        }
        Sigmoid => map(y, sigmoid),
        Tanh => map(y, tanh),
        Gelu => map(y, |x| x * normal(x).0),
        GeluTanh => map(y, |x| x * sigmoid(gelu_logit(x))),
        Silu => map(y, |x| x / (1.0 + exp(-x))),
        Elu { alpha } => map(y, |x| elu(x, alpha)),
        Selu => map(y, |x| SELU_SCALE * elu(x, SELU_ALPHA)),
        Softplus => map(y, softplus),
        Softsign => map(y, |x| x / (1.0 + x.abs())),
        Exponential => map(y, exp),
        HardSigmoid => map(y, hard_sigmoid),
        HardSilu => map(y, |x| x * hard_sigmoid(x)),
        Mish => map(y, |x| {
            let n = mish_numerator(mish_exp(x));
            x * (n / (n + 2.0))
        }),
        LogSigmoid => map(y, |x| at_most(x, 0.0) - ln_1p_unit(exp(-x.abs()))),
        Celu { alpha } => {
            map(y, |x| at_least(x, 0.0) + alpha * exp_m1(at_most(x, 0.0) / alpha));
        }
        HardTanh => map(y, |x| x.clamp(-1.0, 1.0)),
        HardShrink { threshold } => {
            map(y, |x| if x.abs() <= threshold { 0.0 } else { x });
        }
        SoftShrink { threshold } => {
            map(y, |x| if x.abs() <= threshold { 0.0 } else { x - threshold.copysign(x) })
        }
        TanhShrink => map(y, |x| x - tanh(x)),
        Threshold { threshold, value } => {
            map(y, |x| if x <= threshold { value } else { x });
        }
        Squareplus { b } => map(y, |x| squareplus(x, b).0),
        SparsePlus => map(y, |x| {
            let bent = 0.25 * (x + 1.0) * (x + 1.0);
            let low = if x <= -1.0 { 0.0 } else { bent };
            if x >= 1.0 { x } else { low }
        }),
        SparseSigmoid => map(y, |x| (0.5 * (x + 1.0)).clamp(0.0, 1.0)),
        Log => map(y, ln),
        Sqrt => map(y, |x| x.sqrt()),
        Absolute => map(y, f32::abs),
        Sign => map(y, sign),
        Floor => map(y, |x| x.floor()),
        Log1p => map(y, |x| x.ln_1p()),
        Sin => map(y, |x| x.sin()),
        Cos => map(y, |x| x.cos()),
    }
}

/// `d_x[i] = d_y[i] · f'(x[i])`, where `kept` is `y = f(x)` if
/// [`Activation::derivative_from_output`] holds, else `x`.
pub(crate) fn derivative(f: Activation, kept: &[f32], d_y: &[f32], d_x: &mut [f32]) {
    struct Derivative<'a>(Activation, &'a [f32], &'a [f32], &'a mut [f32]);
    impl Kernel for Derivative<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            derivative_loops::<S>(self.0, self.1, self.2, self.3);
        }
    }
    dispatch(Derivative(f, kept, d_y, d_x));
}

#[inline(always)]
pub(super) fn derivative_loops<S: Simd>(f: Activation, kept: &[f32], d_y: &[f32], d_x: &mut [f32]) {
    use Activation::*;
    match f {
        Linear => d_x.copy_from_slice(d_y),
        Relu { negative_slope, max_value, threshold } => {
            relu_derivative::<S>([negative_slope, max_value, threshold], kept, d_y, d_x);
        }
        LeakyRelu { negative_slope } => {
            zip(kept, d_y, d_x, |y| if y > 0.0 { 1.0 } else { negative_slope });
        }
        Sigmoid => zip(kept, d_y, d_x, |y| y * (1.0 - y)),
        Tanh => zip(kept, d_y, d_x, |y| 1.0 - y * y),
        Gelu => zip(kept, d_y, d_x, |x| {
            let (below, bell) = normal(x);
            below + NORMAL_PEAK * x.clamp(-GELU_LIMIT, GELU_LIMIT) * bell
        }),
        GeluTanh => zip(kept, d_y, d_x, gelu_tanh_slope),
        Silu => zip(kept, d_y, d_x, |x| {
            let s = sigmoid(x);
            s + x * s * (1.0 - s)
        }),
        Elu { alpha } if f.derivative_from_output() => {
            zip(kept, d_y, d_x, |y| if y > 0.0 { 1.0 } else { y + alpha });
        }
        Elu { alpha } => zip(kept, d_y, d_x, |x| if x > 0.0 { 1.0 } else { alpha * exp(x) }),
        Selu => {
            zip(kept, d_y, d_x, |y| if y > 0.0 { SELU_SCALE } else { y + SELU_SCALE * SELU_ALPHA })
        }
        Softplus => zip(kept, d_y, d_x, sigmoid),
        Softsign => zip(kept, d_y, d_x, |x| {
            let r = 1.0 / (1.0 + x.abs());
            r * r
        }),
        Exponential => zip(kept, d_y, d_x, |y| y),
        HardSigmoid => zip(kept, d_y, d_x, |y| within(y, 0.0, 1.0, 1.0 / 6.0)),
        HardSilu => {
            zip(kept, d_y, d_x, |x| hard_sigmoid(x) + within(x, -3.0, 3.0, x * (1.0 / 6.0)))
        }
        Mish => zip(kept, d_y, d_x, mish_slope),
        LogSigmoid => zip(kept, d_y, d_x, |x| sigmoid(-x)),
        Celu { alpha } if f.derivative_from_output() => {
            zip(kept, d_y, d_x, |y| if y > 0.0 { 1.0 } else { y / alpha + 1.0 });
        }
        Celu { alpha } => zip(kept, d_y, d_x, |x| if x > 0.0 { 1.0 } else { exp(x / alpha) }),
        HardTanh => zip(kept, d_y, d_x, |x| if x.abs() > 1.0 { 0.0 } else { 1.0 }),
        HardShrink { threshold } | SoftShrink { threshold } => {
            zip(kept, d_y, d_x, |x| if x.abs() <= threshold { 0.0 } else { 1.0 });
        }
        TanhShrink => zip(kept, d_y, d_x, |x| {
            let t = tanh(x);
            t * t
        }),
        Threshold { threshold, .. } => {
            zip(kept, d_y, d_x, |x| if x <= threshold { 0.0 } else { 1.0 });
        }
        Squareplus { b } => zip(kept, d_y, d_x, |x| {
            let (y, root) = squareplus(x, b);
            y / root
        }),
        SparsePlus => zip(kept, d_y, d_x, |x| (0.5 * (x + 1.0)).clamp(0.0, 1.0)),
        SparseSigmoid => zip(kept, d_y, d_x, |x| within(x, -1.0, 1.0, 0.5)),
        Log => zip(kept, d_y, d_x, |x| 1.0 / x),
        Sqrt => zip(kept, d_y, d_x, |y| 0.5 / y),
        Absolute => zip(kept, d_y, d_x, sign),
        Sign | Floor => d_x.fill(0.0),
        Log1p => zip(kept, d_y, d_x, |x| 1.0 / (1.0 + x)),
        Sin => zip(kept, d_y, d_x, |x| x.cos()),
        Cos => zip(kept, d_y, d_x, |x| -x.sin()),
    }
}

#[inline(always)]
fn map(y: &mut [f32], f: impl Fn(f32) -> f32) {
    for y in y {
        *y = f(*y);
    }
}

#[inline(always)]
fn zip(kept: &[f32], d_y: &[f32], d_x: &mut [f32], slope: impl Fn(f32) -> f32) {
    for ((d_x, kept), d_y) in d_x.iter_mut().zip(kept).zip(d_y) {
        *d_x = d_y * slope(*kept);
    }
}

/// The larger of both; NaN if `x` is.
#[inline(always)]
fn at_least(x: f32, low: f32) -> f32 {
    if x < low { low } else { x }
}

/// The smaller of both; NaN if `x` is.
#[inline(always)]
fn at_most(x: f32, high: f32) -> f32 {
    if x > high { high } else { x }
}

/// `inside` where `low < x < high`, else 0.
#[inline(always)]
fn within(x: f32, low: f32, high: f32, inside: f32) -> f32 {
    let above = if x > low { inside } else { 0.0 };
    if x < high { above } else { 0.0 }
}

/// Keras' `relu` with all its arguments; a bound also cuts at 0 what a negative threshold lets
/// through.
#[inline(always)]
fn relu<S: Simd>(y: &mut [f32], negative_slope: f32, max_value: f32, threshold: f32) {
    let low = if max_value < f32::INFINITY { 0.0 } else { f32::NEG_INFINITY };
    let positive = |x: f32| {
        let kept = if x <= threshold { 0.0 } else { x };
        at_most(at_least(kept, low), max_value)
    };
    if negative_slope != 0.0 {
        map(y, |x| positive(x) - negative_slope * at_least(threshold - x, 0.0));
    } else if threshold == 0.0 && max_value == f32::INFINITY {
        map(y, |x| at_least(x, 0.0));
    } else {
        map(y, positive);
    }
}

#[inline(always)]
fn relu_derivative<S: Simd>(
    [negative_slope, max_value, threshold]: [f32; 3],
    kept: &[f32],
    d_y: &[f32],
    d_x: &mut [f32],
) {
    if negative_slope == 0.0 && max_value == f32::INFINITY {
        return zip(kept, d_y, d_x, |kept| if kept > threshold { 1.0 } else { 0.0 });
    }
    let low = if max_value < f32::INFINITY { threshold.max(0.0) } else { threshold };
    zip(kept, d_y, d_x, |kept| {
        let outer = if kept <= threshold { negative_slope } else { 0.0 };
        let bent = if kept > low { 1.0 } else { outer };
        if kept >= max_value { 0.0 } else { bent }
    });
}

/// -1, 0 or 1; NaN stays NaN.
#[inline(always)]
fn sign(x: f32) -> f32 {
    if x == 0.0 || x.is_nan() { x } else { 1.0_f32.copysign(x) }
}

#[inline(always)]
fn elu(x: f32, alpha: f32) -> f32 {
    let negative = alpha * exp_m1(at_most(x, 0.0));
    if x < 0.0 { negative } else { x }
}

#[inline(always)]
fn hard_sigmoid(x: f32) -> f32 {
    (x * (1.0 / 6.0) + 0.5).clamp(0.0, 1.0)
}

/// Twice the argument of GELU's tanh: `(1 + tanh u) / 2 = sigmoid(2 u)`.
#[inline(always)]
fn gelu_logit(x: f32) -> f32 {
    2.0 * SQRT_2_OVER_PI * (x + GELU_CUBE * x * x * x)
}

#[inline(always)]
fn gelu_tanh_slope(x: f32) -> f32 {
    let s = sigmoid(gelu_logit(x));
    let x = x.clamp(-GELU_LIMIT, GELU_LIMIT);
    let logit_slope = 2.0 * SQRT_2_OVER_PI * (1.0 + 3.0 * GELU_CUBE * x * x);
    s + x * s * (1.0 - s) * logit_slope
}

#[inline(always)]
fn mish_exp(x: f32) -> f32 {
    exp(at_most(x, MISH_LIMIT))
}

/// `tanh(softplus(x)) = n / (n + 2)` with `n = e · (e + 2)` and `e = e^x`.
#[inline(always)]
fn mish_numerator(e: f32) -> f32 {
    e * (e + 2.0)
}

#[inline(always)]
fn mish_slope(x: f32) -> f32 {
    let e = mish_exp(x);
    let n = mish_numerator(e);
    let below = 1.0 / (n + 2.0);
    n * below + at_most(x, MISH_LIMIT) * (4.0 * e * (e + 1.0) * below * below)
}

/// `(x + √(x² + b)) / 2`, and the root.
#[inline(always)]
fn squareplus(x: f32, b: f32) -> (f32, f32) {
    let root = (x * x + b).sqrt();
    let root = if x.abs() > SQUAREPLUS_LIMIT { x.abs() } else { root };
    // Another form of the same, as the sum would cancel.
    let negative = 0.5 * b / (root - x);
    (if x < 0.0 { negative } else { 0.5 * x + 0.5 * root }, root)
}
