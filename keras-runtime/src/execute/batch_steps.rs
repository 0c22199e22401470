//! Gradients of large weights: each computed on the whole batch, a few of its rows at a time, on
//! whatever threads there are.
//!
//! No shard has a copy that must be cleared and merged. An element is added up over the samples in
//! their order, whoever does it. In a step of training a part goes into the optimizer at once, and
//! its gradient is never written to memory.

use core::ops::Range;
use std::sync::{Mutex, PoisonError};

use keras_graph::algorithm::Algorithm;
use keras_graph::cost::Prepared;
use keras_graph::op::{EmbeddingGrad, GemmGradW, Op};
use keras_graph::plan::{Operand, Place, Plan, Step};
use rayon::prelude::*;

use super::aligned::Aligned;
use super::batch::Batch;
use super::prepared::Prepare;
use super::shard::Shard;
use crate::kernels::{Call, Run};
use crate::optimizers::Moving;
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
    /// For each step, the elements of the gradient that each of its parts makes.
    parts: Vec<Vec<Range<usize>>>,
    /// What a part needs: that which was used last is given out first, since a cache still has it.
    rooms: Mutex<Vec<Room>>,
    /// Lengths of a room's memory.
    room: [usize; 2],
}

/// Memory for one part.
#[derive(Default)]
struct Room {
    workspace: Vec<f32>,
    /// Its elements of the gradient, where these are used up at once.
    gradient: Vec<f32>,
}

impl Memory {
    pub(super) fn new(plan: &Plan, workspace_len: usize) -> Memory {
        let parts: Vec<Vec<Range<usize>>> = plan.batch_steps.iter().map(parts).collect();
        let part_len = parts.iter().flatten().map(Range::len).max().unwrap_or(0);
        let (inputs, prepared) = ([vec![], vec![]], Aligned::default());
        let rooms = Mutex::new(Vec::new());
        Memory { inputs, prepared, parts, rooms, room: [workspace_len, part_len] }
    }

    /// Makes room for each part that may be worked on at a time.
    fn make_room(&mut self) {
        let most = self.parts.iter().map(Vec::len).max().unwrap_or(0);
        let count = most.min(rayon::current_num_threads());
        let [workspace_len, gradient_len] = self.room;
        let room =
            || Room { workspace: vec![0.0; workspace_len], gradient: vec![0.0; gradient_len] };
        let rooms = self.rooms.get_mut().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() < count {
            rooms.resize_with(count, room);
        }
    }

    /// Works in a room that nobody else is in.
    fn in_room(rooms: &Mutex<Vec<Room>>, work: impl FnOnce(&mut Room)) {
        let lock = || rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut room) = lock().pop() else { unreachable!("there is a room for each thread") };
        work(&mut room);
        lock().push(room);
    }
}

/// The steps on the whole batch, and what they read.
pub(super) struct Pass<'a> {
    pub(super) plan: &'a Plan,
    /// How each step on the whole batch is computed.
    pub(super) algorithms: &'a [Algorithm],
    pub(super) run: fn(&Op, Call<'_>),
    /// How right matrices are copied.
    pub(super) prepare: Prepare,
    pub(super) batch: &'a Batch<'a>,
    pub(super) shards: &'a [Shard],
}

