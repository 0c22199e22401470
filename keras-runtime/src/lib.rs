//! The machine: kernels, optimizers, losses, metrics, the training loop, data and files.

pub mod error;
pub mod kernels;
