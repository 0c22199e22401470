//! Cross-entropy of one class among several, with the index of the right one.

use keras_graph::value::Value;

use super::categorical_crossentropy::log_sum_exp;
use super::{EPSILON, Loss, Reduction, RowLoss, Target};

/// `-log p[label]` over the last axis.
///
/// Probabilities are first divided by their sum and kept within `[1e-7, 1 - 1e-7]`; outside of that
/// the gradient is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SparseCategoricalCrossentropy {
    /// Whether predictions are logits `x` in place of probabilities `p = softmax(x)`.
    pub from_logits: bool,
    /// How the values of a batch become one number.
    pub reduction: Reduction,
}

/// The class that a target names. Panics if it is not a label: the types rule that out.
fn class(y_true: Target<'_>, classes: usize) -> usize {
    match y_true {
        Target::Label(label) => {
            let class = label as usize;
            assert!(class < classes, "label {label} was checked against {classes} classes");
            class
        }
        Target::Row(_) => panic!("a sparse loss has labels for targets"),
    }
}

impl RowLoss for SparseCategoricalCrossentropy {
    const CLASS: &'static str = "SparseCategoricalCrossentropy";

    #[inline]
    fn row(&self, y_true: Target<'_>, y_pred: &[f32], d_y: &mut [f32]) -> f32 {
        let class = class(y_true, y_pred.len());
        if self.from_logits {
            let log_sum = log_sum_exp(y_pred);
            for (x, d) in y_pred.iter().zip(d_y.iter_mut()) {
                *d = (x - log_sum).exp();
            }
            d_y[class] -= 1.0;
            self.value(y_true, y_pred)
        } else {
            // Through the division by the sum; all classes but one have no slope.
            let sum: f32 = y_pred.iter().sum();
            let q = y_pred[class] / sum;
            let kept = q.clamp(EPSILON, 1.0 - EPSILON);
            let slope = if q == kept || q.is_nan() { -1.0 / q } else { 0.0 };
            let inner = slope * q;
            d_y.fill((0.0 - inner) / sum);
            d_y[class] = (slope - inner) / sum;
            -kept.ln()
        }
    }

    fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32 {
        let class = class(y_true, y_pred.len());
        if self.from_logits {
            log_sum_exp(y_pred) - y_pred[class]
        } else {
            let sum: f32 = y_pred.iter().sum();
            -(y_pred[class] / sum).clamp(EPSILON, 1.0 - EPSILON).ln()
        }
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn arguments(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("ignore_class", Value::None),
            ("from_logits", Value::Bool(self.from_logits)),
            ("axis", Value::Int(-1)),
        ]
    }

    fn check_label(&self, label: i32, len: usize) -> Result<(), usize> {
        if (0..len as i64).contains(&i64::from(label)) { Ok(()) } else { Err(len) }
    }
}

/// Integer labels for predictions `P`: `u32` or `i32` for `[f32; CLASSES]`, `[u32; STEPS]` for
/// `[[f32; CLASSES]; STEPS]`, and so on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not label predictions `{P}`",
    note = "`[f32; CLASSES]` takes a `u32` or an `i32`, `[[f32; CLASSES]; STEPS]` a `[u32; STEPS]`"
)]
pub trait ClassesOf<P> {}
impl<const CLASSES: usize> ClassesOf<[f32; CLASSES]> for u32 {}
impl<const CLASSES: usize> ClassesOf<[f32; CLASSES]> for i32 {}
impl<P, T: ClassesOf<P>, const STEPS: usize> ClassesOf<[P; STEPS]> for [T; STEPS] {}

impl<P, T: ClassesOf<P>> Loss<P, T> for SparseCategoricalCrossentropy {}
