//! Trainings that either side resumes from the other's file: the state of the optimizer is part of
//! it.

use std::path::Path;

use keras::losses::{CategoricalCrossentropy, Loss, Losses, MeanAbsoluteError, MeanSquaredError};
use keras::metrics::{CategoricalAccuracy, MetricSet, named};
use keras::optimizers::{Adam, Optimizer, SGD};
use keras::prelude::*;
use keras::sample::Sample;
use keras::training::Training;

use crate::models::{Several, SeveralOutputs, Trained};
use crate::random::Draw;
use crate::recurrent::{Classifier, Translator};
use crate::sequences::{Constrained, Tagger};
use crate::{Half, Result, SAMPLES, error, inputs, write};

/// Steps before the first file is written, and between files; `STEPS` in `tools/round_trip.py`.
const STEPS: usize = 3;

/// Two slots for each weight, and moving statistics that training moves.
pub(crate) fn adam(folder: &Path, half: Half) -> Result<f32> {
    let targets = |sample| one_hot::<3>(sample + 1);
    let optimizer = Adam { learning_rate: 0.02, ..Adam::default() };
    let loss = CategoricalCrossentropy { label_smoothing: 0.125, ..Default::default() };
    let metrics =
        (named("squares", MeanSquaredError::default()), CategoricalAccuracy::default(), loss);
    exchange::<Trained, _, _, _>(folder, half, optimizer, loss, metrics, targets)
}

/// Several outputs with a loss each, and a slot that looks ahead.
pub(crate) fn sgd(folder: &Path, half: Half) -> Result<f32> {
    let targets = |sample| SeveralOutputs {
        score: [sample as f32 / SAMPLES as f32 - 0.5],
        label: one_hot::<4>(sample),
    };
    let losses = SeveralOutputs {
        score: MeanSquaredError::default(),
        label: CategoricalCrossentropy::default(),
    };
    let optimizer = SGD { learning_rate: 0.05, momentum: 0.9, nesterov: true, ..SGD::default() };
    exchange::<Several, _, _, _>(folder, half, optimizer, losses, (), targets)
}

/// Losses and metrics of what is masked.
pub(crate) fn masked(folder: &Path, half: Half) -> Result<f32> {
    let targets = |sample| std::array::from_fn(|step| [(sample * step) as f32 / 8.0 - 1.0]);
    let optimizer = SGD { learning_rate: 0.1, momentum: 0.5, ..SGD::default() };
    let metrics = (named("distance", MeanAbsoluteError::default()),);
    let loss = MeanSquaredError::default();
    exchange::<Tagger, _, _, [[f32; 1]; 7]>(folder, half, optimizer, loss, metrics, targets)
}

/// Weights that each step puts back within their bounds.
pub(crate) fn constrained(folder: &Path, half: Half) -> Result<f32> {
    let targets = |sample| [sample as f32 / 2.0, 1.0 - sample as f32];
    let optimizer = Adam { learning_rate: 0.05, ..Adam::default() };
    let loss = MeanSquaredError::default();
    exchange::<Constrained, _, _, [f32; 2]>(folder, half, optimizer, loss, (), targets)
}

/// Recurrent layers through time, with masks.
pub(crate) fn recurrent(folder: &Path, half: Half) -> Result<f32> {
    let targets = |sample| one_hot::<3>(2 * sample);
    let optimizer = Adam { learning_rate: 0.02, ..Adam::default() };
    let loss = CategoricalCrossentropy::default();
    let metrics = (CategoricalAccuracy::default(),);
    exchange::<Classifier, _, _, _>(folder, half, optimizer, loss, metrics, targets)
}

/// Gradients that go back through the states that one layer starts another with.
pub(crate) fn states(folder: &Path, half: Half) -> Result<f32> {
    let targets = |sample| {
        std::array::from_fn(|step| [(sample * step) as f32 / 8.0 - 1.0, 0.5 - step as f32 / 4.0])
    };
    let optimizer = SGD { learning_rate: 0.2, momentum: 0.5, ..SGD::default() };
    let loss = MeanSquaredError::default();
    exchange::<Translator, _, _, [[f32; 2]; 5]>(folder, half, optimizer, loss, (), targets)
}

fn one_hot<const N: usize>(class: usize) -> [f32; N] {
    std::array::from_fn(|i| if i == class % N { 1.0 } else { 0.0 })
}

fn exchange<M: Model, L, N, T: Sample>(
    folder: &Path,
    half: Half,
    optimizer: impl Optimizer + 'static,
    loss: L,
    metrics: N,
    target: impl Fn(usize) -> T,
) -> Result<f32>
where
    M::Input: Draw,
    L: Losses + Loss<M::Output, T> + 'static,
    N: MetricSet<M::Output, T>,
    (): MetricSet<M::Output, T>,
{
    let x = inputs::<M>();
    let y: Vec<T> = (0..SAMPLES).map(target).collect();
    let mut model = M::seeded(11);
    let mut training = model.compile(optimizer, loss).metrics(metrics);
    let steps = |training: &mut Training<M, L, N>| -> Result<Vec<M::Output>> {
        for _ in 0..STEPS {
            training.train_on_batch(&x, &y)?;
        }
        Ok(training.model().predict(&x))
    };
    if half == Half::Write {
        std::fs::create_dir_all(folder)?;
        let predictions = steps(&mut training)?;
        training.save(folder.join("rust.keras"))?;
        write(folder, "x", &x)?;
        write(folder, "targets", &y)?;
        write(folder, "rust_y", &predictions)?;
        let scores = training.evaluate(&x, &y)?;
        let lines = (&scores).into_iter().map(|(name, value)| format!("{name} {value}\n"));
        std::fs::write(folder.join("scores.txt"), lines.collect::<String>())?;
        return Ok(0.0);
    }
    // Rust's file, resumed here, ends where Keras ends that resumed the same file.
    training.load(folder.join("rust.keras"))?;
    let resumed = error(folder, "keras_y", &steps(&mut training)?)?;
    training.load(folder.join("keras.keras"))?;
    let loaded = error(folder, "keras_y", &training.model().predict(&x))?;
    let after = error(folder, "keras_after_y", &steps(&mut training)?)?;
    Ok(resumed.max(loaded).max(after))
}
