//! What can be wrong with a file, one variant per cause, each with the place and the numbers.

use std::fmt;

/// Result of reading or writing a file.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file could not be read or written.
///
/// `path` is the way to the fault: the file, the member inside it, the group or the key inside
/// that, e.g. `mnist.keras/model.weights.h5/layers/dense/vars/0`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    Io {
        /// The way to the fault.
        path: String,
        /// What was tried, e.g. `read`.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The content is not what such a file holds: foreign, truncated or damaged.
    Malformed {
        /// The way to the fault.
        path: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Valid in Keras, but not available here.
    Unsupported {
        /// The way to the fault.
        path: String,
        /// What is there.
        found: String,
        /// What to do instead.
        help: String,
    },
    /// A layer refuses its arguments or what it is called on.
    Refused {
        /// The way to the layer.
        path: String,
        /// The argument or input, what the layer expects there and what was found.
        message: String,
        /// What to do instead.
        help: Option<String>,
    },
    /// A declared size that no honest file of this length has.
    TooLarge {
        /// The way to the fault.
        path: String,
        /// The most that is accepted, in bytes.
        limit_bytes: u64,
        /// What the file declares, in bytes.
        found_bytes: u64,
    },
}

impl Error {
    /// A [`Error::Malformed`] here; the callers put the way to it in front with [`Error::within`].
    pub(crate) fn malformed(expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::Malformed { path: String::new(), expected: expected.into(), found: found.into() }
    }

    /// A [`Error::Unsupported`] here.
    pub(crate) fn unsupported(found: impl Into<String>, help: impl Into<String>) -> Error {
        Error::Unsupported { path: String::new(), found: found.into(), help: help.into() }
    }

    /// The same error with `place` put in front of its path.
    #[must_use]
    pub fn within(mut self, place: &str) -> Error {
        let (Error::Io { path, .. }
        | Error::Malformed { path, .. }
        | Error::Unsupported { path, .. }
        | Error::Refused { path, .. }
        | Error::TooLarge { path, .. }) = &mut self;
        if path.is_empty() {
            *path = place.to_owned();
        } else if !place.is_empty() {
            *path = format!("{place}/{path}");
        }
        self
    }

    /// The way to the fault.
    pub fn path(&self) -> &str {
        let (Error::Io { path, .. }
        | Error::Malformed { path, .. }
        | Error::Unsupported { path, .. }
        | Error::Refused { path, .. }
        | Error::TooLarge { path, .. }) = self;
        path
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, action, source } => write!(f, "cannot {action} `{path}`: {source}"),
            Error::Malformed { path, expected, found } => {
                write!(f, "`{path}`: expected {expected}, found {found}")
            }
            Error::Unsupported { path, found, help } => {
                write!(f, "`{path}`: {found} is not supported\nhelp: {help}")
            }
            Error::Refused { path, message, help } => {
                write!(f, "`{path}`: {message}")?;
                help.iter().try_for_each(|help| write!(f, "\nhelp: {help}"))
            }
            Error::TooLarge { path, limit_bytes, found_bytes } => write!(
                f,
                "`{path}`: expected at most {limit_bytes} bytes, found {found_bytes} declared"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Malformed { .. }
            | Error::Unsupported { .. }
            | Error::Refused { .. }
            | Error::TooLarge { .. } => None,
        }
    }
}
