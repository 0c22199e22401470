//! Mean of absolute differences.

use keras_graph::value::Value;

use super::{Loss, Reduction, RowLoss, Target};
use crate::array::Array;

/// `mean_i |y_true[i] - y_pred[i]|` over the last axis. The gradient at equality is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeanAbsoluteError {
    /// How the values of a batch become one number.
    pub reduction: Reduction,
}

impl RowLoss for MeanAbsoluteError {
    const CLASS: &'static str = "MeanAbsoluteError";

    fn row(&self, y_true: Target<'_>, y_pred: &[f32], d_y: &mut [f32]) -> f32 {
        let scale = 1.0 / y_pred.len() as f32;
        for (i, (y, d)) in y_pred.iter().zip(d_y).enumerate() {
            let difference = y - y_true.number(i);
            // Not `signum`, which makes 1 of 0; NaN stays NaN.
            *d = if difference == 0.0 { 0.0 } else { difference.signum() * scale };
        }
        self.value(y_true, y_pred)
    }

    fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32 {
        let magnitudes = y_pred.iter().enumerate().map(|(i, y)| (y - y_true.number(i)).abs());
        magnitudes.sum::<f32>() / y_pred.len() as f32
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn arguments(&self) -> Vec<(&'static str, Value)> {
        vec![]
    }
}

impl<P: Array<Element = f32>> Loss<P, P> for MeanAbsoluteError {}
impl Loss<[f32; 1], f32> for MeanAbsoluteError {}
