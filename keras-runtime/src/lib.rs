//! What runs and trains a model: the executor, optimizers, losses, metrics, callbacks, datasets and
//! files.

#[cfg(test)]
extern crate alloc;

pub mod arrays;
pub mod callbacks;
pub mod datasets;
pub mod error;
#[cfg(test)]
mod example;
pub mod execute;
pub mod files;
mod heads;
pub mod history;
pub mod initializers;
pub mod logs;
pub mod losses;
pub mod metrics;
pub mod model;
pub mod optimizers;
pub mod predictor;
pub mod progress;
mod python;
pub mod random;
mod stack;
mod team;
pub mod training;

pub use keras_infer::{array, embed, infer, inputs, outputs, sample, weights};
#[doc(hidden)]
pub use keras_kernels::unrolled;
pub use keras_kernels::{dtype_policy, kernels, simd};
