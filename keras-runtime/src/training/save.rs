//! A training's way to a file; `load.rs` has the way back.

use std::path::Path;

use keras_format::compile::{Compile, compile_config};
use keras_format::model::{self, Training};
use keras_format::optimizer::OptimizerState;
use keras_format::weights::{Array, Values};
use keras_format::write_atomically;
use keras_graph::names::snake_case;
use keras_graph::plan::{Description, WeightInfo};
use keras_graph::value::Object;

use super::reports::{Weighting, keras_object};
use super::trainer::Trainer;
use crate::error::Result;
use crate::files;

impl Trainer {
    /// Writes model and optimizer to a file.
    pub(super) fn save(&self, flat: &[f32], path: &Path) -> Result<()> {
        files::save(self.description, flat, Some(&self.progress()?), path)
    }

    /// Writes weights and the optimizer's state alone, whatever the path ends in.
    pub(super) fn save_weights(&self, flat: &[f32], path: &Path) -> Result<()> {
        let archive = model::write(self.description, flat, Some(&self.progress()?))?;
        Ok(write_atomically(path, &archive.weights)?)
    }

    /// The slots in the order in which Keras saves them: each with the weight that it belongs to.
    pub(super) fn slots(&self) -> Vec<(usize, &'static WeightInfo)> {
        let description: &'static Description = self.description;
        let mut slots = Vec::new();
        for group in self.optimizer.slot_groups() {
            for weight in description.weights.iter().filter(|weight| weight.trainable) {
                slots.extend(group.iter().map(|&slot| (slot, weight)));
            }
        }
        slots
    }

    fn optimizer_state(&self) -> OptimizerState {
        let state = self.updater.state();
        let slot = |(slot, weight): (usize, &WeightInfo)| {
            let len = weight.shape.iter().product::<usize>();
            let values = state.slots[slot][weight.offset..][..len].to_vec();
            Array { shape: weight.shape.to_vec(), values: Values::F32(values) }
        };
        OptimizerState {
            name: snake_case(self.optimizer.class()),
            // Keras counts steps in 32 bits.
            iteration: i32::try_from(state.iterations).unwrap_or(i32::MAX),
            learning_rate: Some(state.learning_rate),
            slots: self.slots().into_iter().map(slot).collect(),
        }
    }

    /// How the model is trained, and how far that is.
    fn progress(&self) -> Result<Training> {
        let losses: Vec<Object> = self
            .losses
            .heads()
            .iter()
            .map(|loss| keras_object(loss.class(), loss.config()))
            .collect();
        let factors: Vec<f32> = self.outputs.iter().map(|output| output.loss_weight).collect();
        let compile_config = compile_config(&Compile {
            optimizer: &keras_object(self.optimizer.class(), self.optimizer.config()),
            losses: &losses,
            loss_weights: factors.iter().any(|&factor| factor != 1.0).then_some(&factors[..]),
            metrics: &self.reports.metric_objects(Weighting::Even),
            weighted_metrics: &self.reports.metric_objects(Weighting::BySample),
        })?;
        Ok(Training { compile_config, optimizer: self.optimizer_state() })
    }
}
