//! Keras' models as a Rust macro.
#![forbid(unsafe_code)]

// What `model!` emits says `::keras`, also within this crate.
extern crate self as keras;

pub use keras_macros::model;
pub use keras_runtime::sample;

/// What most programs need: `use keras::prelude::*;`.
pub mod prelude {
    pub use crate::model;
    pub use keras_runtime::model::Model;
}

/// What the macros emit paths to; no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use keras_graph::activation::Activation;
    pub use keras_graph::dtype::Dtype;
    pub use keras_graph::initializer::{Distribution, Fan, Initializer, Rule};
    pub use keras_graph::literal::{List, Text};
    pub use keras_graph::op::*;
    pub use keras_graph::plan::*;
    pub use keras_runtime::array::Array;
    pub use keras_runtime::embed::{Embedded, FileWeight};
    pub use keras_runtime::kernels::{Backend, Call, Cpu, Run};
    pub use keras_runtime::model::Model;
    pub use keras_runtime::sample::{Sample, Values};
    pub use keras_runtime::weights::Aligned;
    pub use keras_runtime::{inputs, outputs};
}
