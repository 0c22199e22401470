//! The IDX format of MNIST and of the sets made to replace it: gzip'd bytes under a big-endian
//! header.
//!
//! Images: magic 0x00000803, count, 28, 28, then the pixels row by row. Labels: magic 0x00000801,
//! count, then the labels. Source: LeCun, Cortes and Burges, "The MNIST database of handwritten
//! digits".

use std::path::Path;

use super::cache::{self, File, corrupted};
use super::{Source, Split};
use crate::array::Array;
use crate::error::Result;

/// One image: height, width, channel, in `[0, 1]`.
pub(super) type Image = [[[f32; 1]; 28]; 28];

/// The files of a set: images and labels for training, then images and labels for testing.
pub(super) type Files<'a> = [File<'a>; 4];

const IMAGES_MAGIC: u32 = 0x0803;
const LABELS_MAGIC: u32 = 0x0801;
const SIDE: u32 = 28;
const CLASSES: u8 = 10;
/// No part of any of the sets holds more.
const MAX_SAMPLES: usize = 60_000;
/// Both kinds of file have at most four 32-bit numbers before their bytes.
const MAX_BYTES: usize = 16 + MAX_SAMPLES * Image::LEN;

/// Reads a whole set, downloading the files that are absent.
pub(super) fn load(
    dataset: &'static str,
    source: &Source,
    files: &Files,
) -> Result<(Split<Image>, Split<Image>)> {
    cache::ensure(dataset, source, files)?;
    let path = |index: usize| source.cache.join(files[index].name);
    Ok((read_split(&path(0), &path(1))?, read_split(&path(2), &path(3))?))
}

fn read_split(images: &Path, labels: &Path) -> Result<Split<Image>> {
    let split = Split { images: read_images(images)?, labels: read_labels(labels)? };
    if split.images.len() != split.labels.len() {
        let expected = format!("{} labels, one for each image", split.images.len());
        return Err(corrupted(labels, expected, split.labels.len().to_string()));
    }
    Ok(split)
}

fn read_images(path: &Path) -> Result<Vec<Image>> {
    let content = cache::gunzip(path, MAX_BYTES)?;
    let ([count, height, width], pixels) = split_header(path, &content, IMAGES_MAGIC)?;
    if [height, width] != [SIDE, SIDE] {
        let found = format!("{height} x {width}");
        return Err(corrupted(path, format!("images of {SIDE} x {SIDE} pixels"), found));
    }
    check_len(path, count, Image::LEN, pixels)?;
    let mut images = Image::zeros(pixels.len() / Image::LEN);
    for (value, &pixel) in Image::flat_mut(&mut images).iter_mut().zip(pixels) {
        *value = f32::from(pixel) / 255.0;
    }
    Ok(images)
}

fn read_labels(path: &Path) -> Result<Vec<u32>> {
    let content = cache::gunzip(path, MAX_BYTES)?;
    let ([count], labels) = split_header(path, &content, LABELS_MAGIC)?;
    check_len(path, count, 1, labels)?;
    if let Some(sample) = labels.iter().position(|&label| label >= CLASSES) {
        let found = format!("{} at sample {sample}", labels[sample]);
        return Err(corrupted(path, format!("labels of 0..{CLASSES}"), found));
    }
    Ok(labels.iter().map(|&label| label.into()).collect())
}

/// Checks the magic number and cuts off the `N` big-endian numbers after it.
fn split_header<'a, const N: usize>(
    path: &Path,
    content: &'a [u8],
    magic: u32,
) -> Result<([u32; N], &'a [u8])> {
    let (numbers, _) = content.as_chunks::<4>();
    let Some(([first, extents @ ..], rest)) =
        numbers.get(..N + 1).map(|header| (header, &content[4 * (N + 1)..]))
    else {
        let expected = format!("a header of {} bytes", 4 * (N + 1));
        return Err(corrupted(path, expected, format!("{} bytes in all", content.len())));
    };
    let found = u32::from_be_bytes(*first);
    if found != magic {
        return Err(corrupted(path, format!("magic {magic:#010x}"), format!("{found:#010x}")));
    }
    Ok((core::array::from_fn(|axis| u32::from_be_bytes(extents[axis])), rest))
}

