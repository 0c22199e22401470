#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

// What the macros emit says `::keras`, also within this crate.
extern crate self as keras;

pub use keras_infer::embed::Embedded;
pub use keras_infer::infer::Infer;
pub use keras_infer::{array, sample, stream};
pub use keras_macros::{embed, model};
#[cfg(feature = "training")]
pub use keras_runtime::{
    arrays, callbacks, datasets,
    dtype_policy::DtypePolicy,
    error::{Error, Result},
    history::History,
    initializers,
    logs::Logs,
    losses, metrics,
    model::{Model, Predict},
    optimizers,
    predictor::{BoundPredictor, Predictor},
    progress, training,
};

/// What most programs need: `use keras::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "training")]
    pub use crate::callbacks::{
        CSVLogger, EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau,
        TerminateOnNaN,
    };
    #[cfg(feature = "training")]
    pub use crate::losses::{
        BinaryCrossentropy, CategoricalCrossentropy, MeanAbsoluteError, MeanSquaredError,
        SparseCategoricalCrossentropy,
    };
    #[cfg(feature = "training")]
    pub use crate::metrics::{
        Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy,
    };
    #[cfg(feature = "training")]
    pub use crate::optimizers::{Adam, AdamW, RMSprop, SGD};
    #[cfg(feature = "training")]
    pub use crate::training::{Evaluate, Fit, TrainOnBatch, Training, Verbose};
    #[cfg(feature = "training")]
    pub use crate::{DtypePolicy, History, Model, Predict, Predictor, datasets};
    pub use crate::{Embedded, Infer, embed, model};
}

/// Keeps what `model!` emits for training.
#[cfg(feature = "training")]
#[doc(hidden)]
#[macro_export]
macro_rules! __training {
    ($($items:tt)*) => { $($items)* };
}

/// Drops what `model!` emits for training.
#[cfg(not(feature = "training"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __training {
    ($($items:tt)*) => {};
}

/// What the macros emit paths to; no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use keras_infer::alloc::boxed::Box;
    pub use keras_infer::array::Array;
    pub use keras_infer::embed::{Embedded, FileWeight};
    pub use keras_infer::infer::Infer;
    pub use keras_infer::sample::{Sample, Values};
    pub use keras_infer::stream::{Stream, Streaming};
    pub use keras_infer::weights::Aligned;
    pub use keras_infer::{inputs, outputs};
    pub use keras_ir::activation::Activation;
    pub use keras_ir::algorithm::Algorithm;
    pub use keras_ir::constraint::{Constraint, NormBounds};
    pub use keras_ir::dtype::Dtype;
    pub use keras_ir::initializer::{Distribution, Fan, Initializer, Rule};
    pub use keras_ir::literal::{List, Text};
    pub use keras_ir::ops::*;
    pub use keras_ir::plan::*;
    pub use keras_kernels::kernels::{Backend, Call, Cpu, Run};
    pub use keras_kernels::simd::{Kernel, Simd, dispatch_narrow};
    pub use keras_kernels::unrolled;
    #[cfg(feature = "training")]
    pub use keras_runtime::{heads, model::Model};

    pub use crate::__training as training;
}
