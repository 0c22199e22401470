//! The trait of every model: a struct that is its weights, and a call.
//!
//! `model!` emits the struct and a straight-line function, `call_into`. All else is here, as thin
//! shells around code that is not generic.

use alloc::boxed::Box;
use core::borrow::BorrowMut;

use keras_ir::plan::WeightInfo;

use crate::array::Array;
use crate::sample::{CallOutput, Prediction, Sample};
use crate::weights;

/// Most scratch that [`Infer::call`] takes from the stack, in bytes.
pub const STACK_SCRATCH_BYTES: usize = 64 * 1024;

/// Largest output that [`Infer::call`] returns by value, in bytes.
pub const BY_VALUE_BYTES: usize = 16 * 1024;

/// A model: a struct whose fields are its weights.
///
/// # Safety
///
/// The type is `#[repr(C)]` and holds nested arrays of `f32` and structs of these, nothing else;
/// the numbers lie in the order of [`Infer::WEIGHTS`], so that weight `w` starts `w.offset` numbers
/// into the struct. `model!` sees to it.
#[allow(unsafe_code, reason = "says what the views in `weights` rely on")]
pub unsafe trait Infer: Sized + Send + Sync + 'static {
    /// One sample: nested arrays, or a struct with a field for each input.
    type Input: Sample;
    /// The prediction for one sample, likewise.
    type Output: Prediction;
    /// What [`Infer::call`] returns: an [`Output`](Infer::Output) of up to [`BY_VALUE_BYTES`] by
    /// value, a larger one in a `Box`, so that it never stands on the stack. Indices and fields are
    /// reached the same way in both. Code for any model borrows it: `model.call(&x).borrow()`.
    type CallOutput: CallOutput<Self::Output>;
    /// Scratch of one call, `[f32; N]`; `[f32; 0]` if the call needs more than
    /// [`STACK_SCRATCH_BYTES`].
    type Scratch: Array<Element = f32>;

    /// The weights, in Keras' order.
    const WEIGHTS: &'static [WeightInfo];
    /// Number of weights, trained or not.
    const PARAMS: usize = size_of::<Self>() / size_of::<f32>();
    /// Bytes of scratch that [`Infer::call_in`] and [`Infer::call_into`] need.
    const SCRATCH_BYTES: usize;
    /// Floating-point operations of one call; a multiplication and an addition count as two.
    const FLOPS: u64;
    /// A number that depends on the architecture: a file of another model has another one.
    const FINGERPRINT: u64;

    /// Writes the prediction for `x` to `y`, with scratch of the caller's: nothing is allocated and
    /// nothing is moved, however large the output. What `y` held before does not matter.
    /// Panics: if `scratch` has fewer than `SCRATCH_BYTES / 4` elements.
    fn call_into(&self, scratch: &mut [f32], x: &Self::Input, y: &mut Self::Output);

    /// The prediction for `x`, with scratch of the caller's. Allocates nothing, except for an
    /// output that is boxed. Panics: if `scratch` has fewer than `SCRATCH_BYTES / 4` elements.
    fn call_in(&self, scratch: &mut [f32], x: &Self::Input) -> Self::CallOutput {
        let mut y = Self::CallOutput::zeroed();
        self.call_into(scratch, x, y.borrow_mut());
        y
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
    /// the scratch of a large model, a buffer that each thread makes once. Without the feature
    /// `std` only a model whose scratch fits on the stack has this; others have [`Infer::call_in`].
    fn call(&self, x: &Self::Input) -> Self::CallOutput {
        let mut y = Self::CallOutput::zeroed();
        if Self::SCRATCH_BYTES <= size_of::<Self::Scratch>() {
            // A constant: what a function returns is copied several times in a debug build.
            let mut scratch = Self::Scratch::ZERO;
            let scratch = Array::flat_mut(core::slice::from_mut(&mut scratch));
            self.call_into(scratch, x, y.borrow_mut());
            return y;
        }
        #[cfg(not(feature = "std"))]
        const {
            assert!(
                Self::SCRATCH_BYTES <= size_of::<Self::Scratch>(),
                "a call of this model needs more than 64 KiB of scratch, which threads keep only \
                 with keras' feature `std`: give it a buffer, `call_in(&mut buffer, &x)`"
            );
        }
        #[cfg(feature = "std")]
        with_scratch(Self::SCRATCH_BYTES.div_ceil(size_of::<f32>()), &mut |scratch| {
            self.call_into(scratch, x, y.borrow_mut());
        });
        y
    }

    /// Takes over all weights of another model of this type, moving statistics too; for averages of
    /// models, or to go back to the best.
    fn copy_weights_from(&mut self, other: &Self) {
        self.weights_mut().copy_from_slice(other.weights());
    }

    /// A copy of the model on the heap, without a way over the stack: Keras' `clone_model` and
    /// `set_weights` in one.
    fn clone_boxed(&self) -> Box<Self> {
        let mut model = weights::zeroed::<Self>();
        model.copy_weights_from(self);
        model
    }
}

#[cfg(feature = "std")]
std::thread_local! {
    static SCRATCH: core::cell::RefCell<Vec<f32>> = const { core::cell::RefCell::new(Vec::new()) };
}

/// Lends this thread's buffer, grown to at least `len` elements.
#[cfg(feature = "std")]
fn with_scratch(len: usize, then: &mut dyn FnMut(&mut [f32])) {
    let mut scratch = SCRATCH.take();
    if scratch.len() < len {
        scratch.resize(len, 0.0);
    }
    then(&mut scratch);
    SCRATCH.set(scratch);
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
    fn the_buffer_of_a_thread_grows_and_stays() {
        let lent = |len: usize| {
            let mut lent = (0, 0);
            with_scratch(len, &mut |scratch| lent = (scratch.as_ptr() as usize, scratch.len()));
            lent
        };
        let (first, _) = lent(3);
        assert_eq!(lent(2).0, first);
        assert_eq!(lent(100).1, 100);
        assert_eq!(lent(50).1, 100);
    }
}
