//! Saves the model or its weights while it is trained. Source: Keras 3.15
//! `callbacks/model_checkpoint.py`.

use std::fs;
use std::path::Path;

use crate::callbacks::filepath::Template;
use crate::callbacks::monitor::{missing, monitored};
use crate::callbacks::{Callback, Control, Mode};
use crate::error::{Error, Result};
use crate::logs::Logs;
use crate::metrics::Direction;
use crate::python::fixed;

/// Name of the callback in errors.
const NAME: &str = "ModelCheckpoint";
/// Digits after the point of a value in a message.
const MESSAGE_DIGITS: usize = 5;

/// When a [`ModelCheckpoint`] saves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveFreq {
    /// After each epoch and its validation.
    #[default]
    Epoch,
    /// After this many batches, counted across epochs. There is no validation by then, and the
    /// values reported are means since the epoch began.
    Batches(usize),
}

/// Saves the model, or its weights, with the optimizer's state.
///
/// Folders on the way are made. A file that is there already is replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCheckpoint {
    /// The file, ending in `.keras`, or in `.weights.h5` with `save_weights_only`. `{epoch:02d}`,
    /// `{batch}`, both counted from 1, and any name that is reported, such as `{val_loss:.4f}`, are
    /// filled in.
    pub filepath: String,
    /// The value in the logs that `save_best_only` looks at.
    pub monitor: String,
    /// Whether lines are printed when the model is saved, and when it is not because it is no
    /// better.
    pub verbose: bool,
    /// Whether it is saved only when the value is better than ever before.
    pub save_best_only: bool,
    /// Whether weights alone are saved, without the architecture.
    pub save_weights_only: bool,
    /// Which way is better.
    pub mode: Mode,
    /// When it is saved.
    pub save_freq: SaveFreq,
    /// With `save_best_only`, the value that the first saved model has to beat.
    pub initial_value_threshold: Option<f32>,
    /// What it has seen of the training; it starts empty and is kept for the next training.
    pub state: ModelCheckpointState,
}

/// What a [`ModelCheckpoint`] has seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelCheckpointState {
    template: Template,
    direction: Option<Direction>,
    best: Option<f32>,
    batches_since_saving: usize,
}

impl ModelCheckpointState {
    /// The best value so far; `None` before the first, or without `save_best_only`.
    pub fn best(&self) -> Option<f32> {
        self.best
    }
}

impl ModelCheckpoint {
    /// Saves the whole model after each epoch.
    pub fn new(filepath: impl Into<String>) -> Self {
        ModelCheckpoint { filepath: filepath.into(), ..ModelCheckpoint::default() }
    }

    fn check(&self) -> Result<Template> {
        let suffix = if self.save_weights_only { ".weights.h5" } else { ".keras" };
        if !self.filepath.ends_with(suffix) || self.filepath.len() == suffix.len() {
            return Err(invalid("filepath", format!("a path that ends in `{suffix}`"), || {
                format!("`{}`", self.filepath)
            }));
        }
        if self.save_freq == SaveFreq::Batches(0) {
            return Err(invalid("save_freq", "at least 1 batch".into(), || "0".into()));
        }
        if self.initial_value_threshold.is_some_and(f32::is_nan) {
            let expected = "a number or `None`".into();
            return Err(invalid("initial_value_threshold", expected, || "NaN".into()));
        }
        Template::parse(&self.filepath).map_err(|found| {
            invalid("filepath", "fields such as `{epoch:02d}` or `{val_loss:.4f}`".into(), || found)
        })
    }

    /// Whether `value` is the best so far, which it then is remembered to be.
    fn is_best(
        &mut self,
        value: f32,
        epoch: usize,
        path: &Path,
        control: &mut dyn Control,
    ) -> bool {
        let best = self.state.best.or(self.initial_value_threshold);
        let improved = self.state.direction.is_some_and(|up| up.improves(value, best, 0.0));
        if improved {
            self.state.best = Some(value);
        }
        if self.verbose {
            let digits = |value: f32| fixed(f64::from(value), MESSAGE_DIGITS);
            let (epoch, monitor) = (epoch + 1, &self.monitor);
            let best = best.map_or("None".into(), digits);
            control.print(&match improved {
                true => format!(
                    "\nEpoch {epoch}: {monitor} improved from {best} to {}, saving model to {}",
                    digits(value),
                    path.display()
                ),
                false => format!("\nEpoch {epoch}: {monitor} did not improve from {best}"),
            });
        }
        improved
    }

