//! Runs a plan for prediction on one sample, again and again: what it takes is prepared once, and
//! large steps are shared by threads.
//!
//! A step is cut into parts by its output, so no sum crosses threads and the bits are those of one
//! thread. Threads meet at the end of each step. Where that takes longer than the caller alone, it
//! is left to the caller ([`pace`](super::pace)).

use core::ops::Range;
use std::sync::{Mutex, PoisonError};

use keras_graph::algorithm::Algorithm;
use keras_graph::cost;
use keras_graph::memory::LINE;
use keras_graph::op::{Gemm, Op};
use keras_graph::plan::{Operand, Plan, Step, Storage};
use keras_graph::split::{Part, Read, split};

use super::aligned::Aligned;
use super::lane::{INLINE_INPUTS, recycled};
use super::memory::Holed;
use super::pace::{Pace, Way};
use super::prepared::Prepare;
use crate::dtype_policy::DtypePolicy;
use crate::kernels::{Backend, Call, Run, run};
use crate::sample::{Prediction, Sample};
use crate::simd::Choice;
use crate::team::Team;

/// Most threads that share a sample.
const MAX_THREADS: usize = 16;
/// Most parts of a step.
const MAX_PARTS: usize = 32;
/// Columns of a product of one row whose sums stay in registers; their weights are one run of
/// memory.
const STRIP_COLUMNS: usize = 128;
/// A step with less work costs more to share than that saves: meeting takes a third of a
/// microsecond.
const LEAST_SHARED_WORK: u64 = 1 << 16;
/// A number that is read or written takes as long as so many floating-point operations.
const FLOPS_PER_NUMBER: u64 = 8;

/// A plan on one sample.
pub(crate) struct Single {
    plan: &'static Plan,
    run: fn(&Op, Call<'_>),
    steps: Vec<Vec<Task>>,
    /// Of each step that is cut for threads alone, the whole.
    whole: Vec<Option<Task>>,
    /// Copies of weights, each from the beginning of a cache line on.
    weights: Aligned,
    /// All that steps write: the block's numbers, the lane's and those that are reduced.
    memory: Aligned,
    workspaces: Aligned,
    /// Elements of one of them.
    workspace_len: usize,
    /// How many it was made for, of which no more than [`MAX_THREADS`] share a sample.
    threads: usize,
    team: Option<Team>,
    pace: Pace,
    /// Room for the inputs of a step that has many, so that it is not allocated anew.
    listed: Vec<&'static [f32]>,
}

/// A step, or a part of it.
struct Task {
    op: Op,
    /// That of the step, for its parts too.
    algorithm: Algorithm,
    /// On how many parts of the sample it is run.
    repeat: usize,
    inputs: Vec<Source>,
    prepared: Range<usize>,
    /// Elements of the memory.
    output: Range<usize>,
}

/// Where an input lies.
#[derive(Clone, Debug)]
enum Source {
    /// In the model.
    Model(Range<usize>),
    /// In the copies.
    Copy(Range<usize>),
    Memory(Range<usize>),
}

impl Single {
    /// Prepares a plan for given weights and so many threads.
    pub(crate) fn new<B: Backend>(
        policy: DtypePolicy,
        plan: &'static Plan,
        weights: &[f32],
        threads: usize,
    ) -> Single {
        let sharing = threads.clamp(1, MAX_THREADS);
        let mut copies = Copies { policy, len: 0, made: Vec::new() };
        let (steps, whole): (Vec<Vec<Task>>, Vec<Option<Task>>) =
            plan.steps.iter().map(|step| copies.tasks(plan, step, sharing)).unzip();
        let mut cells = Aligned::default();
        cells.resize(copies.len);
        for (to, copy) in copies.made {
            copy.make(B::prepare, weights, &mut cells[to]);
        }
        let tasks = steps.iter().flatten().chain(whole.iter().flatten());
        let workspace_len =
            tasks.map(|task| cost::workspace_len(&task.op, task.algorithm)).max().unwrap_or(0);
        let workspace_len = workspace_len.max(1).next_multiple_of(LINE);
        let most_parts = steps.iter().map(Vec::len).max().unwrap_or(1);
        let mut workspaces = Aligned::default();
        workspaces.resize(most_parts * workspace_len);
        let mut memory = Aligned::default();
        memory.resize(plan.sample_len());
        let team = (most_parts > 1 && sharing > 1).then(|| Team::new(sharing - 1));
        Single {
            plan,
            run: run::<B>,
            steps,
            whole,
            weights: cells,
            memory,
            workspaces,
            workspace_len,
            threads,
            team,
            pace: Pace::default(),
            listed: Vec::new(),
        }
    }

