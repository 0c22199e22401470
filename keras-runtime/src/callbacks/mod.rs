//! What happens beside the training: stopping it early, changing its learning rate, saving,
//! logging.
//!
//! A [`Callback`] is told of every epoch and batch, and acts on the running training through
//! [`Control`] alone. The training calls the user's callbacks in their order, then records the
//! [`History`], then draws the progress bar; so what a callback adds to the logs of an epoch is
//! recorded and shown. Source: Keras 3.15 `callbacks/callback.py`.

mod csv_logger;
mod early_stopping;
mod filepath;
mod learning_rate_scheduler;
mod model_checkpoint;
mod monitor;
mod reduce_lr_on_plateau;
mod terminate_on_nan;
#[cfg(test)]
mod testing;

use std::io::Write;
use std::path::Path;

pub use csv_logger::{CSVLogger, CSVLoggerState};
pub use early_stopping::{EarlyStopping, EarlyStoppingState};
pub use learning_rate_scheduler::LearningRateScheduler;
pub use model_checkpoint::{ModelCheckpoint, ModelCheckpointState, SaveFreq};
pub use monitor::Mode;
pub use reduce_lr_on_plateau::{ReduceLROnPlateau, ReduceLROnPlateauState};
pub use terminate_on_nan::TerminateOnNaN;

use crate::error::Result;
use crate::history::History;
use crate::logs::Logs;
use crate::metrics::Direction;

/// Name under which callbacks that change the learning rate report it.
const LEARNING_RATE: &str = "learning_rate";

/// Numbers that stay the same through a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Number of the last epoch, counted from 1.
    pub epochs: usize,
    /// Batches of an epoch; `None` if that is not known before its end.
    pub steps: Option<usize>,
    /// Every how many epochs there is a validation; `None` if there never is one.
    pub validation_freq: Option<usize>,
}

/// What a callback may do with the running training.
pub trait Control {
    /// Numbers that stay the same through this training.
    fn params(&self) -> Params;

    /// The current epoch, counted from 0.
    fn epoch(&self) -> usize;

    /// Ends the training after the current batch; the epoch's end is still reported.
    fn stop(&mut self);

    /// The optimizer's learning rate for the next step.
    fn learning_rate(&self) -> f32;

    /// Changes the optimizer's learning rate from the next step on.
    /// Errors: a rate that is negative or not finite.
    fn set_learning_rate(&mut self, learning_rate: f32) -> Result<()>;

    /// All weights of the model, in Keras' order.
    fn weights(&self) -> &[f32];

    /// Overwrites all weights of the model. Panics: if the length is not that of
    /// [`Control::weights`].
    fn set_weights(&mut self, weights: &[f32]);

    /// Whether a metric is to be maximized or minimized; `None` if it does not say.
    ///
    /// `metric` is its key in the logs without `val_`, such as `accuracy` or `label_accuracy`. The
    /// loss is not asked for.
    fn direction(&self, metric: &str) -> Option<Direction>;

    /// Writes model and optimizer state to a `.keras` file; one that is there is replaced whole or
    /// not at all. Errors: if it cannot be written.
    fn save(&self, path: &Path) -> Result<()>;

    /// Writes weights and optimizer state to a `.weights.h5` file; one that is there is replaced
    /// whole or not at all. Errors: if it cannot be written.
    fn save_weights(&self, path: &Path) -> Result<()>;

    /// Shows a line to the user: on standard output, unless the training has another place for it.
    fn print(&mut self, line: &str) {
        // A closed pipe must not end a training that still has its model to save.
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

/// Something that is told of the course of a training. Every method does nothing unless it is
/// written.
///
/// Epochs and batches are counted from 0. An error ends the training and is what `fit` returns.
pub trait Callback {
    /// Before the first epoch; arguments are checked here.
    fn on_train_begin(&mut self, control: &mut dyn Control) -> Result<()> {
        let _ = control;
        Ok(())
    }

    /// After the last epoch, whether it was the planned one or not. `logs` are those of the last
    /// epoch.
    fn on_train_end(&mut self, logs: &Logs, control: &mut dyn Control) -> Result<()> {
        let _ = (logs, control);
        Ok(())
    }

    /// Before an epoch's first batch.
    fn on_epoch_begin(&mut self, epoch: usize, control: &mut dyn Control) -> Result<()> {
        let _ = (epoch, control);
        Ok(())
    }

    /// After an epoch and its validation. What is added to `logs` is seen by later callbacks,
    /// history and progress bar.
    fn on_epoch_end(
        &mut self,
        epoch: usize,
        logs: &mut Logs,
        control: &mut dyn Control,
    ) -> Result<()> {
        let _ = (epoch, logs, control);
        Ok(())
    }

    /// Before a batch is trained on.
    fn on_train_batch_begin(&mut self, batch: usize, control: &mut dyn Control) -> Result<()> {
        let _ = (batch, control);
        Ok(())
    }

    /// After a batch was trained on. `logs` hold the means since the epoch began.
    fn on_train_batch_end(
        &mut self,
        batch: usize,
        logs: &Logs,
        control: &mut dyn Control,
    ) -> Result<()> {
        let _ = (batch, logs, control);
        Ok(())
    }

    /// Before a validation.
    fn on_test_begin(&mut self, control: &mut dyn Control) -> Result<()> {
        let _ = control;
        Ok(())
    }

    /// After a validation. The names in `logs` have no `val_`.
    fn on_test_end(&mut self, logs: &Logs, control: &mut dyn Control) -> Result<()> {
        let _ = (logs, control);
        Ok(())
    }
}

/// Records every epoch, as the training does for the history that `fit` returns.
impl Callback for History {
    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, _: &mut dyn Control) -> Result<()> {
        self.record(epoch, logs);
        Ok(())
    }
}

/// Passes every call on to what a pointer points to.
macro_rules! delegate {
    ($pointer:ty) => {
        impl<C: Callback + ?Sized> Callback for $pointer {
            fn on_train_begin(&mut self, control: &mut dyn Control) -> Result<()> {
                (**self).on_train_begin(control)
            }
            fn on_train_end(&mut self, logs: &Logs, control: &mut dyn Control) -> Result<()> {
                (**self).on_train_end(logs, control)
            }
            fn on_epoch_begin(&mut self, epoch: usize, control: &mut dyn Control) -> Result<()> {
                (**self).on_epoch_begin(epoch, control)
            }
            fn on_epoch_end(
                &mut self,
                epoch: usize,
                logs: &mut Logs,
                control: &mut dyn Control,
            ) -> Result<()> {
                (**self).on_epoch_end(epoch, logs, control)
            }
            fn on_train_batch_begin(
                &mut self,
                batch: usize,
                control: &mut dyn Control,
            ) -> Result<()> {
                (**self).on_train_batch_begin(batch, control)
            }
            fn on_train_batch_end(
                &mut self,
                batch: usize,
                logs: &Logs,
                control: &mut dyn Control,
            ) -> Result<()> {
                (**self).on_train_batch_end(batch, logs, control)
            }
            fn on_test_begin(&mut self, control: &mut dyn Control) -> Result<()> {
                (**self).on_test_begin(control)
            }
            fn on_test_end(&mut self, logs: &Logs, control: &mut dyn Control) -> Result<()> {
                (**self).on_test_end(logs, control)
            }
        }
    };
}

delegate!(&mut C);
delegate!(Box<C>);
