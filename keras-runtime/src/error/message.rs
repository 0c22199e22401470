//! The messages of errors: the thing, what was expected, what was found.

use core::fmt;

use super::Error;
use crate::logs::meant;

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LabelOutOfRange { sample, label, classes } => {
                write!(f, "label of sample {sample}: expected one of 0..{classes}, found {label}")
            }
            Self::IndexOutOfRange { what, sample, index, rows } => write!(
                f,
                "{what} of sample {sample}: expected indices below {rows}, \
                 the rows of the embedding, found {index}"
            ),
            Self::NonFinite { what, sample, value } => {
                write!(f, "{what} of sample {sample}: expected finite numbers, found {value}")
            }
            Self::EmptyData { what } => write!(f, "{what}: expected at least 1 sample, found 0"),
            Self::LengthsDiffer { first, first_len, second, second_len } => write!(
                f,
                "`{second}`: expected {first_len} samples, as many as `{first}` has, \
                 found {second_len}"
            ),
            Self::BatchSizeZero => f.write_str("`batch_size`: expected at least 1, found 0"),
            Self::EpochsZero => f.write_str("`epochs`: expected at least 1, found 0"),
            Self::ValidationSplit { value } => {
                write!(f, "`validation_split`: expected a fraction in [0, 1), found {value}")
            }
            Self::InvalidWeight { what, index, value } => {
                write!(f, "`{what}` at {index}: expected a finite number, found {value}")
            }
            Self::ClassWeightClass { class, classes } => {
                write!(f, "`class_weight`: expected classes of 0..{classes}, found {class}")
            }
            Self::ClassWeightTargets { found } => write!(
                f,
                "`class_weight`: expected targets that are class labels or one-hot, found {found}; \
                 `sample_weight` weighs any target"
            ),
            Self::ShapeMismatch { what, expected, found } => {
                write!(f, "{what}: expected shape {}, found {}", Shape(expected), Shape(found))
            }
            Self::File(error) => write!(f, "{error}"),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::DatasetMissing { .. } => self.fmt_missing(f),
            Self::DatasetCorrupted { file, expected, found } => write!(
                f,
                "{}: expected {expected}, found {found}; delete the file to fetch it again",
                file.display()
            ),
            Self::DatasetBatch { dataset, batch, batches } => {
                write!(f, "dataset `{dataset}`: expected batches of 1..={batches}, found {batch}")
            }
            Self::DownloadFailed { url, cause } => write!(f, "{url}: {cause}"),
            Self::OtherArchitecture { path, model } => write!(
                f,
                "{}: expected the architecture of `{model}`, found the same weights in another: an \
                 activation, a stride or another argument differs",
                path.display()
            ),
            Self::InvalidOptimizer { optimizer, argument, expected, found } => {
                write!(f, "`{optimizer}`: `{argument}`: expected {expected}, found {found}")
            }
            Self::OptimizerState { path, optimizer, found } => write!(
                f,
                "{}: expected the state of the optimizer `{optimizer}`, found {found}",
                path.display()
            ),
            Self::Within { place, cause } => write!(f, "{place}: {cause}"),
            Self::InvalidSetting { setting, expected, found } => {
                write!(f, "{setting}: expected {expected}, found {found}")
            }
            Self::InvalidFit { argument, expected, found } => {
                write!(f, "`{argument}`: expected {expected}, found {found}")
            }
            Self::InvalidCallback { callback, argument, expected, found } => {
                write!(f, "`{callback}`: `{argument}`: expected {expected}, found {found}")
            }
            Self::MissingLog { .. } => self.fmt_missing_log(f),
            Self::NonFiniteLoss { epoch, batch, value } => write!(
                f,
                "loss at batch {batch} of epoch {epoch}: expected a finite number, found {value}"
            ),
        }
    }
}

impl Error {
    /// Writes [`Error::DatasetMissing`]: every file, where it was looked for, and how to get it.
    fn fmt_missing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::DatasetMissing { dataset, files, folder, base_url, cause } = self else {
            return Ok(());
        };
        let (files, folder) = (files.join(", "), folder.display());
        write!(f, "dataset `{dataset}`: expected {files} in {folder}, found none of them. ")?;
        match cause {
            Some(cause) => write!(f, "The download failed: {cause}. ")?,
            None => f.write_str("This build cannot download: feature `download` is off. ")?,
        }
        write!(f, "Put the files there by hand (from {base_url}), or point KERAS_HOME at a copy")
    }

    /// Writes [`Error::MissingLog`]: the name, those that are there, and where `val_` comes from.
    fn fmt_missing_log(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::MissingLog { callback, key, found: keys } = self else {
            return Ok(());
        };
        let found = match keys.is_empty() {
            true => "nothing".into(),
            false => format!("`{}`", keys.join("`, `")),
        };
        write!(f, "`{callback}`: expected `{key}` to be reported, found {found}")?;
        if let Some(key) = meant(key, keys.iter().map(String::as_str)) {
            write!(f, "; did you mean `{key}`?")?;
        }
        match key.starts_with("val_") {
            true => f.write_str("; names with `val_` need validation data or a `validation_split`"),
            false => Ok(()),
        }
    }
}

/// A shape as Keras prints it: `(28, 28, 1)`, `(10,)`, `()`.
pub(crate) struct Shape<'a>(pub(crate) &'a [usize]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [extent] = self.0 {
            return write!(f, "({extent},)");
        }
        let extents: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "({})", extents.join(", "))
    }
}
