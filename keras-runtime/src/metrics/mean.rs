//! Metrics that are the mean of a function of one row; every loss is one.

use keras_graph::names::snake_case;
use keras_graph::value::Value;

use super::{Direction, Metric, MetricFunction, MetricState};
use crate::array::Array;
use crate::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, ClassesOf, MeanAbsoluteError, MeanSquaredError,
    RowLoss, SparseCategoricalCrossentropy, Target, row_of,
};
use crate::sample::Values;

/// A function of one row whose mean is a metric.
pub trait RowMetric: Clone + Send + Sync + 'static {
    /// Keras' class.
    const CLASS: &'static str;
    /// Whether more is better.
    const DIRECTION: Direction;

    /// The value of a row.
    fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32;

    /// Keras' arguments beside the name.
    fn arguments(&self) -> Vec<(&'static str, Value)> {
        vec![]
    }
}

/// A running mean: of samples, each the plain mean of its rows, or of rows that have a weight each.
#[derive(Clone, Debug)]
pub struct MeanState<M> {
    metric: M,
    total: f64,
    count: f64,
}

impl<M: RowMetric> MetricState for MeanState<M> {
    fn reset(&mut self) {
        (self.total, self.count) = (0.0, 0.0);
    }

    fn update(&mut self, y_true: Values<'_>, y_pred: &[f32], len: usize, weights: &[f32]) {
        let row =
            |i: usize, y_pred: &[f32]| f64::from(self.metric.value(row_of(y_true, i, len), y_pred));
        let rows = y_pred.chunks_exact(len);
        if let [weight] = *weights {
            let count = rows.len() as f64;
            let sum: f64 = rows.enumerate().map(|(i, y_pred)| row(i, y_pred)).sum();
            self.total += f64::from(weight) * sum / count;
            self.count += f64::from(weight);
            return;
        }
        for (i, (y_pred, &weight)) in rows.zip(weights).enumerate() {
            self.total += f64::from(weight) * row(i, y_pred);
            self.count += f64::from(weight);
        }
    }

    fn result(&self) -> f32 {
        if self.count == 0.0 { 0.0 } else { (self.total / self.count) as f32 }
    }
}

impl<M: RowMetric> MetricFunction for M {
    fn class(&self) -> &'static str {
        M::CLASS
    }

    fn name(&self) -> String {
        snake_case(M::CLASS)
    }

    fn arguments(&self) -> Vec<(&'static str, Value)> {
        RowMetric::arguments(self)
    }

    fn direction(&self) -> Direction {
        M::DIRECTION
    }

    fn start(&self) -> Box<dyn MetricState> {
        Box::new(MeanState { metric: self.clone(), total: 0.0, count: 0.0 })
    }
}

macro_rules! losses {
    ($($loss:ident),*) => {
        $(impl RowMetric for $loss {
            const CLASS: &'static str = <$loss as RowLoss>::CLASS;
            const DIRECTION: Direction = Direction::Min;

            fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32 {
                RowLoss::value(self, y_true, y_pred)
            }

            fn arguments(&self) -> Vec<(&'static str, Value)> {
                // Rows are the last axis; of a loss Keras takes that as an argument, of some
                // metrics it does not.
                let mut arguments = RowLoss::arguments(self);
                arguments.retain(|(name, _)| *name != "axis");
                arguments
            }
        })*
    };
}
losses!(
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy
);

impl<P: Array<Element = f32>> Metric<P, P> for MeanSquaredError {}
impl Metric<[f32; 1], f32> for MeanSquaredError {}
impl<P: Array<Element = f32>> Metric<P, P> for MeanAbsoluteError {}
impl Metric<[f32; 1], f32> for MeanAbsoluteError {}
impl<P: Array<Element = f32>> Metric<P, P> for BinaryCrossentropy {}
impl Metric<[f32; 1], f32> for BinaryCrossentropy {}
impl Metric<[f32; 1], u32> for BinaryCrossentropy {}
impl Metric<[f32; 1], i32> for BinaryCrossentropy {}
impl<P: Array<Element = f32>> Metric<P, P> for CategoricalCrossentropy {}
impl<P, T: ClassesOf<P>> Metric<P, T> for SparseCategoricalCrossentropy {}
