//! Ends a training whose loss is no number any more. Source: Keras 3.15
//! `callbacks/terminate_on_nan.py`.

use crate::callbacks::{Callback, Control};
use crate::error::{Error, Result};
use crate::logs::Logs;

/// Ends the training after a batch whose loss is NaN or infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminateOnNaN {
    /// Whether the training ends with [`Error::NonFiniteLoss`]; otherwise it stops as after its
    /// last epoch.
    pub raise_error: bool,
}

impl Callback for TerminateOnNaN {
    fn on_train_batch_end(
        &mut self,
        batch: usize,
        logs: &Logs,
        control: &mut dyn Control,
    ) -> Result<()> {
        let Some(loss) = logs.get("loss").filter(|loss| !loss.is_finite()) else {
            return Ok(());
        };
        if self.raise_error {
            return Err(Error::NonFiniteLoss { epoch: control.epoch(), batch, value: loss });
        }
        control.print(&format!("Batch {batch}: Invalid loss, terminating training"));
        control.stop();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callbacks::testing::Fake;

    #[test]
    fn only_a_loss_that_is_no_number_stops_the_training() {
        for (loss, stops) in
            [(0.5, false), (-1e30, false), (f32::NAN, true), (f32::NEG_INFINITY, true)]
        {
            let mut fake = Fake::default();
            let logs = [("loss", loss), ("accuracy", f32::NAN)].into_iter().collect();
            TerminateOnNaN::default().on_train_batch_end(4, &logs, &mut fake).unwrap();
            assert_eq!(fake.stopped, stops, "{loss}");
            let line = "Batch 4: Invalid loss, terminating training";
            assert_eq!(fake.lines, vec![line; usize::from(stops)]);
        }
    }

    #[test]
    fn it_can_be_an_error() {
        let mut fake = Fake::default();
        fake.advance();
        fake.advance();
        let logs = [("loss", f32::INFINITY)].into_iter().collect();
        let mut strict = TerminateOnNaN { raise_error: true };
        let error = strict.on_train_batch_end(4, &logs, &mut fake).unwrap_err();
        assert_eq!(
            error.to_string(),
            "loss at batch 4 of epoch 1: expected a finite number, found inf"
        );
        assert!(!fake.stopped);
    }
}