    /// How many threads it was made for.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Predicts one sample with the weights that it was made for.
    pub(crate) fn call<X: Sample, Y: Prediction>(&mut self, weights: &[f32], x: &X, y: &mut Y) {
        if self.team.is_none() {
            return self.call_by(Way::Alone, weights, x, y);
        }
        let mut pace = core::mem::take(&mut self.pace);
        pace.run(|way| self.call_by(way, weights, x, y));
        self.pace = pace;
    }

    fn call_by<X: Sample, Y: Prediction>(&mut self, way: Way, weights: &[f32], x: &X, y: &mut Y) {
        if let (Way::Shared, Some(team)) = (way, &self.team) {
            team.wake();
        }
        for (i, port) in self.plan.inputs.iter().enumerate() {
            if let Some(range) = self.plan.in_sample(port.place) {
                self.memory[range].copy_from_slice(x.port(i).bits());
            }
        }
        for i in 0..self.steps.len() {
            self.step(way, weights, i);
        }
        for (i, port) in self.plan.outputs.iter().enumerate() {
            if let Some(range) = self.plan.in_sample(port.place) {
                y.port_mut(i).copy_from_slice(&self.memory[range]);
            }
        }
    }

    /// Runs one step.
    fn step(&mut self, way: Way, model: &[f32], i: usize) {
        let tasks = match (way, &self.whole[i]) {
            (Way::Alone, Some(whole)) => core::slice::from_ref(whole),
            _ => &self.steps[i],
        };
        let (Some(first), Some(last)) = (tasks.first(), tasks.last()) else { return };
        let hole = first.output.start..last.output.end;
        let (memory, output) = Holed::split(&mut self.memory, hole);
        if matches!(self.plan.steps[i].output.storage, Storage::Reduced) {
            output.fill(0.0);
        }
        let (run, copies) = (self.run, &*self.weights);
        let source = |source: &Source| match source.clone() {
            Source::Model(range) => &model[range],
            Source::Copy(range) => &copies[range],
            Source::Memory(range) => memory.part(range),
        };
        // Of these no op is cut.
        let mut listed = recycled(core::mem::take(&mut self.listed));
        if first.inputs.len() > INLINE_INPUTS {
            listed.extend(first.inputs.iter().map(source));
        }
        let run_task = |task: &Task, output: &mut [f32], workspace: &mut [f32]| {
            let mut inline: [&[f32]; INLINE_INPUTS] = [&[]; INLINE_INPUTS];
            let inputs = match inline.get_mut(..task.inputs.len()) {
                Some(inline) => {
                    inline.iter_mut().zip(&task.inputs).for_each(|(x, from)| *x = source(from));
                    &*inline
                }
                None => &listed,
            };
            let prepared = &copies[task.prepared.clone()];
            let step = Run { batch: 1, ..Run::default() };
            let (algorithm, samples) = (task.algorithm, task.repeat);
            run(
                &task.op,
                Call { algorithm, samples, inputs, output, workspace, prepared, run: step },
            );
        };
        let mut rest = output;
        match (way, &mut self.team, tasks) {
            (Way::Shared, Some(team), [_, _, ..]) => {
                let mut slots: [Slot<'_>; MAX_PARTS] = [const { Mutex::new(None) }; MAX_PARTS];
                let workspaces = self.workspaces.chunks_exact_mut(self.workspace_len);
                for ((task, slot), workspace) in tasks.iter().zip(&mut slots).zip(workspaces) {
                    let (output, others) = rest.split_at_mut(task.output.len());
                    *slot = Mutex::new(Some((output, workspace)));
                    rest = others;
                }
                let choice = Choice::current();
                team.each(tasks.len() as u8, &|part| {
                    let slot = slots[part].lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some((output, workspace)) = slot {
                        choice.apply(|| run_task(&tasks[part], output, workspace));
                    }
                });
            }
            _ => {
                for task in tasks {
                    let (output, others) = rest.split_at_mut(task.output.len());
                    run_task(task, output, &mut self.workspaces);
                    rest = others;
                }
            }
        }
        self.listed = recycled(listed);
    }
}

/// The output and the workspace of a part, until a thread takes them.
type Slot<'a> = Mutex<Option<(&'a mut [f32], &'a mut [f32])>>;

/// What is copied of the weights.
struct Copies {
    policy: DtypePolicy,
    len: usize,
    made: Vec<(Range<usize>, Copied)>,
}

/// One copy.
enum Copied {
    /// Elements of the model, as they are.
    Elements(Range<usize>),
    /// Some columns of a matrix.
    Columns { matrix: Range<usize>, columns: usize, some: Range<usize> },
    /// A right matrix as [`Backend::prepare`] makes it.
    Prepared { op: Op, algorithm: Algorithm, right: Range<usize>, part_len: usize },
}

impl Copies {
    /// Room for a copy.
    fn add(&mut self, len: usize, copied: Copied) -> Range<usize> {
        let room = self.len..self.len + len;
        self.len = room.end.next_multiple_of(LINE);
        self.made.push((room.clone(), copied));
        room
    }

