//! CIFAR-10: photographs of ten kinds, 32x32 in colour (Krizhevsky 2009), in five training batches
//! and a test batch.
//!
//! The classes: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck. The authors
//! ask to cite A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
//!
//! The local folder may hold the published archive, `cifar-10-binary.tar.gz`, or batches gzip'd one
//! by one, `data_batch_1.bin.gz` to `test_batch.bin.gz`; a batch of its own goes before the
//! archive. Either way a batch is 10,000 records of a label, 1,024 red, 1,024 green and 1,024 blue
//! bytes.

mod archive;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::cache::{self, File, corrupted};
use super::{Source, Split};
use crate::array::Array;
use crate::error::{Error, Result};

/// One image: height, width, channel (red, green, blue), in `[0, 1]`.
pub type Image = [[[f32; 3]; 32]; 32];

const NAME: &str = "cifar10";
const CLASSES: u8 = 10;
const TRAIN_BATCHES: usize = 5;
const PIXELS: usize = 32 * 32;
const CHANNELS: usize = 3;
const RECORD_BYTES: usize = 1 + CHANNELS * PIXELS;
const BATCH_BYTES: usize = 10_000 * RECORD_BYTES;

const ARCHIVE: File = File {
    name: "cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
};

/// A batch of the archive; the sha256 is that of its content, so that any gzip of it will do.
struct Batch {
    name: &'static str,
    sha256: &'static str,
}

