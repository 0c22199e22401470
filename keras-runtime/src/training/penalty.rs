//! Penalties on trained weights: what regularizers add to a loss and to its gradient.

use core::ops::Range;

use keras_graph::plan::WeightInfo;

use crate::optimizers::{Term, sum};

/// A penalty on a trained weight.
pub(super) struct WeightPenalty {
    elements: Range<usize>,
    l1: f32,
    l2: f32,
}

/// The sum of penalties.
pub(super) fn penalty(penalties: &[WeightPenalty], weights: &[f32]) -> f64 {
    penalties.iter().map(|penalty| penalty.value(weights)).sum()
}

/// The penalty on a weight, if there is one. As in Keras, weights that are not trained are not
/// penalised.
pub(super) fn weight_penalty(weight: &WeightInfo) -> Option<WeightPenalty> {
    let WeightInfo { l1, l2, offset, trainable, .. } = *weight;
    let len = weight.shape.iter().product::<usize>();
    let is_penalised = trainable && (l1 != 0.0 || l2 != 0.0);
    is_penalised.then(|| WeightPenalty { elements: offset..offset + len, l1, l2 })
}

/// `l1 · |w| + l2 · w²`.
#[derive(Clone, Copy)]
struct PenaltyTerm {
    l1: f64,
    l2: f64,
}

impl Term for PenaltyTerm {
    #[inline(always)]
    fn of(self, w: f64) -> f64 {
        self.l1 * w.abs() + self.l2 * w * w
    }
}

impl WeightPenalty {
    /// The penalty itself.
    fn value(&self, weights: &[f32]) -> f64 {
        let term = PenaltyTerm { l1: self.l1.into(), l2: self.l2.into() };
        sum(&weights[self.elements.clone()], term)
    }

    /// Adds its gradient to that of the loss.
    pub(super) fn add_gradient(&self, weights: &[f32], gradient: &mut [f32]) {
        let weights = &weights[self.elements.clone()];
        for (d_w, &w) in gradient[self.elements.clone()].iter_mut().zip(weights) {
            let sign = if w == 0.0 { 0.0 } else { w.signum() };
            *d_w += self.l1 * sign + 2.0 * self.l2 * w;
        }
    }
}
