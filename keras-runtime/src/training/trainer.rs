//! The training of any model, without its type: one step, one evaluation, and the means that are
//! reported.

use core::ops::Range;

use keras_graph::plan::{Description, OutputMasks, Plan, WeightInfo};
use keras_graph::value::Object;
use rayon::ThreadPool;

use super::head::{Input, LossHead, Output, Supervised, scale};
use super::masks::Masks;
use super::save::keras_object;
use crate::dtype_policy::DtypePolicy;
use crate::error::{Error, Result};
use crate::execute::{Batch, Execution, Keep, Rows};
use crate::history::History;
use crate::kernels::{Backend, Cpu};
use crate::logs::Logs;
use crate::losses::Losses;
use crate::metrics::{Direction, MetricHead, MetricState, Metrics};
use crate::optimizers::{Optimizer, Term, Updater, sum};
use crate::sample::Values;
use crate::simd::Choice;

/// A mean, weighted by the sizes of batches.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    total: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64, count: usize) {
        self.total += value * count as f64;
        self.count += count as f64;
    }

    fn value(&self) -> f32 {
        if self.count == 0.0 { 0.0 } else { (self.total / self.count) as f32 }
    }
}

/// A metric, what it has gathered, and the key that it is reported by.
struct Gathered {
    output: usize,
    /// Its class and arguments.
    object: Object,
    key: String,
    direction: Direction,
    weighting: Weighting,
    state: Box<dyn MetricState>,
}

/// What a row counts in a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weighting {
    /// As much as any other.
    Even,
    /// Its sample weight.
    BySample,
}

/// A penalty on a trained weight.
struct WeightPenalty {
    elements: Range<usize>,
    l1: f32,
    l2: f32,
}

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
    metrics: Vec<Gathered>,
    penalties: Vec<WeightPenalty>,
    /// Pieces of the weights that are left where gradients of large weights go into the optimizer
    /// as they are computed; none if they do not.
    small_weights: Option<Vec<Range<usize>>>,
    loss: Mean,
    output_losses: Vec<Mean>,
    output_keys: Vec<String>,
    logs: Logs,
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
            metrics: Vec::new(),
            penalties,
            small_weights,
            loss: Mean::default(),
            output_losses: vec![Mean::default(); outputs.len()],
            output_keys: outputs.iter().map(|output| format!("{}_loss", output.name)).collect(),
            outputs,
            logs: Logs::new(),
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
        let keep = if self.metrics.is_empty() { Keep::Sums } else { Keep::Outputs };
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

    /// Reports these metrics too. With several outputs the output's name stands before that of the
    /// metric. As in Keras, a name that is taken gets `weighted_` before it if the metric is
    /// weighted, then a number after it.
    pub(super) fn add_metrics(&mut self, metrics: &dyn Metrics, weighting: Weighting) {
        let mut heads: Vec<MetricHead<'_>> = Vec::new();
        metrics.collect(0, &mut heads);
        for MetricHead { output, function } in heads {
            if let Err(Error::InvalidSetting { setting, expected, found }) =
                function.check_settings()
            {
                self.refused = Some([setting, expected, found]);
            }
            let key = self.free_key(output, &function.name(), weighting);
            let object = keras_object(function.class(), function.config());
            let (direction, state) = (function.direction(), function.start());
            self.metrics.push(Gathered { output, object, key, direction, weighting, state });
        }
        let keep = if self.metrics.is_empty() { Keep::Sums } else { Keep::Outputs };
        self.training.set_keep(keep);
        self.inference.set_keep(keep);
    }

    /// The key of a metric that is called `name`.
    fn free_key(&self, output: usize, name: &str, weighting: Weighting) -> String {
        let of_output = |name: &str| match self.outputs.len() {
            1 => name.to_string(),
            _ => format!("{}_{name}", self.outputs[output].name),
        };
        let losses = self.output_keys.iter().filter(|_| self.outputs.len() > 1);
        let metrics = self.metrics.iter().map(|metric| &metric.key);
        let taken = losses.chain(metrics).map(String::as_str).chain(["loss"]);
        let is_taken = |key: &str| taken.clone().any(|other| other == key);
        let mut key = of_output(name);
        if is_taken(&key) && weighting == Weighting::BySample {
            key = of_output(&format!("weighted_{name}"));
        }
        let mut numbered = (1..).map(|i| format!("{key}_{i}"));
        match is_taken(&key) {
            true => numbered.find(|key| !is_taken(key)).unwrap_or_default(),
            false => key,
        }
    }

    /// The metrics of each output, as a file has them.
    pub(super) fn metric_objects(&self, weighting: Weighting) -> Vec<Vec<Object>> {
        let metrics = || self.metrics.iter().filter(|metric| metric.weighting == weighting);
        if metrics().next().is_none() {
            return Vec::new();
        }
        let mut objects = vec![Vec::new(); self.outputs.len()];
        for metric in metrics() {
            objects[metric.output].push(metric.object.clone());
        }
        objects
    }

    /// Whether a reported metric is better when larger.
    pub(super) fn direction(&self, key: &str) -> Option<Direction> {
        self.metrics.iter().find(|metric| metric.key == key).map(|metric| metric.direction)
    }

    /// Starts the means anew.
    pub(super) fn reset(&mut self) {
        self.loss = Mean::default();
        self.output_losses.fill(Mean::default());
        self.metrics.iter_mut().for_each(|metric| metric.state.reset());
    }

    /// One step of the optimizer. Allocates nothing after the first of its batch size.
    pub(super) fn train(&mut self, weights: &mut [f32], data: &Supervised<'_>, rows: Rows<'_>) {
        let penalty = self.penalty(weights);
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
        self.record(data, &batch.rows, penalty, Phase::Training);
    }

    /// Looks at a batch without learning from it.
    pub(super) fn test(&mut self, weights: &[f32], data: &Supervised<'_>, rows: Rows<'_>) {
        let batch = Batch { x: data.x, rows, seed: 0, step: 0 };
        self.weigh(data, &batch);
        let Trainer { inference, losses, outputs, masks, .. } = self;
        let (losses, masks) = (&**losses, masks.as_ref());
        let head = LossHead { losses, outputs, batch: data, rows: &batch.rows, masks };
        in_pool(self.pool.as_ref(), || inference.run(weights, &batch, &head));
        let penalty = self.penalty(weights);
        self.record(data, &batch.rows, penalty, Phase::Inference);
    }

    /// What the rows of a batch weigh, and the factors of the losses.
    fn weigh(&mut self, data: &Supervised<'_>, batch: &Batch<'_>) {
        let Trainer { masks, outputs, losses, pool, .. } = self;
        if let Some(masks) = masks {
            in_pool(pool.as_ref(), || masks.look(batch, data));
        }
        scale(outputs, &**losses, data, &batch.rows, masks.as_ref());
    }

    fn penalty(&self, weights: &[f32]) -> f64 {
        self.penalties.iter().map(|penalty| penalty.value(weights)).sum()
    }

    /// Adds a batch to the means.
    fn record(&mut self, data: &Supervised<'_>, rows: &Rows<'_>, penalty: f64, phase: Phase) {
        let execution = match phase {
            Phase::Training => &self.training,
            Phase::Inference => &self.inference,
        };
        let samples = rows.len();
        let mut total = penalty + execution.activity_penalty(samples);
        let sums = execution.sums().iter().zip(&self.outputs).zip(&mut self.output_losses);
        for ((sum, output), mean) in sums {
            let loss = sum * f64::from(output.scale);
            mean.add(loss, samples);
            total += f64::from(output.loss_weight) * loss;
        }
        self.loss.add(total, samples);
        for Gathered { output, weighting, state, .. } in &mut self.metrics {
            let weights = data.sample_weight.filter(|_| *weighting == Weighting::BySample);
            let extent = self.outputs[*output].extent;
            execution.each_output(*output, &mut |sample, y_pred| {
                let row = rows.row(sample);
                let weight = weights.map_or(1.0, |weights| weights[row]);
                let y_true = data.y.port(row, *output);
                let Some(counts) = self.masks.as_ref().and_then(|m| m.counts(*output, sample))
                else {
                    return state.update(y_true, y_pred, extent, weight);
                };
                for (i, (counts, y_pred)) in counts.iter().zip(y_pred.chunks(extent)).enumerate() {
                    state.update(values_of_row(y_true, i, extent), y_pred, extent, weight * counts);
                }
            });
        }
    }

    /// The means since the last [`Trainer::reset`].
    pub(super) fn logs(&mut self) -> &Logs {
        self.logs.insert("loss", self.loss.value());
        if self.outputs.len() > 1 {
            for (key, mean) in self.output_keys.iter().zip(&self.output_losses) {
                self.logs.insert(key, mean.value());
            }
        }
        for metric in &self.metrics {
            self.logs.insert(&metric.key, metric.state.result());
        }
        &self.logs
    }
}

