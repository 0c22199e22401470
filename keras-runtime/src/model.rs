//! The trait of a model that can be trained: what the rest of the crate can do with any model.
//!
//! The macro emits the plans and a description. All else is here, as thin shells around code that
//! is not generic, so that it is compiled once and not for every model.

use std::path::Path;

use keras_graph::plan::{Description, OutputMasks, Plan};
use keras_graph::summary::{Style, summary};

use crate::error::{Error, Result};
use crate::execute;
use crate::files;
use crate::infer::Infer;
use crate::initializers::initialize;
use crate::kernels::Cpu;
use crate::losses::Losses;
use crate::optimizers::Optimizer;
use crate::random::fresh_seed;
use crate::sample::Prediction;
use crate::training::Training;
use crate::weights::zeroed;

/// How to predict: `Predict { batch_size: 256 }`.
#[derive(Clone, Copy, Debug)]
pub struct Predict {
    /// Samples that are run together.
    pub batch_size: usize,
}

impl Default for Predict {
    fn default() -> Self {
        Predict { batch_size: execute::PREDICTED_TOGETHER }
    }
}

/// A model that can be trained: what `model!` implements beside [`Infer`], which is what a call
/// needs.
pub trait Model: Infer {
    /// Bytes of activations and gradients that training keeps for each sample of a block.
    const TRAIN_BYTES: usize;
    /// Names, weights, the summary, the configuration.
    fn description() -> &'static Description;

    /// How it predicts.
    fn inference() -> &'static Plan;

    /// How it is trained.
    fn training() -> &'static Plan;

    /// How the masks of its outputs are computed; None if no output has one.
    fn masks() -> Option<&'static OutputMasks> {
        None
    }

    /// A model whose weights are drawn anew in every run of the program.
    fn new() -> Box<Self> {
        Self::seeded(fresh_seed())
    }

    /// A model whose weights are drawn from a seed: equal seeds, equal weights.
    ///
    /// Does not compile for a model of a file in which a weight starts as an array of numbers,
    /// which is not kept: [`load`](Model::load) it.
    fn seeded(seed: u64) -> Box<Self> {
        const { crate::weights::assert_drawn(Self::WEIGHTS) };
        // Filled where it lies: a large model on the stack would end the program.
        let mut model = zeroed::<Self>();
        initialize(Self::WEIGHTS, seed, model.weights_mut());
        model
    }

    /// The predictions for many samples, on all threads. It cannot fail: what is not finite passes
    /// through.
    fn predict(&self, x: &[Self::Input]) -> Vec<Self::Output> {
        Self::Output::collect(x.len(), &mut |outputs| {
            execute::predict::<Cpu>(Self::inference(), self.weights(), &x, outputs);
        })
    }

    /// The predictions for many samples, run together in batches of a size, which bounds the
    /// memory. Errors: a batch without samples.
    fn predict_with(&self, x: &[Self::Input], predict: Predict) -> Result<Vec<Self::Output>> {
        let Predict { batch_size } = predict;
        if batch_size == 0 {
            return Err(Error::BatchSizeZero);
        }
        Ok(Self::Output::collect(x.len(), &mut |outputs| {
            let (plan, weights) = (Self::inference(), self.weights());
            execute::predict_batches::<Cpu>(plan, weights, &x, batch_size, outputs);
        }))
    }

    /// Joins the model with an optimizer and a loss, for training.
    fn compile<O: Optimizer + 'static, L: Losses + 'static>(
        &mut self,
        optimizer: O,
        loss: L,
    ) -> Training<'_, Self, L> {
        Training::new(self, Box::new(optimizer), loss)
    }

    /// Saves the architecture and the weights as a `.keras` file, which Keras opens; the weights
    /// alone if the path ends in `.weights.h5`. Errors: another ending, by which Keras would not
    /// open the file; weights that are not finite; the system's. What was there before stays then.
    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        files::save(Self::description(), self.weights(), None, path.as_ref())
    }

    /// A model with the weights of a `.keras` or `.weights.h5` file, Keras' own or one of
    /// [`Model::save`]. Errors: a file that cannot be read, is damaged, or has other weights than
    /// this model.
    fn load(path: impl AsRef<Path>) -> Result<Box<Self>> {
        let mut model = zeroed::<Self>();
        files::load(Self::description(), model.weights_mut(), path.as_ref())?;
        Ok(model)
    }

    /// A table of the layers as Keras prints it.
    fn summary(&self) -> String {
        summary(Self::description(), Style::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::Example;

    #[test]
    fn a_seed_decides_the_weights() {
        let model = Example::seeded(4);
        assert_eq!(model.weights(), Example::seeded(4).weights());
        assert_ne!(model.weights(), Example::seeded(5).weights());
        assert_ne!(Example::new().weights(), Example::new().weights());
        // Glorot: ±√(6 / (3 + 4)).
        assert!(model.hidden.kernel.as_flattened().iter().all(|w| w.abs() <= 0.926 && *w != 0.0));
        assert_eq!(model.hidden.bias, [0.0; 4]);
    }
}
