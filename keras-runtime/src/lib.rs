//! The machine: kernels, optimizers, losses, metrics, the training loop, data and files.

pub mod array;
pub mod arrays;
pub mod callbacks;
pub mod datasets;
pub mod embed;
pub mod error;
#[cfg(test)]
mod example;
pub mod execute;
pub mod files;
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
pub mod sample;
mod stack;
mod team;
pub mod training;
pub mod weights;

#[doc(hidden)]
pub use keras_kernels::unrolled;
pub use keras_kernels::{dtype_policy, kernels, simd};
