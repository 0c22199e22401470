//! Training: `compile`, `fit`, `evaluate`.
//!
//! [`Training`] knows the model's type and checks that losses, metrics and targets go together; all
//! that it does is done by a trainer that knows only plans and flat numbers. Source: Keras 3.15
//! `trainers/trainer.py`.

mod arguments;
mod check;
mod course;
mod feed;
mod head;
mod load;
mod masks;
mod options;
mod penalty;
mod ports;
mod reports;
mod save;
mod trainer;

use core::marker::PhantomData;
use std::path::Path;

pub use self::arguments::{BATCH_SIZE, Evaluate, Fit, TrainOnBatch};
use self::feed::Streamed;
pub use self::feed::{Batches, OwnedBatch};
use self::options::Options;
use self::ports::Supervised;
use self::reports::Weighting;
use self::trainer::Trainer;
use crate::dtype_policy::DtypePolicy;
use crate::error::{Error, Result};
use crate::history::History;
use crate::kernels::Backend;
use crate::logs::Logs;
use crate::losses::{Loss, Losses};
use crate::metrics::{MetricSet, Metrics};
use crate::model::Model;
use crate::optimizers::Optimizer;
pub use crate::progress::Verbose;
use crate::sample::{Prediction, Sample};

/// A model with an optimizer, a loss `L`, metrics `N` and weighted metrics `W`; [`Model::compile`]
/// makes it.
pub struct Training<'m, M: Model, L, N = (), W = ()> {
    model: &'m mut M,
    trainer: Trainer,
    kind: PhantomData<(L, N, W)>,
}

impl<'m, M: Model, L: Losses + 'static> Training<'m, M, L> {
    /// A training that has not begun.
    pub(crate) fn new(model: &'m mut M, optimizer: Box<dyn Optimizer>, loss: L) -> Self {
        let plans = [M::inference(), M::training()];
        let trainer = Trainer::new(M::description(), plans, M::masks(), optimizer, Box::new(loss));
        Training { model, trainer, kind: PhantomData }
    }

    /// Reports metrics beside the loss: an array of one kind, a tuple of several, or a struct with
    /// these for each output.
    pub fn metrics<N: Metrics>(mut self, metrics: N) -> Training<'m, M, L, N> {
        self.trainer.add_metrics(&metrics, Weighting::Even);
        Training { model: self.model, trainer: self.trainer, kind: PhantomData }
    }
}

impl<'m, M: Model, L, N> Training<'m, M, L, N> {
    /// Reports metrics in which a row counts its sample weight; after [`Training::metrics`], if
    /// there are any.
    pub fn weighted_metrics<W: Metrics>(mut self, metrics: W) -> Training<'m, M, L, N, W> {
        self.trainer.add_metrics(&metrics, Weighting::BySample);
        Training { model: self.model, trainer: self.trainer, kind: PhantomData }
    }
}

impl<M: Model, L, N, W> Training<'_, M, L, N, W> {
    /// What each output's loss counts in the sum of all; 1 if nothing is said. One that is not
    /// finite is an error of the first fit, step or evaluation.
    pub fn loss_weights(mut self, weights: <M::Output as Prediction>::Scalars) -> Self {
        for (i, output) in self.trainer.outputs.iter_mut().enumerate() {
            output.loss_weight = weights.port(i).bits()[0];
        }
        self
    }

    /// Works on so many threads, of its own, at most 1024; 0 stands for as many as the processor
    /// has. The numbers stay the same. Without it, work is shared with all else that uses rayon's
    /// threads. More than there can be are an error of the first fit, step or evaluation.
    pub fn threads(mut self, threads: usize) -> Self {
        self.trainer.set_threads(threads);
        self
    }

    /// Computes with another backend, such as the plain loops of
    /// [`Reference`](crate::kernels::Reference).
    pub fn backend<B: Backend>(mut self) -> Self {
        self.trainer.set_backend::<B>();
        self
    }

    /// Computes under this policy: all steps, evaluations and validations of this training. What is
    /// saved is the same: `f32`.
    pub fn dtype_policy(mut self, policy: DtypePolicy) -> Self {
        self.trainer.set_dtype_policy(policy);
        self
    }

    /// Sets the seed of dropout for [`Training::train_on_batch`]; a fit brings its own.
    pub fn seed(mut self, seed: u64) -> Self {
        self.trainer.seed = seed;
        self
    }

    /// The model as it is now.
    pub fn model(&self) -> &M {
        self.model
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self) -> f32 {
        self.trainer.updater.state().learning_rate
    }

    /// Sets the learning rate from the next step on.
    /// Errors: a rate that is negative or not finite.
    pub fn set_learning_rate(&mut self, learning_rate: f32) -> Result<()> {
        self.trainer.set_learning_rate(learning_rate)
    }

    /// What the epochs of the last fit reported: what [`Training::fit`] returned, or, where it
    /// ended with an error, the epochs until then.
    pub fn history(&self) -> &History {
        &self.trainer.history
    }

    /// Steps of the optimizer so far.
    pub fn iterations(&self) -> u64 {
        self.trainer.updater.state().iterations
    }

    /// Writes the model with the optimizer's state: a `.keras` file that Keras opens and goes on
    /// from, or the weights alone if the path ends in `.weights.h5`. Errors: another ending; the
    /// file cannot be written; a weight is not finite.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.trainer.save(self.model.weights(), path.as_ref())
    }

    /// Reads weights and the optimizer's state, so that the training goes on as if it had never
    /// stopped.
    ///
    /// The optimizer must be of the file's class; its name does not matter. It goes on with its
    /// arguments here, but for the learning rate, which is the file's. Where the file has a
    /// schedule in place of a rate, the rate of this training stays. A training that was saved
    /// before its first step starts anew. Errors: the file cannot be read, belongs to another model
    /// or optimizer, or holds a number that is not finite.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.trainer.load(self.model.weights_mut(), path.as_ref())
    }
}

