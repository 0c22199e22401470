//! The numbers of real Keras: every case of the reference data in this folder, on both backends;
//! and plans as text.
//!
//! README.md says how the data were made and what the files hold; WAITING.md lists the cases that
//! are not covered yet.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

mod arguments;
mod called;
mod cases;
mod constraints;
mod functions;
mod initializers;
mod layers;
mod losses;
mod metrics;
mod mixed_bfloat16;
mod models;
mod nonfinite;
mod optimizers;
mod plans;
mod python;
mod regularizers;
mod sequences;
mod tensors;
mod trained;
mod training;
mod waiting;