/// Checks that as many bytes follow the header as it announces.
fn check_len(path: &Path, count: u32, sample_bytes: usize, rest: &[u8]) -> Result<()> {
    let expected = u64::from(count) * sample_bytes as u64;
    if rest.len() as u64 != expected {
        let expected = format!("{expected} bytes after the header");
        return Err(corrupted(path, expected, rest.len().to_string()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::testing::{Made, nowhere};
    use crate::error::Error;

    fn images(count: u32, pixels: &[u8]) -> Vec<u8> {
        let header = [IMAGES_MAGIC, count, SIDE, SIDE].map(u32::to_be_bytes);
        [header.as_flattened(), pixels].concat()
    }

    fn labels(labels: &[u8]) -> Vec<u8> {
        let header = [LABELS_MAGIC, labels.len() as u32].map(u32::to_be_bytes);
        [header.as_flattened(), labels].concat()
    }

    /// Pixels that differ along every axis.
    fn pixels(count: usize) -> Vec<u8> {
        (0..count * Image::LEN).map(|index| (index % 251) as u8).collect()
    }

    /// Writes these four contents as the files of a set and loads it.
    fn load_made(contents: [Vec<u8>; 4]) -> Result<(Split<Image>, Split<Image>)> {
        let folder = tempfile::tempdir().unwrap();
        let names = ["train-images.gz", "train-labels.gz", "t10k-images.gz", "t10k-labels.gz"];
        let made: [Made; 4] = std::array::from_fn(|i| Made::new(names[i], &contents[i]));
        made.iter().for_each(|made| made.write(folder.path()));
        load("made", &nowhere(folder.path()), &made.each_ref().map(Made::file))
    }

    fn good() -> [Vec<u8>; 4] {
        [images(3, &pixels(3)), labels(&[9, 0, 5]), images(2, &pixels(2)), labels(&[1, 8])]
    }

    #[test]
    fn a_set_is_read_row_by_row() {
        let (train, test) = load_made(good()).unwrap();
        assert_eq!((train.images.len(), test.images.len()), (3, 2));
        assert_eq!((train.labels, test.labels), (vec![9, 0, 5], vec![1, 8]));
        let position = Image::LEN + 27 * 28 + 4;
        assert_eq!(train.images[1][27][4], [(position % 251) as f32 / 255.0]);
    }

    #[test]
    fn a_wrong_content_is_an_error_that_names_file_expected_and_found() {
        let mut labels_as_images = good();
        labels_as_images[0] = labels(&[9, 0, 5, 1, 2, 3, 4, 5]);
        let mut short = good();
        short[2].pop();
        let mut huge = good();
        huge[0][4..8].copy_from_slice(&u32::MAX.to_be_bytes());
        let mut wide = good();
        wide[0][15] = 29;
        let mut eleven = good();
        eleven[1] = labels(&[9, 10, 5]);
        let mut fewer = good();
        fewer[3] = labels(&[1]);
        let mut cut = good();
        cut[1].truncate(5);
        let cases = [
            (labels_as_images, "train-images.gz: expected magic 0x00000803, found 0x00000801;"),
            (short, "t10k-images.gz: expected 1568 bytes after the header, found 1567;"),
            (huge, "train-images.gz: expected 3367254359280 bytes after the header, found 2352;"),
            (wide, "train-images.gz: expected images of 28 x 28 pixels, found 28 x 29;"),
            (eleven, "train-labels.gz: expected labels of 0..10, found 10 at sample 1;"),
            (fewer, "t10k-labels.gz: expected 2 labels, one for each image, found 1;"),
            (cut, "train-labels.gz: expected a header of 8 bytes, found 5 bytes in all;"),
        ];
        for (contents, expected) in cases {
            let error = load_made(contents).unwrap_err();
            assert!(matches!(error, Error::DatasetCorrupted { .. }));
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[cfg(feature = "download")]
    #[test]
    fn absent_files_are_downloaded_and_present_ones_are_left_alone() {
        use crate::datasets::server::{Reply, serve};

        let folder = tempfile::tempdir().unwrap();
        let names = ["train-images.gz", "train-labels.gz", "t10k-images.gz", "t10k-labels.gz"];
        let contents = good();
        let made: [Made; 4] = std::array::from_fn(|i| Made::new(names[i], &contents[i]));
        let files = made.each_ref().map(Made::file);
        let replies = made.iter().map(|made| (made.name, Reply::Whole(made.gzip.clone())));
        let online = Source { base_url: serve(replies), cache: folder.path().into() };
        let first = load("made", &online, &files).unwrap();
        assert_eq!(load("made", &nowhere(folder.path()), &files).unwrap(), first);

        std::fs::write(folder.path().join(names[3]), b"spoiled").unwrap();
        assert!(matches!(load("made", &online, &files), Err(Error::DatasetCorrupted { .. })));
        assert_eq!(std::fs::read(folder.path().join(names[3])).unwrap(), b"spoiled");
    }
}