    /// A step as one task, or as some that threads share; and the whole if it is cut for them
    /// alone.
    fn tasks(&mut self, plan: &Plan, step: &Step, threads: usize) -> (Vec<Task>, Option<Task>) {
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
        let whole = || {
            let inputs = vec![Read::All; step.inputs.len()];
            Part { op: step.op, inputs, output: 0..step.output.len }
        };
        // Strips of columns are better one by one, too.
        let is_cut_for_threads = parts.is_some() && !matches!(step.op, Op::Gemm(Gemm { m: 1, .. }));
        let parts = parts.unwrap_or_else(|| vec![whole()]);
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
                    Source::Copy(self.add(place.len, Copied::Elements(in_model)))
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
        let whole = is_cut_for_threads.then(|| task(whole()));
        (parts.into_iter().map(task).collect(), whole)
    }

    /// What is prepared for a step, but for a single row: it reads each weight once.
    fn prepared(&mut self, step: &Step, algorithm: Algorithm) -> Range<usize> {
        let is_row = matches!(step.op, Op::Gemm(Gemm { m: 1, .. })) && step.repeat == 1;
        let right = step.inputs.get(1).map(|right| right.place);
        let right = right.filter(|right| right.storage == Storage::Weights && !is_row);
        let Some((right, prepared)) = right.zip(cost::prepared(&step.op, algorithm)) else {
            return 0..0;
        };
        let right = right.offset..right.offset + right.len;
        let copied =
            Copied::Prepared { op: step.op, algorithm, right, part_len: prepared.part_len };
        self.add(prepared.len, copied)
    }

    /// Where a part of an input lies.
    fn part_of(&mut self, source: &Source, read: &Read, op: &Op) -> Source {
        let within = |whole: &Range<usize>, some: &Range<usize>| {
            whole.start + some.start..whole.start + some.end
        };
        match (source, read, op) {
            (source, Read::All, _) => source.clone(),
            (Source::Model(whole), Read::Elements(some), _) => Source::Model(within(whole, some)),
            (Source::Copy(whole), Read::Elements(some), _) => Source::Copy(within(whole, some)),
            (Source::Memory(whole), Read::Elements(some), _) => Source::Memory(within(whole, some)),
            (Source::Model(matrix), Read::Columns(some), Op::Gemm(op)) => {
                let (matrix, columns, some) = (matrix.clone(), op.n, some.clone());
                let len = op.k * some.len();
                Source::Copy(self.add(len, Copied::Columns { matrix, columns, some }))
            }
            (_, Read::Columns(_), op) => unreachable!("{} reads columns of weights", op.name()),
        }
    }
}

impl Copied {
    /// Makes the copy.
    fn make(&self, prepare: Prepare, weights: &[f32], to: &mut [f32]) {
        match self {
            Copied::Elements(range) => to.copy_from_slice(&weights[range.clone()]),
            Copied::Columns { matrix, columns, some } => {
                let rows = weights[matrix.clone()].chunks_exact(*columns);
                for (row, to) in rows.zip(to.chunks_exact_mut(some.len())) {
                    to.copy_from_slice(&row[some.clone()]);
                }
            }
            Copied::Prepared { op, algorithm, right, part_len } => {
                for (part, to) in to.chunks_mut(*part_len).enumerate() {
                    prepare(op, *algorithm, &weights[right.clone()], part, to);
                }
            }
        }
    }
}
