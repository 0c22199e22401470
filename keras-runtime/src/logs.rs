//! What a step or an epoch reports: the loss and the metrics by name.
//!
//! Names stand in alphabetical order, as Keras sorts them before callbacks and the progress bar see
//! them; what a callback adds afterwards, such as `learning_rate`, stands last. A name that is
//! there already is overwritten in its place, so that a step after the first allocates nothing.
//! Source: Keras 3.15 `utils/python_utils.py`, `pythonify_logs`.

use core::fmt;
use core::ops::Index;

use keras_graph::names::nearest;

use crate::python::MetricValue;

/// The loss and the metrics of a step or an epoch, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logs {
    entries: Vec<(String, f32)>,
}

impl Logs {
    /// No value at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of a name; a new name goes to its place in the alphabet.
    pub fn insert(&mut self, name: &str, value: f32) {
        if let Some(slot) = self.slot(name) {
            *slot = value;
            return;
        }
        let place = self.entries.partition_point(|(other, _)| other.as_str() < name);
        self.entries.insert(place, (name.into(), value));
    }

    /// Sets the value of a name; a new name goes to the end, as callbacks of Keras add
    /// `learning_rate`.
    pub fn push(&mut self, name: &str, value: f32) {
        match self.slot(name) {
            Some(slot) => *slot = value,
            None => self.entries.push((name.into(), value)),
        }
    }

    /// Inserts every value of `scores` under its name after `prefix`: `val_loss` for `loss`.
    pub fn insert_all(&mut self, prefix: &str, scores: &Logs) {
        for (name, value) in scores {
            match prefix.is_empty() {
                true => self.insert(name, value),
                false => self.insert(&format!("{prefix}{name}"), value),
            }
        }
    }

    /// The value of a name, if it is there.
    pub fn get(&self, name: &str) -> Option<f32> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The names in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        self.iter().map(|(name, _)| name)
    }

    /// Names and values in their order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { entries: self.entries.iter() }
    }

    /// Count of names.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn slot(&mut self, name: &str) -> Option<&mut f32> {
        self.entries.iter_mut().find(|(other, _)| other == name).map(|(_, value)| value)
    }
}

/// `logs["val_loss"]`. Panics: if the name is not there; [`Logs::get`] does not.
impl Index<&str> for Logs {
    type Output = f32;

    fn index(&self, name: &str) -> &f32 {
        match self.entries.iter().find(|(other, _)| other == name) {
            Some((_, value)) => value,
            None => panic!("these logs have {}", absent(name, self.keys())),
        }
    }
}

/// The reported name that `name` most likely means: one spelt nearly so, or
/// `sparse_categorical_accuracy` for `accuracy`, which is the name that Keras reports it by.
pub(crate) fn meant<'a>(
    name: &str,
    keys: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let holds = |key: &&str| !name.is_empty() && key.contains(name);
    nearest(name, keys.clone()).or_else(|| keys.filter(holds).min_by_key(|key| key.len()))
}

/// What to say where there is no `name`.
pub(crate) fn absent<'a>(name: &str, keys: impl Iterator<Item = &'a str> + Clone) -> String {
    let found: Vec<String> = keys.clone().map(|key| format!("`{key}`")).collect();
    let found = if found.is_empty() { "nothing at all".into() } else { found.join(", ") };
    match meant(name, keys) {
        Some(key) => format!("no `{name}`: did you mean `{key}`? Found {found}"),
        None => format!("no `{name}`: found {found}"),
    }
}

/// As the progress bar shows them: `accuracy: 0.1562 - loss: 2.3530`.
impl fmt::Display for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { " - " };
            write!(f, "{separator}{name}: {}", MetricValue(f64::from(value)))?;
        }
        Ok(())
    }
}

impl<S: AsRef<str>> FromIterator<(S, f32)> for Logs {
    fn from_iter<I: IntoIterator<Item = (S, f32)>>(pairs: I) -> Self {
        let mut logs = Logs::new();
        for (name, value) in pairs {
            logs.insert(name.as_ref(), value);
        }
        logs
    }
}

impl<'a> IntoIterator for &'a Logs {
    type Item = (&'a str, f32);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Names and values of [`Logs`] in their order.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    entries: core::slice::Iter<'a, (String, f32)>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, f32);

    fn next(&mut self) -> Option<(&'a str, f32)> {
        self.entries.next().map(|(name, value)| (name.as_str(), *value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_but_for_those_pushed() {
        let mut logs: Logs = [("loss", 2.353), ("accuracy", 0.15625)].into_iter().collect();
        logs.insert_all("val_", &[("loss", -4e-4), ("a", 1.0)].into_iter().collect());
        logs.push("learning_rate", 0.01);
        logs.push("loss", 2.5);
        let names: Vec<&str> = logs.keys().collect();
        assert_eq!(names, ["accuracy", "loss", "val_a", "val_loss", "learning_rate"]);
        assert_eq!(
            logs.to_string(),
            "accuracy: 0.1562 - loss: 2.5000 - val_a: 1.0000 - val_loss: \
             -4.0000e-04 - learning_rate: 0.0100"
        );
        assert_eq!((logs["val_a"], logs.get("val_b"), logs.len()), (1.0, None, 5));
    }

    #[test]
    #[should_panic(
        expected = "these logs have no `acc`: did you mean `accuracy`? Found `accuracy`, `loss`"
    )]
    fn an_absent_name_is_told_with_those_there() {
        let logs: Logs = [("loss", 1.0), ("accuracy", 0.5)].into_iter().collect();
        let _ = logs["acc"];
    }

    #[test]
    fn the_name_that_is_meant_is_found() {
        let keys = ["loss", "sparse_categorical_accuracy", "val_loss"];
        let meant = |name| meant(name, keys.into_iter());
        assert_eq!(meant("accuracy"), Some("sparse_categorical_accuracy"));
        assert_eq!(meant("val_los"), Some("val_loss"));
        assert_eq!(meant("Loss"), Some("loss"));
        assert_eq!(meant("mae"), None);
        assert_eq!(meant(""), None);
        assert_eq!(absent("x", [].into_iter()), "no `x`: found nothing at all");
    }
}
