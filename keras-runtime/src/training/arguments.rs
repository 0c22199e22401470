//! What a fit, an evaluation and a step may be asked for, with Keras' defaults.

use crate::callbacks::Callback;
use crate::progress::Verbose;

/// Rows of a batch if nothing else is said, as in Keras.
pub const BATCH_SIZE: usize = 32;

/// How to fit: `Fit { epochs: 12, ..Fit::default() }`.
pub struct Fit<'a, I, T> {
    /// Rows of a batch; the last one of an epoch may have fewer.
    pub batch_size: usize,
    /// Number of the last epoch, counted from 1.
    pub epochs: usize,
    /// Share of the rows, taken from the end before any shuffling, that is tested after each epoch
    /// in place of being learned.
    pub validation_split: f32,
    /// Inputs and targets that are tested after each epoch; wins over `validation_split`.
    pub validation_data: Option<(&'a [I], &'a [T])>,
    /// What each row of `validation_data` counts.
    pub validation_sample_weight: Option<&'a [f32]>,
    /// Every how many epochs there is a validation.
    pub validation_freq: usize,
    /// Whether each epoch takes the rows in a new order.
    pub shuffle: bool,
    /// What a row of a class counts in the loss, by class; 1 for a class that is not named. Any
    /// finite number, negative ones too.
    pub class_weight: &'a [(usize, f32)],
    /// What each row counts in the loss: any finite number, negative ones too.
    pub sample_weight: Option<&'a [f32]>,
    /// Number of epochs done before, by a training that goes on.
    pub initial_epoch: usize,
    /// Who else is told of the training.
    pub callbacks: Vec<Box<dyn Callback + 'a>>,
    /// Seed of the rows' order and of dropout.
    pub seed: u64,
    /// What is shown of the progress.
    pub verbose: Verbose,
}

impl<I, T> Default for Fit<'_, I, T> {
    fn default() -> Self {
        Fit {
            batch_size: BATCH_SIZE,
            epochs: 1,
            validation_split: 0.0,
            validation_data: None,
            validation_sample_weight: None,
            validation_freq: 1,
            shuffle: true,
            class_weight: &[],
            sample_weight: None,
            initial_epoch: 0,
            callbacks: Vec::new(),
            seed: 0,
            verbose: Verbose::default(),
        }
    }
}

/// How to evaluate: `Evaluate { batch_size: 256, ..Evaluate::default() }`.
#[derive(Clone, Copy, Debug)]
pub struct Evaluate<'a> {
    /// Rows of a batch; the last one may have fewer.
    pub batch_size: usize,
    /// What each row counts in the loss and in the weighted metrics: any finite number.
    pub sample_weight: Option<&'a [f32]>,
}

impl Default for Evaluate<'_> {
    fn default() -> Self {
        Evaluate { batch_size: BATCH_SIZE, sample_weight: None }
    }
}

/// How to take a step: `TrainOnBatch { class_weight: &[(1, 3.0)], ..TrainOnBatch::default() }`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrainOnBatch<'a> {
    /// What each row counts in the loss and in the weighted metrics: any finite number.
    pub sample_weight: Option<&'a [f32]>,
    /// What a row of a class counts, by class: any finite number; 1 for a class that is not named.
    pub class_weight: &'a [(usize, f32)],
}