impl<M: Model, L: Losses, N, W> Training<'_, M, L, N, W> {
    /// Learns `y` from `x`. Returns what each epoch reported. Errors: data that is empty, of
    /// unequal lengths or not finite, a label that names no class, arguments that make no sense,
    /// and what callbacks return.
    pub fn fit<T: Sample>(
        &mut self,
        x: &[M::Input],
        y: &[T],
        fit: Fit<'_, M::Input, T>,
    ) -> Result<History>
    where
        L: Loss<M::Output, T>,
        N: MetricSet<M::Output, T>,
        W: MetricSet<M::Output, T>,
    {
        let (validation_x, validation_y) = fit.validation_data.unzip();
        let validation = validation_x.as_ref().zip(validation_y.as_ref());
        let sample_weight = fit.validation_sample_weight;
        let validation = validation.map(|(x, y)| Supervised { x, y, sample_weight });
        let options = Options::of(&fit);
        let data = Supervised { x: &x, y: &y, sample_weight: fit.sample_weight };
        self.trainer.fit_arrays(
            self.model.weights_mut(),
            data,
            validation,
            fit.class_weight,
            fit.callbacks,
            options,
        )
    }

    /// Learns from whatever yields batches, so that the data need not fit in memory. Of `fit`, what
    /// is said of rows of arrays (`batch_size`, `shuffle`) does not apply. Errors: as
    /// [`Training::fit`]; a `validation_split` and weights by row or class, which ask for arrays;
    /// what the source returns.
    pub fn fit_batches<S>(
        &mut self,
        source: S,
        fit: Fit<'_, M::Input, S::Target>,
    ) -> Result<History>
    where
        S: Batches<Input = M::Input>,
        L: Loss<M::Output, S::Target>,
        N: MetricSet<M::Output, S::Target>,
        W: MetricSet<M::Output, S::Target>,
    {
        let needs_arrays = [
            ("validation_split", fit.validation_split != 0.0),
            ("sample_weight", fit.sample_weight.is_some()),
            ("class_weight", !fit.class_weight.is_empty()),
        ];
        if let Some((argument, _)) = needs_arrays.into_iter().find(|(_, is_given)| *is_given) {
            let expected = "none where batches are streamed; `fit` takes it with arrays".into();
            return Err(Error::InvalidFit { argument, expected, found: "one".into() });
        }
        let (validation_x, validation_y) = fit.validation_data.unzip();
        let validation = validation_x.as_ref().zip(validation_y.as_ref());
        let sample_weight = fit.validation_sample_weight;
        let validation = validation.map(|(x, y)| Supervised { x, y, sample_weight });
        let options = Options::of(&fit);
        self.trainer.fit_feed(
            self.model.weights_mut(),
            &mut Streamed(source),
            validation,
            fit.callbacks,
            options,
        )
    }

    /// The loss and the metrics of `x` against `y`, by name.
    /// Errors: data that is empty, of unequal lengths or not finite, a label that names no class.
    pub fn evaluate<T: Sample>(&mut self, x: &[M::Input], y: &[T]) -> Result<Logs>
    where
        L: Loss<M::Output, T>,
        N: MetricSet<M::Output, T>,
        W: MetricSet<M::Output, T>,
    {
        self.evaluate_with(x, y, Evaluate::default())
    }

    /// The loss and the metrics of `x` against `y`, in batches of a size, of rows that count
    /// differently. Errors: as [`Training::evaluate`]; a batch without rows, weights that make no
    /// sense.
    pub fn evaluate_with<T: Sample>(
        &mut self,
        x: &[M::Input],
        y: &[T],
        evaluate: Evaluate<'_>,
    ) -> Result<Logs>
    where
        L: Loss<M::Output, T>,
        N: MetricSet<M::Output, T>,
        W: MetricSet<M::Output, T>,
    {
        let Evaluate { batch_size, sample_weight } = evaluate;
        let data = Supervised { x: &x, y: &y, sample_weight };
        self.trainer.evaluate_arrays(self.model.weights(), &data, batch_size)
    }

    /// One step of the optimizer. Returns the loss and the metrics of this batch, from before the
    /// step. Allocates nothing after the first step of a batch size, but for the pool's queue of
    /// work, which grows by a block for every few dozen steps that begin outside of a pool. Errors:
    /// as [`Training::evaluate`]; settings of the optimizer that make no sense.
    pub fn train_on_batch<T: Sample>(&mut self, x: &[M::Input], y: &[T]) -> Result<&Logs>
    where
        L: Loss<M::Output, T>,
        N: MetricSet<M::Output, T>,
        W: MetricSet<M::Output, T>,
    {
        self.train_on_batch_with(x, y, TrainOnBatch::default())
    }

    /// One step of the optimizer on rows that count differently. Returns and allocates as
    /// [`Training::train_on_batch`]. Errors: likewise; weights that make no sense.
    pub fn train_on_batch_with<T: Sample>(
        &mut self,
        x: &[M::Input],
        y: &[T],
        batch: TrainOnBatch<'_>,
    ) -> Result<&Logs>
    where
        L: Loss<M::Output, T>,
        N: MetricSet<M::Output, T>,
        W: MetricSet<M::Output, T>,
    {
        let TrainOnBatch { sample_weight, class_weight } = batch;
        let data = Supervised { x: &x, y: &y, sample_weight };
        self.trainer.train_on_batch(self.model.weights_mut(), data, class_weight)
    }
}

#[cfg(test)]
mod tests;
