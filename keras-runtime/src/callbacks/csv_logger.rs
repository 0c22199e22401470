//! Writes what each epoch reports to a CSV file. Source: Keras 3.15 `callbacks/csv_logger.py` and
//! Python's `csv`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use crate::callbacks::{Callback, Control};
use crate::error::{Error, Result};
use crate::logs::Logs;
use crate::python::repr;

/// Name of the callback in errors.
const NAME: &str = "CSVLogger";
/// What stands for a value that an epoch does not report.
const NOT_AVAILABLE: &str = "NA";
/// The end of a row.
const END: &str = "\r\n";

/// Adds a row to a CSV file after each epoch, so that the file can be read while the training runs.
///
/// The columns are `epoch`, counted from 0, and the names that the first epoch reports, in
/// alphabetical order. If none of them is of a validation, each stands again with `val_`, for a
/// validation in a later epoch. A value that an epoch does not report is `NA`.
#[derive(Debug)]
pub struct CSVLogger {
    /// The file; its folder must be there.
    pub filename: PathBuf,
    /// What stands between two columns.
    pub separator: char,
    /// Whether rows are added to a file that is there already; otherwise it is emptied.
    pub append: bool,
    /// The open file; it starts empty.
    pub state: CSVLoggerState,
}

/// The open file of a [`CSVLogger`].
#[derive(Debug, Default)]
pub struct CSVLoggerState {
    file: Option<File>,
    has_header: bool,
    keys: Option<Vec<String>>,
}

impl CSVLogger {
    /// A logger that separates by commas and empties a file that is there already.
    pub fn new(filename: impl Into<PathBuf>) -> Self {
        CSVLogger { filename: filename.into(), ..CSVLogger::default() }
    }

    /// A field, in quotes if it could be misread.
    fn quoted(&self, field: &str) -> String {
        if field.contains([self.separator, '"', '\r', '\n']) {
            return format!("\"{}\"", field.replace('"', "\"\""));
        }
        field.into()
    }

    fn row<'a>(&self, fields: impl Iterator<Item = &'a str>) -> String {
        let fields: Vec<String> = fields.map(|field| self.quoted(field)).collect();
        fields.join(&self.separator.to_string()) + END
    }
}

/// A logger that still needs its `filename`.
impl Default for CSVLogger {
    fn default() -> Self {
        CSVLogger {
            filename: PathBuf::new(),
            separator: ',',
            append: false,
            state: CSVLoggerState::default(),
        }
    }
}

impl Callback for CSVLogger {
    /// Errors: [`Error::InvalidCallback`] if `filename` is empty or `separator` cannot separate;
    /// [`Error::Io`] if the file cannot be opened.
    fn on_train_begin(&mut self, _: &mut dyn Control) -> Result<()> {
        if self.filename.as_os_str().is_empty() {
            let (expected, found) = ("the path of a file".into(), "an empty path".into());
            return Err(Error::InvalidCallback {
                callback: NAME,
                argument: "filename",
                expected,
                found,
            });
        }
        if ['"', '\r', '\n'].contains(&self.separator) {
            return Err(Error::InvalidCallback {
                callback: NAME,
                argument: "separator",
                expected: "a character other than quotes and line ends".into(),
                found: format!("{:?}", self.separator),
            });
        }
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(self.append).truncate(!self.append);
        let file = options.open(&self.filename).map_err(Error::io(&self.filename))?;
        let len_bytes = file.metadata().map_err(Error::io(&self.filename))?.len();
        self.state = CSVLoggerState { file: Some(file), has_header: len_bytes > 0, keys: None };
        Ok(())
    }

    /// Errors: [`Error::Io`] if the row cannot be written.
    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, _: &mut dyn Control) -> Result<()> {
        let keys = self.state.keys.take().unwrap_or_else(|| columns(logs));
        let mut text = String::new();
        if !self.state.has_header {
            text += &self.row(["epoch"].into_iter().chain(keys.iter().map(String::as_str)));
            self.state.has_header = true;
        }
        let value = |key: &String| match logs.get(key) {
            Some(value) => repr(f64::from(value)),
            None => NOT_AVAILABLE.into(),
        };
        let fields: Vec<String> =
            [epoch.to_string()].into_iter().chain(keys.iter().map(value)).collect();
        text += &self.row(fields.iter().map(String::as_str));
        self.state.keys = Some(keys);
        let Some(file) = &mut self.state.file else {
            return Ok(());
        };
        file.write_all(text.as_bytes()).map_err(Error::io(&self.filename))
    }

    fn on_train_end(&mut self, _: &Logs, _: &mut dyn Control) -> Result<()> {
        self.state.file = None;
        Ok(())
    }
}

