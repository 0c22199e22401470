//! Runs a plan on a batch, for prediction or for training.
//!
//! A batch is cut into *lanes*, and a lane into *blocks* small enough for a core's cache. A block
//! goes through all steps of a segment before the next block starts; lanes run on whatever threads
//! there are. Both cuts depend on the plan and the batch alone, and what the lanes have summed is
//! merged in their order, so any number of threads gives the same bits.
//!
//! ```text
//! copy large weights in the order in which kernels read them, in parallel
//! for segment in segments:
//!     for lane in lanes, in parallel:
//!         for block in lane: load inputs, steps; after the last forward step: losses and metrics
//!     merge the segment's reductions, lane by lane
//! merge the gradient, lane by lane
//! gradients of large weights: on all samples, some rows at a time, in parallel; rows go into the
//!     optimizer's step while a cache has them
//! ```
//!
//! Nothing here allocates once the largest batch was seen.

mod aligned;
mod cut;
mod finish;
mod lane;
mod memory;
mod pace;
mod prepared;
mod session;
mod single;
mod whole;

use core::ops::Range;

use keras_graph::algorithm::Algorithm;
use keras_graph::cost;
use keras_graph::op::Op;
use keras_graph::plan::{Plan, Step};
use rayon::prelude::*;

use self::cut::{Cut, lane_count};
use self::lane::{Lane, Pass};
use self::prepared::{Copies, Prepare};
pub use self::session::{FlatSamples, Gradients, gradients, predict};
pub(crate) use self::session::{PREDICTED_TOGETHER, predict_batches};
pub(crate) use self::single::Single;
use crate::dtype_policy::DtypePolicy;
use crate::kernels::{Backend, Call, run};
use crate::optimizers::Moving;
use crate::sample::Samples;
use crate::simd::Choice;

/// Which rows of the data make up a batch.
#[derive(Clone, Debug)]
pub enum Rows<'a> {
    /// Neighbours.
    Range(Range<usize>),
    /// Any, in any order.
    List(&'a [usize]),
}

impl Rows<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Rows::Range(range) => range.len(),
            Rows::List(rows) => rows.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where sample `sample` of the batch stands in the data.
    pub fn row(&self, sample: usize) -> usize {
        match self {
            Rows::Range(range) => range.start + sample,
            Rows::List(rows) => rows[sample],
        }
    }
}

/// A batch, and the random numbers that go with it.
#[derive(Clone)]
pub struct Batch<'a> {
    /// The data.
    pub x: &'a dyn Samples,
    /// Its rows in this batch.
    pub rows: Rows<'a>,
    /// Seed of dropout.
    pub seed: u64,
    /// Number of training steps before this one.
    pub step: u64,
}

impl<'a> Batch<'a> {
    /// The numbers of input `i` of some samples, if they are neighbours in memory. Steps then read
    /// them there, and no copy is made.
    fn input(&self, i: usize, samples: &Range<usize>) -> Option<&'a [f32]> {
        match &self.rows {
            Rows::Range(rows) => {
                let rows = rows.start + samples.start..rows.start + samples.end;
                self.x.ports(rows, i).map(|values| values.bits())
            }
            Rows::List(_) => None,
        }
    }
}

/// What is done with a prediction: losses, their gradients, metrics.
pub trait Head: Sync {
    /// How many sums the head gathers over the samples of a batch.
    fn sums(&self) -> usize;

    /// Looks at one output of neighbouring samples of the batch, one sample after the other.
    /// `d_y_pred` gets the gradient of the loss, if anything needs it.
    fn samples(
        &self,
        output: usize,
        samples: Range<usize>,
        y_pred: &[f32],
        d_y_pred: Option<&mut [f32]>,
        sums: &mut [f64],
    );

    /// Whether [`Head::samples`] does anything; a head that does not is not shown the outputs.
    fn looks(&self) -> bool {
        true
    }
}

/// The head of a prediction.
#[derive(Clone, Copy, Debug)]
pub struct NoHead;

impl Head for NoHead {
    fn sums(&self) -> usize {
        0
    }

    fn samples(&self, _: usize, _: Range<usize>, _: &[f32], _: Option<&mut [f32]>, _: &mut [f64]) {}

    fn looks(&self) -> bool {
        false
    }
}

/// What an execution keeps for whoever asks afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Sums and gradients by the weights.
    Sums,
    /// Also the outputs.
    Outputs,
    /// Also the outputs and the gradients by the inputs.
    InputGradients,
}

/// The algorithms of a plan's steps under a policy, which is chosen at run time: those that stand in
/// the plan, or others.
struct Algorithms {
    /// Of the steps of the segments.
    steps: Vec<Algorithm>,
    /// Of those on the whole batch.
    whole: Vec<Algorithm>,
}

impl Algorithms {
    fn of(plan: &Plan, policy: DtypePolicy) -> Algorithms {
        let of = |steps: &[Step]| steps.iter().map(|step| policy.algorithm(step)).collect();
        Algorithms { steps: of(&plan.steps), whole: of(&plan.whole) }
    }
}

