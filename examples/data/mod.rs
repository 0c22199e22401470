//! Text files of the folder of datasets, compressed or not, for the examples that read one.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use flate2::read::GzDecoder;

/// Reads the text file `$KERAS_HOME/datasets/NAME`, or `~/.keras/datasets/NAME` if the variable is
/// not set. A name that ends in `.gz` is uncompressed.
///
/// Errors: the file cannot be read, is not in gzip or not UTF-8; the error names it.
pub(crate) fn read(name: &str) -> keras::Result<String> {
    let home = env::var_os("KERAS_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let home = home.unwrap_or_else(|| env::home_dir().unwrap_or_default().join(".keras"));
    let path = home.join("datasets").join(name);
    let mut text = String::new();
    let read = File::open(&path).and_then(|mut file| match name.ends_with(".gz") {
        true => GzDecoder::new(file).read_to_string(&mut text),
        false => file.read_to_string(&mut text),
    });
    let advise = |error: io::Error| {
        let message = format!("{error}; point KERAS_HOME at a folder with datasets/{name}");
        keras::Error::io(path)(io::Error::new(error.kind(), message))
    };
    read.map_err(advise)?;
    Ok(text)
}
