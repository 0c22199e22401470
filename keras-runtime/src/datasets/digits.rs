//! The 8x8 handwritten digits of scikit-learn: 1,797 images, small enough to be part of the crate.
//!
//! A copy of the test set of the UCI "Optical Recognition of Handwritten Digits" (Alpaydin and
//! Kaynak 1998); origin and licence (BSD 3-Clause) stand in `digits/README.md` beside this file.

use std::io::Read;

use flate2::read::GzDecoder;

use super::Split;
use crate::array::Array;
use crate::stack::with_room;

/// One image: height, width, channel, in `[0, 1]`.
pub type Image = [[[f32; 1]; 8]; 8];

/// Rows of 64 pixels and a label, comma-separated.
const TABLE: &[u8] = include_bytes!("digits/digits.csv.gz");
/// The largest pixel of the table.
const WHITE: u32 = 16;
/// Every fifth row is for testing.
const TEST_EVERY: usize = 5;

/// Reads the digits: 1,437 images for training and 360 for testing (every fifth row, from the
/// first).
///
/// Shapes: an image is `(8, 8, 1)`; labels are `0..10`. Units: `[0, 1]`, where the table has 0
/// to 16. Source: scikit-learn's `load_digits`.
pub fn load() -> (Split<Image>, Split<Image>) {
    let mut table = String::new();
    with_room(|| GzDecoder::new(TABLE).read_to_string(&mut table))
        .expect("the embedded table is gzipped text");
    let mut train = Split { images: Vec::new(), labels: Vec::new() };
    let mut test = train.clone();
    for (row, line) in table.lines().enumerate() {
        let mut image = Image::default();
        let mut numbers = line
            .split(',')
            .map(|number| number.parse::<u32>().expect("the embedded table holds whole numbers"));
        for (pixel, number) in
            Image::flat_mut(std::slice::from_mut(&mut image)).iter_mut().zip(&mut numbers)
        {
            *pixel = number as f32 / WHITE as f32;
        }
        let part = if row.is_multiple_of(TEST_EVERY) { &mut test } else { &mut train };
        part.images.push(image);
        part.labels.push(numbers.next().expect("a row of the embedded table ends with its label"));
    }
    (train, test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_split_by_rows() {
        let (train, test) = load();
        assert_eq!((train.images.len(), train.labels.len()), (1437, 1437));
        assert_eq!((test.images.len(), test.labels.len()), (360, 360));
        // Rows 0, 5, 10 and rows 1, 2, 3, 4, 6 of the table.
        assert_eq!(test.labels[..3], [0, 5, 0]);
        assert_eq!(train.labels[..5], [1, 2, 3, 4, 6]);
        let mut counts = [0; 10];
        train.labels.iter().chain(&test.labels).for_each(|&label| counts[label as usize] += 1);
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }

    #[test]
    fn pixels_stand_row_by_row_and_are_scaled() {
        let (train, test) = load();
        let first_row = test.images[0][0].map(|[pixel]| pixel * 16.0);
        assert_eq!(first_row, [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
        assert_eq!(
            test.images[0][2].map(|[pixel]| pixel * 16.0),
            [0.0, 3.0, 15.0, 2.0, 0.0, 11.0, 8.0, 0.0]
        );
        let pixels = || Image::flat(&train.images).iter().chain(Image::flat(&test.images));
        assert!(pixels().all(|pixel| (0.0..=1.0).contains(pixel)));
        let sum: f32 = pixels().map(|pixel| pixel * 16.0).sum();
        assert_eq!(sum, 561_718.0);
    }
}
