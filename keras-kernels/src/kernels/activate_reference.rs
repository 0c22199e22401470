//! Activation functions of one number, in `f64` and as their definitions have them: the oracle of
//! `activate.rs`.

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

#[cfg(test)]
mod tests {
    use super::super::activate::{activate, derivative};
    use super::super::check::assert_close;
    use super::*;
    use crate::simd::{Level, with_level};

    /// Every function that has a name, and more parameters.
    fn functions() -> Vec<Activation> {
        use Activation::*;
        use keras_graph::activation::{ActivationFunction, FUNCTIONS};
        let named = FUNCTIONS.iter().filter_map(|(_, function)| match function {
            ActivationFunction::ElementWise(f) => Some(*f),
            ActivationFunction::Softmax
            | ActivationFunction::LogSoftmax
            | ActivationFunction::Sparsemax
            | ActivationFunction::Glu => None,
        });
        let relu =
            |negative_slope, max_value, threshold| Relu { negative_slope, max_value, threshold };
        let infinite = f32::INFINITY;
        named
            .chain([
                GeluTanh,
                Elu { alpha: 0.7 },
                Elu { alpha: -0.4 },
                Celu { alpha: 1.7 },
                Celu { alpha: -0.6 },
                Threshold { threshold: 0.4, value: -2.0 },
                Squareplus { b: 0.3 },
                LeakyRelu { negative_slope: -0.3 },
                relu(0.2, 3.0, -0.5),
                relu(0.2, 3.0, 0.7),
                relu(0.3, infinite, 0.0),
                relu(0.3, 2.0, 0.0),
                relu(0.0, infinite, 1.5),
                relu(0.0, infinite, -1.5),
                relu(-0.1, 4.0, 0.0),
                Log,
                Sqrt,
                Absolute,
                Sign,
                Floor,
            ])
            .collect()
    }

    /// Both signs, the kinks, and where something could overflow; at a length that no vector
    /// divides.
    fn points() -> Vec<f32> {
        let near = (0..=1600).map(|i| (i - 800) as f32 / 100.0);
        let tiny = [1e-30, 1e-8, 1e-4, -1e-30, -1e-8, -1e-4, 0.0];
        let far = [12.0, 17.5, 40.0, 87.0, 89.0, 104.0, 500.0, 1e10, 1e18, 3e38];
        near.chain(tiny).chain(far.into_iter().flat_map(|x| [x, -x])).collect()
    }

    #[test]
    fn fast_values_are_the_definitions() {
        for f in functions() {
            for level in Level::available() {
                let points = points();
                let mut found = points.clone();
                with_level(level, || activate(f, &mut found)).expect("the level is available");
                for (x, found) in points.iter().zip(found) {
                    let expected = value(f, *x);
                    // Two close numbers' difference; an argument whose rounding an exponential
                    // makes larger.
                    let (relative, absolute) = match f {
                        Activation::TanhShrink => (2e-6, 2e-6 * x.abs()),
                        Activation::GeluTanh => (1e-5, 0.0),
                        _ => (2e-6, 1e-36),
                    };
                    let bound = relative * expected.abs() + absolute;
                    let is_squareplus = matches!(f, Activation::Squareplus { .. });
                    assert!(
                        found == expected
                            || found.is_nan() && expected.is_nan()
                            || (found - expected).abs() <= bound
                            // There the definition itself cancels, in `f64`.
                            || is_squareplus && *x < -1e4 && found < 1e-4,
                        "{f:?}({x}) is {found}, not {expected}, on {level:?}"
                    );
                }
                let mut nan = [f32::NAN; 3];
                with_level(level, || activate(f, &mut nan)).expect("the level is available");
                assert!(nan.iter().all(|y| y.is_nan()), "{f:?} hides NaN");
            }
        }
    }

    #[test]
    fn fast_derivatives_are_the_definitions() {
        for f in functions() {
            let kept: Vec<f32> = points()
                .into_iter()
                .map(|x| if f.derivative_from_output() { value(f, x) } else { x })
                .filter(|kept| kept.is_finite())
                .collect();
            let d_y: Vec<f32> = (0..kept.len()).map(|i| (i % 7) as f32 - 2.5).collect();
            let expected: Vec<f32> =
                kept.iter().zip(&d_y).map(|(kept, d_y)| d_y * slope(f, *kept)).collect();
            for level in Level::available() {
                let mut found = vec![f32::NAN; kept.len()];
                with_level(level, || derivative(f, &kept, &d_y, &mut found))
                    .expect("the level is available");
                assert_close(&found, &expected, 2e-6, &format!("{f:?} on {level:?}"));
            }
        }
    }

    #[test]
    fn derivatives_are_slopes_of_the_values() {
        const STEP: f64 = 1e-5;
        for f in functions() {
            // Off the kinks, all of which lie on multiples of a tenth.
            for x in (-130..130).map(|i| f64::from(i) / 20.0 + 0.013) {
                // A logarithm and a root have none below 0, and bend too much for the step beside
                // it.
                if matches!(f, Activation::Log | Activation::Sqrt) && x < 0.05 {
                    continue;
                }
                let kept = if f.derivative_from_output() { value_f64(f, x) } else { x };
                let difference = (value_f64(f, x + STEP) - value_f64(f, x - STEP)) / (2.0 * STEP);
                let found = slope_f64(f, kept);
                let bound = 1e-7 * difference.abs().max(1.0);
                assert!((found - difference).abs() < bound, "{f:?}'({x}): {found}, {difference}");
            }
        }
    }

    /// At 0, where the inputs of a sparse network lie, TensorFlow's and jax's slopes.
    #[test]
    fn kinks() {
        assert_eq!(slope(Activation::RELU, 0.0), 0.0);
        assert_eq!(slope(Activation::LeakyRelu { negative_slope: 0.25 }, 0.0), 0.25);
        assert_eq!(slope(Activation::HardTanh, 1.0), 1.0);
        assert_eq!(slope(Activation::HardTanh, -1.0), 1.0);
        assert_eq!(slope(Activation::HardShrink { threshold: 0.5 }, 0.5), 0.0);
    }
}
