//! Gradients of large weights: each computed on the whole batch, a few of its rows at a time, on whatever threads there are.
//!
//! No lane has a copy that must be cleared and merged. An element is added up over the lanes in their order, whoever does it.

use keras_graph::op::{EmbeddingGrad, GemmGradW, Op};
use keras_graph::plan::{Plan, Step};
use rayon::prelude::*;

use super::lane::Lane;
use crate::kernels::{Call, Run};

/// Most parts that a gradient is cut into.
pub(super) const MAX_TASKS: usize = 16;

/// A part has a multiple of this many rows, so that kernels have whole tiles.
const TILE_ROWS: usize = 8;

/// Fewer rows at a time would not pay for the copies that a product makes of its panels.
const LEAST_ROWS: usize = 64;

/// Runs the steps on the whole batch. `workspaces` are [`MAX_TASKS`].
pub(super) fn run(
    plan: &Plan,
    run: fn(&Op, Call<'_>),
    lanes: &[Lane],
    workspaces: &mut [Vec<f32>],
    gradient: &mut [f32],
) {
    for (i, step) in plan.whole.iter().enumerate() {
        let output = &mut gradient[step.output.offset..][..step.output.len];
        let is_first = !plan.whole[..i].iter().any(|earlier| earlier.output == step.output);
        let (rows, row_len) = rows(&step.op);
        let part_rows = rows.div_ceil(MAX_TASKS).max(LEAST_ROWS).next_multiple_of(TILE_ROWS);
        let task = |(i, (part, workspace)): (usize, (&mut [f32], &mut Vec<f32>))| {
            if is_first {
                part.fill(0.0);
            }
            let op = part_of(&step.op, i * part_rows, part.len() / row_len);
            for lane in lanes {
                add_lane(run, &op, step, lane, part, workspace);
            }
        };
        let parts = output.par_chunks_mut(part_rows * row_len).zip(workspaces.par_iter_mut());
        parts.enumerate().with_max_len(1).for_each(task);
    }
}

/// Adds what the samples of a lane give.
fn add_lane(
    run: fn(&Op, Call<'_>),
    op: &Op,
    step: &Step,
    lane: &Lane,
    output: &mut [f32],
    workspace: &mut [f32],
) {
    let [left, right] = &step.inputs[..] else { unreachable!("such an op reads two tensors") };
    let inputs = [lane.whole(*left), lane.whole(*right)];
    let call =
        Call { samples: lane.count(), inputs: &inputs, output, workspace, run: Run::default() };
    run(op, call);
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
