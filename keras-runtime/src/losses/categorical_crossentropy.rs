//! Cross-entropy of one class among several, with a target for each class.

use keras_graph::value::Value;

use super::{EPSILON, Loss, Reduction, RowLoss, Target};
use crate::array::Array;

/// `-Σ_i y[i] · log p[i]` over the last axis.
///
/// Probabilities are first divided by their sum and kept within `[1e-7, 1 - 1e-7]`; outside of that
/// the gradient is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CategoricalCrossentropy {
    /// Whether predictions are logits `x` in place of probabilities `p = softmax(x)`.
    pub from_logits: bool,
    /// Share of the target that is spread evenly: `y · (1 - s) + s / classes`, in `[0, 1]`.
    pub label_smoothing: f32,
    /// How the values of a batch become one number.
    pub reduction: Reduction,
}

/// The logarithm of the sum of the exponentials.
pub(super) fn log_sum_exp(x: &[f32]) -> f32 {
    let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    max + x.iter().map(|x| (x - max).exp()).sum::<f32>().ln()
}

/// The gradient by `p` of a loss whose gradient by `q = p / Σp` is `slope(i, q[i])`, zero where `q`
/// is clipped.
fn through_normalization(p: &[f32], d_p: &mut [f32], slope: impl Fn(usize, f32) -> f32) {
    let sum: f32 = p.iter().sum();
    let mut inner = 0.0;
    for (i, (&p, d)) in p.iter().zip(d_p.iter_mut()).enumerate() {
        let q = p / sum;
        let clipped = !(EPSILON..=1.0 - EPSILON).contains(&q);
        *d = if clipped && !q.is_nan() { 0.0 } else { slope(i, q) };
        inner += *d * q;
    }
    for d in d_p {
        *d = (*d - inner) / sum;
    }
}

impl CategoricalCrossentropy {
    #[inline]
    fn smooth(&self, y_true: Target<'_>, i: usize, classes: usize) -> f32 {
        let y = match y_true {
            Target::Row(row) => row[i],
            Target::Label(label) => f32::from(u8::from(label as usize == i)),
        };
        y * (1.0 - self.label_smoothing) + self.label_smoothing / classes as f32
    }
}

impl RowLoss for CategoricalCrossentropy {
    const CLASS: &'static str = "CategoricalCrossentropy";

    fn row(&self, y_true: Target<'_>, y_pred: &[f32], d_y: &mut [f32]) -> f32 {
        let n = y_pred.len();
        if self.from_logits {
            let total: f32 = (0..n).map(|i| self.smooth(y_true, i, n)).sum();
            let log_sum = log_sum_exp(y_pred);
            for (i, (x, d)) in y_pred.iter().zip(d_y).enumerate() {
                *d = total * (x - log_sum).exp() - self.smooth(y_true, i, n);
            }
        } else {
            through_normalization(y_pred, d_y, |i, q| -self.smooth(y_true, i, n) / q);
        }
        self.value(y_true, y_pred)
    }

    fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32 {
        let n = y_pred.len();
        let entries = y_pred.iter().enumerate();
        if self.from_logits {
            let log_sum = log_sum_exp(y_pred);
            entries.map(|(i, x)| self.smooth(y_true, i, n) * (log_sum - x)).sum()
        } else {
            let sum: f32 = y_pred.iter().sum();
            let log = |p: f32| (p / sum).clamp(EPSILON, 1.0 - EPSILON).ln();
            entries.map(|(i, &p)| -self.smooth(y_true, i, n) * log(p)).sum()
        }
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

impl<P: Array<Element = f32>> Loss<P, P> for CategoricalCrossentropy {}
