//! The training of any model, without its type: one step, one evaluation, and the means that are reported.

use core::ops::Range;

use keras_graph::plan::{Description, Plan, WeightInfo};
use rayon::ThreadPool;

use super::head::{Input, LossHead, Output, Supervised, scale};
use crate::error::Result;
use crate::execute::{Batch, Execution, Keep, Rows};
use crate::kernels::{Backend, Cpu};
use crate::logs::Logs;
use crate::losses::Losses;
use crate::metrics::{Direction, MetricHead, MetricState, Metrics};
use crate::optimizers::{Optimizer, Updater};

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
    pub(super) fingerprint: u64,
    plans: [&'static Plan; 2],
    training: Execution<'static>,
    inference: Execution<'static>,
    pub(super) losses: Box<dyn Losses>,
    pub(super) optimizer: Box<dyn Optimizer>,
    is_optimizer_checked: bool,
    pub(super) updater: Updater,
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<Output>,
    metrics: Vec<Gathered>,
    penalties: Vec<WeightPenalty>,
    loss: Mean,
    output_losses: Vec<Mean>,
    output_keys: Vec<String>,
    logs: Logs,
    pub(super) seed: u64,
    pub(super) pool: Option<ThreadPool>,
}

impl Trainer {
    pub(super) fn new(
        description: &'static Description,
        fingerprint: u64,
        inference: &'static Plan,
        training: &'static Plan,
        optimizer: Box<dyn Optimizer>,
        losses: Box<dyn Losses>,
    ) -> Trainer {
        let outputs = Output::all(training);
        Trainer {
            description,
            fingerprint,
            plans: [inference, training],
            training: Execution::new::<Cpu>(training, Keep::Sums),
            inference: Execution::new::<Cpu>(inference, Keep::Sums),
            // The inference plan: its buffers of inputs are not written again before they are read.
            inputs: Input::all(inference),
            updater: Updater::new(&*optimizer, &description.weights),
            optimizer,
            is_optimizer_checked: false,
            losses,
            metrics: Vec::new(),
            penalties: description.weights.iter().filter_map(weight_penalty).collect(),
            loss: Mean::default(),
            output_losses: vec![Mean::default(); outputs.len()],
            output_keys: outputs.iter().map(|output| format!("{}_loss", output.name)).collect(),
            outputs,
            logs: Logs::new(),
            seed: 0,
            pool: None,
        }
    }

    /// Uses another backend from now on.
    pub(super) fn set_backend<B: Backend>(&mut self) {
        let keep = if self.metrics.is_empty() { Keep::Sums } else { Keep::Outputs };
        let [inference, training] = self.plans;
        self.training = Execution::new::<B>(training, keep);
        self.inference = Execution::new::<B>(inference, keep);
    }

    /// Refuses an optimizer whose settings make no sense.
    pub(super) fn check_optimizer(&mut self) -> Result<()> {
        // Settings never change, and looking at them allocates.
        if !self.is_optimizer_checked {
            self.optimizer.check()?;
            self.is_optimizer_checked = true;
        }
        Ok(())
    }

