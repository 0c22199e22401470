//! Lowers the learning rate when a value no longer improves. Source: Keras 3.15
//! `callbacks/reduce_lr_on_plateau.py`.

use crate::callbacks::monitor::{check_min_delta, monitored};
use crate::callbacks::{Callback, Control, LEARNING_RATE, Mode};
use crate::error::{Error, Result};
use crate::logs::Logs;
use crate::metrics::Direction;
use crate::python::{as_written, repr};

/// Name of the callback in errors.
const NAME: &str = "ReduceLROnPlateau";

/// Multiplies the learning rate by `factor` when a value has not improved for `patience` epochs.
///
/// The logs of each epoch gain `learning_rate`, the rate that the epoch was trained with.
#[derive(Clone, Debug, PartialEq)]
pub struct ReduceLROnPlateau {
    /// The value in the logs that is to improve.
    pub monitor: String,
    /// What the learning rate is multiplied by, in `[0, 1)`.
    pub factor: f32,
    /// Epochs without improvement after which the learning rate is lowered; 0 acts as 1.
    pub patience: usize,
    /// Whether a line is printed when the learning rate is lowered.
    pub verbose: bool,
    /// Which way is better.
    pub mode: Mode,
    /// A change that is not larger than this is no improvement; its sign is of no account.
    pub min_delta: f32,
    /// Epochs after a reduction that do not count as being without improvement.
    pub cooldown: usize,
    /// The learning rate is not made lower than this.
    pub min_lr: f32,
    /// What it has seen of the training; it starts empty.
    pub state: ReduceLROnPlateauState,
}

/// What a [`ReduceLROnPlateau`] has seen of the training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReduceLROnPlateauState {
    direction: Option<Direction>,
    wait: usize,
    cooldown_left: usize,
    best: Option<f32>,
}

impl Default for ReduceLROnPlateau {
    fn default() -> Self {
        ReduceLROnPlateau {
            monitor: "val_loss".into(),
            factor: 0.1,
            patience: 10,
            verbose: false,
            mode: Mode::Auto,
            min_delta: 1e-4,
            cooldown: 0,
            min_lr: 0.0,
            state: ReduceLROnPlateauState::default(),
        }
    }
}

impl ReduceLROnPlateau {
    /// Lowers the learning rate and starts the cooldown, unless the rate is at its bound.
    fn reduce(&mut self, epoch: usize, control: &mut dyn Control) -> Result<()> {
        let old = control.learning_rate();
        if old <= self.min_lr {
            return Ok(());
        }
        let new = (f64::from(old) * as_written(self.factor)).max(as_written(self.min_lr));
        control.set_learning_rate(new as f32)?;
        if self.verbose {
            let (epoch, new) = (epoch + 1, repr(new));
            control.print(&format!(
                "\nEpoch {epoch}: ReduceLROnPlateau reducing learning rate to {new}."
            ));
        }
        self.state.cooldown_left = self.cooldown;
        self.state.wait = 0;
        Ok(())
    }
}

impl Callback for ReduceLROnPlateau {
    fn on_train_begin(&mut self, control: &mut dyn Control) -> Result<()> {
        check_min_delta(NAME, self.min_delta)?;
        check("factor", "a number in [0, 1)", self.factor, (0.0..1.0).contains(&self.factor))?;
        let bounded = self.min_lr.is_finite() && self.min_lr >= 0.0;
        check("min_lr", "a finite number of at least 0", self.min_lr, bounded)?;
        let direction = Some(self.mode.direction(NAME, &self.monitor, control)?);
        self.state = ReduceLROnPlateauState { direction, ..ReduceLROnPlateauState::default() };
        Ok(())
    }

    fn on_epoch_end(
        &mut self,
        epoch: usize,
        logs: &mut Logs,
        control: &mut dyn Control,
    ) -> Result<()> {
        logs.push(LEARNING_RATE, control.learning_rate());
        let Some(value) = monitored(NAME, &self.monitor, (epoch, logs), control)? else {
            return Ok(());
        };
        let Some(direction) = self.state.direction else {
            return Ok(());
        };
        if self.state.cooldown_left > 0 {
            self.state.cooldown_left -= 1;
            self.state.wait = 0;
        }
        if direction.improves(value, self.state.best, self.min_delta) {
            self.state.best = Some(value);
            self.state.wait = 0;
        } else if self.state.cooldown_left == 0 {
            self.state.wait += 1;
            if self.state.wait >= self.patience {
                self.reduce(epoch, control)?;
            }
        }
        Ok(())
    }
}

