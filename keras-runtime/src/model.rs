//! The trait that `model!` implements: what the rest of the crate can do with any model.
//!
//! The macro emits a struct that is its weights, constants that describe it, and one straight-line function. All else
//! is here, as thin shells around code that is not generic, so that it is compiled once and not for every model.

use core::borrow::BorrowMut;
use core::cell::RefCell;
use std::path::Path;

use keras_graph::plan::{Description, Plan, WeightInfo};
use keras_graph::summary::{Style, summary};

use crate::array::Array;
use crate::error::{Error, Result};
use crate::execute;
use crate::files;
use crate::initializers::initialize;
use crate::kernels::Cpu;
use crate::losses::Losses;
use crate::optimizers::Optimizer;
use crate::random::fresh_seed;
use crate::sample::{CallOutput, Prediction, Sample};
use crate::training::Training;
use crate::weights;

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

/// Most scratch that [`Model::call`] takes from the stack, in bytes.
pub const STACK_SCRATCH_BYTES: usize = 64 * 1024;

/// Largest output that [`Model::call`] returns by value, in bytes.
pub const BY_VALUE_BYTES: usize = 16 * 1024;

/// A model: a struct whose fields are its weights.
///
/// # Safety
///
/// The type is `#[repr(C)]` and holds nested arrays of `f32` and structs of these, nothing else; the numbers lie in the order of
/// [`Model::WEIGHTS`], so that weight `w` starts `w.offset` numbers into the struct. `model!` sees to it.
#[allow(unsafe_code, reason = "says what the views in `weights` rely on")]
pub unsafe trait Model: Sized + Send + Sync + 'static {
    /// One sample: nested arrays, or a struct with a field for each input.
    type Input: Sample;
    /// The prediction for one sample, likewise.
    type Output: Prediction;
    /// What [`Model::call`] returns: an [`Output`](Model::Output) of up to [`BY_VALUE_BYTES`] by
    /// value, a larger one in a `Box`, so that it never stands on the stack. Indices and fields are
    /// reached the same way in both. Code for any model borrows it: `model.call(&x).borrow()`.
    type CallOutput: CallOutput<Self::Output>;
    /// Scratch of one call, `[f32; N]`; `[f32; 0]` if the call needs more than [`STACK_SCRATCH_BYTES`].
    type Scratch: Array<Element = f32>;

    /// The weights, in Keras' order.
    const WEIGHTS: &'static [WeightInfo];
    /// Number of weights, trained or not.
    const PARAMS: usize = size_of::<Self>() / size_of::<f32>();
    /// Bytes of scratch that [`Model::call_in`] and [`Model::call_into`] need.
    const SCRATCH_BYTES: usize;
    /// Bytes of activations and gradients that training keeps for each sample of a block.
    const TRAIN_BYTES: usize;
    /// Floating-point operations of one call; a multiplication and an addition count as two.
    const FLOPS: u64;
    /// [`Description::fingerprint`]: a file of another architecture has another one.
    const FINGERPRINT: u64;

    /// Names, weights, the summary, the configuration.
    fn description() -> &'static Description;

    /// How it predicts.
    fn inference() -> &'static Plan;

    /// How it is trained.
    fn training() -> &'static Plan;

    /// Writes the prediction for `x` to `y`, with scratch of the caller's: nothing is allocated and
    /// nothing is moved, however large the output. What `y` held before does not matter.
    /// Panics: if `scratch` has fewer than `SCRATCH_BYTES / 4` elements.
    fn call_into(&self, scratch: &mut [f32], x: &Self::Input, y: &mut Self::Output);

    /// The prediction for `x`, with scratch of the caller's. Allocates nothing, except for an output
    /// that is boxed.
    /// Panics: if `scratch` has fewer than `SCRATCH_BYTES / 4` elements.
    fn call_in(&self, scratch: &mut [f32], x: &Self::Input) -> Self::CallOutput {
        let mut y = Self::CallOutput::zeroed();
        self.call_into(scratch, x, y.borrow_mut());
        y
    }

    /// A model whose weights are drawn anew in every run of the program.
    fn new() -> Box<Self> {
        Self::seeded(fresh_seed())
    }

    /// A model whose weights are drawn from a seed: equal seeds, equal weights.
    fn seeded(seed: u64) -> Box<Self> {
        // Filled where it lies: a large model on the stack would end the program.
        let mut model = weights::zeroed::<Self>();
        initialize(Self::WEIGHTS, seed, weights::view_mut(&mut *model));
        model
    }

    /// All weights, in Keras' order.
    fn weights(&self) -> &[f32] {
        weights::view(self)
    }

    /// All weights, in Keras' order, to be changed.
    fn weights_mut(&mut self) -> &mut [f32] {
        weights::view_mut(self)
    }

    /// The prediction for one sample. Allocates nothing, except for an output that is boxed and for
    /// the scratch of a large model, a buffer that each thread makes once.
    fn call(&self, x: &Self::Input) -> Self::CallOutput {
        let mut y = Self::CallOutput::zeroed();
        if Self::SCRATCH_BYTES <= size_of::<Self::Scratch>() {
            // A constant: what a function returns is copied several times in a debug build.
            let mut scratch = Self::Scratch::ZERO;
            let scratch = Array::flat_mut(core::slice::from_mut(&mut scratch));
            self.call_into(scratch, x, y.borrow_mut());
            return y;
        }
        with_scratch(Self::SCRATCH_BYTES.div_ceil(size_of::<f32>()), &mut |scratch| {
            self.call_into(scratch, x, y.borrow_mut());
        });
        y
    }

    /// The predictions for many samples, on all threads. It cannot fail: what is not finite passes through.
    fn predict(&self, x: &[Self::Input]) -> Vec<Self::Output> {
        Self::Output::collect(x.len(), &mut |outputs| {
            execute::predict::<Cpu>(Self::inference(), self.weights(), &x, outputs);
        })
    }

    /// The predictions for many samples, run together in batches of a size, which bounds the memory.
    /// Errors: a batch without samples.
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

    /// Takes over all weights of another model of this type, moving statistics too; for averages of models, or to go back to the best.
    fn copy_weights_from(&mut self, other: &Self) {
        self.weights_mut().copy_from_slice(other.weights());
    }

    /// A copy of the model on the heap, without a way over the stack: Keras' `clone_model` and `set_weights` in one.
    fn clone_boxed(&self) -> Box<Self> {
        let mut model = weights::zeroed::<Self>();
        model.copy_weights_from(self);
        model
    }

    /// Joins the model with an optimizer and a loss, for training.
    fn compile<O: Optimizer + 'static, L: Losses + 'static>(
        &mut self,
        optimizer: O,
        loss: L,
    ) -> Training<'_, Self, L> {
        Training::new(self, Box::new(optimizer), loss)
    }

    /// Saves the architecture and the weights as a `.keras` file, which Keras opens; the weights alone if the path
    /// ends in `.weights.h5`. Errors: another ending, by which Keras would not open the file; weights that are not
    /// finite; the system's. What was there before stays then.
    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        files::save(Self::description(), self.weights(), None, path.as_ref())
    }

    /// A model with the weights of a `.keras` or `.weights.h5` file, Keras' own or one of [`Model::save`].
    /// Errors: a file that cannot be read, is damaged, or has other weights than this model.
    fn load(path: impl AsRef<Path>) -> Result<Box<Self>> {
        let mut model = weights::zeroed::<Self>();
        files::load(Self::description(), weights::view_mut(&mut *model), path.as_ref())?;
        Ok(model)
    }

    /// A table of the layers as Keras prints it.
    fn summary(&self) -> String {
        summary(Self::description(), Style::default())
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Lends this thread's buffer, grown to at least `len` elements.
fn with_scratch<T>(len: usize, then: &mut dyn FnMut(&mut [f32]) -> T) -> T {
    let mut scratch = SCRATCH.take();
    if scratch.len() < len {
        scratch.resize(len, 0.0);
    }
    let result = then(&mut scratch);
    SCRATCH.set(scratch);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::Example;

    #[test]
    fn a_call_finds_its_scratch() {
        let mut model: Box<Example> = weights::zeroed();
        model.hidden.kernel =
            [[1.0, -2.0, 0.5, 3.0], [0.0, 1.0, -1.0, 2.0], [4.0, 0.25, -0.5, 1.0]];
        model.hidden.bias = [0.5, -0.5, 1.5, -20.0];
        model.output.kernel = [[1.0, 2.0], [3.0, -4.0], [-5.0, 6.0], [7.0, 8.0]];
        model.output.bias = [0.125, -0.25];
        // hidden = relu([1.5, -4.5, 4.0, ..]), output = [1.5 - 20 + 0.125, 3 + 24 - 0.25]
        assert_eq!(model.call(&[1.0, -2.0, 0.0]), [-18.375, 26.75]);
    }

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

    #[test]
    fn the_buffer_of_a_thread_grows_and_stays() {
        let first = with_scratch(3, &mut |scratch| scratch.as_ptr() as usize);
        assert_eq!(with_scratch(2, &mut |scratch| scratch.as_ptr() as usize), first);
        assert_eq!(with_scratch(100, &mut |scratch| scratch.len()), 100);
        assert_eq!(with_scratch(50, &mut |scratch| scratch.len()), 100);
    }
}
