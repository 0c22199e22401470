//! Sets the learning rate of each epoch. Source: Keras 3.15 `callbacks/learning_rate_scheduler.py`.

use crate::callbacks::{Callback, Control, LEARNING_RATE};
use crate::error::{Error, Result};
use crate::logs::Logs;

/// Name of the callback in errors.
const NAME: &str = "LearningRateScheduler";

/// Asks a function for the learning rate before each epoch.
///
/// The logs of each epoch gain `learning_rate`.
///
/// ```
/// # use keras_runtime::callbacks::LearningRateScheduler;
/// let scheduler = LearningRateScheduler::new(|epoch, lr| if epoch < 10 { lr } else { lr * 0.9 });
/// ```
#[derive(Clone, Debug)]
pub struct LearningRateScheduler<S> {
    /// Takes the epoch, counted from 0, and the current learning rate; returns the one to train
    /// with.
    pub schedule: S,
    /// Whether a line is printed for each epoch.
    pub verbose: bool,
}

impl<S: FnMut(usize, f32) -> f32> LearningRateScheduler<S> {
    /// A scheduler that prints nothing.
    pub fn new(schedule: S) -> Self {
        LearningRateScheduler { schedule, verbose: false }
    }
}

impl<S: FnMut(usize, f32) -> f32> Callback for LearningRateScheduler<S> {
    /// Errors: [`Error::InvalidCallback`] if the function returns a rate that is negative or no
    /// number.
    fn on_epoch_begin(&mut self, epoch: usize, control: &mut dyn Control) -> Result<()> {
        let learning_rate = (self.schedule)(epoch, control.learning_rate());
        if !learning_rate.is_finite() || learning_rate < 0.0 {
            return Err(Error::InvalidCallback {
                callback: NAME,
                argument: "schedule",
                expected: "a finite learning rate of at least 0".into(),
                found: format!("{learning_rate} for epoch {epoch}"),
            });
        }
        control.set_learning_rate(learning_rate)?;
        if self.verbose {
            let epoch = epoch + 1;
            control.print(&format!(
                "\nEpoch {epoch}: {NAME} setting learning rate to {learning_rate:?}."
            ));
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, _: usize, logs: &mut Logs, control: &mut dyn Control) -> Result<()> {
        logs.push(LEARNING_RATE, control.learning_rate());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callbacks::testing::{Fake, fit};

    #[test]
    fn the_rate_of_each_epoch_is_set_and_logged() {
        let mut scheduler = LearningRateScheduler {
            schedule: |epoch, lr| if epoch < 2 { lr } else { lr * 0.5 },
            verbose: true,
        };
        let mut fake = Fake::default();
        fit(&mut scheduler, &mut fake, "loss", &[3.0, 2.0, 1.0, 0.5]).unwrap();
        assert_eq!(fake.learning_rate, 0.125);
        assert_eq!(
            fake.lines[2..],
            [
                "\nEpoch 3: LearningRateScheduler setting learning rate to 0.25.",
                "\nEpoch 4: LearningRateScheduler setting learning rate to 0.125."
            ]
        );
        let mut logs: Logs = [("loss", 1.0), ("mae", 2.0)].into_iter().collect();
        scheduler.on_epoch_end(3, &mut logs, &mut fake).unwrap();
        assert_eq!(logs.keys().collect::<Vec<_>>(), ["loss", "mae", "learning_rate"]);
        assert_eq!(logs["learning_rate"], 0.125);
    }

    #[test]
    fn a_rate_that_is_no_number_is_an_error() {
        for rate in [f32::NAN, f32::INFINITY, -0.5] {
            let mut scheduler = LearningRateScheduler::new(move |_, _| rate);
            let mut fake = Fake::default();
            let error = scheduler.on_epoch_begin(7, &mut fake).unwrap_err().to_string();
            assert!(error.ends_with(&format!("found {rate} for epoch 7")), "{error}");
            assert_eq!(fake.learning_rate, 0.5);
        }
    }
}