fn check(argument: &'static str, expected: &str, found: f32, holds: bool) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::InvalidCallback {
        callback: NAME,
        argument,
        expected: expected.into(),
        found: found.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callbacks::testing::{Fake, fit};
    use crate::callbacks::{Callback, EarlyStopping};
    use crate::history::History;

    /// Losses with a plateau at the start, a small improvement, and a long plateau.
    const LOSSES: [f32; 13] =
        [1.0, 0.99995, 0.99995, 1.5, 0.9, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.5];

    /// The learning rate after each epoch.
    fn rates(plateau: ReduceLROnPlateau) -> Vec<f32> {
        struct Rates(ReduceLROnPlateau, Vec<f32>);
        impl Callback for Rates {
            fn on_train_begin(&mut self, control: &mut dyn Control) -> Result<()> {
                self.0.on_train_begin(control)
            }
            fn on_epoch_end(
                &mut self,
                epoch: usize,
                logs: &mut Logs,
                control: &mut dyn Control,
            ) -> Result<()> {
                let before = control.learning_rate();
                self.0.on_epoch_end(epoch, logs, control)?;
                assert_eq!(logs["learning_rate"], before);
                self.1.push(control.learning_rate());
                Ok(())
            }
        }
        let mut rates = Rates(ReduceLROnPlateau { monitor: "loss".into(), ..plateau }, Vec::new());
        fit(&mut rates, &mut Fake::default(), "loss", &LOSSES).unwrap();
        rates.1
    }

    #[test]
    fn the_rate_falls_on_a_plateau() {
        let halved = ReduceLROnPlateau { patience: 2, factor: 0.5, ..Default::default() };
        assert_eq!(
            rates(halved),
            [
                0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625, 0.03125, 0.03125,
                0.03125
            ]
        );
    }

    #[test]
    fn epochs_of_the_cooldown_do_not_count() {
        let cooled =
            ReduceLROnPlateau { patience: 2, factor: 0.5, cooldown: 2, ..Default::default() };
        assert_eq!(
            rates(cooled),
            [0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625, 0.0625, 0.0625, 0.0625]
        );
    }

    #[test]
    fn patience_zero_acts_as_one() {
        let eager =
            ReduceLROnPlateau { patience: 0, factor: 0.5, min_delta: 0.0, ..Default::default() };
        let powers = [1, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 10];
        assert_eq!(rates(eager), powers.map(|power| 0.5_f32.powi(power)));
    }

    #[test]
    fn the_rate_is_bounded_below() {
        let bounded = ReduceLROnPlateau { patience: 1, min_lr: 0.01, ..Default::default() };
        assert_eq!(rates(bounded)[..4], [0.5, 0.05, 0.01, 0.01]);
    }

    #[test]
    fn products_are_rounded_as_in_keras() {
        let raised = ReduceLROnPlateau {
            patience: 3,
            factor: 0.2,
            mode: Mode::Max,
            verbose: true,
            ..Default::default()
        };
        let expected = [0.5, 0.1, 0.019999999552965164_f64 as f32, 0.003999999724328518_f64 as f32];
        let mut found = rates(raised);
        found.dedup();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_reduction_is_told() {
        let mut fake = Fake { learning_rate: 0.1, ..Fake::default() };
        let mut told = ReduceLROnPlateau {
            monitor: "loss".into(),
            patience: 1,
            factor: 0.2,
            verbose: true,
            ..Default::default()
        };
        fit(&mut told, &mut fake, "loss", &[1.0, 2.0]).unwrap();
        let line = "\nEpoch 2: ReduceLROnPlateau reducing learning rate to 0.020000000298023225.";
        assert_eq!(fake.lines, [line]);
    }

    #[test]
    fn a_whole_training_goes_as_the_golden_one() {
        // `callbacks_plateau` of the reference trainings: its losses, and what Keras did with them.
        let losses = [1.2089307, 1.6295359, 1.1012887, 1.2312449, 1.2936002, 1.3205556, 1.0, 0.9];
        let mut callbacks: [Box<dyn Callback>; 2] = [
            Box::new(ReduceLROnPlateau {
                factor: 0.5,
                patience: 1,
                min_delta: 0.01,
                ..Default::default()
            }),
            Box::new(EarlyStopping {
                patience: 3,
                restore_best_weights: true,
                ..Default::default()
            }),
        ];
        let mut fake = Fake { validation_freq: Some(1), ..Fake::default() };
        let mut history = History::new();
        for callback in &mut callbacks {
            callback.on_train_begin(&mut fake).unwrap();
        }
        for (epoch, &loss) in losses.iter().enumerate() {
            fake.advance();
            let mut logs: Logs = [("val_loss", loss)].into_iter().collect();
            for callback in &mut callbacks {
                callback.on_epoch_end(epoch, &mut logs, &mut fake).unwrap();
            }
            history.on_epoch_end(epoch, &mut logs, &mut fake).unwrap();
            if fake.stopped {
                break;
            }
        }
        for callback in &mut callbacks {
            callback.on_train_end(&Logs::new(), &mut fake).unwrap();
        }
        assert_eq!(history["learning_rate"], [0.5, 0.5, 0.25, 0.25, 0.125, 0.0625]);
        assert_eq!(history.keys().collect::<Vec<_>>(), ["val_loss", "learning_rate"]);
        assert_eq!((fake.epochs_run, fake.weights[0]), (6, 3.0));
    }

    #[test]
    fn arguments_are_checked() {
        for (mut plateau, found) in [
            (ReduceLROnPlateau { factor: 1.0, ..Default::default() }, "[0, 1), found 1"),
            (ReduceLROnPlateau { factor: -0.5, ..Default::default() }, "[0, 1), found -0.5"),
            (ReduceLROnPlateau { factor: f32::NAN, ..Default::default() }, "found NaN"),
            (ReduceLROnPlateau { min_lr: -1.0, ..Default::default() }, "at least 0, found -1"),
            (ReduceLROnPlateau { min_delta: f32::NAN, ..Default::default() }, "`min_delta`"),
        ] {
            let error = plateau.on_train_begin(&mut Fake::default()).unwrap_err().to_string();
            assert!(error.contains(found), "{error}");
        }
    }
}
