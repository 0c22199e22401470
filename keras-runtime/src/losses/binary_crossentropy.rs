//! Cross-entropy of independent yes-or-no questions.

use keras_graph::value::Value;

use super::{EPSILON, Loss, Reduction, RowLoss, Target};
use crate::array::Array;

/// `mean_i -(y[i] · log p[i] + (1 - y[i]) · log(1 - p[i]))` over the last axis.
///
/// `p` is kept within `[1e-7, 1 - 1e-7]`; outside of that its gradient is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BinaryCrossentropy {
    /// Whether predictions are logits `x` in place of probabilities `p = sigmoid(x)`.
    pub from_logits: bool,
    /// Share of the target that is replaced by one half: `y · (1 - s) + s / 2`, in `[0, 1]`.
    pub label_smoothing: f32,
    /// How the values of a batch become one number.
    pub reduction: Reduction,
}

impl BinaryCrossentropy {
    #[inline]
    fn smooth(&self, y: f32) -> f32 {
        y * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing
    }

    #[inline]
    fn entry(&self, y: f32, prediction: f32) -> f32 {
        if self.from_logits {
            // max(x, 0) - x · y + log(1 + e^-|x|): no exponential overflows.
            prediction.max(0.0) - prediction * y + (-prediction.abs()).exp().ln_1p()
        } else {
            let p = prediction.clamp(EPSILON, 1.0 - EPSILON);
            -(y * p.ln() + (1.0 - y) * (1.0 - p).ln())
        }
    }

    #[inline]
    fn slope(&self, y: f32, prediction: f32) -> f32 {
        if self.from_logits {
            let e = (-prediction.abs()).exp();
            let sigmoid = if prediction >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) };
            sigmoid - y
        } else if (EPSILON..=1.0 - EPSILON).contains(&prediction) {
            (prediction - y) / (prediction * (1.0 - prediction))
        } else if prediction.is_nan() {
            prediction
        } else {
            0.0
        }
    }
}

impl RowLoss for BinaryCrossentropy {
    const CLASS: &'static str = "BinaryCrossentropy";

    fn row(&self, y_true: Target<'_>, y_pred: &[f32], d_y: &mut [f32]) -> f32 {
        let scale = 1.0 / y_pred.len() as f32;
        for (i, (&prediction, d)) in y_pred.iter().zip(d_y).enumerate() {
            *d = scale * self.slope(self.smooth(y_true.number(i)), prediction);
        }
        self.value(y_true, y_pred)
    }

    fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32 {
        let entries = y_pred.iter().enumerate();
        let sum: f32 = entries.map(|(i, &p)| self.entry(self.smooth(y_true.number(i)), p)).sum();
        sum / y_pred.len() as f32
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn arguments(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("from_logits", Value::Bool(self.from_logits)),
            ("label_smoothing", Value::from(self.label_smoothing)),
            ("axis", Value::Int(-1)),
        ]
    }
}

impl<P: Array<Element = f32>> Loss<P, P> for BinaryCrossentropy {}
impl Loss<[f32; 1], f32> for BinaryCrossentropy {}
impl Loss<[f32; 1], u32> for BinaryCrossentropy {}
impl Loss<[f32; 1], i32> for BinaryCrossentropy {}
