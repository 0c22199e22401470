//! MNIST: handwritten digits, 28x28 grey (LeCun, Cortes and Burges 1998).
//!
//! Copyright Yann LeCun and Corinna Cortes, available under CC BY-SA 3.0.

use super::cache::File;
use super::{Source, Split, idx};
use crate::error::Result;

/// One image: height, width, channel, in `[0, 1]`.
pub type Image = [[[f32; 1]; 28]; 28];

const FILES: idx::Files = [
    File {
        name: "train-images-idx3-ubyte.gz",
        bytes: 9_912_422,
        sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    },
    File {
        name: "train-labels-idx1-ubyte.gz",
        bytes: 28_881,
        sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
    File {
        name: "t10k-images-idx3-ubyte.gz",
        bytes: 1_648_877,
        sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    },
    File {
        name: "t10k-labels-idx1-ubyte.gz",
        bytes: 4_542,
        sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
];

/// The public copy of the files and the usual local folder, `mnist`.
pub fn source() -> Source {
    Source::of("mnist", "https://storage.googleapis.com/cvdf-datasets/mnist")
}

/// Reads MNIST: 60,000 images for training and 10,000 for testing, downloaded if absent.
///
/// Shapes: an image is `(28, 28, 1)`; labels are `0..10`. Units: `[0, 1]`, where the files have 0
/// to 255. Errors: `DatasetMissing` if files are absent and cannot be downloaded,
/// `DatasetCorrupted` if a file is not the published one (it stays as it is), `Io` if one cannot be
/// read.
pub fn load() -> Result<(Split<Image>, Split<Image>)> {
    load_from(&source())
}

/// [`load`] from another address or another folder.
pub fn load_from(source: &Source) -> Result<(Split<Image>, Split<Image>)> {
    idx::load("mnist", source, &FILES)
}
