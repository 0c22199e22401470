//! Datasets of images with labels, as nested arrays scaled to `[0, 1]`.
//!
//! [`digits`] is part of the crate. The others are read from `$KERAS_HOME/datasets/NAME/` (by
//! default `~/.keras/datasets/NAME/`). Files that are absent, and only those, are downloaded there
//! (feature `download`), checked and put in place at once; a file that is there but wrong is an
//! error.

mod cache;
pub mod cifar10;
pub mod digits;
#[cfg(feature = "download")]
mod download;
pub mod fashion_mnist;
mod idx;
pub mod mnist;
#[cfg(test)]
#[cfg(feature = "download")]
mod server;
#[cfg(test)]
mod testing;

use std::env;
use std::path::PathBuf;

/// One part of a dataset, for training or for testing: as many images as labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Split<Image> {
    /// The images, with pixels in `[0, 1]`.
    pub images: Vec<Image>,
    /// The class of each image, from 0.
    pub labels: Vec<u32>,
}

/// The local folder of a dataset, one of this crate or of your own: `$KERAS_HOME/datasets/NAME`, or
/// `~/.keras/datasets/NAME`.
///
/// Source: Keras' `utils/file_utils.py`, which also falls back to the folder for temporary files.
pub fn folder(dataset: &str) -> PathBuf {
    let home = env::var_os("KERAS_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let home = home.unwrap_or_else(|| env::home_dir().unwrap_or_else(env::temp_dir).join(".keras"));
    home.join("datasets").join(dataset)
}

/// Where a dataset's files come from and where they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Address of the folder that has the files, `http` or `https`.
    pub base_url: String,
    /// The local folder that the files are read from and downloaded to.
    pub cache: PathBuf,
}

impl Source {
    /// The source with the usual local folder: `$KERAS_HOME/datasets/NAME`, or
    /// `~/.keras/datasets/NAME`.
    fn of(dataset: &str, base_url: &str) -> Self {
        Self { base_url: base_url.into(), cache: folder(dataset) }
    }

    /// The address of one file.
    fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.base_url.trim_end_matches('/'))
    }
}