/// Where the gradients go.
pub(super) enum Target<'t, 'w> {
    /// To their place.
    Gradient(&'t mut [f32]),
    /// Into a step of the optimizer, part by part, while a cache still has them.
    Step(&'t mut Moving<'w>),
}

/// The elements of the gradient that the steps make, in their order; none if something else makes a
/// part of them too.
pub(super) fn complete_parts(plan: &Plan) -> Option<Vec<Range<usize>>> {
    let steps = plan.batch_steps.iter().map(|step| (step.output.offset, step.output.len));
    let mut parts: Vec<_> = steps.map(|(from, len)| from..from + len).collect();
    parts.sort_by_key(|part| part.start);
    let apart = |a: &Range<usize>, b: &Range<usize>| a.end <= b.start || b.end <= a.start;
    let others = plan.shard_gradients.iter().chain(plan.gradient_parts.iter());
    let mut others = others.map(|part| part.to..part.to + part.len);
    let is_complete = parts.windows(2).all(|pair| apart(&pair[0], &pair[1]))
        && others.all(|other| parts.iter().all(|part| apart(part, &other)));
    is_complete.then_some(parts)
}

/// Runs the steps on the whole batch.
pub(super) fn run(pass: &Pass<'_>, memory: &mut Memory, mut target: Target<'_, '_>) {
    let (plan, choice) = (pass.plan, Choice::current());
    let samples = pass.shards.iter().map(Shard::count).sum();
    memory.make_room();
    for (i, step) in plan.batch_steps.iter().enumerate() {
        let [left, right] = &step.inputs[..] else { unreachable!("such an op reads two tensors") };
        let Memory { inputs: [left_cells, right_cells], prepared, parts, rooms, .. } = memory;
        let inputs = [
            gathered(pass, samples, *left, left_cells),
            gathered(pass, samples, *right, right_cells),
        ];
        let algorithm = pass.algorithms[i];
        let prepared = prepared_right(&step.op, algorithm, pass.prepare, inputs[1], prepared);
        let is_first = !plan.batch_steps[..i].iter().any(|earlier| earlier.output == step.output);
        let (_, row_len) = rows(&step.op);
        let compute = |part: &Range<usize>, workspace: &mut [f32], output: &mut [f32]| {
            let overwrites = is_first && matches!(step.op, Op::GemmGradW(_));
            if is_first && !overwrites {
                output.fill(0.0);
            }
            let first = (part.start - step.output.offset) / row_len;
            let op = part_of(&step.op, first, output.len() / row_len);
            let (inputs, run_of_call) = (&inputs, Run { overwrites, ..Run::default() });
            let samples = samples * step.repeat;
            let call =
                Call { algorithm, samples, inputs, output, workspace, prepared, run: run_of_call };
            choice.apply(|| (pass.run)(&op, call));
        };
        match &mut target {
            Target::Gradient(gradient) => {
                let output = &mut gradient[step.output.offset..][..step.output.len];
                let part_len = parts[i].first().map_or(1, Range::len);
                let outputs = output.par_chunks_mut(part_len).zip(&parts[i]).with_max_len(1);
                outputs.for_each(|(output, part)| {
                    Memory::in_room(rooms, |room| compute(part, &mut room.workspace, output));
                });
            }
            Target::Step(moving) => moving.each(&parts[i], &|part, weights| {
                Memory::in_room(rooms, |room| {
                    let gradient = &mut room.gradient[..part.len()];
                    compute(&part, &mut room.workspace, gradient);
                    weights.step(gradient);
                });
            }),
        }
    }
}

/// The elements of the gradient that each part of a step makes.
fn parts(step: &Step) -> Vec<Range<usize>> {
    let (rows, row_len) = rows(&step.op);
    let part_rows = rows.div_ceil(MAX_TASKS).max(LEAST_ROWS).next_multiple_of(TILE_ROWS);
    let Place { offset, len, .. } = step.output;
    let begins = (offset..offset + len).step_by(part_rows * row_len.max(1));
    begins.map(|begin| begin..(offset + len).min(begin + part_rows * row_len)).collect()
}

/// The right matrix of a product, prepared for all parts.
fn prepared_right<'a>(
    op: &Op,
    algorithm: Algorithm,
    prepare: Prepare,
    right: &[f32],
    cells: &'a mut Aligned,
) -> &'a [f32] {
    let Op::GemmGradW(product) = op else { return &[] };
    let Prepared { len, part_len } =
        Prepared::panels(algorithm, right.len() / product.n, product.n);
    if cells.len() < len {
        cells.resize(len);
    }
    let (cells, choice) = (&mut cells[..len], Choice::current());
    let parts = cells.par_chunks_mut(part_len).enumerate();
    parts.for_each(|(part, cells)| choice.apply(|| prepare(op, algorithm, right, part, cells)));
    cells
}

/// A tensor of all samples in their order, so that a product runs over the whole batch without a
/// break.
fn gathered<'a>(
    pass: &Pass<'a>,
    samples: usize,
    Operand { value, place }: Operand,
    cells: &'a mut Vec<f32>,
) -> &'a [f32] {
    let (shards, input) = (pass.shards, pass.plan.input_of(value));
    if let Some(x) = input.and_then(|input| pass.batch.input(input, &(0..samples))) {
        return x;
    }
    if let [shard] = shards {
        return shard.tensor(place);
    }
    let len = place.len;
    if cells.len() < samples * len {
        cells.resize(samples * len, 0.0);
    }
    let cells = &mut cells[..samples * len];
    cells.par_chunks_mut(GATHERED * len).enumerate().for_each(|(i, chunk)| {
        for (s, to) in chunk.chunks_exact_mut(len).enumerate() {
            let sample = i * GATHERED + s;
            let shard = &shards[shards.partition_point(|shard| shard.end() <= sample)];
            to.copy_from_slice(shard.of(place, sample));
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
