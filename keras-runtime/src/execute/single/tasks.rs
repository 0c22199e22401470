//! The steps of a plan as tasks on one sample, cut by their outputs, and the weights that are
//! copied for them once.

use core::ops::Range;

use keras_graph::algorithm::Algorithm;
use keras_graph::memory::LINE;
use keras_graph::needs;
use keras_graph::op::{Gemm, Op};
use keras_graph::plan::{Operand, Plan, Step, Storage};
use keras_graph::split::{Part, Read, split};

use crate::dtype_policy::DtypePolicy;
use crate::execute::prepared::Prepare;

/// Most parts of a step.
pub(super) const MAX_PARTS: usize = 32;
/// Columns of a product of one row whose sums stay in registers; their weights are one run of
/// memory.
const STRIP_COLUMNS: usize = 128;
/// A step with less work costs more to share than that saves: meeting takes a third of a
/// microsecond.
const LEAST_SHARED_WORK: u64 = 1 << 16;
/// A number that is read or written takes as long as so many floating-point operations.
const FLOPS_PER_NUMBER: u64 = 8;

/// A step, or a part of it.
pub(super) struct Task {
    pub(super) op: Op,
    /// That of the step, for its parts too.
    pub(super) algorithm: Algorithm,
    /// On how many parts of the sample it is run.
    pub(super) repeat: usize,
    pub(super) inputs: Vec<Source>,
    pub(super) prepared: Range<usize>,
    /// Elements of the memory.
    pub(super) output: Range<usize>,
}

/// Where an input lies.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// In the model.
    Model(Range<usize>),
    /// In the copies.
    Copy(Range<usize>),
    Memory(Range<usize>),
}

/// What is copied of the weights.
pub(super) struct WeightCopies {
    policy: DtypePolicy,
    /// Elements of all copies.
    pub(super) len: usize,
    pub(super) made: Vec<(Range<usize>, WeightCopy)>,
}

/// One copy.
pub(super) enum WeightCopy {
    /// Elements of the model, as they are.
    Elements(Range<usize>),
    /// Some columns of a matrix.
    Columns { matrix: Range<usize>, columns: usize, some: Range<usize> },
    /// A right matrix as [`Backend::prepare`] makes it.
    Prepared { op: Op, algorithm: Algorithm, right: Range<usize>, part_len: usize },
}

impl WeightCopies {
    /// No copy yet.
    pub(super) fn under(policy: DtypePolicy) -> WeightCopies {
        WeightCopies { policy, len: 0, made: Vec::new() }
    }

    /// Room for a copy.
    fn add(&mut self, len: usize, copied: WeightCopy) -> Range<usize> {
        let room = self.len..self.len + len;
        self.len = room.end.next_multiple_of(LINE);
        self.made.push((room.clone(), copied));
        room
    }

