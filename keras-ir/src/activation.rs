//! The element-wise activation functions, as data that an op carries: a product applies them to its
//! sums. Source: Keras 3.15 `activations/activations.py`.

use alloc::string::String;

use crate::literal::Literal;

/// An element-wise function `f(x)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `x`
    Linear,
    /// `x` where `x > threshold`, else `negative_slope · (x - threshold)`. If `max_value` is
    /// finite, the upper part is cut to `0..=max_value`.
    Relu {
        /// Slope below the threshold.
        negative_slope: f32,
        /// Largest output; infinite if there is no bound.
        max_value: f32,
        /// Where the slope changes.
        threshold: f32,
    },
    /// `x` where `x >= 0`, else `negative_slope · x`
    LeakyRelu {
        /// Slope of the negative part.
        negative_slope: f32,
    },
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `tanh x`
    Tanh,
    /// `x · (1 + erf(x / √2)) / 2`
    Gelu,
    /// `x / 2 · (1 + tanh(√(2 / π) · (x + 0.044715 x³)))`
    GeluTanh,
    /// `x · sigmoid(x)`
    Silu,
    /// `x` where `x >= 0`, else `alpha · (e^x - 1)`
    Elu {
        /// Scale of the negative part.
        alpha: f32,
    },
    /// `1.0507 · elu(x, 1.67326)`
    Selu,
    /// `log(1 + e^x)`
    Softplus,
    /// `x / (1 + |x|)`
    Softsign,
    /// `e^x`
    Exponential,
    /// `x / 6 + 1 / 2`, between 0 and 1
    HardSigmoid,
    /// `x · hard_sigmoid(x)`
    HardSilu,
    /// `x · tanh(softplus(x))`
    Mish,
    /// `-softplus(-x)`
    LogSigmoid,
    /// `max(x, 0) + alpha · (e^(min(x, 0) / alpha) - 1)`
    Celu {
        /// Scale of the negative part.
        alpha: f32,
    },
    /// `x` between -1 and 1
    HardTanh,
    /// `x` where `|x| > threshold`, else 0
    HardShrink {
        /// Half-width of the zero part.
        threshold: f32,
    },
    /// `x` moved towards 0 by `threshold`, 0 in between
    SoftShrink {
        /// Half-width of the zero part.
        threshold: f32,
    },
    /// `x - tanh x`
    TanhShrink,
    /// `x` where `x > threshold`, else `value`
    Threshold {
        /// Where the function changes.
        threshold: f32,
        /// Output up to the threshold.
        value: f32,
    },
    /// `(x + √(x² + b)) / 2`
    Squareplus {
        /// Smoothness.
        b: f32,
    },
    /// 0, `(x + 1)² / 4` between -1 and 1, `x`
    SparsePlus,
    /// 0, `(x + 1) / 2` between -1 and 1, 1
    SparseSigmoid,
    /// `log x`
    Log,
    /// `√x`
    Sqrt,
    /// `|x|`
    Absolute,
    /// -1, 0 or 1
    Sign,
    /// The largest whole number that is not above `x`
    Floor,
    /// `log(1 + x)`
    Log1p,
    /// `sin x`
    Sin,
    /// `cos x`
    Cos,
}

impl Activation {
    /// `max(x, 0)`
    pub const RELU: Activation =
        Activation::Relu { negative_slope: 0.0, max_value: f32::INFINITY, threshold: 0.0 };

    /// Whether `f'(x)` is computed from `y = f(x)`, so that `x` need not be kept.
    pub fn derivative_from_output(self) -> bool {
        use Activation::*;
        match self {
            Linear | Sigmoid | Tanh | Exponential | Selu | HardSigmoid | Sqrt => true,
            // The outputs tell the parts apart only where the threshold is 0 and negative parts
            // stay negative.
            Relu { negative_slope, threshold, .. } => threshold == 0.0 && negative_slope >= 0.0,
            LeakyRelu { negative_slope } => negative_slope >= 0.0,
            Elu { alpha } | Celu { alpha } => alpha > 0.0,
            // At the bounds the slope is that of the inside, which the outputs do not tell from the
            // outside.
            HardTanh
            | Gelu
            | GeluTanh
            | Silu
            | Softplus
            | Softsign
            | HardSilu
            | Mish
            | LogSigmoid
            | HardShrink { .. }
            | SoftShrink { .. }
            | TanhShrink
            | Threshold { .. }
            | Squareplus { .. }
            | SparsePlus
            | SparseSigmoid
            | Log
            | Absolute
            | Sign
            | Floor
            | Log1p
            | Sin
            | Cos => false,
        }
    }
}

impl Literal for Activation {
    fn write(&self, out: &mut String) {
        use Activation::*;
        let (variant, fields): (&str, &[(&str, f32)]) = match self {
            Relu { negative_slope, max_value, threshold } => (
                "Relu",
                &[
                    ("negative_slope", *negative_slope),
                    ("max_value", *max_value),
                    ("threshold", *threshold),
                ],
            ),
            LeakyRelu { negative_slope } => ("LeakyRelu", &[("negative_slope", *negative_slope)]),
            Elu { alpha } => ("Elu", &[("alpha", *alpha)]),
            Celu { alpha } => ("Celu", &[("alpha", *alpha)]),
            HardShrink { threshold } => ("HardShrink", &[("threshold", *threshold)]),
            SoftShrink { threshold } => ("SoftShrink", &[("threshold", *threshold)]),
            Threshold { threshold, value } => {
                ("Threshold", &[("threshold", *threshold), ("value", *value)])
            }
            Squareplus { b } => ("Squareplus", &[("b", *b)]),
            Linear => ("Linear", &[]),
            Sigmoid => ("Sigmoid", &[]),
            Tanh => ("Tanh", &[]),
            Gelu => ("Gelu", &[]),
            GeluTanh => ("GeluTanh", &[]),
            Silu => ("Silu", &[]),
            Selu => ("Selu", &[]),
            Softplus => ("Softplus", &[]),
            Softsign => ("Softsign", &[]),
            Exponential => ("Exponential", &[]),
            HardSigmoid => ("HardSigmoid", &[]),
            HardSilu => ("HardSilu", &[]),
            Mish => ("Mish", &[]),
            LogSigmoid => ("LogSigmoid", &[]),
            HardTanh => ("HardTanh", &[]),
            TanhShrink => ("TanhShrink", &[]),
            SparsePlus => ("SparsePlus", &[]),
            SparseSigmoid => ("SparseSigmoid", &[]),
            Log => ("Log", &[]),
            Sqrt => ("Sqrt", &[]),
            Absolute => ("Absolute", &[]),
            Sign => ("Sign", &[]),
            Floor => ("Floor", &[]),
            Log1p => ("Log1p", &[]),
            Sin => ("Sin", &[]),
            Cos => ("Cos", &[]),
        };
        out.push_str("::keras::__private::Activation::");
        out.push_str(variant);
        if fields.is_empty() {
            return;
        }
        out.push('{');
        for (name, value) in fields {
            out.push_str(name);
            out.push_str(": ");
            value.write(out);
            out.push(',');
        }
        out.push('}');
    }
}
