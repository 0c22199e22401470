//! Steps of small dense nets as inline functions: what `model!` emits for a call of one sample
//! where weights are few.
//!
//! A general kernel spends more on its entry than on a product of 8 by 16 numbers: it looks up the
//! processor, cuts panels, checks lengths. Here every extent is a constant of the type, all steps
//! of a call are compiled into one function, and the processor is looked up once for all of them.
//! Activations lie in [`Row`]s on the stack, whole vectors long, so that no store is masked. What
//! stands in the padding of a row is finite, and no result depends on it.
//!
//! Sums run in another order than in the general kernels, so a call and a prediction of many
//! samples differ in the last bits; the bits are the same on every call and thread. Vectors have
//! eight lanes at most: loads of sixteen would mostly cross a cache line, as a model's weights are
//! aligned for a single number.
//!
//! Everything is generic and inlined into the user's crate, so it is emitted for builds without
//! debug assertions alone.

mod dense;
mod functions;
mod rows;
#[cfg(test)]
mod tests;

pub use dense::dense;
pub use functions::{Function, Linear, Relu, Sigmoid, Silu, Tanh};
pub use rows::{affine, map, softmax};

use keras_ir::activation::Activation;

use crate::kernels;
use crate::simd::Simd;

/// The numbers that a step writes, and padding up to whole vectors: `LEN` is a multiple of eight.
#[repr(align(64))]
pub struct Row<const LEN: usize>(
    /// The numbers.
    pub [f32; LEN],
);

/// The vector at the start of `x`; lanes past the end are 0.
#[inline(always)]
fn load<S: Simd>(simd: S, x: &[f32]) -> S::F32 {
    if x.len() >= S::LANES { simd.load(x) } else { simd.load_part(x) }
}

/// Applies to each element of `y` a function that is no [`Function`] here, by the general kernel.
pub fn activate(f: Activation, y: &mut [f32]) {
    kernels::activate(f, y);
}
