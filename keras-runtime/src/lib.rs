//! The machine: kernels, optimizers, losses, metrics, the training loop, data and files.

pub mod array;
pub mod arrays;
pub mod datasets;
pub mod error;
pub mod kernels;
