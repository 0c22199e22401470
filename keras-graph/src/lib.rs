//! What a model is, as pure data and pure functions.
#![forbid(unsafe_code)]
#![recursion_limit = "256"]

pub mod activation;
pub mod cost;
pub mod dtype;
pub mod initializer;
pub mod literal;
pub mod op;
pub mod plan;
pub mod value;
