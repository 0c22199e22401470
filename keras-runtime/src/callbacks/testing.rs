//! A training without a model, for the tests of callbacks.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::callbacks::{Callback, Control, Params};
use crate::error::Result;
use crate::logs::Logs;
use crate::metrics::Direction;

/// Epochs that the fake training is planned to have.
const EPOCHS: usize = 20;

/// A training that keeps what callbacks did to it.
pub(super) struct Fake {
    /// Epochs that have been run.
    pub(super) epochs_run: usize,
    /// The learning rate.
    pub(super) learning_rate: f32,
    /// In epoch `e`, counted from 1: `[e, -e]`.
    pub(super) weights: Vec<f32>,
    /// Every how many epochs there is a validation.
    pub(super) validation_freq: Option<usize>,
    /// Lines printed.
    pub(super) lines: Vec<String>,
    /// Files saved, whole models and weights alike.
    pub(super) saved: RefCell<Vec<PathBuf>>,
    /// Whether it was stopped.
    pub(super) stopped: bool,
}

impl Default for Fake {
    fn default() -> Self {
        Fake {
            epochs_run: 0,
            learning_rate: 0.5,
            weights: vec![0.0, 0.0],
            validation_freq: None,
            lines: Vec::new(),
            saved: RefCell::default(),
            stopped: false,
        }
    }
}

impl Fake {
    /// Goes on to the next epoch.
    pub(super) fn advance(&mut self) {
        self.epochs_run += 1;
        let epoch = self.epochs_run as f32;
        self.weights = vec![epoch, -epoch];
    }
}

impl Control for Fake {
    fn params(&self) -> Params {
        Params { epochs: EPOCHS, steps: Some(3), validation_freq: self.validation_freq }
    }

    fn epoch(&self) -> usize {
        self.epochs_run.saturating_sub(1)
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn learning_rate(&self) -> f32 {
        self.learning_rate
    }

    fn set_learning_rate(&mut self, learning_rate: f32) -> Result<()> {
        self.learning_rate = learning_rate;
        Ok(())
    }

    fn weights(&self) -> &[f32] {
        &self.weights
    }

    fn set_weights(&mut self, weights: &[f32]) {
        self.weights.copy_from_slice(weights);
    }

    fn direction(&self, metric: &str) -> Option<Direction> {
        match metric {
            "accuracy" => Some(Direction::Max),
            "mae" => Some(Direction::Min),
            _ => None,
        }
    }

    fn save(&self, path: &Path) -> Result<()> {
        self.saved.borrow_mut().push(path.into());
        Ok(())
    }

    fn save_weights(&self, path: &Path) -> Result<()> {
        self.saved.borrow_mut().push(path.into());
        Ok(())
    }

    fn print(&mut self, line: &str) {
        self.lines.push(line.into());
    }
}

/// Runs a training that reports one of `values` under `name` in each epoch, until it is stopped.
pub(super) fn fit(
    callback: &mut dyn Callback,
    fake: &mut Fake,
    name: &str,
    values: &[f32],
) -> Result<()> {
    callback.on_train_begin(fake)?;
    let mut logs = Logs::new();
    for (epoch, &value) in values.iter().enumerate() {
        callback.on_epoch_begin(epoch, fake)?;
        fake.advance();
        logs = [(name, value)].into_iter().collect();
        callback.on_epoch_end(epoch, &mut logs, fake)?;
        if fake.stopped {
            break;
        }
    }
    callback.on_train_end(&logs, fake)
}
