//! The training of any model, without its type: one step, one evaluation, and the means that are
//! reported.

use core::ops::Range;

use keras_graph::plan::{Description, OutputMasks, Plan};
use rayon::ThreadPool;

use super::head::{LossHead, scale};
use super::masks::Masks;
use super::penalty::{WeightPenalty, penalty, weight_penalty};
use super::ports::{Input, Output, Supervised};
use super::reports::{Reports, Weighting};
use crate::dtype_policy::DtypePolicy;
use crate::error::{Error, Result};
use crate::execute::{Batch, Execution, Keep, Rows};
use crate::history::History;
use crate::kernels::{Backend, Cpu};
use crate::losses::Losses;
use crate::metrics::Metrics;
use crate::optimizers::{Optimizer, Updater};
use crate::simd::Choice;

/// All of a training but the weights.
pub(crate) struct Trainer {
    pub(super) description: &'static Description,
    plans: [&'static Plan; 2],
    training: Execution<'static>,
    inference: Execution<'static>,
    /// An execution on the backend in use.
    execution: fn(DtypePolicy, &'static Plan, Keep) -> Execution<'static>,
    policy: DtypePolicy,
    pub(super) losses: Box<dyn Losses>,
    pub(super) optimizer: Box<dyn Optimizer>,
    are_settings_checked: bool,
    /// What is wrong with a setting, if anything is: what was set, expected, found.
    pub(super) refused: Option<[String; 3]>,
    pub(super) updater: Updater,
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<Output>,
    /// The masks of the outputs, if any has one.
    masks: Option<Masks>,
    penalties: Vec<WeightPenalty>,
    /// Pieces of the weights that are left where gradients of large weights go into the optimizer
    /// as they are computed; none if they do not.
    small_weights: Option<Vec<Range<usize>>>,
    pub(super) reports: Reports,
    /// What the last fit reported.
    pub(super) history: History,
    pub(super) seed: u64,
    pub(super) pool: Option<ThreadPool>,
    /// Room for what the rows of a batch count by their classes.
    pub(super) class_weights: Vec<f32>,
}

impl Trainer {
    pub(super) fn new(
        description: &'static Description,
        plans: [&'static Plan; 2],
        masks: Option<&'static OutputMasks>,
        optimizer: Box<dyn Optimizer>,
        losses: Box<dyn Losses>,
    ) -> Trainer {
        let [inference, training] = plans;
        let outputs = Output::all(training);
        let (masks, refused) = match masks.map(|masks| Masks::new(masks, &outputs)).transpose() {
            Ok(masks) => (masks, None),
            Err(refused) => (None, Some(refused)),
        };
        let penalties: Vec<WeightPenalty> =
            description.weights.iter().filter_map(weight_penalty).collect();
        let updater = Updater::new(&*optimizer, &description.weights);
        let execution = Execution::new::<Cpu>(training, Keep::Sums);
        let large_weights = execution.large_weights().filter(|_| penalties.is_empty());
        let small_weights = large_weights.and_then(|large| updater.pieces_outside(&large));
        Trainer {
            description,
            plans,
            training: execution,
            inference: Execution::new::<Cpu>(inference, Keep::Sums),
            execution: Execution::under::<Cpu>,
            policy: DtypePolicy::default(),
            // The inference plan: its buffers of inputs are not written again before they are read.
            inputs: Input::all(inference),
            updater,
            optimizer,
            are_settings_checked: false,
            refused,
            masks,
            class_weights: Vec::new(),
            losses,
            penalties,
            small_weights,
            reports: Reports::new(&outputs),
            outputs,
            history: History::new(),
            seed: 0,
            pool: None,
        }
    }

    /// Uses another backend from now on.
    pub(super) fn set_backend<B: Backend>(&mut self) {
        self.execution = Execution::under::<B>;
        self.renew();
    }

    /// Computes under another policy from now on.
    pub(super) fn set_dtype_policy(&mut self, policy: DtypePolicy) {
        self.policy = policy;
        self.renew();
    }

    /// Makes the executions anew.
    fn renew(&mut self) {
        let keep = self.reports.keep();
        let [inference, training] = self.plans;
        self.training = (self.execution)(self.policy, training, keep);
        self.inference = (self.execution)(self.policy, inference, keep);
        if let Some(masks) = &mut self.masks {
            masks.renew(|plan, keep| (self.execution)(self.policy, plan, keep));
        }
    }

    /// Refuses settings that make no sense: of the optimizer, the losses, the metrics, the training
    /// itself.
    pub(super) fn check_settings(&mut self) -> Result<()> {
        // They never change once a training is made, and looking at them allocates.
        if self.are_settings_checked {
            return Ok(());
        }
        if let Some([setting, expected, found]) = self.refused.clone() {
            return Err(Error::InvalidSetting { setting, expected, found });
        }
        self.optimizer.check()?;
        self.losses.heads().iter().try_for_each(|loss| loss.check_settings())?;
        if let Some(output) = self.outputs.iter().find(|output| !output.loss_weight.is_finite()) {
            return Err(Error::InvalidSetting {
                setting: format!("`loss_weights` of output `{}`", output.name),
                expected: "a finite number".into(),
                found: output.loss_weight.to_string(),
            });
        }
        self.are_settings_checked = true;
        Ok(())
    }

    /// Reports these metrics too.
    pub(super) fn add_metrics(&mut self, metrics: &dyn Metrics, weighting: Weighting) {
        let refused = self.reports.add_metrics(metrics, weighting, &self.outputs);
        self.refused = refused.or(self.refused.take());
        self.training.set_keep(self.reports.keep());
        self.inference.set_keep(self.reports.keep());
    }

    /// Sets the learning rate from the next step on.
    pub(super) fn set_learning_rate(&mut self, learning_rate: f32) -> Result<()> {
        if !is_learning_rate(learning_rate) {
            return Err(Error::InvalidSetting {
                setting: "`learning_rate`".into(),
                expected: "a finite number of at least 0".into(),
                found: learning_rate.to_string(),
            });
        }
        self.updater.state_mut().learning_rate = learning_rate;
        Ok(())
    }

    /// Works on so many threads of its own; 0 are as many as the processor has.
    pub(super) fn set_threads(&mut self, threads: usize) {
        let refused =
            |expected: String, found: String| Some(["`threads`".to_string(), expected, found]);
        if threads > MAX_THREADS {
            self.refused = refused(format!("at most {MAX_THREADS}"), threads.to_string());
            return;
        }
        match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
            Ok(pool) => self.pool = Some(pool),
            Err(error) => {
                let expected = format!("{threads} threads that the system gives");
                self.refused = refused(expected, error.to_string());
            }
        }
    }

    /// One step of the optimizer. Allocates nothing after the first of its batch size.
    pub(super) fn train(&mut self, weights: &mut [f32], data: &Supervised<'_>, rows: Rows<'_>) {
        let penalty = penalty(&self.penalties, weights);
        let step = self.updater.state().iterations;
        let batch = Batch { x: data.x, rows, seed: self.seed, step };
        self.weigh(data, &batch);
        let Trainer { training, updater, penalties, small_weights, losses, outputs, masks, .. } =
            self;
        let (losses, masks) = (&**losses, masks.as_ref());
        let head = LossHead { losses, outputs, batch: data, rows: &batch.rows, masks };
        let optimizer = &*self.optimizer;
        in_pool(self.pool.as_ref(), || {
            training.run(weights, &batch, &head);
            match small_weights.as_ref().filter(|_| !optimizer.options().clips()) {
                Some(small_weights) => {
                    let mut moving = updater.moving(optimizer, weights);
                    let gradient = training.step_large_weights(&batch, &mut moving);
                    moving.each(small_weights, &|piece, weights| weights.step(&gradient[piece]));
                    drop(moving);
                    updater.project(weights);
                }
                None => {
                    let gradient = training.gradient(&batch);
                    for penalty in &*penalties {
                        penalty.add_gradient(weights, gradient);
                    }
                    updater.step(optimizer, weights, gradient);
                }
            }
            training.move_statistics(weights);
        });
        self.reports.record(training, &head, penalty);
    }

    /// Looks at a batch without learning from it.
    pub(super) fn test(&mut self, weights: &[f32], data: &Supervised<'_>, rows: Rows<'_>) {
        let batch = Batch { x: data.x, rows, seed: 0, step: 0 };
        self.weigh(data, &batch);
        let Trainer { inference, losses, outputs, masks, .. } = self;
        let (losses, masks) = (&**losses, masks.as_ref());
        let head = LossHead { losses, outputs, batch: data, rows: &batch.rows, masks };
        in_pool(self.pool.as_ref(), || inference.run(weights, &batch, &head));
        let penalty = penalty(&self.penalties, weights);
        self.reports.record(inference, &head, penalty);
    }

    /// What the rows of a batch weigh, and the factors of the losses.
    fn weigh(&mut self, data: &Supervised<'_>, batch: &Batch<'_>) {
        let Trainer { masks, outputs, losses, pool, .. } = self;
        if let Some(masks) = masks {
            in_pool(pool.as_ref(), || masks.look(batch, data));
        }
        scale(outputs, &**losses, data, &batch.rows, masks.as_ref());
    }
}

/// Most threads that a training may ask for; more do not help, and thread pools end somewhere.
const MAX_THREADS: usize = 1024;

/// Whether a step can be taken at this rate.
pub(super) fn is_learning_rate(rate: f32) -> bool {
    rate.is_finite() && rate >= 0.0
}

/// Does something on the threads of a pool, or on those at hand: all of it within the pool, since
/// each way into one takes memory of its queue now and then.
fn in_pool(pool: Option<&ThreadPool>, work: impl FnOnce() + Send) {
    let choice = Choice::current();
    let work = || choice.apply(work);
    match pool {
        Some(pool) => pool.install(work),
        None if rayon::current_num_threads() > 1 => rayon::join(work, || ()).0,
        None => work(),
    }
}
