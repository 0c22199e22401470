//! Inputs and targets: from files, or random.

use std::path::Path;

use keras::array::Array;
use keras::sample::Sample;
use keras_runtime::random::Random;

use crate::{Failure, Result, npy};

/// Seed of everything random.
pub(crate) const SEED: u64 = 7;

/// Words that a text may have.
const WORDS: usize = 20_000;

/// An element of an input.
pub(crate) trait Number: Copy {
    /// Its type in a file of numpy.
    const TYPE: &str;

    fn random(random: &mut Random) -> Self;

    fn from_bytes(bytes: [u8; 4]) -> Self;
}

/// Normal numbers, since zeros could be skipped over.
impl Number for f32 {
    const TYPE: &str = "<f4";

    fn random(random: &mut Random) -> f32 {
        random.normal() as f32
    }

    fn from_bytes(bytes: [u8; 4]) -> f32 {
        f32::from_le_bytes(bytes)
    }
}

/// Numbers of words.
impl Number for i32 {
    const TYPE: &str = "<i4";

    fn random(random: &mut Random) -> i32 {
        random.below(WORDS) as i32
    }

    fn from_bytes(bytes: [u8; 4]) -> i32 {
        i32::from_le_bytes(bytes)
    }
}

/// So many inputs: the first ones of `NAME.x.npy` in `folder`, or random ones.
pub(crate) fn inputs<X: Array<Element: Number>>(
    folder: Option<&Path>,
    name: &str,
    count: usize,
) -> Result<Vec<X>> {
    if let Some(folder) = folder {
        return read(&folder.join(format!("{name}.x.npy")), count);
    }
    let mut random = Random::stream(SEED, name);
    let mut x = X::zeros(count);
    X::flat_mut(&mut x).fill_with(|| X::Element::random(&mut random));
    Ok(x)
}

/// Something that a model is trained towards.
pub(crate) trait Target<X>: Sample {
    /// The targets of `x`: from a file, or random.
    fn read(path: Option<&Path>, x: &[X]) -> Result<Vec<Self>>
    where
        Self: Sized;
}

/// Classes of ten.
impl<X> Target<X> for u32 {
    fn read(path: Option<&Path>, x: &[X]) -> Result<Vec<u32>> {
        const CLASSES: usize = 10;
        let Some(path) = path else {
            let mut random = Random::stream(SEED, "labels");
            return Ok(x.iter().map(|_| random.below(CLASSES) as u32).collect());
        };
        let labels = elements(path, "<i4", x.len())?;
        Ok(labels.into_iter().map(u32::from_le_bytes).collect())
    }
}

/// An image of the input's shape: by default the sigmoid of the input.
impl<T: Array<Element = f32>, const N: usize> Target<[T; N]> for [T; N] {
    fn read(path: Option<&Path>, x: &[[T; N]]) -> Result<Vec<[T; N]>> {
        if let Some(path) = path {
            return read(path, x.len());
        }
        let mut y = x.to_vec();
        for y in <[T; N]>::flat_mut(&mut y) {
            *y = 1.0 / (1.0 + (-*y).exp());
        }
        Ok(y)
    }
}

/// Truth of a text: 0 or 1.
impl Target<[i32; 200]> for [f32; 1] {
    fn read(path: Option<&Path>, x: &[[i32; 200]]) -> Result<Vec<[f32; 1]>> {
        if let Some(path) = path {
            return read(path, x.len());
        }
        let mut random = Random::stream(SEED, "truths");
        Ok(x.iter().map(|_| [random.below(2) as f32]).collect())
    }
}

/// What follows a series: a normal number.
impl Target<[[f32; 7]; 120]> for [f32; 1] {
    fn read(path: Option<&Path>, x: &[[[f32; 7]; 120]]) -> Result<Vec<[f32; 1]>> {
        match path {
            Some(path) => read(path, x.len()),
            None => inputs(None, "following", x.len()),
        }
    }
}

/// The word behind each word of a text.
impl<const STEPS: usize> Target<[i32; STEPS]> for [u32; STEPS] {
    fn read(path: Option<&Path>, x: &[[i32; STEPS]]) -> Result<Vec<[u32; STEPS]>> {
        let labels: Vec<u32> = match path {
            Some(path) => {
                let labels = elements(path, "<i4", x.len() * STEPS)?;
                labels.into_iter().map(u32::from_le_bytes).collect()
            }
            None => {
                let mut random = Random::stream(SEED, "labels");
                (0..x.len() * STEPS).map(|_| random.below(WORDS) as u32).collect()
            }
        };
        Ok(labels.as_chunks().0.to_vec())
    }
}

/// The first samples of a file.
fn read<X: Array<Element: Number>>(path: &Path, count: usize) -> Result<Vec<X>> {
    let elements = elements(path, X::Element::TYPE, count * X::LEN)?;
    let mut x = X::zeros(count);
    for (to, from) in X::flat_mut(&mut x).iter_mut().zip(elements) {
        *to = X::Element::from_bytes(from);
    }
    Ok(x)
}

/// The first `len` elements of a file.
fn elements(path: &Path, descr: &str, len: usize) -> Result<Vec<[u8; 4]>> {
    let mut elements = npy::read(path, descr)?;
    if elements.len() < len {
        let found = elements.len();
        let message = format!("{}: expected {len} numbers, found {found}", path.display());
        return Err(Failure::Usage(message));
    }
    elements.truncate(len);
    Ok(elements)
}
