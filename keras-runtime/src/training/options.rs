//! What a fit is asked for, checked, and put into its course.

use super::arguments::Fit;
use super::check::{self, RowWeights};
use super::course::{Course, Validation};
use super::feed::{Arrays, Feed, Shuffle};
use super::ports::Supervised;
use super::trainer::Trainer;
use crate::callbacks::Callback;
use crate::error::{Error, Result};
use crate::execute::Rows;
use crate::history::History;
use crate::logs::Logs;
use crate::progress::Verbose;

/// What [`Fit`] says without naming a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) batch_size: usize,
    pub(super) epochs: usize,
    pub(super) initial_epoch: usize,
    pub(super) validation_split: f32,
    pub(super) validation_freq: usize,
    pub(super) shuffle: bool,
    pub(super) seed: u64,
    pub(super) verbose: Verbose,
    /// Whether weights were given for rows of a validation that was not.
    weighs_no_validation: bool,
}

impl Options {
    pub(super) fn of<I, T>(fit: &Fit<'_, I, T>) -> Options {
        Options {
            // No batch is larger than memory; sums of it and a row's index cannot overflow.
            batch_size: fit.batch_size.min(u32::MAX as usize),
            epochs: fit.epochs,
            initial_epoch: fit.initial_epoch,
            validation_split: fit.validation_split,
            validation_freq: fit.validation_freq,
            shuffle: fit.shuffle,
            seed: fit.seed,
            verbose: fit.verbose,
            weighs_no_validation: fit.validation_sample_weight.is_some()
                && fit.validation_data.is_none(),
        }
    }

    /// Errors: no row in a batch, no epoch, a share outside of `[0, 1)`, a validation every 0
    /// epochs, weights of rows that are not there.
    fn check(&self) -> Result<()> {
        if self.batch_size == 0 {
            return Err(Error::BatchSizeZero);
        }
        if self.epochs == 0 {
            return Err(Error::EpochsZero);
        }
        if !(0.0..1.0).contains(&self.validation_split) {
            return Err(Error::ValidationSplit { value: self.validation_split });
        }
        if self.validation_freq == 0 {
            let (expected, found) = ("at least 1".into(), "0".into());
            return Err(Error::InvalidFit { argument: "validation_freq", expected, found });
        }
        if self.weighs_no_validation {
            let (expected, found) = ("`validation_data` beside it".into(), "none".into());
            let argument = "validation_sample_weight";
            return Err(Error::InvalidFit { argument, expected, found });
        }
        Ok(())
    }

    /// How many rows are learned from, of `rows`: the first ones, as many as Keras counts.
    pub(super) fn trained_rows(&self, rows: usize) -> Result<usize> {
        if self.validation_split == 0.0 {
            return Ok(rows);
        }
        // The decimal that the user wrote: 60000 rows and a split of 0.1 leave 54000, as in Keras.
        let split = keras_graph::value::shortest(self.validation_split);
        let trained = (rows as f64 * (1.0 - split)).floor() as usize;
        let empty = |part: &str| {
            Err(Error::EmptyData { what: format!("{part} part of a validation_split") })
        };
        match trained {
            0 => empty("training"),
            trained if trained == rows => empty("validation"),
            trained => Ok(trained),
        }
    }
}

impl Trainer {
    /// Refuses data that cannot be learned from or tested.
    pub(super) fn check(&self, data: &Supervised<'_>) -> Result<()> {
        check::data(data, &self.inputs, &*self.losses, &self.outputs)
    }

    /// Refuses data that cannot be tested, and weights of its rows that make no sense.
    fn check_validation(&self, data: &Supervised<'_>) -> Result<()> {
        let place = || Error::within("`validation_data`");
        self.check(data).map_err(place())?;
        let weights = RowWeights { sample_weight: data.sample_weight, class_weight: &[] };
        check::sample_weights(data.y, &self.outputs, weights, &mut Vec::new())
            .map(drop)
            .map_err(place())
    }

