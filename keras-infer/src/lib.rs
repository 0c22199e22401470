//! What an embedded model needs: a call, and the weights that it reads.
//!
//! - [`mod@array`], [`sample`]: what goes into a call and what comes out;
//! - [`infer`]: the trait of every model; [`stream`]: models of sequences, step by step;
//! - [`weights`]: a model as flat memory; [`embed`]: a trained model inside of the program.
//!
//! Training, predictions of batches and files are in `keras-runtime`. Without the feature `std`
//! this crate needs no standard library; it allocates only an output that is boxed, and copies of
//! models.
#![cfg_attr(not(any(feature = "std", test)), no_std)]

#[doc(hidden)]
pub extern crate alloc;

pub mod array;
pub mod embed;
#[cfg(test)]
mod example;
pub mod infer;
pub mod sample;
pub mod stream;
pub mod weights;