/// The columns after `epoch`.
fn columns(logs: &Logs) -> Vec<String> {
    let mut keys: Vec<String> = logs.keys().map(String::from).collect();
    keys.sort();
    if keys.iter().all(|key| !key.starts_with("val_")) {
        let validations: Vec<String> = keys.iter().map(|key| format!("val_{key}")).collect();
        keys.extend(validations);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callbacks::testing::Fake;

    /// Trains for two epochs and returns the file.
    fn logged(mut logger: CSVLogger, epochs: [&[(&str, f32)]; 2]) -> String {
        let mut fake = Fake::default();
        logger.on_train_begin(&mut fake).unwrap();
        for (epoch, values) in epochs.into_iter().enumerate() {
            let mut logs = Logs::new();
            values.iter().for_each(|(name, value)| logs.push(name, *value));
            logger.on_epoch_end(epoch, &mut logs, &mut fake).unwrap();
        }
        let path = logger.filename.clone();
        // Read before the end: every row is there at once.
        let text = std::fs::read_to_string(path).unwrap();
        logger.on_train_end(&Logs::new(), &mut fake).unwrap();
        text
    }

    #[test]
    fn columns_are_sorted_and_validations_may_come_later() {
        let folder = tempfile::tempdir().unwrap();
        let logger = CSVLogger::new(folder.path().join("log.csv"));
        let epochs: [&[(&str, f32)]; 2] = [
            &[("loss", 0.965_357_4), ("mae", 1e-5), ("learning_rate", 0.5)],
            &[("loss", -2.0), ("val_loss", f32::NAN), ("other", 3.0)],
        ];
        assert_eq!(
            logged(logger, epochs),
            "epoch,learning_rate,loss,mae,val_learning_rate,val_loss,val_mae\r\n\
             0,0.5,0.9653574228286743,9.999999747378752e-06,NA,NA,NA\r\n\
             1,NA,-2.0,NA,NA,nan,NA\r\n"
        );
    }

    #[test]
    fn a_file_that_is_there_is_emptied_or_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let filename = folder.path().join("log.csv");
        let epochs: [&[(&str, f32)]; 2] =
            [&[("loss", 2.0), ("val_loss", 0.25)], &[("loss", 1.5), ("val_loss", -4.0)]];
        let rows = "0;2.0;0.25\r\n1;1.5;-4.0\r\n";
        let logger = || CSVLogger {
            filename: filename.clone(),
            separator: ';',
            append: true,
            ..CSVLogger::default()
        };
        let first = format!("epoch;loss;val_loss\r\n{rows}");
        assert_eq!(logged(logger(), epochs), first);
        assert_eq!(logged(logger(), epochs), format!("{first}{rows}"));
        assert_eq!(logged(CSVLogger { append: false, ..logger() }, epochs), first);
    }

    #[test]
    fn a_name_with_a_separator_stands_in_quotes() {
        let folder = tempfile::tempdir().unwrap();
        let logger = CSVLogger::new(folder.path().join("log.csv"));
        let epochs: [&[(&str, f32)]; 2] = [&[("a,\"b", 1.0), ("val_c", 2.0)], &[]];
        assert_eq!(logged(logger, epochs), "epoch,\"a,\"\"b\",val_c\r\n0,1.0,2.0\r\n1,NA,NA\r\n");
    }

    #[test]
    fn arguments_are_checked() {
        let fake = &mut Fake::default();
        let error = CSVLogger::default().on_train_begin(fake).unwrap_err().to_string();
        assert!(error.contains("`filename`"), "{error}");
        let mut quote = CSVLogger { separator: '"', ..CSVLogger::new("log.csv") };
        let error = quote.on_train_begin(fake).unwrap_err().to_string();
        assert!(error.contains("`separator`"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent").join("log.csv");
        assert!(matches!(CSVLogger::new(absent).on_train_begin(fake), Err(Error::Io { .. })));
    }
}