    /// Saves, unless the model is no better. `value` is what `monitor` names, if it matters.
    fn save(
        &mut self,
        value: Option<f32>,
        (epoch, batch): (usize, Option<usize>),
        logs: &Logs,
        control: &mut dyn Control,
    ) -> Result<()> {
        let path = self.state.template.path(NAME, (epoch, batch), logs)?;
        match value {
            Some(value) if !self.is_best(value, epoch, &path, control) => return Ok(()),
            None if self.verbose => {
                let (epoch, path) = (epoch + 1, path.display());
                control.print(&format!("\nEpoch {epoch}: saving model to {path}"));
            }
            _ => {}
        }
        if path.is_dir() {
            let expected = "the path of a file".into();
            return Err(invalid("filepath", expected, || format!("the folder {}", path.display())));
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(Error::io(folder))?;
        }
        let saved = match self.save_weights_only {
            true => control.save_weights(&path),
            false => control.save(&path),
        };
        saved.map_err(|cause| {
            let of_batch = batch.map_or(String::new(), |batch| format!("batch {} of ", batch + 1));
            let place =
                format!("`{NAME}` after {of_batch}epoch {}, `{}`", epoch + 1, path.display());
            Error::within(place)(cause)
        })?;
        if self.verbose {
            let (epoch, path) = (epoch + 1, path.display());
            control.print(&format!("\nEpoch {epoch}: finished saving model to {path}"));
        }
        Ok(())
    }
}

/// A checkpoint that still needs its `filepath`.
impl Default for ModelCheckpoint {
    fn default() -> Self {
        ModelCheckpoint {
            filepath: String::new(),
            monitor: "val_loss".into(),
            verbose: false,
            save_best_only: false,
            save_weights_only: false,
            mode: Mode::Auto,
            save_freq: SaveFreq::Epoch,
            initial_value_threshold: None,
            state: ModelCheckpointState::default(),
        }
    }
}

impl Callback for ModelCheckpoint {
    /// Errors: [`Error::InvalidCallback`] if an argument cannot work.
    fn on_train_begin(&mut self, control: &mut dyn Control) -> Result<()> {
        self.state.template = self.check()?;
        if self.save_best_only {
            self.state.direction = Some(self.mode.direction(NAME, &self.monitor, control)?);
        }
        Ok(())
    }

    /// Errors: [`Error::MissingLog`] if `monitor` or a field of `filepath` is not reported; those
    /// of saving.
    fn on_train_batch_end(
        &mut self,
        batch: usize,
        logs: &Logs,
        control: &mut dyn Control,
    ) -> Result<()> {
        let SaveFreq::Batches(batches) = self.save_freq else {
            return Ok(());
        };
        self.state.batches_since_saving += 1;
        if self.state.batches_since_saving < batches {
            return Ok(());
        }
        self.state.batches_since_saving = 0;
        let value = match self.save_best_only {
            true => Some(
                logs.get(&self.monitor).ok_or_else(|| missing(NAME, &self.monitor, logs.keys()))?,
            ),
            false => None,
        };
        self.save(value, (control.epoch(), Some(batch)), logs, control)
    }

    /// Errors: [`Error::MissingLog`] if `monitor` or a field of `filepath` is not reported; those
    /// of saving.
    fn on_epoch_end(
        &mut self,
        epoch: usize,
        logs: &mut Logs,
        control: &mut dyn Control,
    ) -> Result<()> {
        if self.save_freq != SaveFreq::Epoch {
            return Ok(());
        }
        if !self.save_best_only {
            return self.save(None, (epoch, None), logs, control);
        }
        // An epoch without validation is not known to be the best; Keras would save it.
        let Some(value) = monitored(NAME, &self.monitor, (epoch, logs), control)? else {
            return Ok(());
        };
        self.save(Some(value), (epoch, None), logs, control)
    }
}

fn invalid(argument: &'static str, expected: String, found: impl FnOnce() -> String) -> Error {
    Error::InvalidCallback { callback: NAME, argument, expected, found: found() }
}

#[cfg(test)]
mod tests;
