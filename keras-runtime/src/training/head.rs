//! The losses of a model at work: on each sample of a batch, in whatever thread it is computed.

use core::ops::Range;

use super::masks::Masks;
use super::ports::{Output, Supervised};
use crate::execute::{Head, Rows};
use crate::losses::Losses;

/// Sets the outputs' factors for a batch.
pub(super) fn scale(
    outputs: &mut [Output],
    losses: &dyn Losses,
    batch: &Supervised<'_>,
    rows: &Rows<'_>,
    masks: Option<&Masks>,
) {
    let weight_sum: f64 = match batch.sample_weight {
        Some(weights) => (0..rows.len()).map(|s| f64::from(weights[rows.row(s)])).sum(),
        None => rows.len() as f64,
    };
    for (i, output) in outputs.iter_mut().enumerate() {
        let reduction = losses.head(i).reduction();
        if let Some(scale) = masks.and_then(|masks| masks.scale(i, reduction)) {
            output.scale = scale;
            continue;
        }
        output.scale = reduction.scale(rows.len() * output.rows, weight_sum * output.rows as f64);
    }
}

/// The losses of one batch. Its sums are those of each output's losses.
pub(super) struct LossHead<'a> {
    pub(super) losses: &'a dyn Losses,
    pub(super) outputs: &'a [Output],
    pub(super) batch: &'a Supervised<'a>,
    pub(super) rows: &'a Rows<'a>,
    pub(super) masks: Option<&'a Masks>,
}

impl Head for LossHead<'_> {
    fn sums(&self) -> usize {
        self.outputs.len()
    }

    fn samples(
        &self,
        output: usize,
        samples: Range<usize>,
        y_pred: &[f32],
        mut d_y_pred: Option<&mut [f32]>,
        sums: &mut [f64],
    ) {
        let Supervised { y, sample_weight, .. } = self.batch;
        let Output { extent, rows, loss_weight, scale, .. } = self.outputs[output];
        let (loss, factor) = (self.losses.head(output), scale * loss_weight);
        let masks = self.masks.filter(|masks| masks.has(output));
        if let (Rows::Range(batch), None, None) = (self.rows, sample_weight, masks) {
            let together = batch.start + samples.start..batch.start + samples.end;
            if let Some(y_true) = y.ports(together, output) {
                let gradient = d_y_pred.map(|d_y_pred| (factor, d_y_pred));
                sums[output] += loss.rows(y_true, y_pred, extent, &[1.0], gradient);
                return;
            }
        }
        let len = rows * extent;
        for (s, sample) in samples.enumerate() {
            let row = self.rows.row(sample);
            let weight = sample_weight.map_or(1.0, |weights| weights[row]);
            let (y_true, elements) = (y.port(row, output), s * len..(s + 1) * len);
            let d_y_pred = d_y_pred.as_deref_mut().map(|d_y_pred| &mut d_y_pred[elements.clone()]);
            let gradient = d_y_pred.map(|d_y_pred| (factor, d_y_pred));
            let one = [weight];
            let weights = masks.and_then(|masks| masks.weights(output, sample)).unwrap_or(&one);
            sums[output] += loss.rows(y_true, &y_pred[elements], extent, weights, gradient);
        }
    }
}
