//! The masks of a model's outputs: which rows count in losses and metrics.
//!
//! Masks follow from the inputs, so they are computed before the step of a batch: a loss is a mean
//! over the rows that count, and its factor must be known before its gradient is. A row's weight is
//! its sample's, or 0. Source: Keras 3.15 `losses/loss.py` (`apply_mask`).

use keras_graph::plan::{OutputMasks, Plan};

use super::ports::{Output, Supervised};
use crate::execute::{Batch, Execution, Keep, NoHead};
use crate::kernels::Cpu;
use crate::losses::Reduction;

/// The masks of one model, and what they say of the last batch.
pub(super) struct Masks {
    execution: Execution<'static>,
    /// For each output of the model, its mask.
    of: &'static [Option<usize>],
    masks: Vec<Mask>,
}

/// The mask of one output, and what the rows of the last batch weigh.
struct Mask {
    /// Rows of a sample.
    rows: usize,
    /// 1 for a row that counts, else 0.
    counts: Vec<f32>,
    /// That, times the sample's weight.
    weights: Vec<f32>,
}

impl Masks {
    /// The masks of a model. Errors: a mask that has not one number for each row of its output:
    /// what was set, expected and found.
    pub(super) fn new(
        masks: &'static OutputMasks,
        outputs: &[Output],
    ) -> Result<Masks, [String; 3]> {
        let OutputMasks { plan, of } = masks;
        let mut masks = Vec::new();
        for (output, mask) in outputs.iter().zip(of.iter()) {
            let Some(mask) = mask else { continue };
            let rows = plan.outputs[*mask].place.len;
            if rows != output.rows {
                let shape = &plan.outputs[*mask].shape;
                let expected = format!("a mask of `{}` for its {} rows", output.name, output.rows);
                let found = format!("one of the extents {shape:?}");
                return Err(["the masks of the outputs".to_string(), expected, found]);
            }
            masks.push(Mask { rows, counts: Vec::new(), weights: Vec::new() });
        }
        Ok(Masks { execution: Execution::new::<Cpu>(plan, Keep::Outputs), of, masks })
    }

    /// Computes with another execution of the plan from now on.
    pub(super) fn renew(
        &mut self,
        execution: impl FnOnce(&'static Plan, Keep) -> Execution<'static>,
    ) {
        self.execution = execution(self.execution.plan(), Keep::Outputs);
    }

    /// Looks at a batch.
    pub(super) fn look(&mut self, batch: &Batch<'_>, data: &Supervised<'_>) {
        self.execution.run(&[], batch, &NoHead);
        for (i, mask) in self.masks.iter_mut().enumerate() {
            let Mask { rows, counts, weights } = mask;
            let len = batch.rows.len() * *rows;
            counts.resize(len, 0.0);
            weights.resize(len, 0.0);
            self.execution.copy_output(i, counts);
            let samples = counts.chunks_exact(*rows).zip(weights.chunks_exact_mut(*rows));
            for (sample, (counts, weights)) in samples.enumerate() {
                let of_sample = data.sample_weight.map_or(1.0, |w| w[batch.rows.row(sample)]);
                for (weight, counts) in weights.iter_mut().zip(counts) {
                    *weight = counts * of_sample;
                }
            }
        }
    }

    fn of(&self, output: usize) -> Option<&Mask> {
        self.of[output].map(|mask| &self.masks[mask])
    }

    /// Whether an output has a mask.
    pub(super) fn has(&self, output: usize) -> bool {
        self.of[output].is_some()
    }

    /// What the rows of a sample of the batch weigh in an output's loss, if it has a mask.
    pub(super) fn weights(&self, output: usize, sample: usize) -> Option<&[f32]> {
        self.of(output).map(|mask| &mask.weights[sample * mask.rows..][..mask.rows])
    }

    /// Which rows of a sample count, if the output has a mask.
    pub(super) fn counts(&self, output: usize, sample: usize) -> Option<&[f32]> {
        self.of(output).map(|mask| &mask.counts[sample * mask.rows..][..mask.rows])
    }

    /// The factor of an output's weighted sum, if it has a mask.
    pub(super) fn scale(&self, output: usize, reduction: Reduction) -> Option<f32> {
        let mask = self.of(output)?;
        let sum = |values: &[f32]| values.iter().map(|&value| f64::from(value)).sum::<f64>();
        let counted = sum(&mask.counts);
        // Where no row counts, there is no loss.
        Some(if counted == 0.0 {
            0.0
        } else {
            reduction.scale(counted as usize, sum(&mask.weights))
        })
    }
}
