//! Mean of squared differences.

use keras_graph::value::Value;

use super::{Loss, Reduction, RowLoss, Target};
use crate::array::Array;

/// `mean_i (y_true[i] - y_pred[i])²` over the last axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeanSquaredError {
    /// How the values of a batch become one number.
    pub reduction: Reduction,
}

impl RowLoss for MeanSquaredError {
    const CLASS: &'static str = "MeanSquaredError";

    fn row(&self, y_true: Target<'_>, y_pred: &[f32], d_y: &mut [f32]) -> f32 {
        let scale = 1.0 / y_pred.len() as f32;
        for (i, (y, d)) in y_pred.iter().zip(d_y).enumerate() {
            *d = 2.0 * (y - y_true.number(i)) * scale;
        }
        self.value(y_true, y_pred)
    }

    fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32 {
        let squares = y_pred.iter().enumerate().map(|(i, y)| (y - y_true.number(i)).powi(2));
        squares.sum::<f32>() / y_pred.len() as f32
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn arguments(&self) -> Vec<(&'static str, Value)> {
        vec![]
    }
}

impl<P: Array<Element = f32>> Loss<P, P> for MeanSquaredError {}
impl Loss<[f32; 1], f32> for MeanSquaredError {}