/// A plan and the memory to run it.
pub struct Execution<'p> {
    plan: &'p Plan,
    algorithms: Algorithms,
    run: fn(&Op, Call<'_>),
    /// Makes copies of weights, where the kernels read such.
    prepare: Prepare,
    copies: Copies,
    /// How each segment is cut into blocks.
    cuts: Vec<Cut>,
    policy: DtypePolicy,
    keep: Keep,
    /// Scratch elements of a kernel.
    workspace_len: usize,
    lanes: Vec<Lane>,
    /// How many lanes the last batch used.
    used: usize,
    /// The lanes' reductions, merged.
    merged: Vec<f32>,
    /// The gradient by the weights; empty in a prediction.
    gradient: Vec<f32>,
    /// For the steps on the whole batch.
    whole: whole::Memory,
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
        let steps = steps.chain(plan.whole.iter().zip(&algorithms.whole));
        let lens = steps.map(|(step, &algorithm)| cost::workspace_len(&step.op, algorithm));
        let workspace_len = lens.max().unwrap_or(0).max(plan.workspace_len);
        let copies = Copies::new(plan, &algorithms.steps);
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
            lanes: Vec::new(),
            used: 0,
            merged: vec![0.0; plan.reduced_len],
            gradient: vec![0.0; gradient_len],
            whole: whole::Memory::new(plan, workspace_len),
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
        // A model whose output is its input has no step, but its outputs are looked at all the
        // same.
        for segment in 0..self.plan.segments.len().max(1) {
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
            each(&mut self.lanes[..self.used], |lane| lane.run(&pass));
            let merges = self.plan.segments.get(segment).map_or(&[][..], |segment| &segment.merges);
            for reduction in merges {
                finish::merge(&self.lanes[..self.used], *reduction, &mut self.merged);
            }
        }
        self.sums.fill(0.0);
        for lane in &self.lanes[..self.used] {
            for (sum, part) in self.sums.iter_mut().zip(&lane.sums) {
                *sum += part;
            }
        }
    }

    /// Cuts a batch into lanes and gives each its memory.
    fn share_out(&mut self, samples: usize, sums: usize) {
        self.used = lane_count(self.plan, samples, self.policy);
        self.lanes.resize_with(self.used.max(self.lanes.len()), Lane::default);
        for (i, lane) in self.lanes[..self.used].iter_mut().enumerate() {
            let samples = samples * i / self.used..samples * (i + 1) / self.used;
            let count = samples.len();
            let blocks = self.cuts.iter().map(|cut| cut.block_len * cut.block_samples(count));
            let block_len = blocks.max().unwrap_or(0);
            lane.prepare(self.plan, samples, sums, self.keep, [block_len, self.workspace_len]);
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
        let (pass, memory, gradient) = self.whole(batch);
        whole::run(&pass, memory, whole::Target::Gradient(gradient));
        &mut self.gradient
    }

    /// The elements of large weights in their order, whose gradients are computed on the whole
    /// batch; none if one of these gradients is not complete when it is computed.
    pub(crate) fn large_weights(&self) -> Option<Vec<Range<usize>>> {
        whole::complete_parts(self.plan)
    }

    /// As [`Execution::gradient`], but those of large weights go into a step of the optimizer as
    /// they are computed, and what is returned holds anything in their place.
    pub(crate) fn step_large_weights(
        &mut self,
        batch: &Batch<'_>,
        moving: &mut Moving<'_>,
    ) -> &[f32] {
        self.merge_gradient();
        let (pass, memory, _) = self.whole(batch);
        whole::run(&pass, memory, whole::Target::Step(moving));
        &self.gradient
    }

    /// What the steps on the whole batch need.
    fn whole<'a>(
        &'a mut self,
        batch: &'a Batch<'a>,
    ) -> (whole::Pass<'a>, &'a mut whole::Memory, &'a mut [f32]) {
        let (plan, run, prepare) = (self.plan, self.run, self.prepare);
        let (algorithms, lanes) = (&self.algorithms.whole[..], &self.lanes[..self.used]);
        let pass = whole::Pass { plan, algorithms, run, prepare, batch, lanes };
        (pass, &mut self.whole, &mut self.gradient)
    }

    /// Adds up the gradients that lanes have made.
    fn merge_gradient(&mut self) {
        let lanes = &self.lanes[..self.used];
        for part in self.plan.lane_gradients.iter() {
            finish::merge_gradient(lanes, *part, &mut self.gradient);
        }
        for part in self.plan.gradient_parts.iter() {
            self.gradient[part.to..][..part.len].fill(0.0);
        }
        for part in self.plan.gradient_parts.iter() {
            let from = &self.merged[part.from..][..part.len];
            finish::add(&mut self.gradient[part.to..][..part.len], from);
        }
    }

    /// Moves the moving statistics of batch normalizations towards those of the last batch.
    pub fn move_statistics(&self, weights: &mut [f32]) {
        finish::move_statistics(self.plan, &self.merged, weights);
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
        let kept = self.lanes[..self.used]
            .iter()
            .flat_map(|lane| lane.outputs[output].chunks_exact(len.max(1)));
        kept.enumerate().for_each(|(sample, y_pred)| show(sample, y_pred));
    }

    /// Copies an output of all samples of the last batch, in their order. Panics: if outputs are
    /// not kept.
    pub fn copy_output(&self, output: usize, to: &mut [f32]) {
        self.copy_kept(to, |lane| &lane.outputs[output]);
    }

    /// Copies the gradient by an input likewise. Panics: if input gradients are not kept.
    pub fn copy_input_gradient(&self, input: usize, to: &mut [f32]) {
        self.copy_kept(to, |lane| &lane.input_gradients[input]);
    }

    fn copy_kept(&self, to: &mut [f32], kept: impl Fn(&Lane) -> &[f32]) {
        let mut start = 0;
        for lane in &self.lanes[..self.used] {
            let from = kept(lane);
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

#[cfg(test)]
mod tests;