const TRAIN: [Batch; TRAIN_BATCHES] = [
    Batch {
        name: "data_batch_1.bin",
        sha256: "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    },
    Batch {
        name: "data_batch_2.bin",
        sha256: "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    },
    Batch {
        name: "data_batch_3.bin",
        sha256: "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    },
    Batch {
        name: "data_batch_4.bin",
        sha256: "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    },
    Batch {
        name: "data_batch_5.bin",
        sha256: "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    },
];

const TEST: Batch = Batch {
    name: "test_batch.bin",
    sha256: "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
};

/// The authors' address of the archive and the usual local folder, `cifar10`.
pub fn source() -> Source {
    Source::of(NAME, "https://www.cs.toronto.edu/~kriz")
}

/// Reads CIFAR-10: 50,000 images for training and 10,000 for testing, downloaded if absent.
///
/// Shapes: an image is `(32, 32, 3)`; labels are `0..10`. Units: `[0, 1]`, where the files have 0
/// to 255. Errors: `DatasetMissing`, naming every absent batch, if the archive cannot be
/// downloaded; `DatasetCorrupted` if a file is not the published one (it stays as it is); `Io` if
/// one cannot be read.
pub fn load() -> Result<(Split<Image>, Split<Image>)> {
    load_batches(&[1, 2, 3, 4, 5])
}

/// Reads the training batches with these numbers, of `1..=5`, in this order, and the test batch.
///
/// Errors: `DatasetBatch` for another number, `EmptyData` for none, and those of [`load`].
pub fn load_batches(batches: &[usize]) -> Result<(Split<Image>, Split<Image>)> {
    load_from(&source(), batches)
}

/// [`load_batches`] from another address or another folder.
pub fn load_from(source: &Source, batches: &[usize]) -> Result<(Split<Image>, Split<Image>)> {
    if batches.is_empty() {
        return Err(Error::EmptyData { what: "`batches` of cifar10".into() });
    }
    let mut wanted = Vec::new();
    for &batch in batches {
        let found = batch.checked_sub(1).and_then(|index| TRAIN.get(index));
        wanted.push(found.ok_or(Error::DatasetBatch {
            dataset: NAME,
            batch,
            batches: TRAIN_BATCHES,
        })?);
    }
    wanted.push(&TEST);
    ensure(source, &wanted)?;
    let mut train = Split { images: Vec::new(), labels: Vec::new() };
    let mut test = train.clone();
    let contents = read_contents(source, &wanted, BATCH_BYTES)?;
    for (batch, (path, content)) in wanted.iter().zip(contents) {
        let split = if batch.name == TEST.name { &mut test } else { &mut train };
        cache::check_sha256(&path, batch.sha256, Sha256::new_with_prefix(&content))?;
        append_records(&path, &content, split)?;
    }
    Ok((train, test))
}

/// Sees to it that every batch is in the cache, on its own or in the archive, which is checked or
/// downloaded.
fn ensure(source: &Source, batches: &[&Batch]) -> Result<()> {
    let mut absent: Vec<String> = batches.iter().map(|batch| gzip_name(batch)).collect();
    absent.retain(|name| !source.cache.join(name).exists());
    let archive = source.cache.join(ARCHIVE.name);
    if absent.is_empty() {
        return Ok(());
    }
    if archive.exists() {
        return cache::verify(&archive, &ARCHIVE);
    }
    cache::fetch(source, &ARCHIVE).map_err(|cause| {
        let address = source.url(ARCHIVE.name);
        cache::missing(NAME, &source.cache, address, absent, cause)
    })
}

fn gzip_name(batch: &Batch) -> String {
    format!("{}.gz", batch.name)
}

/// The content of each batch and the file that it is from: one of its own, or else the archive.
fn read_contents(
    source: &Source,
    batches: &[&Batch],
    batch_bytes: usize,
) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let own = |batch: &Batch| source.cache.join(gzip_name(batch));
    let packed: Vec<&str> =
        batches.iter().filter(|batch| !own(batch).exists()).map(|batch| batch.name).collect();
    let archive = source.cache.join(ARCHIVE.name);
    let mut unpacked = Vec::new();
    if !packed.is_empty() {
        unpacked = archive::members(&archive, &packed, batch_bytes)?;
    }
    let mut unpacked = packed.iter().zip(unpacked).peekable();
    let mut contents = Vec::new();
    for batch in batches {
        let content = match unpacked.next_if(|(name, _)| **name == batch.name) {
            Some((_, content)) => (archive.clone(), content),
            None => (own(batch), cache::gunzip(&own(batch), batch_bytes)?),
        };
        contents.push(content);
    }
    Ok(contents)
}

/// Appends records, turning planes of red, green and blue into pixels of three channels.
fn append_records(path: &Path, content: &[u8], split: &mut Split<Image>) -> Result<()> {
    let (records, rest) = content.as_chunks::<RECORD_BYTES>();
    if records.is_empty() || !rest.is_empty() {
        let expected = format!("records of {RECORD_BYTES} bytes");
        return Err(corrupted(path, expected, format!("{} bytes in all", content.len())));
    }
    let mut images = Image::zeros(records.len());
    let pixels = Image::flat_mut(&mut images).chunks_exact_mut(Image::LEN);
    for (sample, (record, pixels)) in records.iter().zip(pixels).enumerate() {
        let [label, planes @ ..] = record;
        if *label >= CLASSES {
            let found = format!("{label} at record {sample}");
            return Err(corrupted(path, format!("labels of 0..{CLASSES}"), found));
        }
        for (position, pixel) in pixels.chunks_exact_mut(CHANNELS).enumerate() {
            for (channel, value) in pixel.iter_mut().enumerate() {
                *value = f32::from(planes[channel * PIXELS + position]) / 255.0;
            }
        }
        split.labels.push((*label).into());
    }
    split.images.append(&mut images);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::testing::{Made, nowhere};

    #[test]
    fn planes_become_channels() {
        let mut content = Vec::new();
        for (label, first) in [(3, 10), (9, 20)] {
            content.push(label);
            for channel in 0..CHANNELS as u8 {
                content
                    .extend((0..PIXELS).map(|position| (position % 200) as u8 + first + channel));
            }
        }
        let mut split = Split { images: vec![[[[0.5; 3]; 32]; 32]], labels: vec![7] };
        append_records(Path::new("x"), &content, &mut split).unwrap();
        assert_eq!(split.labels, [7, 3, 9]);
        let position = 31 * 32 + 2;
        let expected = [20, 21, 22].map(|first| ((position % 200) + first) as f32 / 255.0);
        assert_eq!(split.images[2][31][2], expected);
        content.pop();
        assert!(append_records(Path::new("x"), &content, &mut split).is_err());
        content.push(0);
        content[RECORD_BYTES] = 10;
        let error = append_records(Path::new("x"), &content, &mut split).unwrap_err().to_string();
        assert!(error.contains("expected labels of 0..10, found 10 at record 1"), "{error}");
    }

    #[test]
    fn every_missing_batch_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["data_batch_1.bin.gz", "test_batch.bin.gz"] {
            Made::new(name, b"not read").write(folder.path());
        }
        let error = load_from(&nowhere(folder.path()), &[1, 2, 3, 4, 5]).unwrap_err();
        let Error::DatasetMissing { files, base_url, .. } = &error else { panic!("{error}") };
        let expected = [2, 3, 4, 5].map(|number| format!("data_batch_{number}.bin.gz"));
        assert_eq!(*files, expected);
        assert_eq!(base_url, "http://127.0.0.1:1/cifar-10-binary.tar.gz");
    }

    #[test]
    fn another_archive_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(ARCHIVE.name), b"another").unwrap();
        let error = load_from(&nowhere(folder.path()), &[3]).unwrap_err().to_string();
        let expected = "cifar-10-binary.tar.gz: expected 170052171 bytes, found 7 bytes";
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn batches_come_from_their_own_files_first_and_from_the_archive_else() {
        let folder = tempfile::tempdir().unwrap();
        let packed = [("d/data_batch_3.bin", &[3; 9][..]), ("d/data_batch_2.bin", &[2; 9])];
        Made::new(ARCHIVE.name, &archive::tests::archive(&packed)).write(folder.path());
        Made::new("data_batch_1.bin.gz", &[1; 9]).write(folder.path());
        let batches = [&TRAIN[1], &TRAIN[0], &TRAIN[2], &TRAIN[1]];
        let contents = read_contents(&nowhere(folder.path()), &batches, 9).unwrap();
        let expected = [[2; 9], [1; 9], [3; 9], [2; 9]];
        assert!(contents.iter().map(|(_, content)| content).eq(&expected));
        assert!(contents[0].0.ends_with(ARCHIVE.name));
        assert!(contents[1].0.ends_with("data_batch_1.bin.gz"));
    }

    #[test]
    fn a_changed_batch_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["data_batch_1.bin.gz", "test_batch.bin.gz"] {
            Made::new(name, &[0; 2 * RECORD_BYTES]).write(folder.path());
        }
        let error = load_from(&nowhere(folder.path()), &[1]).unwrap_err().to_string();
        assert!(error.contains("data_batch_1.bin.gz: expected sha256 cee916563c9f"), "{error}");
    }

    #[test]
    fn a_batch_of_another_number_is_an_error() {
        let source = nowhere(Path::new("nowhere"));
        for batch in [0, 6] {
            let error = load_from(&source, &[1, batch]).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("dataset `cifar10`: expected batches of 1..=5, found {batch}")
            );
        }
        assert!(matches!(load_from(&source, &[]), Err(Error::EmptyData { .. })));
    }
}
