#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// What the macros emit says `::keras`, also within this crate.
extern crate self as keras;

pub use keras_macros::{embed, model};
pub use keras_runtime::dtype_policy::DtypePolicy;
pub use keras_runtime::embed::Embedded;
pub use keras_runtime::error::{Error, Result};
pub use keras_runtime::history::History;
pub use keras_runtime::logs::Logs;
pub use keras_runtime::model::{Model, Predict};
pub use keras_runtime::predictor::{BoundPredictor, Predictor};
pub use keras_runtime::{
    array, arrays, callbacks, datasets, initializers, losses, metrics, optimizers, progress,
    sample, training,
};

/// What most programs need: `use keras::prelude::*;`.
pub mod prelude {
    pub use crate::callbacks::{
        CSVLogger, EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau,
        TerminateOnNaN,
    };
    pub use crate::losses::{
        BinaryCrossentropy, CategoricalCrossentropy, MeanAbsoluteError, MeanSquaredError,
        SparseCategoricalCrossentropy,
    };
    pub use crate::metrics::{
        Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy,
    };
    pub use crate::optimizers::{Adam, AdamW, RMSprop, SGD};
    pub use crate::training::{Evaluate, Fit, TrainOnBatch, Training, Verbose};
    pub use crate::{
        DtypePolicy, Embedded, History, Model, Predict, Predictor, datasets, embed, model,
    };
}

/// What the macros emit paths to; no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use std::boxed::Box;

    pub use keras_graph::activation::Activation;
    pub use keras_graph::constraint::{NormBounds, Resolved as Constraint};
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
    pub use keras_runtime::simd::{Kernel, Simd, dispatch_narrow};
    pub use keras_runtime::unrolled;
    pub use keras_runtime::weights::Aligned;
    pub use keras_runtime::{inputs, outputs};
}