    /// Fits to arrays.
    pub(super) fn fit_arrays<'a>(
        &mut self,
        weights: &mut [f32],
        data: Supervised<'a>,
        validation: Option<Supervised<'a>>,
        class_weight: &[(usize, f32)],
        callbacks: Vec<Box<dyn Callback + 'a>>,
        options: Options,
    ) -> Result<History> {
        self.check_settings()?;
        options.check()?;
        self.check(&data)?;
        let row_weights = RowWeights { sample_weight: data.sample_weight, class_weight };
        let mut room = Vec::new();
        let sample_weight = check::sample_weights(data.y, &self.outputs, row_weights, &mut room)?;
        let data = Supervised { sample_weight, ..data };
        let rows = data.x.count();
        let trained = if validation.is_some() { rows } else { options.trained_rows(rows)? };
        // Class weights are of the training alone; a row's own weight goes with the row.
        let held_out = Supervised {
            sample_weight: data.sample_weight.filter(|_| class_weight.is_empty()),
            ..data
        };
        let split = (trained < rows).then_some((held_out, trained..rows));
        let validation = match validation {
            Some(validation) => {
                self.check_validation(&validation)?;
                Some((validation, 0..validation.x.count()))
            }
            None => split,
        };
        let shuffle = options.shuffle.then_some(Shuffle { seed: options.seed });
        let order = (0..trained).collect();
        let mut feed = Arrays { rows: data, batch_size: options.batch_size, order, shuffle };
        let validation = validation.map(|(data, rows)| Validation {
            data,
            rows,
            batch_size: options.batch_size,
            freq: options.validation_freq,
        });
        self.seed = options.seed;
        let course = Course {
            from: options.initial_epoch,
            to: options.epochs,
            validation,
            callbacks,
            verbose: options.verbose,
        };
        self.fit(weights, &mut feed, course)
    }

    /// One step on one batch.
    pub(super) fn train_on_batch(
        &mut self,
        weights: &mut [f32],
        data: Supervised<'_>,
        class_weight: &[(usize, f32)],
    ) -> Result<&Logs> {
        self.check_settings()?;
        self.check(&data)?;
        let row_weights = RowWeights { sample_weight: data.sample_weight, class_weight };
        // Taken out, since the step changes the rest.
        let mut room = core::mem::take(&mut self.class_weights);
        let sample_weight = check::sample_weights(data.y, &self.outputs, row_weights, &mut room)?;
        let data = Supervised { sample_weight, ..data };
        self.reports.reset();
        self.train(weights, &data, Rows::Range(0..data.x.count()));
        self.class_weights = room;
        Ok(self.reports.logs())
    }

    /// Tests all rows of arrays.
    pub(super) fn evaluate_arrays(
        &mut self,
        weights: &[f32],
        data: &Supervised<'_>,
        batch_size: usize,
    ) -> Result<Logs> {
        self.check_settings()?;
        if batch_size == 0 {
            return Err(Error::BatchSizeZero);
        }
        self.check(data)?;
        let row_weights = RowWeights { sample_weight: data.sample_weight, class_weight: &[] };
        check::sample_weights(data.y, &self.outputs, row_weights, &mut Vec::new())?;
        // No batch is larger than memory; sums of it and a row's index cannot overflow.
        let batch_size = batch_size.min(u32::MAX as usize);
        Ok(self.evaluate(weights, data, 0..data.x.count(), batch_size).clone())
    }

    /// Fits to a stream of batches.
    pub(super) fn fit_feed<'a>(
        &mut self,
        weights: &mut [f32],
        feed: &mut dyn Feed,
        validation: Option<Supervised<'a>>,
        callbacks: Vec<Box<dyn Callback + 'a>>,
        options: Options,
    ) -> Result<History> {
        self.check_settings()?;
        options.check()?;
        if let Some(validation) = &validation {
            self.check_validation(validation)?;
        }
        let validation = validation.map(|data| Validation {
            rows: 0..data.x.count(),
            data,
            batch_size: options.batch_size,
            freq: options.validation_freq,
        });
        self.seed = options.seed;
        let course = Course {
            from: options.initial_epoch,
            to: options.epochs,
            validation,
            callbacks,
            verbose: options.verbose,
        };
        self.fit(weights, feed, course)
    }
}
