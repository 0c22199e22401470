//! Reads and writes Keras' model files: `.keras` archives, `.weights.h5` trees and the JSON of
//! their configurations.
//!
//! Everything that is read here came from outside: sizes are bounded before memory is taken, links
//! to other files are not followed, code in a file is never run, and every fault is an [`Error`]
//! that says where it is, what was expected and what was found.
#![forbid(unsafe_code)]

pub mod archive;
pub mod compile;
mod error;
mod foreign;
mod half;
pub mod json;
pub mod model;
pub mod network;
pub mod optimizer;
pub mod python;
mod save;
pub mod weights;

pub use archive::{Archive, Content, Metadata};
pub use error::{Error, Result};
pub use save::write_atomically;
