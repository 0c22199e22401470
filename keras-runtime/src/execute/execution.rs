//! A plan with the memory to run it, batch after batch.

use core::ops::Range;

use keras_graph::algorithm::Algorithm;
use keras_graph::needs;
use keras_graph::op::Op;
use keras_graph::plan::{Plan, Step};
use rayon::prelude::*;

use super::batch::{Batch, Head, Keep};
use super::cut::{Cut, shard_count};
use super::prepared::{Prepare, PreparedWeights};
use super::shard::{Pass, Shard};
use super::{batch_steps, merge};
use crate::dtype_policy::DtypePolicy;
use crate::kernels::{Backend, Call, run};
use crate::optimizers::Moving;
use crate::simd::Choice;

/// The algorithms of a plan's steps under a policy, which is chosen at run time: those that stand
/// in the plan, or others.
struct Algorithms {
    /// Of the steps of the segments.
    steps: Vec<Algorithm>,
    /// Of those on the whole batch.
    batch_steps: Vec<Algorithm>,
}

impl Algorithms {
    fn of(plan: &Plan, policy: DtypePolicy) -> Algorithms {
        let of = |steps: &[Step]| steps.iter().map(|step| policy.algorithm(step)).collect();
        Algorithms { steps: of(&plan.steps), batch_steps: of(&plan.batch_steps) }
    }
}

/// A plan and the memory to run it.
pub struct Execution<'p> {
    plan: &'p Plan,
    algorithms: Algorithms,
    run: fn(&Op, Call<'_>),
    /// Makes copies of weights, where the kernels read such.
    prepare: Prepare,
    copies: PreparedWeights,
    /// How each segment is cut into blocks.
    cuts: Vec<Cut>,
    policy: DtypePolicy,
    keep: Keep,
    /// Scratch elements of a kernel.
    workspace_len: usize,
    shards: Vec<Shard>,
    /// How many shards the last batch used.
    used: usize,
    /// The shards' reductions, merged.
    merged: Vec<f32>,
    /// The gradient by the weights; empty in a prediction.
    gradient: Vec<f32>,
    /// For the steps on the whole batch.
    batch_steps: batch_steps::Memory,
    sums: Vec<f64>,
}

impl<'p> Execution<'p> {
    /// An execution on a backend, in `f32`.
    pub fn new<B: Backend>(plan: &'p Plan, keep: Keep) -> Execution<'p> {
        Execution::under::<B>(DtypePolicy::Float32, plan, keep)
    }

    /// An execution on a backend under a policy.
    pub fn under<B: Backend>(policy: DtypePolicy, plan: &'p Plan, keep: Keep) -> Execution<'p> {
        Execution::with_run::<B>(policy, plan, keep, run::<B>)
    }

    /// An execution on a backend whose ops are computed by a function, with the scratch that a
    /// policy asks for: for profiles.
    pub fn with_run<B: Backend>(
        policy: DtypePolicy,
        plan: &'p Plan,
        keep: Keep,
        run: fn(&Op, Call<'_>),
    ) -> Execution<'p> {
        let gradient_len = if plan.is_training() { plan.weights_len } else { 0 };
        let algorithms = Algorithms::of(plan, policy);
        let steps = plan.steps.iter().zip(&algorithms.steps);
        let steps = steps.chain(plan.batch_steps.iter().zip(&algorithms.batch_steps));
        let lens = steps.map(|(step, &algorithm)| needs::workspace_len(&step.op, algorithm));
        let workspace_len = lens.max().unwrap_or(0).max(plan.workspace_len);
        let copies = PreparedWeights::new(plan, &algorithms.steps);
        Execution {
            plan,
            run,
            algorithms,
            prepare: B::prepare,
            copies,
            cuts: Cut::of_segments(plan),
            policy,
            keep,
            workspace_len,
            shards: Vec::new(),
            used: 0,
            merged: vec![0.0; plan.reduced_len],
            gradient: vec![0.0; gradient_len],
            batch_steps: batch_steps::Memory::new(plan, workspace_len),
            sums: Vec::new(),
        }
    }

    /// Keeps something else from the next batch on.
    pub fn set_keep(&mut self, keep: Keep) {
        self.keep = keep;
    }

    /// From now on every batch is run with the same weights: what was copied of them stays.
    pub(crate) fn keep_weights(&mut self) {
        self.copies.keep();
    }

    /// The plan.
    pub fn plan(&self) -> &'p Plan {
        self.plan
    }

    /// Runs all steps on a batch. Panics: if the batch is empty, or weights or samples do not fit
    /// the plan.
    pub fn run(&mut self, weights: &[f32], batch: &Batch<'_>, head: &dyn Head) {
        assert!(!batch.rows.is_empty(), "a batch has a sample");
        assert_eq!(weights.len(), self.plan.weights_len, "as many weights as planned");
        self.share_out(batch.rows.len(), head.sums());
        self.copies.make(self.plan, self.prepare, weights, batch.rows.len());
        // There is a segment even if there is no step: outputs are looked at.
        for (segment, planned) in self.plan.segments.iter().enumerate() {
            let (plan, run, merged, keep) = (self.plan, self.run, &self.merged, self.keep);
            let (copies, cut, algorithms) =
                (&self.copies, self.cuts[segment], &self.algorithms.steps[..]);
            let pass = Pass {
                plan,
                algorithms,
                run,
                segment,
                cut,
                weights,
                copies,
                merged,
                batch,
                head,
                keep,
            };
            each(&mut self.shards[..self.used], |shard| shard.run(&pass));
            for reduction in planned.merges.iter() {
                merge::merge(&self.shards[..self.used], *reduction, &mut self.merged);
            }
        }
        self.sums.fill(0.0);
        for shard in &self.shards[..self.used] {
            for (sum, part) in self.sums.iter_mut().zip(&shard.sums) {
                *sum += part;
            }
        }
    }

    /// Cuts a batch into shards and gives each its memory.
    fn share_out(&mut self, samples: usize, sums: usize) {
        self.used = shard_count(self.plan, samples, self.policy);
        self.shards.resize_with(self.used.max(self.shards.len()), Shard::default);
        for (i, shard) in self.shards[..self.used].iter_mut().enumerate() {
            let samples = samples * i / self.used..samples * (i + 1) / self.used;
            let count = samples.len();
            let blocks = self.cuts.iter().map(|cut| cut.block_len * cut.block_samples(count));
            let block_len = blocks.max().unwrap_or(0);
            shard.prepare(self.plan, samples, sums, self.keep, [block_len, self.workspace_len]);
        }
        self.sums.resize(sums, 0.0);
    }

    /// The head's sums over the last batch.
    pub fn sums(&self) -> &[f64] {
        &self.sums
    }

    /// What the reductions of the last batch came to; see [`Plan::reduced_len`].
    pub fn merged(&self) -> &[f32] {
        &self.merged
    }

    /// Completes the gradient of a batch, the last that was run, and returns it: of the mean loss,
    /// without penalties on weights. Empty if the plan is one for prediction.
    pub fn gradient(&mut self, batch: &Batch<'_>) -> &mut [f32] {
        self.merge_gradient();
        let (pass, memory, gradient) = self.batch_steps(batch);
        batch_steps::run(&pass, memory, batch_steps::Target::Gradient(gradient));
        &mut self.gradient
    }

    /// The elements of large weights in their order, whose gradients are computed on the whole
    /// batch; none if one of these gradients is not complete when it is computed.
    pub(crate) fn large_weights(&self) -> Option<Vec<Range<usize>>> {
        batch_steps::complete_parts(self.plan)
    }

    /// As [`Execution::gradient`], but those of large weights go into a step of the optimizer as
    /// they are computed, and what is returned holds anything in their place.
    pub(crate) fn step_large_weights(
        &mut self,
        batch: &Batch<'_>,
        moving: &mut Moving<'_>,
    ) -> &[f32] {
        self.merge_gradient();
        let (pass, memory, _) = self.batch_steps(batch);
        batch_steps::run(&pass, memory, batch_steps::Target::Step(moving));
        &self.gradient
    }

    /// What the steps on the whole batch need.
    fn batch_steps<'a>(
        &'a mut self,
        batch: &'a Batch<'a>,
    ) -> (batch_steps::Pass<'a>, &'a mut batch_steps::Memory, &'a mut [f32]) {
        let (plan, run, prepare) = (self.plan, self.run, self.prepare);
        let (algorithms, shards) = (&self.algorithms.batch_steps[..], &self.shards[..self.used]);
        let pass = batch_steps::Pass { plan, algorithms, run, prepare, batch, shards };
        (pass, &mut self.batch_steps, &mut self.gradient)
    }

