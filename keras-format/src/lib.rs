//! Reads and writes Keras' model files: `.keras` archives, `.weights.h5` trees and the JSON of their
//! configurations.
//!
//! Everything that is read here came from outside: sizes are bounded before memory is taken, links to
//! other files are not followed, code in a file is never run, and every fault is an [`Error`] that says
//! where it is, what was expected and what was found.
#![forbid(unsafe_code)]

pub mod archive;
pub mod compile;
mod error;
mod half;
pub mod json;
pub mod model;
pub mod network;
pub mod optimizer;
pub mod weights;

pub use archive::{Archive, Metadata, write_atomically};
pub use error::{Error, Result};
