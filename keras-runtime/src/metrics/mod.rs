//! Metrics: figures that people read, gathered over an epoch. They have no gradient.
//!
//! As for losses, types say what fits ([`Metric<P, T>`]), and beneath, a metric works on flat
//! numbers of one sample. A metric's state is apart from its settings: [`MetricFunction::start`]
//! makes one. Source: Keras 3.15 `metrics/`.

mod accuracy;
mod mean;
mod sets;

/// Every loss is a metric too.
pub use crate::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, MeanAbsoluteError, MeanSquaredError,
    SparseCategoricalCrossentropy,
};
pub use accuracy::{Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy};
pub use mean::{MeanState, RowMetric};
pub use sets::{MetricHead, MetricSet, Metrics, Named, named};

use keras_graph::value::Value;

use crate::error::Result;
use crate::losses::check_settings;
use crate::sample::Values;

/// Whether more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More is better.
    Max,
    /// Less is better.
    Min,
}

/// A metric as the training loop sees it.
pub trait MetricFunction: Send + Sync {
    /// Keras' class.
    fn class(&self) -> &'static str;

    /// The key under which it is logged.
    fn name(&self) -> String;

    /// Keras' arguments beside the name.
    fn arguments(&self) -> Vec<(&'static str, Value)>;

    /// Keras' configuration.
    fn config(&self) -> Vec<(&'static str, Value)> {
        let mut config =
            vec![("name", Value::Str(self.name())), ("dtype", Value::Str("float32".to_string()))];
        config.extend(self.arguments());
        config
    }

    /// Whether more is better.
    fn direction(&self) -> Direction;

    /// Refuses settings that make no sense.
    /// Errors: a `label_smoothing` outside of `[0, 1]`, a `threshold` that is not finite.
    fn check_settings(&self) -> Result<()> {
        check_settings(self.class(), &self.arguments())
    }

    /// The state of an epoch that has not begun.
    fn start(&self) -> Box<dyn MetricState>;
}

/// What a metric has gathered.
pub trait MetricState: Send {
    /// Forgets everything.
    fn reset(&mut self);

    /// Takes in one sample, whose prediction has rows of `len` numbers. `weights` has one weight
    /// for the sample, or one for each row.
    fn update(&mut self, y_true: Values<'_>, y_pred: &[f32], len: usize, weights: &[f32]);

    /// The metric of all samples so far; 0 before the first.
    fn result(&self) -> f32;
}

/// A metric that compares predictions of type `P` with targets of type `T`, of one sample each.
#[diagnostic::on_unimplemented(
    message = "the metric `{Self}` does not compare predictions `{P}` with targets `{T}`",
    label = "this target does not fit the model's output and the metric",
    note = "integer labels go with `SparseCategoricalAccuracy`; most others take targets of the \
        prediction's own type"
)]
pub trait Metric<P, T>: MetricFunction {}
