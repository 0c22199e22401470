//! Runs a plan for prediction on one sample, again and again: what it takes is prepared once, and
//! large steps are shared by threads.
//!
//! A step is cut into parts by its output, so no sum crosses threads and the bits are those of one
//! thread. Threads meet at the end of each step. Where that takes longer than the caller alone, it
//! is left to the caller ([`pace`](super::pace)).

mod tasks;

use std::sync::{Mutex, PoisonError};

use keras_graph::memory::LINE;
use keras_graph::needs;
use keras_graph::op::Op;
use keras_graph::plan::{Plan, Storage};

use self::tasks::{MAX_PARTS, Source, Task, WeightCopies};
use super::aligned::Aligned;
use super::inputs::{INLINE_INPUTS, recycled};
use super::memory::Holed;
use super::pace::{Pace, Way};
use crate::dtype_policy::DtypePolicy;
use crate::kernels::{Backend, Call, Run, run};
use crate::sample::{Prediction, Sample};
use crate::simd::Choice;
use crate::team::Team;

/// Most threads that share a sample.
const MAX_THREADS: usize = 16;

/// A plan on one sample.
pub(crate) struct Single {
    plan: &'static Plan,
    run: fn(&Op, Call<'_>),
    steps: Vec<Vec<Task>>,
    /// Of each step that is cut for threads alone, the step in one.
    unsplit: Vec<Option<Task>>,
    /// WeightCopies of weights, each from the beginning of a cache line on.
    weights: Aligned,
    /// All that steps write: the block's numbers, the shard's and those that are reduced.
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

impl Single {
    /// Prepares a plan for given weights and so many threads.
    pub(crate) fn new<B: Backend>(
        policy: DtypePolicy,
        plan: &'static Plan,
        weights: &[f32],
        threads: usize,
    ) -> Single {
        let sharing = threads.clamp(1, MAX_THREADS);
        let mut copies = WeightCopies::under(policy);
        let (steps, unsplit): (Vec<Vec<Task>>, Vec<Option<Task>>) =
            plan.steps.iter().map(|step| copies.tasks(plan, step, sharing)).unzip();
        let mut cells = Aligned::default();
        cells.resize(copies.len);
        for (to, copy) in copies.made {
            copy.make(B::prepare, weights, &mut cells[to]);
        }
        let tasks = steps.iter().flatten().chain(unsplit.iter().flatten());
        let workspace_len =
            tasks.map(|task| needs::workspace_len(&task.op, task.algorithm)).max().unwrap_or(0);
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
            unsplit,
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
        let tasks = match (way, &self.unsplit[i]) {
            (Way::Alone, Some(unsplit)) => core::slice::from_ref(unsplit),
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