    /// Reports these metrics too. With several outputs the output's name stands before that of the metric.
    pub(super) fn add_metrics(&mut self, metrics: &dyn Metrics, weighting: Weighting) {
        let mut heads: Vec<MetricHead<'_>> = Vec::new();
        metrics.collect(0, &mut heads);
        let many = self.outputs.len() > 1;
        let gathered = |MetricHead { output, function }: MetricHead<'_>| {
            let name = function.name();
            let key = if many { format!("{}_{name}", self.outputs[output].name) } else { name };
            let direction = function.direction();
            Gathered { output, key, direction, weighting, state: function.start() }
        };
        self.metrics.extend(heads.into_iter().map(gathered));
        let keep = if self.metrics.is_empty() { Keep::Sums } else { Keep::Outputs };
        self.training.set_keep(keep);
        self.inference.set_keep(keep);
    }

    /// Names of the metrics of each output, as a file has them.
    pub(super) fn metric_names(&self, weighting: Weighting) -> Vec<Vec<String>> {
        let metrics = || self.metrics.iter().filter(|metric| metric.weighting == weighting);
        if metrics().next().is_none() {
            return Vec::new();
        }
        let mut names = vec![Vec::new(); self.outputs.len()];
        for metric in metrics() {
            let prefix = format!("{}_", self.outputs[metric.output].name);
            let is_prefixed = self.outputs.len() > 1;
            let name = if is_prefixed { metric.key.strip_prefix(&prefix) } else { None };
            names[metric.output].push(name.unwrap_or(&metric.key).to_string());
        }
        names
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
        scale(&mut self.outputs, &*self.losses, data, &rows);
        let penalty = self.penalty(weights);
        let step = self.updater.state().iterations;
        let batch = Batch { x: data.x, rows, seed: self.seed, step };
        let Trainer { training, updater, penalties, losses, outputs, .. } = self;
        let head = LossHead { losses: &**losses, outputs, batch: data, rows: &batch.rows };
        let optimizer = &*self.optimizer;
        in_pool(self.pool.as_ref(), || {
            training.run(weights, &batch, &head);
            let gradient = training.gradient();
            for penalty in &*penalties {
                penalty.add_gradient(weights, gradient);
            }
            updater.step(optimizer, weights, gradient);
            training.move_statistics(weights);
        });
        self.record(data, &batch.rows, penalty, Phase::Training);
    }

    /// Looks at a batch without learning from it.
    pub(super) fn test(&mut self, weights: &[f32], data: &Supervised<'_>, rows: Rows<'_>) {
        scale(&mut self.outputs, &*self.losses, data, &rows);
        let batch = Batch { x: data.x, rows, seed: 0, step: 0 };
        let Trainer { inference, losses, outputs, .. } = self;
        let head = LossHead { losses: &**losses, outputs, batch: data, rows: &batch.rows };
        in_pool(self.pool.as_ref(), || inference.run(weights, &batch, &head));
        let penalty = self.penalty(weights);
        self.record(data, &batch.rows, penalty, Phase::Inference);
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
                state.update(data.y.port(row, *output), y_pred, extent, weight);
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

/// Which of the two plans has run.
#[derive(Clone, Copy)]
enum Phase {
    Training,
    Inference,
}

/// Does something on the threads of a pool, or on those at hand: all of it within the pool, since each way into one takes
/// memory of its queue now and then.
fn in_pool(pool: Option<&ThreadPool>, work: impl FnOnce() + Send) {
    match pool {
        Some(pool) => pool.install(work),
        None if rayon::current_num_threads() > 1 => rayon::join(work, || ()).0,
        None => work(),
    }
}

/// The penalty on a weight, if there is one. As in Keras, weights that are not trained are not penalised.
fn weight_penalty(weight: &WeightInfo) -> Option<WeightPenalty> {
    let WeightInfo { l1, l2, offset, trainable, .. } = *weight;
    let len = weight.shape.iter().product::<usize>();
    let is_penalised = trainable && (l1 != 0.0 || l2 != 0.0);
    is_penalised.then(|| WeightPenalty { elements: offset..offset + len, l1, l2 })
}

impl WeightPenalty {
    fn value(&self, weights: &[f32]) -> f64 {
        let each = |&w: &f32| {
            let w = f64::from(w);
            f64::from(self.l1) * w.abs() + f64::from(self.l2) * w * w
        };
        weights[self.elements.clone()].iter().map(each).sum()
    }

    fn add_gradient(&self, weights: &[f32], gradient: &mut [f32]) {
        let weights = &weights[self.elements.clone()];
        for (d_w, &w) in gradient[self.elements.clone()].iter_mut().zip(weights) {
            let sign = if w == 0.0 { 0.0 } else { w.signum() };
            *d_w += self.l1 * sign + 2.0 * self.l2 * w;
        }
    }
}
