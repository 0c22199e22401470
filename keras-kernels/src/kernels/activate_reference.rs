//! Activation functions of one number, in `f64` and as their definitions have them: the oracle of
//! `activate.rs`.

#[cfg(test)]
mod tests;

use super::activate::{SELU_ALPHA, SELU_SCALE};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use core::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
use keras_ir::activation::Activation;

/// `f(x)`.
pub(super) fn value(f: Activation, x: f32) -> f32 {
    value_f64(f, f64::from(x)) as f32
}

/// `f'(x)` where `kept` is `f(x)` if [`Activation::derivative_from_output`] holds, else `x`.
pub(super) fn slope(f: Activation, kept: f32) -> f32 {
    slope_f64(f, f64::from(kept)) as f32
}

fn value_f64(f: Activation, x: f64) -> f64 {
    use Activation::*;
    match f {
        Linear => x,
        Relu { negative_slope, max_value, threshold } => {
            relu(x, f64::from(negative_slope), f64::from(max_value), f64::from(threshold))
        }
        LeakyRelu { negative_slope } => {
            if x >= 0.0 {
                x
            } else {
                f64::from(negative_slope) * x
            }
        }
        Sigmoid => sigmoid(x),
        Tanh => x.tanh(),
        Gelu => x * normal(x),
        // `(1 + tanh u) / 2` in the form that does not cancel.
        GeluTanh => x * sigmoid(2.0 * gelu_inner(x)),
        Silu => x * sigmoid(x),
        Elu { alpha } => elu(x, f64::from(alpha)),
        Selu => f64::from(SELU_SCALE) * elu(x, f64::from(SELU_ALPHA)),
        Softplus => softplus(x),
        Softsign => x / (1.0 + x.abs()),
        Exponential => x.exp(),
        HardSigmoid => hard_sigmoid(x),
        HardSilu => x * hard_sigmoid(x),
        Mish => x * softplus(x).tanh(),
        LogSigmoid => -softplus(-x),
        Celu { alpha } => {
            let alpha = f64::from(alpha);
            if x > 0.0 { x } else { alpha * (x / alpha).exp_m1() }
        }
        HardTanh => x.clamp(-1.0, 1.0),
        HardShrink { threshold } => {
            if x.abs() <= f64::from(threshold) {
                0.0
            } else {
                x
            }
        }
        SoftShrink { threshold } => {
            let threshold = f64::from(threshold);
            if x > threshold {
                x - threshold
            } else if x < -threshold {
                x + threshold
            } else {
                0.0 * x
            }
        }
        TanhShrink => x - x.tanh(),
        Threshold { threshold, value } => {
            if x <= f64::from(threshold) {
                f64::from(value)
            } else {
                x
            }
        }
        Squareplus { b } => 0.5 * (x + (x * x + f64::from(b)).sqrt()),
        SparsePlus => {
            if x <= -1.0 {
                0.0
            } else if x < 1.0 {
                0.25 * (x + 1.0) * (x + 1.0)
            } else {
                x
            }
        }
        SparseSigmoid => (0.5 * (x + 1.0)).clamp(0.0, 1.0),
        Log => x.ln(),
        Sqrt => x.sqrt(),
        Absolute => x.abs(),
        Sign => sign(x),
        Floor => x.floor(),
        Log1p => x.ln_1p(),
        Sin => x.sin(),
        Cos => x.cos(),
    }
}

