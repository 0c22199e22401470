//! The course of a training: epochs, validations, and what callbacks are told and may do.

use core::ops::Range;
use std::path::Path;

use super::feed::{Feed, Flow};
use super::ports::Supervised;
use super::trainer::Trainer;
use crate::callbacks::{Callback, Control, Params};
use crate::error::{Error, Result};
use crate::execute::Rows;
use crate::history::History;
use crate::logs::Logs;
use crate::metrics::Direction;
use crate::progress::{ProgressBar, Verbose};

/// Rows that are tested after an epoch.
pub(super) struct Validation<'a> {
    pub(super) data: Supervised<'a>,
    pub(super) rows: Range<usize>,
    pub(super) batch_size: usize,
    /// Every how many epochs.
    pub(super) freq: usize,
}

/// Epochs `from..to`, and who is told of them.
pub(super) struct Course<'a> {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) validation: Option<Validation<'a>>,
    /// The user's callbacks.
    pub(super) callbacks: Vec<Box<dyn Callback + 'a>>,
    /// What is shown of it.
    pub(super) verbose: Verbose,
}

/// Shows the progress.
struct Bar(ProgressBar);

impl Callback for Bar {
    fn on_epoch_begin(&mut self, epoch: usize, _: &mut dyn Control) -> Result<()> {
        self.0.begin(epoch);
        Ok(())
    }

    fn on_train_batch_end(&mut self, batch: usize, logs: &Logs, _: &mut dyn Control) -> Result<()> {
        self.0.step(batch, logs);
        Ok(())
    }

    fn on_epoch_end(&mut self, _: usize, logs: &mut Logs, _: &mut dyn Control) -> Result<()> {
        self.0.end(logs);
        Ok(())
    }
}

/// A training under way.
struct Running<'a> {
    trainer: &'a mut Trainer,
    weights: &'a mut [f32],
    params: Params,
    epoch: usize,
    is_stopped: bool,
}

impl Control for Running<'_> {
    fn params(&self) -> Params {
        self.params
    }

    fn epoch(&self) -> usize {
        self.epoch
    }

    fn stop(&mut self) {
        self.is_stopped = true;
    }

    fn learning_rate(&self) -> f32 {
        self.trainer.updater.state().learning_rate
    }

    fn set_learning_rate(&mut self, learning_rate: f32) -> Result<()> {
        self.trainer.set_learning_rate(learning_rate)
    }

    fn weights(&self) -> &[f32] {
        self.weights
    }

    fn set_weights(&mut self, weights: &[f32]) {
        self.weights.copy_from_slice(weights);
    }

    fn direction(&self, metric: &str) -> Option<Direction> {
        self.trainer.reports.direction(metric)
    }

    fn save(&self, path: &Path) -> Result<()> {
        self.trainer.save(self.weights, path)
    }

    fn save_weights(&self, path: &Path) -> Result<()> {
        self.trainer.save_weights(self.weights, path)
    }
}

impl Trainer {
    /// Trains over a course of epochs. What they reported is kept, also if an error ends it.
    pub(super) fn fit(
        &mut self,
        weights: &mut [f32],
        feed: &mut dyn Feed,
        course: Course<'_>,
    ) -> Result<History> {
        let mut history = History::new();
        let end = self.run(weights, feed, course, &mut history);
        self.history = history;
        end.map(|()| self.history.clone())
    }

    fn run(
        &mut self,
        weights: &mut [f32],
        feed: &mut dyn Feed,
        course: Course<'_>,
        history: &mut History,
    ) -> Result<()> {
        let Course { from, to, validation, mut callbacks, verbose } = course;
        let validation_freq = validation.as_ref().map(|validation| validation.freq);
        let params = Params { epochs: to, steps: feed.steps(), validation_freq };
        let mut running =
            Running { trainer: self, weights, params, epoch: from, is_stopped: false };
        let mut bar = Bar(ProgressBar::new(verbose, to, params.steps));
        let mut logs = Logs::new();
        // In Keras' order: the user's callbacks, then the history, then the bar.
        let mut told: Vec<&mut dyn Callback> = Vec::new();
        told.extend(callbacks.iter_mut().map(|callback| &mut **callback as &mut dyn Callback));
        told.push(history);
        told.push(&mut bar);
        each(&mut told, |callback| callback.on_train_begin(&mut running))?;
        for epoch in from..to {
            running.epoch = epoch;
            logs = running.run_epoch(feed, validation.as_ref(), &mut told)?;
            each(&mut told, |callback| callback.on_epoch_end(epoch, &mut logs, &mut running))?;
            if running.is_stopped {
                break;
            }
        }
        each(&mut told, |callback| callback.on_train_end(&logs, &mut running))
    }

    /// Tests rows, batch by batch.
    pub(super) fn evaluate(
        &mut self,
        weights: &[f32],
        data: &Supervised<'_>,
        rows: Range<usize>,
        batch_size: usize,
    ) -> &Logs {
        self.reports.reset();
        for first in rows.clone().step_by(batch_size) {
            self.test(weights, data, Rows::Range(first..rows.end.min(first + batch_size)));
        }
        self.reports.logs()
    }
}

impl Running<'_> {
    /// An epoch and its validation. Returns what it reports.
    fn run_epoch(
        &mut self,
        feed: &mut dyn Feed,
        validation: Option<&Validation<'_>>,
        callbacks: &mut [&mut dyn Callback],
    ) -> Result<Logs> {
        let epoch = self.epoch;
        each(callbacks, |callback| callback.on_epoch_begin(epoch, self))?;
        self.trainer.reports.reset();
        let iterations = self.trainer.updater.state().iterations;
        let must_check = !feed.is_checked();
        let mut logs = Logs::new();
        let mut step = 0;
        feed.epoch(epoch, iterations, &mut |data, rows| {
            if must_check {
                let place = format_args!("batch {step} of epoch {epoch}");
                self.trainer.check(data).map_err(Error::within(place))?;
            }
            each(callbacks, |callback| callback.on_train_batch_begin(step, self))?;
            self.trainer.train(self.weights, data, rows);
            logs.insert_all("", self.trainer.reports.logs());
            each(callbacks, |callback| callback.on_train_batch_end(step, &logs, self))?;
            step += 1;
            Ok(if self.is_stopped { Flow::Stop } else { Flow::Continue })
        })?;
        if step == 0 {
            return Err(Error::EmptyData { what: format!("epoch {}", epoch + 1) });
        }
        if let Some(validation) = validation
            && (epoch + 1).is_multiple_of(validation.freq)
        {
            each(callbacks, |callback| callback.on_test_begin(self))?;
            let Validation { data, rows, batch_size, .. } = validation;
            let scores =
                self.trainer.evaluate(self.weights, data, rows.clone(), *batch_size).clone();
            each(callbacks, |callback| callback.on_test_end(&scores, self))?;
            logs.insert_all("val_", &scores);
        }
        Ok(logs)
    }
}

/// Tells each callback of something.
fn each(
    callbacks: &mut [&mut dyn Callback],
    mut tell: impl FnMut(&mut dyn Callback) -> Result<()>,
) -> Result<()> {
    callbacks.iter_mut().try_for_each(|callback| tell(&mut **callback))
}
