//! PreparedWeights of weights in the order in which kernels read them, made once for a batch and
//! read by all shards.

use core::ops::Range;

use keras_graph::algorithm::Algorithm;
use keras_graph::cost::Prepared;
use keras_graph::needs;
use keras_graph::op::Op;
use keras_graph::plan::{Plan, Storage};

use super::aligned::Aligned;
use crate::simd::Choice;

/// Fewer samples would not make up for the copies.
const LEAST_SAMPLES: usize = 16;

/// How [`Backend::prepare`](crate::kernels::Backend::prepare) is called.
pub(super) type Prepare = fn(&Op, Algorithm, &[f32], usize, &mut [f32]);

/// The copies that the steps of a plan read.
pub(super) struct PreparedWeights {
    cells: Aligned,
    parts: Vec<PreparedPart>,
    /// Where the copy for each step stands; empty if it has none.
    of_step: Vec<Range<usize>>,
    /// Whether they were made, for the batch at hand or for all.
    are_made: bool,
    /// Whether the batch at hand reads them.
    are_read: bool,
    /// Whether the weights stay as they are.
    are_kept: bool,
}

/// What can be made by itself.
struct PreparedPart {
    step: usize,
    algorithm: Algorithm,
    /// Which part of the step's copy.
    index: usize,
    len: usize,
}

impl PreparedWeights {
    /// Room for the copies that the algorithms of the plan's steps read.
    pub(super) fn new(plan: &Plan, algorithms: &[Algorithm]) -> PreparedWeights {
        let (mut parts, mut of_step, mut end) = (vec![], vec![], 0);
        for (step, (planned, &algorithm)) in plan.steps.iter().zip(algorithms).enumerate() {
            let reads_weights =
                planned.inputs.get(1).is_some_and(|right| right.place.storage == Storage::Weights);
            let begin = end;
            if let Some(Prepared { len, part_len }) =
                needs::prepared(&planned.op, algorithm).filter(|_| reads_weights)
            {
                for (index, first) in (0..len).step_by(part_len).enumerate() {
                    parts.push(PreparedPart {
                        step,
                        algorithm,
                        index,
                        len: part_len.min(len - first),
                    });
                }
                end += len;
            }
            of_step.push(begin..end);
        }
        PreparedWeights {
            cells: Aligned::default(),
            parts,
            of_step,
            are_made: false,
            are_read: false,
            are_kept: false,
        }
    }

    /// Makes no second copies: the weights stay as they are.
    pub(super) fn keep(&mut self) {
        self.are_kept = true;
        self.are_made = false;
    }

    /// Makes the copies, if a batch of so many samples is worth them.
    pub(super) fn make(&mut self, plan: &Plan, prepare: Prepare, weights: &[f32], samples: usize) {
        self.are_read = samples >= LEAST_SAMPLES && !self.parts.is_empty();
        if self.are_read && !(self.are_kept && self.are_made) {
            self.cells.resize(self.of_step.last().map_or(0, |last| last.end));
            let choice = Choice::current();
            let make = |part: &PreparedPart, cells: &mut [f32]| {
                let step = &plan.steps[part.step];
                let right = step.inputs[1].place;
                let right = &weights[right.offset..][..right.len];
                choice.apply(|| prepare(&step.op, part.algorithm, right, part.index, cells));
            };
            make_all(&self.parts, &mut self.cells, &make);
            self.are_made = true;
        }
    }

    /// The copy for a step, if there is one.
    pub(super) fn of(&self, step: usize) -> &[f32] {
        if self.are_read { &self.cells[self.of_step[step].clone()] } else { &[] }
    }
}

/// Makes parts that stand one after the other, on whatever threads there are.
fn make_all(
    parts: &[PreparedPart],
    cells: &mut [f32],
    make: &(impl Fn(&PreparedPart, &mut [f32]) + Sync),
) {
    match parts {
        [] => {}
        [part] => make(part, cells),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            let (left_cells, right_cells) =
                cells.split_at_mut(left.iter().map(|part| part.len).sum());
            if rayon::current_num_threads() > 1 {
                rayon::join(
                    || make_all(left, left_cells, make),
                    || make_all(right, right_cells, make),
                );
            } else {
                make_all(left, left_cells, make);
                make_all(right, right_cells, make);
            }
        }
    }
}
