//! Stops a training that no longer improves. Source: Keras 3.15 `callbacks/early_stopping.py`.

use crate::callbacks::monitor::{check_min_delta, monitored};
use crate::callbacks::{Callback, Control, Mode};
use crate::error::{Error, Result};
use crate::logs::Logs;
use crate::metrics::Direction;

/// Name of the callback in errors.
const NAME: &str = "EarlyStopping";

/// Stops the training when a value has not improved for `patience` epochs.
///
/// ```
/// # use keras_runtime::callbacks::EarlyStopping;
/// let early_stopping =
///     EarlyStopping { patience: 3, restore_best_weights: true, ..EarlyStopping::default() };
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyStopping {
    /// The value in the logs that is to improve.
    pub monitor: String,
    /// A change that is not larger than this is no improvement; its sign is of no account.
    pub min_delta: f32,
    /// Epochs without improvement after which the training stops.
    pub patience: usize,
    /// Whether a line is printed when the training stops and when weights are restored.
    pub verbose: bool,
    /// Which way is better.
    pub mode: Mode,
    /// Improvements that do not also beat this do not make the patience start over.
    pub baseline: Option<f32>,
    /// Whether the training ends with the weights of its best epoch, even if it was not stopped
    /// early.
    pub restore_best_weights: bool,
    /// Epochs before this one, counted from 0, are not looked at.
    pub start_from_epoch: usize,
    /// What it has seen of the training; it starts empty.
    pub state: EarlyStoppingState,
}

/// What an [`EarlyStopping`] has seen of the training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EarlyStoppingState {
    direction: Option<Direction>,
    wait: usize,
    best: Option<f32>,
    best_epoch: usize,
    best_weights: Option<Vec<f32>>,
    stopped_epoch: Option<usize>,
}

impl EarlyStoppingState {
    /// The epoch, counted from 0, after which the training was stopped; `None` if it was not.
    pub fn stopped_epoch(&self) -> Option<usize> {
        self.stopped_epoch
    }

    /// The epoch with the best value, counted from 0; `None` before the first epoch that was looked
    /// at.
    pub fn best_epoch(&self) -> Option<usize> {
        self.best.map(|_| self.best_epoch)
    }

    /// The best value; `None` before the first epoch that was looked at.
    pub fn best(&self) -> Option<f32> {
        self.best
    }

    fn keep(&mut self, control: &dyn Control) {
        let weights = control.weights();
        match &mut self.best_weights {
            Some(best) => best.copy_from_slice(weights),
            None => self.best_weights = Some(weights.to_vec()),
        }
    }
}

impl Default for EarlyStopping {
    fn default() -> Self {
        EarlyStopping {
            monitor: "val_loss".into(),
            min_delta: 0.0,
            patience: 0,
            verbose: false,
            mode: Mode::Auto,
            baseline: None,
            restore_best_weights: false,
            start_from_epoch: 0,
            state: EarlyStoppingState::default(),
        }
    }
}

impl Callback for EarlyStopping {
    fn on_train_begin(&mut self, control: &mut dyn Control) -> Result<()> {
        check_min_delta(NAME, self.min_delta)?;
        if let Some(baseline) = self.baseline.filter(|baseline| baseline.is_nan()) {
            return Err(Error::InvalidCallback {
                callback: NAME,
                argument: "baseline",
                expected: "a number or `None`".into(),
                found: baseline.to_string(),
            });
        }
        let direction = Some(self.mode.direction(NAME, &self.monitor, control)?);
        self.state = EarlyStoppingState { direction, ..EarlyStoppingState::default() };
        Ok(())
    }

    fn on_epoch_end(
        &mut self,
        epoch: usize,
        logs: &mut Logs,
        control: &mut dyn Control,
    ) -> Result<()> {
        let Some(value) = monitored(NAME, &self.monitor, (epoch, logs), control)? else {
            return Ok(());
        };
        let Some(direction) = self.state.direction.filter(|_| epoch >= self.start_from_epoch)
        else {
            return Ok(());
        };
        let min_delta = self.min_delta;
        self.state.wait += 1;
        if direction.improves(value, self.state.best, min_delta) {
            self.state.best = Some(value);
            self.state.best_epoch = epoch;
            if self.restore_best_weights {
                self.state.keep(control);
            }
            if self.baseline.is_none() || direction.improves(value, self.baseline, min_delta) {
                self.state.wait = 0;
            }
            return Ok(());
        }
        // Keras never stops after the very first epoch: there is nothing yet that it could have
        // improved on.
        if self.state.wait >= self.patience && epoch > 0 {
            self.state.stopped_epoch = Some(epoch);
            control.stop();
        }
        Ok(())
    }

