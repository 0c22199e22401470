//! What can be timed: models with the optimizers, losses and sizes that the bench's peers use.

use keras::prelude::*;
use serde_json::Value;

use crate::Result;
use crate::arguments::{Arguments, Mode};
use crate::measure::{infer, train};
use crate::models::{
    AudioDense, Autoencoder, Convnet, Lstm, Mlp, MobileNet, ResNet20, Timeseries, TinyMlp,
    Transformer,
};

/// The loss of the classifiers.
fn classes() -> SparseCategoricalCrossentropy {
    SparseCategoricalCrossentropy::default()
}

/// The optimizer of ResNet-20.
fn momentum() -> SGD {
    SGD { learning_rate: 0.1, momentum: 0.9, ..SGD::default() }
}

/// A model and how it is run.
pub(crate) struct Workload {
    pub name: &'static str,
    /// Samples of a training step; where there is no training, of a call.
    pub batch: usize,
    /// Batches that are held in memory for training, and taken in turn.
    pub steps: usize,
    /// Training steps between two looks at the clock.
    pub steps_per_look: usize,
    /// How it is trained, if it is.
    pub train: Option<fn(&Arguments) -> Result<Value>>,
    infer: fn(&Arguments) -> Result<Value>,
}

/// Every workload.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "tiny_mlp",
        batch: 32,
        steps: 512,
        steps_per_look: 64,
        train: Some(|arguments| train::<TinyMlp, u32, _>(arguments, SGD::default(), classes())),
        infer: infer::<TinyMlp>,
    },
    Workload {
        name: "mlp",
        batch: 128,
        steps: 64,
        steps_per_look: 8,
        train: Some(|arguments| train::<Mlp, u32, _>(arguments, RMSprop::default(), classes())),
        infer: infer::<Mlp>,
    },
    Workload {
        name: "convnet",
        batch: 128,
        steps: 32,
        steps_per_look: 4,
        train: Some(|arguments| train::<Convnet, u32, _>(arguments, Adam::default(), classes())),
        infer: infer::<Convnet>,
    },
    Workload {
        name: "resnet20",
        batch: 128,
        steps: 8,
        steps_per_look: 1,
        train: Some(|arguments| train::<ResNet20, u32, _>(arguments, momentum(), classes())),
        infer: infer::<ResNet20>,
    },
    Workload {
        name: "mobilenet",
        batch: 32,
        steps: 16,
        steps_per_look: 1,
        train: Some(|arguments| train::<MobileNet, u32, _>(arguments, Adam::default(), classes())),
        infer: infer::<MobileNet>,
    },
    Workload {
        name: "autoencoder",
        batch: 128,
        steps: 16,
        steps_per_look: 1,
        train: Some(|arguments| {
            let loss = BinaryCrossentropy::default();
            train::<Autoencoder, [[[f32; 1]; 28]; 28], _>(arguments, Adam::default(), loss)
        }),
        infer: infer::<Autoencoder>,
    },
    Workload {
        name: "lstm",
        batch: 32,
        steps: 16,
        steps_per_look: 1,
        train: Some(|arguments| {
            train::<Lstm, [f32; 1], _>(arguments, Adam::default(), BinaryCrossentropy::default())
        }),
        infer: infer::<Lstm>,
    },
    Workload {
        name: "timeseries",
        batch: 256,
        steps: 16,
        steps_per_look: 1,
        train: Some(|arguments| {
            let loss = MeanSquaredError::default();
            train::<Timeseries, [f32; 1], _>(arguments, Adam::default(), loss)
        }),
        infer: infer::<Timeseries>,
    },
    Workload {
        name: "transformer",
        batch: 32,
        steps: 8,
        steps_per_look: 1,
        train: Some(|arguments| {
            let loss = SparseCategoricalCrossentropy { from_logits: true, ..classes() };
            train::<Transformer, [u32; 80], _>(arguments, Adam::default(), loss)
        }),
        infer: infer::<Transformer>,
    },
    Workload {
        name: "audio_dense",
        batch: 1,
        steps: 0,
        steps_per_look: 0,
        train: None,
        infer: infer::<AudioDense>,
    },
];

/// Runs what is asked for, on the threads of this pool. Returns its line of JSON.
pub(crate) fn run(arguments: &Arguments) -> Result<Value> {
    match (arguments.mode, arguments.workload.train) {
        (Mode::Train, Some(train)) => train(arguments),
        _ => (arguments.workload.infer)(arguments),
    }
}
