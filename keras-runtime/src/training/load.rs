//! A training's way back from a file.
//!
//! The order of shuffled rows and the masks of dropout follow from the count of steps that a file
//! holds, so that a training which goes on from a file ends at the same bits as one that never
//! stopped.

use std::path::Path;

use keras_format::optimizer::{OptimizerConfig, OptimizerState};
use keras_graph::names::snake_case;
use keras_graph::plan::WeightInfo;
use keras_graph::value::Value;

use super::trainer::{Trainer, is_learning_rate};
use crate::error::{Error, Result};
use crate::files;
use crate::optimizers::UpdaterState;

/// Keras' optimizers. A file of weights says no class, but a name, and most names are these.
const CLASSES: [&str; 14] = [
    "SGD",
    "RMSprop",
    "Adam",
    "AdamW",
    "Adadelta",
    "Adagrad",
    "Adamax",
    "Adafactor",
    "Nadam",
    "Ftrl",
    "Lion",
    "Lamb",
    "Muon",
    "ScheduleFreeAdamW",
];

/// Arguments with which an optimizer has slots that it does not have without.
const SLOT_ARGUMENTS: [&str; 3] = ["momentum", "amsgrad", "centered"];

/// Arguments of Keras' optimizers that are not available here, and what they keep in the file.
const UNAVAILABLE: [(&str, &str); 2] =
    [("use_ema", "averages of the weights"), ("gradient_accumulation_steps", "sums of gradients")];

/// What a file's optimizer comes to, or what is wrong with it as [`Error::OptimizerState`] says it.
type Checked<T> = core::result::Result<T, String>;

impl Trainer {
    /// Reads model and optimizer from a file. Both stay as they are if there is an error.
    pub(super) fn load(&mut self, flat: &mut [f32], path: &Path) -> Result<()> {
        let mut weights = flat.to_vec();
        let loaded = files::load(self.description, &mut weights, path)?;
        let within = |error: keras_format::Error| error.within(&path.display().to_string());
        let found = OptimizerState::read(&loaded.groups).map_err(within)?;
        let config = loaded.config.as_ref().and_then(OptimizerConfig::of);
        let state = match found {
            Some(found) => {
                self.check_class(&found, config).and_then(|()| self.state(&found, config))
            }
            None => Err("a model that was saved without one; \
                         load its weights with the model's `load`, then compile it"
                .into()),
        };
        *self.updater.state_mut() = state.map_err(|found| Error::OptimizerState {
            path: path.to_path_buf(),
            optimizer: self.optimizer.class(),
            found,
        })?;
        flat.copy_from_slice(&weights);
        Ok(())
    }

    /// Says what the file's optimizer is if it is another one than this training's.
    fn check_class(
        &self,
        found: &OptimizerState,
        config: Option<OptimizerConfig<'_>>,
    ) -> Checked<()> {
        let class = self.optimizer.class();
        let Some(config) = config else {
            // `adam_3` and Keras' older names, `SGD` or `adamw`, say the class too.
            let name =
                found.name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
            let named = CLASSES.iter().find(|class| {
                class.eq_ignore_ascii_case(name) || snake_case(class).eq_ignore_ascii_case(name)
            });
            return match named {
                Some(named) if *named != class => Err(other_class(named)),
                _ => Ok(()),
            };
        };
        if config.class != class {
            return Err(other_class(config.class));
        }
        if let Some((argument, kept)) =
            UNAVAILABLE.iter().find(|(argument, _)| config.is_set(argument))
        {
            return Err(format!(
                "one with `{argument}`, which keeps {kept} and is not available here; \
                 load the weights alone with the model's `load`"
            ));
        }
        for (argument, value) in self.optimizer.arguments() {
            let found = config.is_set(argument);
            if SLOT_ARGUMENTS.contains(&argument) && found != is_set(&value) {
                let written =
                    config.arguments.get(argument).map_or("none".into(), ToString::to_string);
                return Err(format!(
                    "one with `{argument}` {written} where it is {value} here: \
                     they keep different slots"
                ));
            }
        }
        Ok(())
    }

    /// The state to go on with, or what is wrong with that of the file.
    fn state(
        &self,
        found: &OptimizerState,
        config: Option<OptimizerConfig<'_>>,
    ) -> Checked<UpdaterState> {
        let mut state = self.updater.state().clone();
        state.iterations =
            u64::try_from(found.iteration).map_err(|_| format!("{} steps", found.iteration))?;
        if let Some(rate) = found.learning_rate {
            if !is_learning_rate(rate) {
                return Err(format!("a learning rate of {rate}"));
            }
            state.learning_rate = rate;
        }
        let places = self.slots();
        if found.slots.is_empty() && found.iteration == 0 {
            state.slots.iter_mut().for_each(|slot| slot.fill(0.0));
            return Ok(state);
        }
        if found.slots.len() != places.len() {
            let advice = match config {
                Some(_) => "",
                None => "; a file of weights does not say which arguments its optimizer had",
            };
            return Err(format!(
                "one that has {} slots after {} steps where this one has {}{advice}",
                found.slots.len(),
                found.iteration,
                places.len()
            ));
        }
        for ((slot, weight), array) in places.into_iter().zip(&found.slots) {
            let WeightInfo { path, shape, offset, .. } = weight;
            if array.shape != **shape {
                let found = &array.shape;
                return Err(format!("a slot of the shape {found:?} for `{path}` of {shape:?}"));
            }
            let Some(values) = array.values.as_f32() else {
                return Err(format!("a slot of integers for `{path}`"));
            };
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(format!("a slot for `{path}` that holds {value}"));
            }
            state.slots[slot][*offset..][..values.len()].copy_from_slice(values);
        }
        Ok(state)
    }
}

/// The state of an optimizer of another class, and what to do.
fn other_class(class: &str) -> String {
    format!(
        "that of `{class}`; compile with `{class}`, or load the weights alone with the model's \
         `load`"
    )
}

/// Whether an argument is neither `None`, `False` nor 0.
fn is_set(value: &Value) -> bool {
    match value {
        Value::None => false,
        Value::Bool(value) => *value,
        Value::Int(value) => *value != 0,
        Value::Float(value) => *value != 0.0,
        Value::Quotient(quotient) => quotient.exact != 0.0,
        Value::Str(_) | Value::List(_) | Value::Object(_) | Value::Layer(_) => true,
    }
}
