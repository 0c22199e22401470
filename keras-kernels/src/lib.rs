//! Kernels: each computes one op on slices, with the best vector instructions of the processor.
//!
//! - [`simd`]: the instruction sets behind one trait, and the choice among them;
//! - [`kernels`]: one function for each op, plain loops beside the fast version;
//! - [`unrolled`]: the steps of small dense nets as inline functions;
//! - [`dtype_policy`]: in which precision products are computed.
//!
//! Without the feature `std` the crate needs no standard library: the vectors are those that it is
//! compiled for, and the functions of numbers that `core` lacks come from `libm`.

#![cfg_attr(not(any(feature = "std", test)), no_std)]

extern crate alloc;

pub mod dtype_policy;
#[cfg(not(feature = "std"))]
mod float;
pub mod kernels;
#[allow(unsafe_code, reason = "vector instructions; each call states why it is sound")]
pub mod simd;
#[doc(hidden)]
pub mod unrolled;
