//! What a training reports: the means of its losses, and its metrics.

use keras_graph::value::{Argument, Object, Value};

use super::head::LossHead;
use super::ports::Output;
use crate::error::Error;
use crate::execute::{Execution, Keep};
use crate::logs::Logs;
use crate::metrics::{Direction, MetricHead, MetricState, Metrics};

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

/// The means since the last reset, and the keys that they are reported by.
pub(super) struct Reports {
    loss: Mean,
    output_losses: Vec<Mean>,
    output_keys: Vec<String>,
    metrics: Vec<Gathered>,
    logs: Logs,
}

impl Reports {
    pub(super) fn new(outputs: &[Output]) -> Reports {
        Reports {
            loss: Mean::default(),
            output_losses: vec![Mean::default(); outputs.len()],
            output_keys: outputs.iter().map(|output| format!("{}_loss", output.name)).collect(),
            metrics: Vec::new(),
            logs: Logs::new(),
        }
    }

    /// Reports these metrics too. With several outputs the output's name stands before that of the
    /// metric. As in Keras, a name that is taken gets `weighted_` before it if the metric is
    /// weighted, then a number after it. Returns what is wrong with a metric's settings, if
    /// anything is: what was set, expected, found.
    pub(super) fn add_metrics(
        &mut self,
        metrics: &dyn Metrics,
        weighting: Weighting,
        outputs: &[Output],
    ) -> Option<[String; 3]> {
        let mut heads: Vec<MetricHead<'_>> = Vec::new();
        metrics.collect(0, &mut heads);
        let mut refused = None;
        for MetricHead { output, function } in heads {
            if let Err(Error::InvalidSetting { setting, expected, found }) =
                function.check_settings()
            {
                refused = Some([setting, expected, found]);
            }
            let key = self.free_key(outputs, output, &function.name(), weighting);
            let object = keras_object(function.class(), function.config());
            let (direction, state) = (function.direction(), function.start());
            self.metrics.push(Gathered { output, object, key, direction, weighting, state });
        }
        refused
    }

    /// What executions keep of a batch, for metrics to look at.
    pub(super) fn keep(&self) -> Keep {
        if self.metrics.is_empty() { Keep::Sums } else { Keep::Outputs }
    }

    /// The key of a metric that is called `name`.
    fn free_key(
        &self,
        outputs: &[Output],
        output: usize,
        name: &str,
        weighting: Weighting,
    ) -> String {
        let of_output = |name: &str| match outputs.len() {
            1 => name.to_string(),
            _ => format!("{}_{name}", outputs[output].name),
        };
        let losses = self.output_keys.iter().filter(|_| outputs.len() > 1);
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
        let mut objects = vec![Vec::new(); self.output_losses.len()];
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

    /// Adds a batch that was executed to the means, with the penalty on the weights.
    pub(super) fn record(&mut self, execution: &Execution<'_>, head: &LossHead<'_>, penalty: f64) {
        let LossHead { outputs, batch, rows, masks, .. } = *head;
        let samples = rows.len();
        let mut total = penalty + execution.activity_penalty(samples);
        let sums = execution.sums().iter().zip(outputs).zip(&mut self.output_losses);
        for ((sum, output), mean) in sums {
            let loss = sum * f64::from(output.scale);
            mean.add(loss, samples);
            total += f64::from(output.loss_weight) * loss;
        }
        self.loss.add(total, samples);
        for Gathered { output, weighting, state, .. } in &mut self.metrics {
            let by_sample = *weighting == Weighting::BySample;
            let extent = outputs[*output].extent;
            execution.each_output(*output, &mut |sample, y_pred| {
                let row = rows.row(sample);
                let sample_weight = batch.sample_weight.filter(|_| by_sample);
                let one = [sample_weight.map_or(1.0, |weights| weights[row])];
                let of_rows = masks.and_then(|masks| match by_sample {
                    true => masks.weights(*output, sample),
                    false => masks.counts(*output, sample),
                });
                let weights = of_rows.unwrap_or(&one);
                state.update(batch.y.port(row, *output), y_pred, extent, weights);
            });
        }
    }

    /// The means since the last [`Reports::reset`].
    pub(super) fn logs(&mut self) -> &Logs {
        self.logs.insert("loss", self.loss.value());
        if self.output_losses.len() > 1 {
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

/// An object of Keras with all its arguments.
pub(super) fn keras_object(class: &str, config: Vec<(&'static str, Value)>) -> Object {
    let argument = |(name, value): (&str, Value)| Argument { name: Some(name.to_string()), value };
    Object { class: class.to_string(), arguments: config.into_iter().map(argument).collect() }
}
