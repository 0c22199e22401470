//! The machine: kernels, optimizers, losses, metrics, the training loop, data and files.

pub mod array;
pub mod arrays;
pub mod callbacks;
pub mod datasets;
pub mod dtype_policy;
pub mod embed;
pub mod error;
#[cfg(test)]
mod example;
pub mod execute;
pub mod files;
pub mod history;
pub mod initializers;
pub mod kernels;
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
#[allow(unsafe_code, reason = "vector instructions; each call states why it is sound")]
pub mod simd;
mod team;
pub mod training;
#[doc(hidden)]
pub mod unrolled;
pub mod weights;