    /// A step as one task, or as some that threads share; and in one if it is cut for them
    /// alone.
    pub(super) fn tasks(
        &mut self,
        plan: &Plan,
        step: &Step,
        threads: usize,
    ) -> (Vec<Task>, Option<Task>) {
        let numbers =
            step.output.len + step.inputs.iter().map(|input| input.place.len).sum::<usize>();
        let work = step.flops() + FLOPS_PER_NUMBER * numbers as u64;
        let algorithm = self.policy.algorithm(step);
        let count = match step.op {
            // Its columns are copied once, so they have to be weights.
            Op::Gemm(Gemm { m: 1, .. }) if step.inputs[1].place.storage != Storage::Weights => 1,
            Op::Gemm(Gemm { m: 1, n, .. }) => n.div_ceil(STRIP_COLUMNS).clamp(threads, MAX_PARTS),
            _ => threads,
        };
        let is_shared = work >= LEAST_SHARED_WORK && step.repeat == 1;
        let parts = if is_shared { split(&step.op, algorithm, count) } else { None };
        let unsplit = || {
            let inputs = vec![Read::All; step.inputs.len()];
            Part { op: step.op, inputs, output: 0..step.output.len }
        };
        // Strips of columns are better one by one, too.
        let is_cut_for_threads = parts.is_some() && !matches!(step.op, Op::Gemm(Gemm { m: 1, .. }));
        let parts = parts.unwrap_or_else(|| vec![unsplit()]);
        let prepared = self.prepared(step, algorithm);
        let is_product = matches!(
            step.op,
            Op::Gemm(_)
                | Op::Conv2D(_)
                | Op::ConvPool2D(_)
                | Op::Conv2DGradX(_)
                | Op::Depthwise2D(_)
        );
        let mut sources = Vec::with_capacity(step.inputs.len());
        for (i, Operand { place, .. }) in step.inputs.iter().enumerate() {
            let in_model = place.offset..place.offset + place.len;
            let is_read = parts.iter().any(|part| !matches!(part.inputs[i], Read::Columns(_)))
                && (i != 1 || prepared.is_empty());
            sources.push(match plan.in_sample(*place) {
                Some(range) => Source::Memory(range),
                None if is_product && is_read => {
                    Source::Copy(self.add(place.len, WeightCopy::Elements(in_model)))
                }
                None => Source::Model(in_model),
            });
        }
        let output = plan.in_sample(step.output).map_or(0, |range| range.start);
        let mut task = |part: Part| {
            let inputs = part.inputs.iter().zip(&sources);
            let inputs =
                inputs.map(|(read, source)| self.part_of(source, read, &step.op)).collect();
            let output = output + part.output.start..output + part.output.end;
            Task {
                op: part.op,
                algorithm,
                repeat: step.repeat,
                inputs,
                prepared: prepared.clone(),
                output,
            }
        };
        let unsplit = is_cut_for_threads.then(|| task(unsplit()));
        (parts.into_iter().map(task).collect(), unsplit)
    }

    /// What is prepared for a step, but for a single row: it reads each weight once.
    fn prepared(&mut self, step: &Step, algorithm: Algorithm) -> Range<usize> {
        let is_row = matches!(step.op, Op::Gemm(Gemm { m: 1, .. })) && step.repeat == 1;
        let right = step.inputs.get(1).map(|right| right.place);
        let right = right.filter(|right| right.storage == Storage::Weights && !is_row);
        let Some((right, prepared)) = right.zip(needs::prepared(&step.op, algorithm)) else {
            return 0..0;
        };
        let right = right.offset..right.offset + right.len;
        let copied =
            WeightCopy::Prepared { op: step.op, algorithm, right, part_len: prepared.part_len };
        self.add(prepared.len, copied)
    }

    /// Where a part of an input lies.
    fn part_of(&mut self, source: &Source, read: &Read, op: &Op) -> Source {
        let within =
            |all: &Range<usize>, some: &Range<usize>| all.start + some.start..all.start + some.end;
        match (source, read, op) {
            (source, Read::All, _) => source.clone(),
            (Source::Model(all), Read::Elements(some), _) => Source::Model(within(all, some)),
            (Source::Copy(all), Read::Elements(some), _) => Source::Copy(within(all, some)),
            (Source::Memory(all), Read::Elements(some), _) => Source::Memory(within(all, some)),
            (Source::Model(matrix), Read::Columns(some), Op::Gemm(op)) => {
                let (matrix, columns, some) = (matrix.clone(), op.n, some.clone());
                let len = op.k * some.len();
                Source::Copy(self.add(len, WeightCopy::Columns { matrix, columns, some }))
            }
            (_, Read::Columns(_), op) => unreachable!("{} reads columns of weights", op.name()),
        }
    }
}

impl WeightCopy {
    /// Makes the copy.
    pub(super) fn make(&self, prepare: Prepare, weights: &[f32], to: &mut [f32]) {
        match self {
            WeightCopy::Elements(range) => to.copy_from_slice(&weights[range.clone()]),
            WeightCopy::Columns { matrix, columns, some } => {
                let rows = weights[matrix.clone()].chunks_exact(*columns);
                for (row, to) in rows.zip(to.chunks_exact_mut(some.len())) {
                    to.copy_from_slice(&row[some.clone()]);
                }
            }
            WeightCopy::Prepared { op, algorithm, right, part_len } => {
                for (part, to) in to.chunks_mut(*part_len).enumerate() {
                    prepare(op, *algorithm, &weights[right.clone()], part, to);
                }
            }
        }
    }
}
