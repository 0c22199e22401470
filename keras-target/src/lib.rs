//! What a processor's kernels want of an op, as pure functions that the compiler of models, the
//! executor and the kernels share:
//!
//! - [`target`]: which algorithm computes an op;
//! - [`needs`]: what an algorithm needs of an op: scratch and packed weights;
//! - [`attention`]: how many queries are worked on together;
//! - [`cost`]: how convolutions and products go through memory;
//! - [`pairs`]: how those do whose operands are rounded to bfloat16;
//! - [`winograd`], [`phase`]: the arithmetic of two algorithms for convolutions;
//! - [`split`]: one op as several, for one sample on several threads.
//!
//! Runs without the standard library.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod attention;
pub mod cost;
pub mod needs;
pub mod pairs;
mod part;
pub mod phase;
pub mod split;
pub mod target;
pub mod winograd;

/// Elements of a cache line: vectors of that width are slow across two of them.
pub const LINE: usize = 16;