/// See [`slope`].
fn slope_f64(f: Activation, kept: f64) -> f64 {
    use Activation::*;
    match f {
        Linear => 1.0,
        Relu { negative_slope, max_value, threshold } => {
            let bounded = max_value < f32::INFINITY && (kept <= 0.0 || kept >= max_value.into());
            if kept <= f64::from(threshold) {
                f64::from(negative_slope)
            } else if bounded {
                0.0
            } else {
                1.0
            }
        }
        LeakyRelu { negative_slope } => {
            if kept > 0.0 {
                1.0
            } else {
                f64::from(negative_slope)
            }
        }
        Sigmoid => kept * (1.0 - kept),
        Tanh => 1.0 - kept * kept,
        Gelu => normal(kept) + kept * normal_density(kept),
        GeluTanh => {
            let t = gelu_inner(kept).tanh();
            let inner_slope = gelu_factor() * (1.0 + 3.0 * 0.044715 * kept * kept);
            0.5 * (1.0 + t) + 0.5 * kept * (1.0 - t * t) * inner_slope
        }
        Silu => sigmoid(kept) * (1.0 + kept * sigmoid(-kept)),
        Elu { alpha } => {
            let alpha = f64::from(alpha);
            let below = if f.derivative_from_output() { kept + alpha } else { alpha * kept.exp() };
            if kept > 0.0 { 1.0 } else { below }
        }
        Selu => {
            let limit = f64::from(SELU_SCALE) * f64::from(SELU_ALPHA);
            if kept > 0.0 { f64::from(SELU_SCALE) } else { kept + limit }
        }
        Softplus => sigmoid(kept),
        Softsign => (1.0 + kept.abs()).powi(-2),
        Exponential => kept,
        HardSigmoid => {
            if kept > 0.0 && kept < 1.0 {
                1.0 / 6.0
            } else {
                0.0
            }
        }
        HardSilu => {
            let inner = if kept > -3.0 && kept < 3.0 { kept / 6.0 } else { 0.0 };
            hard_sigmoid(kept) + inner
        }
        Mish => {
            let t = softplus(kept).tanh();
            t + kept * (1.0 - t * t) * sigmoid(kept)
        }
        LogSigmoid => sigmoid(-kept),
        Celu { alpha } => {
            let share = kept / f64::from(alpha);
            let below = if f.derivative_from_output() { share + 1.0 } else { share.exp() };
            if kept > 0.0 { 1.0 } else { below }
        }
        HardTanh => {
            if kept.abs() <= 1.0 {
                1.0
            } else {
                0.0
            }
        }
        HardShrink { threshold } | SoftShrink { threshold } => {
            if kept.abs() <= f64::from(threshold) { 0.0 } else { 1.0 }
        }
        TanhShrink => kept.tanh().powi(2),
        Threshold { threshold, .. } => {
            if kept <= f64::from(threshold) {
                0.0
            } else {
                1.0
            }
        }
        Squareplus { b } => 0.5 * (1.0 + kept / (kept * kept + f64::from(b)).sqrt()),
        SparsePlus => (0.5 * (kept + 1.0)).clamp(0.0, 1.0),
        SparseSigmoid => {
            if kept > -1.0 && kept < 1.0 {
                0.5
            } else {
                0.0
            }
        }
        Log => 1.0 / kept,
        Sqrt => 0.5 / kept,
        Absolute => sign(kept),
        Sign | Floor => 0.0,
        Log1p => 1.0 / (1.0 + kept),
        Sin => kept.cos(),
        Cos => -kept.sin(),
    }
}

/// Line by line as in Keras' `ReLU.static_call`.
fn relu(x: f64, negative_slope: f64, max_value: f64, threshold: f64) -> f64 {
    let mut y = if x <= threshold { 0.0 } else { x };
    if max_value.is_finite() {
        y = y.clamp(0.0, max_value.max(0.0)).min(max_value);
    }
    if negative_slope != 0.0 && x < threshold {
        y -= negative_slope * (threshold - x);
    }
    y
}

fn sign(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() { x } else { x.signum() }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}

fn elu(x: f64, alpha: f64) -> f64 {
    if x < 0.0 { alpha * x.exp_m1() } else { x }
}

fn hard_sigmoid(x: f64) -> f64 {
    (x / 6.0 + 0.5).clamp(0.0, 1.0)
}

fn gelu_factor() -> f64 {
    FRAC_2_SQRT_PI * FRAC_1_SQRT_2
}

fn gelu_inner(x: f64) -> f64 {
    gelu_factor() * (x + 0.044715 * x.powi(3))
}

fn normal_density(x: f64) -> f64 {
    0.5 * gelu_factor() * (-0.5 * x * x).exp()
}

/// The normal distribution: a series of positive terms near 0, a continued fraction in the tails.
fn normal(x: f64) -> f64 {
    const NEAR: f64 = 3.0;
    const TERMS: u32 = 120;
    let a = x.abs();
    if a < NEAR {
        let (mut term, mut sum) = (a, a);
        for n in 1..TERMS {
            term *= a * a / f64::from(2 * n + 1);
            sum += term;
        }
        return 0.5 + (sum * normal_density(a)).copysign(x);
    }
    let fraction = (1..TERMS).rev().fold(a, |below, n| a + f64::from(n) / below);
    let tail = normal_density(a) / fraction;
    if x < 0.0 { tail } else { 1.0 - tail }
}