    fn on_train_end(&mut self, _: &Logs, control: &mut dyn Control) -> Result<()> {
        if let Some(epoch) = self.state.stopped_epoch.filter(|_| self.verbose) {
            control.print(&format!("Epoch {}: early stopping", epoch + 1));
        }
        let Some(best_weights) = &self.state.best_weights else {
            return Ok(());
        };
        if self.verbose {
            let epoch = self.state.best_epoch + 1;
            control.print(&format!(
                "Restoring model weights from the end of the best epoch: {epoch}."
            ));
        }
        control.set_weights(best_weights);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callbacks::testing::{Fake, fit};

    /// Losses that fall, rise, fall a little, and rise.
    const LOSSES: [f32; 7] = [1.0, 0.5, 0.75, 0.45, 0.47, 0.46, 0.44];

    fn watch(early_stopping: EarlyStopping) -> (EarlyStopping, Fake) {
        let mut early_stopping =
            EarlyStopping { monitor: "loss".into(), verbose: true, ..early_stopping };
        let mut fake = Fake::default();
        fit(&mut early_stopping, &mut fake, "loss", &LOSSES).unwrap();
        (early_stopping, fake)
    }

    #[test]
    fn it_stops_after_patience_epochs_without_improvement() {
        let (early_stopping, fake) = watch(EarlyStopping { patience: 2, ..Default::default() });
        assert_eq!(fake.epochs_run, 6);
        assert_eq!(early_stopping.state.stopped_epoch(), Some(5));
        assert_eq!(early_stopping.state.best(), Some(0.45));
        assert_eq!(fake.lines, ["Epoch 6: early stopping"]);
        assert_eq!(fake.weights, [6.0, -6.0]);
    }

    #[test]
    fn a_small_change_is_no_improvement_whatever_the_sign_of_min_delta() {
        for min_delta in [0.1, -0.1] {
            let (early_stopping, fake) =
                watch(EarlyStopping { patience: 2, min_delta, ..Default::default() });
            assert_eq!((fake.epochs_run, early_stopping.state.best_epoch()), (4, Some(1)));
        }
    }

    #[test]
    fn patience_zero_stops_at_the_first_epoch_that_is_no_better() {
        let (_, fake) = watch(EarlyStopping::default());
        assert_eq!(fake.epochs_run, 3);
    }

    #[test]
    fn the_best_weights_come_back_even_if_it_did_not_stop() {
        let (early_stopping, fake) = watch(EarlyStopping {
            patience: 9,
            min_delta: 0.02,
            restore_best_weights: true,
            ..Default::default()
        });
        assert_eq!((fake.epochs_run, early_stopping.state.stopped_epoch()), (7, None));
        assert_eq!(fake.weights, [4.0, -4.0]);
        let line = "Restoring model weights from the end of the best epoch: 4.";
        assert_eq!(fake.lines, [line]);
    }

    #[test]
    fn only_improvements_beyond_the_baseline_reset_the_patience() {
        let (early_stopping, fake) = watch(EarlyStopping {
            patience: 3,
            baseline: Some(0.3),
            restore_best_weights: true,
            ..Default::default()
        });
        assert_eq!((fake.epochs_run, early_stopping.state.best_epoch()), (3, Some(1)));
        assert_eq!(fake.weights, [2.0, -2.0]);
    }

    #[test]
    fn epochs_before_the_start_are_not_looked_at() {
        let (early_stopping, fake) =
            watch(EarlyStopping { start_from_epoch: 2, ..Default::default() });
        assert_eq!((fake.epochs_run, early_stopping.state.best_epoch()), (5, Some(3)));
    }

    #[test]
    fn mode_max_waits_for_larger_values() {
        let (early_stopping, fake) =
            watch(EarlyStopping { mode: Mode::Max, patience: 2, ..Default::default() });
        assert_eq!((fake.epochs_run, early_stopping.state.best()), (3, Some(1.0)));
    }

    #[test]
    fn a_second_training_starts_afresh() {
        let mut early_stopping = EarlyStopping { monitor: "loss".into(), ..Default::default() };
        let mut fake = Fake::default();
        fit(&mut early_stopping, &mut fake, "loss", &LOSSES).unwrap();
        let mut second = Fake::default();
        fit(&mut early_stopping, &mut second, "loss", &[9.0, 8.0, 7.0]).unwrap();
        assert_eq!((second.epochs_run, early_stopping.state.stopped_epoch()), (3, None));
    }

    #[test]
    fn a_name_that_is_not_reported_is_an_error() {
        let mut fake = Fake::default();
        let error = fit(&mut EarlyStopping::default(), &mut fake, "loss", &LOSSES).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`EarlyStopping`: expected `val_loss` to be reported, found `loss`; \
             names with `val_` need validation data or a `validation_split`"
        );
    }

    #[test]
    fn a_validation_of_a_later_epoch_is_waited_for() {
        let mut fake = Fake { validation_freq: Some(2), ..Fake::default() };
        let mut early_stopping = EarlyStopping::default();
        early_stopping.on_train_begin(&mut fake).unwrap();
        let mut logs: Logs = [("loss", 2.0)].into_iter().collect();
        early_stopping.on_epoch_end(0, &mut logs, &mut fake).unwrap();
        assert!(early_stopping.on_epoch_end(1, &mut logs, &mut fake).is_err());
    }

    #[test]
    fn a_direction_that_is_not_known_is_an_error() {
        let mut early_stopping =
            EarlyStopping { monitor: "val_speed".into(), ..Default::default() };
        let error = early_stopping.on_train_begin(&mut Fake::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`EarlyStopping`: `mode`: expected `Mode::Min` or `Mode::Max`, \
             as `val_speed` is no loss and no metric with a known direction, found `Mode::Auto`"
        );
        let mut accuracy = EarlyStopping { monitor: "val_accuracy".into(), ..Default::default() };
        accuracy.on_train_begin(&mut Fake::default()).unwrap();
        assert_eq!(accuracy.state.direction, Some(Direction::Max));
    }

    #[test]
    fn arguments_are_checked() {
        let nan = f32::NAN;
        for (early_stopping, argument) in [
            (EarlyStopping { monitor: String::new(), ..Default::default() }, "`monitor`"),
            (EarlyStopping { min_delta: nan, ..Default::default() }, "`min_delta`"),
            (EarlyStopping { baseline: Some(nan), ..Default::default() }, "`baseline`"),
        ] {
            let mut early_stopping = early_stopping;
            let error = early_stopping.on_train_begin(&mut Fake::default()).unwrap_err();
            assert!(error.to_string().contains(argument), "{error}");
        }
    }
}
