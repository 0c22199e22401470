//! Gradients of large weights: each computed on the whole batch, a few of its rows at a time, on whatever threads there are.
//!
//! No lane has a copy that must be cleared and merged. An element is added up over the samples in their order, whoever does it.

use keras_graph::cost::Prepared;
use keras_graph::op::{EmbeddingGrad, GemmGradW, Op};
use keras_graph::plan::{Place, Plan};
use rayon::prelude::*;

use super::aligned::Aligned;
use super::lane::Lane;
use super::prepared::Prepare;
use crate::dtype_policy::DtypePolicy;
use crate::kernels::{Call, Run};
use crate::simd::Choice;

/// Most parts that a gradient is cut into.
const MAX_TASKS: usize = 16;

/// A part has a multiple of this many rows, so that kernels have whole tiles.
const TILE_ROWS: usize = 8;

/// Fewer rows at a time would not pay for the copies that a product makes of its panels.
const LEAST_ROWS: usize = 64;

/// Samples that a thread gathers at a time.
const GATHERED: usize = 16;

/// Memory for the steps on the whole batch.
pub(super) struct Memory {
    /// What a step reads, of all samples in their order.
    inputs: [Vec<f32>; 2],
    /// The right one in the order in which products read it.
    prepared: Aligned,
    /// Scratch of each part.
    workspaces: Vec<Vec<f32>>,
}

impl Memory {
    pub(super) fn new(plan: &Plan, workspace_len: usize) -> Memory {
        let workspace_len = if plan.whole.is_empty() { 0 } else { workspace_len };
        let workspaces = vec![vec![0.0; workspace_len]; MAX_TASKS];
        Memory { inputs: [vec![], vec![]], prepared: Aligned::default(), workspaces }
    }
}

/// Runs the steps on the whole batch.
pub(super) fn run(
    plan: &Plan,
    run: fn(&Op, Call<'_>),
    copy: (Prepare, DtypePolicy),
    lanes: &[Lane],
    memory: &mut Memory,
    gradient: &mut [f32],
) {
    let samples = lanes.iter().map(Lane::count).sum();
    let choice = Choice::current();
    for (i, step) in plan.whole.iter().enumerate() {
        let [left, right] = &step.inputs[..] else { unreachable!("such an op reads two tensors") };
        let Memory { inputs: [left_cells, right_cells], prepared, workspaces } = memory;
        let inputs = [
            gathered(lanes, samples, *left, left_cells),
            gathered(lanes, samples, *right, right_cells),
        ];
        let prepared = prepared_right(&step.op, copy, inputs[1], prepared);
        let output = &mut gradient[step.output.offset..][..step.output.len];
        let is_first = !plan.whole[..i].iter().any(|earlier| earlier.output == step.output);
        let (rows, row_len) = rows(&step.op);
        let part_rows = rows.div_ceil(MAX_TASKS).max(LEAST_ROWS).next_multiple_of(TILE_ROWS);
        let task = |(i, (output, workspace)): (usize, (&mut [f32], &mut Vec<f32>))| {
            if is_first {
                output.fill(0.0);
            }
            let op = part_of(&step.op, i * part_rows, output.len() / row_len);
            let (inputs, run_of_call) = (&inputs, Run::default());
            let call = Call { samples, inputs, output, workspace, prepared, run: run_of_call };
            choice.apply(|| run(&op, call));
        };
        let parts = output.par_chunks_mut(part_rows * row_len).zip(workspaces.par_iter_mut());
        parts.enumerate().with_max_len(1).for_each(task);
    }
}

/// The right matrix of a product, prepared for all parts.
fn prepared_right<'a>(
    op: &Op,
    (prepare, policy): (Prepare, DtypePolicy),
    right: &[f32],
    cells: &'a mut Aligned,
) -> &'a [f32] {
    let Op::GemmGradW(product) = op else { return &[] };
    let Prepared { len, part_len } = policy.panels(right.len() / product.n, product.n);
    if cells.len() < len {
        cells.resize(len);
    }
    let (cells, choice) = (&mut cells[..len], Choice::current());
    let parts = cells.par_chunks_mut(part_len).enumerate();
    parts.for_each(|(part, cells)| choice.apply(|| prepare(op, right, part, cells)));
    cells
}

/// A tensor of all samples in their order, so that a product runs over the whole batch without a break.
fn gathered<'a>(
    lanes: &'a [Lane],
    samples: usize,
    place: Place,
    cells: &'a mut Vec<f32>,
) -> &'a [f32] {
    if let [lane] = lanes {
        return lane.whole(place);
    }
    let len = place.len;
    if cells.len() < samples * len {
        cells.resize(samples * len, 0.0);
    }
    let cells = &mut cells[..samples * len];
    cells.par_chunks_mut(GATHERED * len).enumerate().for_each(|(i, chunk)| {
        for (s, to) in chunk.chunks_exact_mut(len).enumerate() {
            let sample = i * GATHERED + s;
            let lane = &lanes[lanes.partition_point(|lane| lane.end() <= sample)];
            to.copy_from_slice(lane.of(place, sample));
        }
    });
    cells
}

/// Rows of the result of an op on the whole batch, and elements of a row.
fn rows(op: &Op) -> (usize, usize) {
    match op {
        Op::GemmGradW(op) => (op.count, op.n),
        Op::EmbeddingGrad(op) => (op.count, op.columns),
        _ => unreachable!("`{}` is not run on the whole batch", op.name()),
    }
}

/// An op that computes `count` rows of what `op` computes, from row `first` on.
fn part_of(op: &Op, first: usize, count: usize) -> Op {
    match *op {
        Op::GemmGradW(op) => GemmGradW { first, count, ..op }.into(),
        Op::EmbeddingGrad(op) => EmbeddingGrad { first, count, ..op }.into(),
        _ => unreachable!("`{}` is not run on the whole batch", op.name()),
    }
}