/// Most threads that a training may ask for; more do not help, and thread pools end somewhere.
const MAX_THREADS: usize = 1024;

/// The target of one row of a sample.
fn values_of_row(y_true: Values<'_>, row: usize, extent: usize) -> Values<'_> {
    match y_true {
        Values::Floats(values) => Values::Floats(&values[row * extent..][..extent]),
        Values::Labels(labels) => Values::Labels(&labels[row..=row]),
    }
}

/// Whether a step can be taken at this rate.
pub(super) fn is_learning_rate(rate: f32) -> bool {
    rate.is_finite() && rate >= 0.0
}

/// Which of the two plans has run.
#[derive(Clone, Copy)]
enum Phase {
    Training,
    Inference,
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

/// The penalty on a weight, if there is one. As in Keras, weights that are not trained are not
/// penalised.
fn weight_penalty(weight: &WeightInfo) -> Option<WeightPenalty> {
    let WeightInfo { l1, l2, offset, trainable, .. } = *weight;
    let len = weight.shape.iter().product::<usize>();
    let is_penalised = trainable && (l1 != 0.0 || l2 != 0.0);
    is_penalised.then(|| WeightPenalty { elements: offset..offset + len, l1, l2 })
}

/// `l1 · |w| + l2 · w²`.
#[derive(Clone, Copy)]
struct PenaltyTerm {
    l1: f64,
    l2: f64,
}

impl Term for PenaltyTerm {
    #[inline(always)]
    fn of(self, w: f64) -> f64 {
        self.l1 * w.abs() + self.l2 * w * w
    }
}

impl WeightPenalty {
    fn value(&self, weights: &[f32]) -> f64 {
        let term = PenaltyTerm { l1: self.l1.into(), l2: self.l2.into() };
        sum(&weights[self.elements.clone()], term)
    }

    fn add_gradient(&self, weights: &[f32], gradient: &mut [f32]) {
        let weights = &weights[self.elements.clone()];
        for (d_w, &w) in gradient[self.elements.clone()].iter_mut().zip(weights) {
            let sign = if w == 0.0 { 0.0 } else { w.signum() };
            *d_w += self.l1 * sign + 2.0 * self.l2 * w;
        }
    }
}
