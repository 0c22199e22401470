//! What `fit` returns: for each loss and metric, its value in each epoch.
//!
//! A name that is not reported in every epoch, as with a `validation_freq` above 1, has fewer
//! values than there are epochs, as in Keras. Source: Keras 3.15 `callbacks/history.py`.

use core::ops::Index;

use crate::logs::{Logs, absent};

/// The loss and the metrics of every epoch, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The epochs recorded, counted from 0.
    pub epoch: Vec<usize>,
    values: Vec<(String, Vec<f32>)>,
}

impl History {
    /// Nothing recorded.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what an epoch, counted from 0, has reported.
    pub fn record(&mut self, epoch: usize, logs: &Logs) {
        self.epoch.push(epoch);
        for (name, value) in logs {
            match self.values.iter_mut().find(|(other, _)| other == name) {
                Some((_, values)) => values.push(value),
                None => self.values.push((name.into(), vec![value])),
            }
        }
    }

    /// The values of a name, one for each epoch that reported it.
    pub fn get(&self, name: &str) -> Option<&[f32]> {
        self.iter().find(|(other, _)| *other == name).map(|(_, values)| values)
    }

    /// The names in the order in which they were first reported: alphabetical, then what callbacks
    /// added.
    pub fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        self.iter().map(|(name, _)| name)
    }

    /// Names and values in the order of [`History::keys`].
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f32])> + Clone {
        self.values.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }
}

/// `history["val_loss"]`. Panics: if the name was never reported; [`History::get`] does not.
impl Index<&str> for History {
    type Output = Vec<f32>;

    fn index(&self, name: &str) -> &Vec<f32> {
        match self.values.iter().find(|(other, _)| other == name) {
            Some((_, values)) => values,
            None => panic!("this history has {}", absent(name, self.keys())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_by_name_and_epoch() {
        let mut history = History::new();
        history.record(3, &[("loss", 2.0), ("mae", -0.5)].into_iter().collect());
        history.record(4, &[("loss", 1.5), ("mae", 0.25), ("val_loss", 7.0)].into_iter().collect());
        assert_eq!(history.epoch, [3, 4]);
        assert_eq!(history.keys().collect::<Vec<_>>(), ["loss", "mae", "val_loss"]);
        assert_eq!(history["mae"], [-0.5, 0.25]);
        assert_eq!(history.get("val_loss"), Some(&[7.0][..]));
        assert_eq!(history.get("accuracy"), None);
    }

    #[test]
    #[should_panic(expected = "this history has no `accuracy`: did you mean `binary_accuracy`? \
                    Found `binary_accuracy`, `loss`")]
    fn an_absent_name_is_told_with_those_there() {
        let mut history = History::new();
        history.record(0, &[("loss", 2.0), ("binary_accuracy", 0.5)].into_iter().collect());
        let _ = &history["accuracy"];
    }
}
