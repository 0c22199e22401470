//! What a model is, as pure data and pure functions. The files, in the order of the passes:
//!
//! - [`schema`], [`value`], [`parameters`](parameter), [`layer`], [`layers`]: what a layer accepts
//!   and how it becomes ops;
//! - [`network`]: a model as Keras sees it, layers and their [`calls`](call); [`order`]: Keras'
//!   order of layers and weights;
//! - [`op`], [`graph`], [`ops`]: the closed set of ops, the graph made of them, and how each is
//!   appended and differentiated;
//! - [`compile`]: the passes in their order, from a network to a [`plan`]: [`program`] is what they
//!   work on, [`verify`] says what is legal, [`grad`] appends gradients, [`fuse`] joins ops,
//!   `recompute` says what is not kept, [`memory`] places buffers;
//! - [`masks`]: the masks of a model's outputs, as a plan of their own;
//! - [`text`], [`summary`]: a plan and a model in print.
#![forbid(unsafe_code)]
#![recursion_limit = "256"]

pub use keras_ir::{algorithm, dtype, for_each_op, literal, ops as op, plan};
pub use keras_target::{cost, needs, phase, split, winograd};

pub mod activation;
pub mod call;
pub mod compile;
pub mod constraint;
mod describe;
pub mod error;
mod fingerprint;
pub mod functions;
pub mod fuse;
pub mod grad;
pub mod graph;
pub mod initializer;
pub mod layer;
pub mod layers;
mod lower;
pub mod masks;
pub mod memory;
#[cfg(test)]
mod models;
mod moved;
pub mod names;
pub mod network;
pub mod ops;
pub mod order;
pub mod parameter;
pub mod program;
mod recompute;
pub mod regularizer;
mod schedule;
pub mod schema;
pub mod shape;
pub mod stream;
pub mod summary;
pub mod text;
pub mod value;
pub mod verify;
pub mod window;