    /// Adds up the gradients that shards have made.
    fn merge_gradient(&mut self) {
        let shards = &self.shards[..self.used];
        for part in self.plan.shard_gradients.iter() {
            merge::merge_gradient(shards, *part, &mut self.gradient);
        }
        for part in self.plan.gradient_parts.iter() {
            self.gradient[part.to..][..part.len].fill(0.0);
        }
        for part in self.plan.gradient_parts.iter() {
            let from = &self.merged[part.from..][..part.len];
            merge::add(&mut self.gradient[part.to..][..part.len], from);
        }
    }

    /// Moves the moving statistics of batch normalizations towards those of the last batch.
    pub fn move_statistics(&self, weights: &mut [f32]) {
        merge::move_statistics(self.plan, &self.merged, weights);
    }

    /// Penalties on activations in the last batch, as they are part of the loss.
    pub fn activity_penalty(&self, samples: usize) -> f64 {
        let penalties = self.plan.activity_penalties.iter();
        penalties.map(|&offset| f64::from(self.merged[offset])).sum::<f64>() / samples as f64
    }

    /// Shows an output of each sample of the last batch, in their order. Panics: if outputs are not
    /// kept.
    pub fn each_output(&self, output: usize, show: &mut dyn FnMut(usize, &[f32])) {
        let len = self.plan.outputs[output].place.len;
        let kept = self.shards[..self.used]
            .iter()
            .flat_map(|shard| shard.outputs[output].chunks_exact(len.max(1)));
        kept.enumerate().for_each(|(sample, y_pred)| show(sample, y_pred));
    }

    /// PreparedWeights an output of all samples of the last batch, in their order. Panics: if
    /// outputs are not kept.
    pub fn copy_output(&self, output: usize, to: &mut [f32]) {
        self.copy_kept(to, |shard| &shard.outputs[output]);
    }

    /// PreparedWeights the gradient by an input likewise. Panics: if input gradients are not kept.
    pub fn copy_input_gradient(&self, input: usize, to: &mut [f32]) {
        self.copy_kept(to, |shard| &shard.input_gradients[input]);
    }

    fn copy_kept(&self, to: &mut [f32], kept: impl Fn(&Shard) -> &[f32]) {
        let mut start = 0;
        for shard in &self.shards[..self.used] {
            let from = kept(shard);
            to[start..][..from.len()].copy_from_slice(from);
            start += from.len();
        }
    }
}

/// Does something with each item, in parallel if there are threads.
fn each<T: Send>(items: &mut [T], work: impl Fn(&mut T) + Send + Sync) {
    if items.len() > 1 && rayon::current_num_threads() > 1 {
        let choice = Choice::current();
        items.par_iter_mut().with_max_len(1).for_each(|item| choice.apply(|| work(item)));
    } else {
        items.iter_mut().for_each(work);
    }
}
