//! The macros of the `keras` crate: [`model!`] makes a struct of a Keras model, [`embed!`] puts
//! trained weights into the program.
//!
//! The shell around `keras-graph`: tokens to a tree (`parse`, `statement`, `expression`,
//! `operators`, `ranges`), the tree to a network (`evaluate`, and what it runs: `run`, `scope`,
//! `template`, `call`, `lower`, `apply`, `functions`, `slice`, `model`, `functional`, `arguments`,
//! `ports`, `check`), plans to tokens (`emit` and its parts). No shape is computed here.
#![forbid(unsafe_code)]

use proc_macro::TokenStream;

mod apply;
mod arguments;
mod arithmetic;
mod assembly;
mod ast;
mod builder;
mod call;
mod check;
mod constants;
mod embed;
mod emit;
mod emit_call;
mod emit_fields;
mod emit_ports;
mod emit_stream;
mod emit_types;
mod emit_unrolled;
mod errors;
mod evaluate;
mod expand;
mod expansion;
mod expression;
mod file;
mod functional;
mod functions;
mod lower;
mod model;
mod names;
mod operators;
mod parse;
mod ports;
mod ranges;
mod run;
mod scope;
mod slice;
mod statement;
mod stub;
mod template;
#[cfg(test)]
mod tests;
mod tokens;
mod value;

/// Makes a struct of a Keras model: its fields are the weights, its shapes are checked while
/// compiling.
#[proc_macro]
pub fn model(input: TokenStream) -> TokenStream {
    expand::expand(input.into()).into()
}

/// Puts a trained model into the program: `static MNIST: Embedded<Mnist> = embed!("mnist.keras");`
///
/// The file is a `.keras` archive, saved here or by Keras: it holds the architecture beside the
/// weights, and both are checked against the model while compiling. A file of weights alone is
/// refused. The path is relative to the crate's root.
#[proc_macro]
pub fn embed(input: TokenStream) -> TokenStream {
    expand::guarded(|| embed::embed(input.into())).into()
}
