//! The numbers of real Keras: every case of the reference data in this folder, on both backends.
//!
//! README.md says how the data were made and what the files hold; WAITING.md lists the cases that are not covered yet.

mod layers;
mod python;
mod tensors;
