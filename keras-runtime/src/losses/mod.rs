//! Losses: how wrong predictions are, and the gradient of that by the predictions.
//!
//! A loss is a function of one *row*, the last axis of a prediction ([`RowLoss`]); the values of
//! all rows of a batch are then reduced to a number. Types say what fits: [`Loss<P, T>`] relates
//! the type of a prediction to that of its target, so a wrong target does not compile and nothing
//! is ever broadcast. Beneath, [`LossFunction`] works on flat numbers of one sample, so that the
//! training loop is not generic. Source: Keras 3.15 `losses/losses.py`, as its JAX backend computes
//! it.

mod binary_crossentropy;
mod categorical_crossentropy;
mod mean_absolute_error;
mod mean_squared_error;
mod sparse_categorical_crossentropy;

pub use binary_crossentropy::BinaryCrossentropy;
pub use categorical_crossentropy::CategoricalCrossentropy;
pub use mean_absolute_error::MeanAbsoluteError;
pub use mean_squared_error::MeanSquaredError;
pub use sparse_categorical_crossentropy::{ClassesOf, SparseCategoricalCrossentropy};

use keras_graph::value::Value;

use crate::error::{Error, Result};
use crate::sample::Values;

/// Probabilities are kept this far from 0 and 1 before their logarithm is taken.
pub(crate) const EPSILON: f32 = 1e-7;

/// How the values of a batch's rows become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their weighted sum, divided by the number of rows (not by the sum of the weights).
    #[default]
    SumOverBatchSize,
    /// The same, under the name that newer code uses.
    Mean,
    /// Their weighted sum.
    Sum,
    /// Their weighted sum, divided by the sum of the weights; 0 where that is 0.
    MeanWithSampleWeight,
}

impl Reduction {
    /// The factor that the weighted sum is multiplied by, for a batch of so many rows whose weights
    /// sum to `weight_sum`.
    pub fn scale(self, rows: usize, weight_sum: f64) -> f32 {
        match self {
            Reduction::SumOverBatchSize | Reduction::Mean => 1.0 / rows as f32,
            Reduction::Sum => 1.0,
            Reduction::MeanWithSampleWeight if weight_sum == 0.0 => 0.0,
            Reduction::MeanWithSampleWeight => (1.0 / weight_sum) as f32,
        }
    }

    /// Keras' name.
    pub fn name(self) -> &'static str {
        match self {
            Reduction::SumOverBatchSize => "sum_over_batch_size",
            Reduction::Mean => "mean",
            Reduction::Sum => "sum",
            Reduction::MeanWithSampleWeight => "mean_with_sample_weight",
        }
    }
}

/// What a row should have been.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target<'a> {
    /// A number for each number of the row.
    Row(&'a [f32]),
    /// The index of the right class; for a row of one number, 0 or 1.
    Label(i32),
}

impl Target<'_> {
    /// The number that entry `i` of the row should have been.
    #[inline]
    pub(crate) fn number(self, i: usize) -> f32 {
        match self {
            Target::Row(row) => row[i],
            Target::Label(label) => label as f32,
        }
    }
}

/// A loss as a function of one row.
pub trait RowLoss: Send + Sync {
    /// Keras' class.
    const CLASS: &'static str;

