//! Kernels: each computes one op on slices, with the best vector instructions of the processor.
//!
//! - [`simd`]: the instruction sets behind one trait, and the choice among them;
//! - [`kernels`]: one function for each op, plain loops beside the fast version;
//! - [`unrolled`]: the steps of small dense nets as inline functions;
//! - [`dtype_policy`]: in which precision products are computed.

pub mod dtype_policy;
pub mod kernels;
#[allow(unsafe_code, reason = "vector instructions; each call states why it is sound")]
pub mod simd;
#[doc(hidden)]
pub mod unrolled;
