//! How often predictions are right.
//!
//! The structs without fields are `non_exhaustive`, so that users write `Accuracy::default()` as
//! for any other metric, and clippy agrees.

use keras_graph::value::Value;

use super::mean::RowMetric;
use super::{Direction, Metric};
use crate::array::Array;
use crate::losses::{ClassesOf, Target};

/// The share of numbers that equal their target exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Accuracy;

/// The share of numbers on their target's side of a threshold: `(y_pred > threshold) = y_true`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinaryAccuracy {
    /// A prediction above it counts as 1.
    pub threshold: f32,
}

impl Default for BinaryAccuracy {
    fn default() -> Self {
        BinaryAccuracy { threshold: 0.5 }
    }
}

/// The share of rows whose largest number stands where the target's largest does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CategoricalAccuracy;

/// The share of rows whose largest number stands at the index that is the target.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SparseCategoricalAccuracy;

/// The index of the first largest number.
fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (i, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = i;
        }
    }
    best
}

/// The share of a row's numbers for which `right` holds.
fn share(y_true: Target<'_>, y_pred: &[f32], right: impl Fn(f32, f32) -> bool) -> f32 {
    let count = y_pred.iter().enumerate().filter(|(i, y)| right(y_true.number(*i), **y)).count();
    count as f32 / y_pred.len() as f32
}

impl RowMetric for Accuracy {
    const CLASS: &'static str = "Accuracy";
    const DIRECTION: Direction = Direction::Max;

    fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32 {
        share(y_true, y_pred, |y_true, y_pred| y_true == y_pred)
    }
}

impl RowMetric for BinaryAccuracy {
    const CLASS: &'static str = "BinaryAccuracy";
    const DIRECTION: Direction = Direction::Max;

    fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32 {
        share(y_true, y_pred, |y_true, y_pred| {
            y_true == f32::from(u8::from(y_pred > self.threshold))
        })
    }

    fn arguments(&self) -> Vec<(&'static str, Value)> {
        vec![("threshold", Value::from(self.threshold))]
    }
}

impl RowMetric for CategoricalAccuracy {
    const CLASS: &'static str = "CategoricalAccuracy";
    const DIRECTION: Direction = Direction::Max;

    fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32 {
        let right = match y_true {
            Target::Row(row) => argmax(row) == argmax(y_pred),
            Target::Label(label) => label as usize == argmax(y_pred),
        };
        f32::from(u8::from(right))
    }
}

impl RowMetric for SparseCategoricalAccuracy {
    const CLASS: &'static str = "SparseCategoricalAccuracy";
    const DIRECTION: Direction = Direction::Max;

    fn value(&self, y_true: Target<'_>, y_pred: &[f32]) -> f32 {
        CategoricalAccuracy.value(y_true, y_pred)
    }
}

impl<P: Array<Element = f32>> Metric<P, P> for Accuracy {}
impl Metric<[f32; 1], f32> for Accuracy {}
impl<P: Array<Element = f32>> Metric<P, P> for BinaryAccuracy {}
impl Metric<[f32; 1], f32> for BinaryAccuracy {}
impl Metric<[f32; 1], u32> for BinaryAccuracy {}
impl Metric<[f32; 1], i32> for BinaryAccuracy {}
impl<P: Array<Element = f32>> Metric<P, P> for CategoricalAccuracy {}
impl<P, T: ClassesOf<P>> Metric<P, T> for SparseCategoricalAccuracy {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MetricFunction;
    use crate::sample::Values;

    #[test]
    fn a_mean_is_weighted_by_sample() {
        let metric = BinaryAccuracy { threshold: 0.3 };
        let mut state = metric.start();
        assert_eq!(state.result(), 0.0);
        // Rows of two: one of two right, then two of two, then none.
        state.update(Values::Floats(&[1.0, 0.0]), &[0.4, 0.31], 2, &[1.0]);
        assert_eq!(state.result(), 0.5);
        state.update(Values::Floats(&[1.0, 0.0]), &[0.9, 0.3], 2, &[2.0]);
        state.update(Values::Floats(&[1.0, 0.0]), &[0.1, 0.7], 2, &[0.5]);
        assert_eq!(state.result(), 2.5 / 3.5);
        state.reset();
        state.update(Values::Labels(&[1]), &[0.2], 1, &[1.0]);
        assert_eq!(state.result(), 0.0);
    }

    #[test]
    fn classes_are_compared_by_their_largest_number() {
        let rows = [0.1, 0.7, 0.2, 0.5, 0.2, 0.3];
        let mut sparse = SparseCategoricalAccuracy.start();
        sparse.update(Values::Labels(&[1, 2]), &rows, 3, &[1.0]);
        assert_eq!(sparse.result(), 0.5);
        // The first row, which is right, weighs 3; the second, which is wrong, 1 and then 0.
        sparse.reset();
        sparse.update(Values::Labels(&[1, 2]), &rows, 3, &[3.0, 1.0]);
        assert_eq!(sparse.result(), 0.75);
        sparse.update(Values::Labels(&[1, 2]), &rows, 3, &[3.0, 0.0]);
        assert_eq!(sparse.result(), 6.0 / 7.0);
        let mut categorical = CategoricalAccuracy.start();
        categorical.update(Values::Floats(&[0.0, 1.0, 0.0, 0.2, 0.1, 0.7]), &rows, 3, &[1.0]);
        assert_eq!(categorical.result(), 0.5);
        assert_eq!(sparse_name(), "sparse_categorical_accuracy");
    }

    fn sparse_name() -> String {
        SparseCategoricalAccuracy.name()
    }
}
