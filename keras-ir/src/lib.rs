//! What a compiled model is made of, as plain data that kernels, the executor and the compiler
//! share:
//!
//! - [`ops`]: the closed set of ops; [`activation`], the functions that ops carry;
//!   [`algorithm`], how an op is computed;
//! - [`plan`]: which ops run on which memory, in which order; [`dtype`], [`initializer`] and
//!   [`constraint`] are part of it;
//! - [`text`]: a plan in print; [`literal`]: a plan as Rust source.
//!
//! The crate knows neither layers nor graphs, allocates only to print, and runs without the
//! standard library.
#![no_std]
#![forbid(unsafe_code)]
#![recursion_limit = "256"]

extern crate alloc;

pub mod activation;
pub mod algorithm;
pub mod constraint;
pub mod dtype;
pub mod initializer;
pub mod literal;
pub mod ops;
pub mod plan;
pub mod text;
