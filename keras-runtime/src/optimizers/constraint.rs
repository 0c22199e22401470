//! The projection of constrained weights after a step of any optimizer.
//!
//! A norm is taken over some axes of a weight. Neighbouring axes that are treated alike are one, so
//! that a kernel is walked in rows: of elements that share a norm, or of elements each with its
//! own. Squares are added up in `f64` in the order of the elements, by one thread.

use core::ops::Range;

use keras_graph::constraint::{NormBounds, Resolved as Constraint};
use keras_graph::plan::WeightInfo;

/// Keras' `backend.epsilon()`, added to a norm that divides.
const EPSILON: f32 = 1e-7;

/// Axes of a weight that follow each other and are treated alike.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    extent: usize,
    /// Steps between norms along it; 0 if a norm is taken over it.
    stride: usize,
}

/// What is done to a weight.
#[derive(Clone, Debug)]
enum Projection {
    NonNegative,
    Norms {
        bounds: NormBounds,
        /// All axes but the last.
        outer: Vec<Axis>,
        last: Axis,
        /// Room for the squares of the norms, and then for the factors.
        norms: Vec<f64>,
    },
}

/// A constrained weight.
#[derive(Clone, Debug)]
pub(super) struct Constrained {
    elements: Range<usize>,
    projection: Projection,
}

impl Constrained {
    /// The constraint on a weight; none if it has none or is not trained.
    pub(super) fn of(weight: &WeightInfo) -> Option<Constrained> {
        let constraint = weight.constraint.as_ref().filter(|_| weight.trainable)?;
        let len = weight.shape.iter().product::<usize>();
        let projection = match constraint {
            Constraint::NonNegative => Projection::NonNegative,
            Constraint::Norm(bounds) => {
                let (axes, count) = axes(&weight.shape, &bounds.axes);
                let (last, outer) = axes
                    .split_last()
                    .map_or((Axis { extent: 1, stride: 0 }, vec![]), |(last, outer)| {
                        (*last, outer.to_vec())
                    });
                Projection::Norms { bounds: bounds.clone(), outer, last, norms: vec![0.0; count] }
            }
        };
        Some(Constrained { elements: weight.offset..weight.offset + len, projection })
    }

    /// Projects the weight. Allocates nothing.
    pub(super) fn apply(&mut self, weights: &mut [f32]) {
        let weights = &mut weights[self.elements.clone()];
        match &mut self.projection {
            // As in Keras a product, in which NaN stays.
            Projection::NonNegative => {
                weights.iter_mut().for_each(|w| *w *= f32::from(u8::from(*w >= 0.0)));
            }
            Projection::Norms { bounds, outer, last, norms } => {
                norms.fill(0.0);
                for (row, weights) in weights.chunks_exact(last.extent).enumerate() {
                    add_squares(weights, &mut norms[first_norm(outer, row)..], *last);
                }
                norms.iter_mut().for_each(|norm| *norm = f64::from(factor(*norm, bounds)));
                for (row, weights) in weights.chunks_exact_mut(last.extent).enumerate() {
                    scale(weights, &norms[first_norm(outer, row)..], *last);
                }
            }
        }
    }
}

/// The axes of a weight, those that are treated alike made one, and the number of norms.
fn axes(shape: &[usize], reduced: &[usize]) -> (Vec<Axis>, usize) {
    let mut axes: Vec<Axis> = Vec::new();
    let mut count = 1;
    // From the last axis on, since that is how strides grow.
    for (i, &extent) in shape.iter().enumerate().rev() {
        let is_reduced = reduced.contains(&i);
        let stride = if is_reduced { 0 } else { count };
        count *= if is_reduced { 1 } else { extent };
        match axes.last_mut() {
            Some(axis) if (axis.stride == 0) == is_reduced => axis.extent *= extent,
            _ => axes.push(Axis { extent, stride }),
        }
    }
    axes.reverse();
    (axes, count)
}

/// The norm of a row's first element.
fn first_norm(outer: &[Axis], mut row: usize) -> usize {
    let mut norm = 0;
    for axis in outer.iter().rev() {
        norm += row % axis.extent * axis.stride;
        row /= axis.extent;
    }
    norm
}

fn add_squares(weights: &[f32], norms: &mut [f64], axis: Axis) {
    let square = |w: f32| f64::from(w) * f64::from(w);
    if axis.stride == 0 {
        norms[0] += weights.iter().map(|w| square(*w)).sum::<f64>();
    } else {
        norms.iter_mut().zip(weights).for_each(|(norm, w)| *norm += square(*w));
    }
}

/// What a weight whose norm has this square is multiplied by.
fn factor(square: f64, bounds: &NormBounds) -> f32 {
    let norm = square.sqrt() as f32;
    let NormBounds { least, most, rate, .. } = *bounds;
    let clipped = norm.clamp(least, most);
    // An infinite norm times zero would be NaN.
    let desired = if rate == 1.0 { clipped } else { rate * clipped + (1.0 - rate) * norm };
    desired / (EPSILON + norm)
}

fn scale(weights: &mut [f32], factors: &[f64], axis: Axis) {
    if axis.stride == 0 {
        let factor = factors[0] as f32;
        weights.iter_mut().for_each(|w| *w *= factor);
    } else {
        weights.iter_mut().zip(factors).for_each(|(w, factor)| *w *= *factor as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_are_treated_alike_are_one_axis() {
        let axis = |extent, stride| Axis { extent, stride };
        assert_eq!(axes(&[2, 3, 4, 5], &[0, 1, 2]), (vec![axis(24, 0), axis(5, 1)], 5));
        assert_eq!(axes(&[2, 3, 4], &[1]), (vec![axis(2, 4), axis(3, 0), axis(4, 1)], 8));
        assert_eq!(axes(&[2, 3, 4], &[2]), (vec![axis(6, 1), axis(4, 0)], 6));
        assert_eq!(axes(&[7], &[0]), (vec![axis(7, 0)], 1));
    }

    #[test]
    fn every_element_finds_its_norm() {
        // Norms over the middle axis of (2, 3, 4).
        let (axes, _) = axes(&[2, 3, 4], &[1]);
        let firsts: Vec<usize> = (0..6).map(|row| first_norm(&axes[..2], row)).collect();
        assert_eq!(firsts, [0, 0, 0, 4, 4, 4]);
    }
}
