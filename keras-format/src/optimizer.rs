//! The optimizer in a file: its variables in the weights, its class and arguments in
//! `compile_config`.
//!
//! Keras stores an optimizer's variables as one list without names: the count of steps, the
//! learning rate (unless a schedule stands in its place), then the slots. The name beside them is
//! the user's and says nothing; what the slots mean follows from class and arguments, which a
//! `.keras` file holds and a `.weights.h5` file does not. Source: Keras 3.15
//! `optimizers/base_optimizer.py`, `optimizers/loss_scale_optimizer.py`.

use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};
use crate::weights::{self, Array, Group, Values};

/// Group of the optimizer.
const OPTIMIZER: &str = "optimizer";
/// Group of the optimizer that a `LossScaleOptimizer` (of `mixed_float16`) steps with. The
/// optimizer around it repeats the same variables behind its own two.
const INNER: &str = "optimizer/inner_optimizer";

/// The state of an optimizer.
#[derive(Clone, Debug, PartialEq)]
pub struct OptimizerState {
    /// The optimizer's name, `adam` if the user gave none.
    pub name: String,
    /// Steps done.
    pub iteration: i32,
    /// The factor of a step; none where a schedule computes it from the count of steps.
    pub learning_rate: Option<f32>,
    /// What the optimizer remembers of each trained weight, in Keras' order. None if it has not
    /// made a step yet.
    pub slots: Vec<Array>,
}

/// The class of an optimizer and all its arguments, as `compile_config` has them.
#[derive(Clone, Copy, Debug)]
pub struct OptimizerConfig<'a> {
    /// Keras' class, e.g. `Adam`, or a class of the user's own.
    pub class: &'a str,
    /// Its arguments by name.
    pub arguments: &'a Map<String, Json>,
}

impl OptimizerState {
    /// The state of the optimizer in a file; none if the file has none.
    ///
    /// Errors: a group that cannot be read, or that does not start with a count of steps.
    pub fn read(groups: &[Group]) -> Result<Option<OptimizerState>> {
        let group = weights::find(groups, INNER).or_else(|| weights::find(groups, OPTIMIZER));
        let Some(group) = group else { return Ok(None) };
        OptimizerState::of_group(group).map(Some).map_err(|error| error.within(&group.path))
    }

    fn of_group(group: &Group) -> Result<OptimizerState> {
        if let Some(fault) = &group.fault {
            return Err(Error::malformed("the variables of an optimizer", fault.as_str()));
        }
        let [iteration, rest @ ..] = group.arrays.as_slice() else {
            return Err(Error::malformed("a count of steps, then slots", "no array"));
        };
        let Some(&[iteration]) = iteration.values.as_i32() else {
            let found = format!("numbers of the shape {:?}", iteration.shape);
            return Err(Error::malformed("a count of steps as the first array", found));
        };
        // A slot has the shape of its weight, and no weight is a single number.
        let (learning_rate, slots) = match rest {
            [rate, slots @ ..] if rate.shape.is_empty() => match rate.values.as_f32() {
                Some(&[rate]) => (Some(rate), slots),
                _ => return Err(Error::malformed("a learning rate", "an integer")),
            },
            slots => (None, slots),
        };
        let name = group.name.clone().unwrap_or_default();
        Ok(OptimizerState { name, iteration, learning_rate, slots: slots.to_vec() })
    }

    /// The group that the state is written as.
    pub(crate) fn group(&self) -> Group {
        let scalar = |values| Array { shape: Vec::new(), values };
        let mut arrays = vec![scalar(Values::I32(vec![self.iteration]))];
        arrays.extend(self.learning_rate.map(|rate| scalar(Values::F32(vec![rate]))));
        arrays.extend(self.slots.iter().cloned());
        let name = Some(self.name.clone());
        Group { path: OPTIMIZER.to_owned(), name, arrays, fault: None }
    }
}

impl<'a> OptimizerConfig<'a> {
    /// The optimizer in a model's configuration; none if it says nothing that can be understood,
    /// since nothing else of the model depends on it.
    pub fn of(config: &'a Json) -> Option<OptimizerConfig<'a>> {
        let optimizer = config.get("compile_config")?.get("optimizer")?;
        let arguments = optimizer.get("config")?.as_object()?;
        // What a `LossScaleOptimizer` steps with.
        let (optimizer, arguments) = match arguments.get("inner_optimizer") {
            Some(inner) => (inner, inner.get("config")?.as_object()?),
            None => (optimizer, arguments),
        };
        Some(OptimizerConfig { class: optimizer.get("class_name")?.as_str()?, arguments })
    }
}

impl OptimizerConfig<'_> {
    /// Whether an argument is set: neither missing, nor `None`, `False` or 0.
    pub fn is_set(&self, argument: &str) -> bool {
        match self.arguments.get(argument) {
            None | Some(Json::Null) => false,
            Some(Json::Bool(value)) => *value,
            Some(Json::Number(number)) => number.as_f64() != Some(0.0),
            Some(Json::String(_) | Json::Array(_) | Json::Object(_)) => true,
        }
    }
}

/// Whether a group belongs to an optimizer: to the model's, or to one that a model inside it has.
pub(crate) fn is_of_optimizer(path: &str) -> bool {
    // The name of a layer's class stands behind `layers`, that of an attribute behind a layer or
    // nothing.
    let mut before = "";
    path.split('/').any(|part| {
        let is_optimizer = part == OPTIMIZER && before != "layers";
        before = part;
        is_optimizer
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_group_of_an_optimizer_is_told_from_a_layer_of_that_name() {
        for path in ["optimizer", "optimizer/inner_optimizer", "layers/functional/optimizer"] {
            assert!(is_of_optimizer(path), "{path}");
        }
        for path in ["", "layers/optimizer", "layers/dense", "layers/lstm/cell"] {
            assert!(!is_of_optimizer(path), "{path}");
        }
    }

    #[test]
    fn whatever_the_configuration_says_nothing_fails() {
        let adam = json!({"class_name": "Adam", "config": {"amsgrad": true}});
        let scaled =
            json!({"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": adam}});
        for optimizer in [&adam, &scaled] {
            let config = json!({"compile_config": {"optimizer": optimizer}});
            let found = OptimizerConfig::of(&config).expect("an optimizer");
            assert_eq!((found.class, found.arguments["amsgrad"].as_bool()), ("Adam", Some(true)));
        }
        for compile_config in
            [json!(null), json!(3), json!({"optimizer": "rmsprop"}), json!([adam])]
        {
            assert!(OptimizerConfig::of(&json!({"compile_config": compile_config})).is_none());
        }
        assert!(OptimizerConfig::of(&json!([])).is_none());
    }
}
