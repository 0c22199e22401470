//! Fashion-MNIST: clothes of ten kinds, 28x28 grey (Xiao, Rasul and Vollgraf 2017).
//!
//! Copyright Zalando SE, under the MIT licence. The classes: T-shirt/top, Trouser, Pullover, Dress,
//! Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot.

use super::cache::File;
use super::{Source, Split, idx};
use crate::error::Result;

/// One image: height, width, channel, in `[0, 1]`.
pub type Image = [[[f32; 1]; 28]; 28];

const FILES: idx::Files = [
    File {
        name: "train-images-idx3-ubyte.gz",
        bytes: 26_421_880,
        sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    },
    File {
        name: "train-labels-idx1-ubyte.gz",
        bytes: 29_515,
        sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    },
    File {
        name: "t10k-images-idx3-ubyte.gz",
        bytes: 4_422_102,
        sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    },
    File {
        name: "t10k-labels-idx1-ubyte.gz",
        bytes: 5_148,
        sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
];

/// The public copy of the files and the usual local folder, `fashion_mnist`.
pub fn source() -> Source {
    Source::of("fashion_mnist", "https://storage.googleapis.com/tensorflow/tf-keras-datasets")
}

/// Reads Fashion-MNIST: 60,000 images for training and 10,000 for testing, downloaded if absent.
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
    idx::load("fashion_mnist", source, &FILES)
}
