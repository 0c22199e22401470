//! Watching one value of the logs: which way is better, and by how much.
//!
//! `best` starts as nothing, so that the first value counts as an improvement; then a value
//! improves if it lies beyond `best` by more than `min_delta`. NaN improves on nothing. Source:
//! Keras 3.15 `callbacks/monitor_callback.py`.

use crate::callbacks::Control;
use crate::error::{Error, Result};
use crate::logs::Logs;
use crate::metrics::Direction;
use crate::python::as_written;

/// Before the name of a value that stems from the validation.
const VALIDATION_PREFIX: &str = "val_";

impl Direction {
    /// Whether `value` is better than `best` by more than `min_delta`, whose sign is of no account.
    pub(super) fn improves(self, value: f32, best: Option<f32>, min_delta: f32) -> bool {
        let Some(best) = best else {
            return true;
        };
        // The sum is one of 64-bit numbers, the comparison one of 32-bit ones, as in Keras.
        let (value, min_delta) = (f64::from(value), as_written(min_delta.abs()));
        match self {
            Direction::Max => (value - min_delta) as f32 > best,
            Direction::Min => ((value + min_delta) as f32) < best,
        }
    }
}

/// Whether the monitored value is to become smaller or larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Smaller for a loss; for a metric, what the metric says of itself.
    #[default]
    Auto,
    /// Smaller.
    Min,
    /// Larger.
    Max,
}

impl Mode {
    /// The direction in which the key `monitor` of the logs improves.
    ///
    /// Errors: [`Error::InvalidCallback`] if `monitor` is empty, or the mode is `Auto` and the
    /// value is neither a loss nor a metric that knows its direction.
    pub(super) fn direction(
        self,
        callback: &'static str,
        monitor: &str,
        control: &dyn Control,
    ) -> Result<Direction> {
        if monitor.is_empty() {
            return Err(Error::InvalidCallback {
                callback,
                argument: "monitor",
                expected: "the name of a loss or a metric".into(),
                found: "an empty name".into(),
            });
        }
        let metric = monitor.strip_prefix(VALIDATION_PREFIX).unwrap_or(monitor);
        match self {
            Mode::Min => Ok(Direction::Min),
            Mode::Max => Ok(Direction::Max),
            Mode::Auto if metric == "loss" || metric.ends_with("_loss") => Ok(Direction::Min),
            Mode::Auto => control.direction(metric).ok_or_else(|| Error::InvalidCallback {
                callback,
                argument: "mode",
                expected: format!(
                    "`Mode::Min` or `Mode::Max`, as `{monitor}` is no loss and no metric with a \
                     known direction"
                ),
                found: "`Mode::Auto`".into(),
            }),
        }
    }
}

/// The value that `monitor` names at the end of an epoch; `None` if it waits for a validation of a
/// later epoch.
///
/// Errors: [`Error::MissingLog`] if it never comes: Keras only warns, and the callback never acts.
pub(super) fn monitored(
    callback: &'static str,
    monitor: &str,
    (epoch, logs): (usize, &Logs),
    control: &dyn Control,
) -> Result<Option<f32>> {
    if let Some(value) = logs.get(monitor) {
        return Ok(Some(value));
    }
    let freq = control.params().validation_freq.unwrap_or(1);
    if monitor.starts_with(VALIDATION_PREFIX) && !(epoch + 1).is_multiple_of(freq) {
        return Ok(None);
    }
    Err(missing(callback, monitor, logs.keys()))
}

/// The error for a name that is not among `keys`.
pub(super) fn missing<'a>(
    callback: &'static str,
    key: &str,
    keys: impl Iterator<Item = &'a str>,
) -> Error {
    Error::MissingLog { callback, key: key.into(), found: keys.map(String::from).collect() }
}

/// Checks that a change that counts is a number; its sign is of no account, as in Keras.
pub(super) fn check_min_delta(callback: &'static str, min_delta: f32) -> Result<()> {
    if min_delta.is_finite() {
        return Ok(());
    }
    Err(Error::InvalidCallback {
        callback,
        argument: "min_delta",
        expected: "a finite number".into(),
        found: min_delta.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_improvement_lies_beyond_the_best_by_more_than_min_delta() {
        for (direction, value, best, min_delta, improves) in [
            (Direction::Min, 7.0, None, 0.5, true),
            (Direction::Min, 1.0, Some(1.0), 0.0, false),
            (Direction::Min, 0.5, Some(1.0), 0.5, false),
            (Direction::Min, 0.25, Some(1.0), 0.5, true),
            (Direction::Max, 1.5, Some(1.0), 0.5, false),
            (Direction::Max, 1.75, Some(1.0), 0.5, true),
            (Direction::Max, -2.0, Some(-3.0), 0.0, true),
            (Direction::Min, f32::NAN, Some(1.0), 0.0, false),
            (Direction::Min, 0.0, Some(f32::NAN), 0.0, false),
            (Direction::Max, f32::NAN, None, 0.0, true),
        ] {
            assert_eq!(
                direction.improves(value, best, min_delta),
                improves,
                "{direction:?} {value} {best:?}"
            );
        }
    }
}
