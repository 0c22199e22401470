//! What can go wrong at run time: one variant per cause, with the numbers in its fields.
//!
//! Every message names the thing, what was expected and what was found. `Debug` prints the same
//! message as `Display`, so that `fn main() -> keras::Result<()>` ends with a sentence and not with
//! a struct.

mod message;
#[cfg(test)]
mod tests;

use core::fmt;
use std::io;
use std::path::PathBuf;

use crate::dtype_policy::UnknownDtypePolicy;
pub(crate) use message::Shape;

/// What this crate's fallible functions return.
pub type Result<T> = core::result::Result<T, Error>;

/// A mistake in a user's data, arguments or files.
#[non_exhaustive]
pub enum Error {
    /// An integer label names no class.
    LabelOutOfRange {
        /// Index of the sample, from 0.
        sample: usize,
        /// The label found.
        label: i64,
        /// Count of classes: labels are `0..classes`.
        classes: usize,
    },
    /// An input indexes a row that an `Embedding` does not have.
    IndexOutOfRange {
        /// What holds the index: `input`, `input "words"`.
        what: String,
        /// Index of the sample, from 0.
        sample: usize,
        /// The index found.
        index: i64,
        /// Rows of the embedding.
        rows: usize,
    },
    /// An input, target or sample weight is NaN or infinite.
    NonFinite {
        /// What holds the value: `input`, `target`, `input "image"`, `sample_weight`.
        what: String,
        /// Index of the sample, from 0.
        sample: usize,
        /// The value found.
        value: f32,
    },
    /// There is no sample to work on.
    EmptyData {
        /// What is empty: `x`, `training part of a validation_split`.
        what: String,
    },
    /// Two lists that go sample by sample have different lengths.
    LengthsDiffer {
        /// Name of the list that sets the length, usually `x`.
        first: String,
        /// Its count of samples.
        first_len: usize,
        /// Name of the other list: `y`, `sample_weight`.
        second: String,
        /// Its count of samples.
        second_len: usize,
    },
    /// `batch_size` is 0.
    BatchSizeZero,
    /// `epochs` is 0.
    EpochsZero,
    /// `validation_split` is outside `[0, 1)`.
    ValidationSplit {
        /// The value found.
        value: f32,
    },
    /// A weight in `class_weight` or `sample_weight` is NaN or infinite.
    InvalidWeight {
        /// `class_weight` or `sample_weight`.
        what: &'static str,
        /// The class or the sample, from 0.
        index: usize,
        /// The value found.
        value: f32,
    },
    /// `class_weight` names a class that the model does not have.
    ClassWeightClass {
        /// The class named.
        class: usize,
        /// Count of classes of the model.
        classes: usize,
    },
    /// `class_weight` was given for targets that are no class labels.
    ClassWeightTargets {
        /// What the targets are: `float32 of shape (3,)`.
        found: String,
    },
    /// An array does not have the shape that was asked for.
    ShapeMismatch {
        /// What has the shape.
        what: String,
        /// The shape expected, outermost axis first.
        expected: Vec<usize>,
        /// The shape found.
        found: Vec<usize>,
    },
    /// A model's file cannot be read or written.
    File(keras_format::Error),
    /// Reading or writing failed in the operating system.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Files of a dataset are not in its folder and could not be fetched.
    DatasetMissing {
        /// Name of the dataset: `mnist`.
        dataset: &'static str,
        /// Every missing file.
        files: Vec<String>,
        /// The folder that was looked in.
        folder: PathBuf,
        /// The address that has the files.
        base_url: String,
        /// Why the download failed; `None` if this build cannot download.
        cause: Option<Box<Error>>,
    },
    /// A file of a dataset is not the published one.
    DatasetCorrupted {
        /// The file.
        file: PathBuf,
        /// What the published file has: its sha256, a length, a header.
        expected: String,
        /// What this one has.
        found: String,
    },
    /// A dataset has no batch of this number.
    DatasetBatch {
        /// Name of the dataset: `cifar10`.
        dataset: &'static str,
        /// The number asked for.
        batch: usize,
        /// Count of batches: they are numbered from 1.
        batches: usize,
    },
    /// A file could not be downloaded whole and unchanged.
    DownloadFailed {
        /// The file's address.
        url: String,
        /// What happened.
        cause: String,
    },
    /// A file holds a model with the same weights that computes something else.
    OtherArchitecture {
        /// The file.
        path: PathBuf,
        /// Name of the model that was to be loaded.
        model: String,
    },
    /// An optimizer was made with an argument that cannot work.
    InvalidOptimizer {
        /// Name of the optimizer: `Adam`.
        optimizer: &'static str,
        /// Name of the argument: `clipnorm`.
        argument: String,
        /// What it accepts.
        expected: String,
        /// What it was.
        found: String,
    },
    /// A file holds the state of another optimizer, or none.
    OptimizerState {
        /// The file.
        path: PathBuf,
        /// The optimizer whose state was looked for.
        optimizer: &'static str,
        /// What is there.
        found: String,
    },
    /// Something else is wrong with some data: which, and what.
    Within {
        /// Where: `validation_data`, `batch 3 of epoch 0`.
        place: String,
        /// What is wrong there.
        cause: Box<Error>,
    },
    /// Something that a training was made with cannot work.
    InvalidSetting {
        /// What was set: `threads`, `loss_weights` of an output, an argument of a loss.
        setting: String,
        /// What it accepts.
        expected: String,
        /// What it was.
        found: String,
    },
    /// An argument of a fit, an evaluation, a prediction or a step cannot work.
    InvalidFit {
        /// Name of the argument: `class_weight`.
        argument: &'static str,
        /// What it accepts.
        expected: String,
        /// What it was.
        found: String,
    },
    /// A callback was made with an argument that cannot work.
    InvalidCallback {
        /// Name of the callback: `EarlyStopping`.
        callback: &'static str,
        /// Name of the argument: `monitor`.
        argument: &'static str,
        /// What it accepts.
        expected: String,
        /// What it was.
        found: String,
    },
    /// A callback looks for a value that the epochs or batches do not report.
    MissingLog {
        /// Name of the callback: `EarlyStopping`.
        callback: &'static str,
        /// The name looked for: `val_loss`.
        key: String,
        /// The names that are reported.
        found: Vec<String>,
    },
    /// The loss became NaN or infinite.
    NonFiniteLoss {
        /// The epoch, from 0.
        epoch: usize,
        /// The batch in the epoch, from 0.
        batch: usize,
        /// The loss.
        value: f32,
    },
}

impl Error {
    /// Pairs a failure of the operating system with the path it happened at; for `map_err`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// Says where it happened; for `map_err`.
    pub(crate) fn within(place: impl fmt::Display) -> impl FnOnce(Error) -> Self {
        move |cause| Self::Within { place: place.to_string(), cause: Box::new(cause) }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::File(error) => error.source(),
            Self::DatasetMissing { cause: Some(cause), .. } => Some(cause),
            Self::Within { cause, .. } => cause.source(),
            _ => None,
        }
    }
}

impl From<keras_format::Error> for Error {
    fn from(error: keras_format::Error) -> Self {
        Self::File(error)
    }
}

impl From<UnknownDtypePolicy> for Error {
    fn from(UnknownDtypePolicy(name): UnknownDtypePolicy) -> Self {
        Self::InvalidSetting {
            setting: "`dtype_policy`".to_string(),
            expected: "`float32` or `mixed_bfloat16`".to_string(),
            found: format!("`{name}`"),
        }
    }
}