    /// The loss of a row, whose gradient by `y_pred` is written to `d_y`.
    fn row(&self, y_true: Target<'_>, y_pred: &[f32], d_y: &mut [f32]) -> f32;

    /// The loss of a row.
    fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32;

    /// How the values of a batch are reduced.
    fn reduction(&self) -> Reduction;

    /// The arguments beside the reduction, as Keras' configuration names them.
    fn arguments(&self) -> Vec<(&'static str, Value)>;

    /// Refuses a label that the loss cannot take; `len` is the length of the row.
    fn check_label(&self, label: i32, len: usize) -> core::result::Result<(), usize> {
        let classes = len.max(2);
        if (0..classes as i64).contains(&i64::from(label)) { Ok(()) } else { Err(classes) }
    }
}

/// A loss as the training loop sees it.
pub trait LossFunction: Send + Sync {
    /// Keras' class.
    fn class(&self) -> &'static str;

    /// Keras' configuration of the loss.
    fn config(&self) -> Vec<(&'static str, Value)>;

    /// How the values of a batch are reduced.
    fn reduction(&self) -> Reduction;

    /// The weighted sum of the losses of rows of `len` numbers. `weights` has one weight for all
    /// rows, or one for each. `d_y`, if wanted, gets `scale` times the gradient of that sum by
    /// `y_pred`.
    fn rows(
        &self,
        y_true: Values<'_>,
        y_pred: &[f32],
        len: usize,
        weights: &[f32],
        gradient: Option<(f32, &mut [f32])>,
    ) -> f64;

    /// Refuses settings that make no sense.
    /// Errors: a `label_smoothing` outside of `[0, 1]`.
    fn check_settings(&self) -> Result<()> {
        check_settings(self.class(), &self.config())
    }

    /// Refuses a sample's target that the loss cannot take.
    /// Errors: a number that is not finite, a label that names no class.
    fn check(&self, sample: usize, y_true: Values<'_>, len: usize) -> Result<()>;
}

impl<L: RowLoss> LossFunction for L {
    fn class(&self) -> &'static str {
        L::CLASS
    }

    fn config(&self) -> Vec<(&'static str, Value)> {
        let mut config = vec![
            ("name", Value::Str(keras_graph::names::snake_case(L::CLASS))),
            ("reduction", Value::Str(RowLoss::reduction(self).name().to_string())),
        ];
        config.extend(self.arguments());
        config
    }

    fn reduction(&self) -> Reduction {
        RowLoss::reduction(self)
    }

    fn rows(
        &self,
        y_true: Values<'_>,
        y_pred: &[f32],
        len: usize,
        weights: &[f32],
        mut gradient: Option<(f32, &mut [f32])>,
    ) -> f64 {
        let mut sum = 0.0;
        let weight = |i: usize| if let [weight] = weights { *weight } else { weights[i] };
        for (i, row) in y_pred.chunks_exact(len).enumerate() {
            let target = row_of(y_true, i, len);
            let value = match &mut gradient {
                None => self.value(target, row),
                Some((_, d_y)) => self.row(target, row, &mut d_y[i * len..][..len]),
            };
            sum += f64::from(weight(i) * value);
        }
        if let Some((scale, d_y)) = gradient {
            let together = if weights.len() == 1 { d_y.len() } else { len };
            for (i, d_rows) in d_y.chunks_exact_mut(together.max(1)).enumerate() {
                let factor = scale * weight(i);
                d_rows.iter_mut().for_each(|d_y| *d_y *= factor);
            }
        }
        sum
    }

    fn check(&self, sample: usize, y_true: Values<'_>, len: usize) -> Result<()> {
        match y_true {
            Values::Floats(values) => match values.iter().find(|value| !value.is_finite()) {
                None => Ok(()),
                Some(&value) => Err(Error::NonFinite { what: "target".to_string(), sample, value }),
            },
            Values::Labels(labels) => labels.iter().try_for_each(|&label| {
                self.check_label(label, len).map_err(|classes| Error::LabelOutOfRange {
                    sample,
                    label: i64::from(label),
                    classes,
                })
            }),
        }
    }
}

/// Refuses numbers among the arguments of a loss or a metric that Keras refuses.
pub(crate) fn check_settings(class: &str, arguments: &[(&'static str, Value)]) -> Result<()> {
    for (name, value) in arguments {
        let Value::Float(value) = value else { continue };
        let (is_right, expected) = match *name {
            "label_smoothing" => ((0.0..=1.0).contains(value), "a share in [0, 1]"),
            "threshold" => (value.is_finite(), "a finite number"),
            _ => (true, ""),
        };
        if !is_right {
            return Err(Error::InvalidSetting {
                setting: format!("`{class}`: `{name}`"),
                expected: expected.into(),
                found: (*value as f32).to_string(),
            });
        }
    }
    Ok(())
}

/// The target of row `i`.
#[inline]
pub(crate) fn row_of(y_true: Values<'_>, i: usize, len: usize) -> Target<'_> {
    match y_true {
        Values::Floats(values) => Target::Row(&values[i * len..][..len]),
        Values::Labels(labels) => Target::Label(labels[i]),
    }
}

/// The losses of a model, one for each output.
pub trait Losses: Send + Sync {
    /// The losses in the order of the outputs.
    fn heads(&self) -> Vec<&dyn LossFunction>;

    /// The loss of an output, without a list on the heap. Panics: if there is no such output.
    fn head(&self, output: usize) -> &dyn LossFunction;
}

impl<L: RowLoss> Losses for L {
    fn head(&self, output: usize) -> &dyn LossFunction {
        assert_eq!(output, 0, "a single loss is that of a single output");
        self
    }

    fn heads(&self) -> Vec<&dyn LossFunction> {
        vec![self]
    }
}

/// A loss that compares predictions of type `P` with targets of type `T`, of one sample each.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not compare predictions `{P}` with targets `{T}`",
    label = "this target does not fit the model's output and the loss",
    note = "integer labels go with `SparseCategoricalCrossentropy`; the other losses take targets \
        of the prediction's own type"
)]
pub trait Loss<P, T>: Losses {}

/// Value and gradient of a loss over a whole batch, for tests and for training loops of your own.
///
/// `y_pred` holds rows of `len` numbers, `weights` a weight for each row. Returns the reduced loss
/// and its gradient by `y_pred`.
pub fn evaluate(
    loss: &dyn LossFunction,
    y_true: Values<'_>,
    y_pred: &[f32],
    len: usize,
    weights: &[f32],
) -> (f32, Vec<f32>) {
    let rows = y_pred.len() / len;
    let weight_sum = weights.iter().map(|&weight| f64::from(weight)).sum();
    let scale = loss.reduction().scale(rows, weight_sum);
    let mut d_y = vec![0.0; y_pred.len()];
    let sum = loss.rows(y_true, y_pred, len, weights, Some((scale, &mut d_y)));
    ((sum * f64::from(scale)) as f32, d_y)
}

#[cfg(test)]
mod tests;
