//! Extents of a tensor, per sample, and the limits of what a model may ask for.
//!
//! A model that is larger is refused while it is compiled, at the layer that is too large:
//! - a number such as a kernel's size, a stride or a dilation is at most
//!   [`MAX_COUNT`](crate::parameter::MAX_COUNT);
//! - a tensor of a sample has at most [`MAX_LEN`] elements, and so has a weight;
//! - the scratch of a convolution has at most [`MAX_SCRATCH_LEN`] elements, or, if that is more,
//!   [`MAX_SCRATCHES`] times as many as its larger image or its kernel.

use std::fmt;

use crate::error::LayerError;
use crate::literal::List;

/// Most elements that a tensor may have per sample, and a weight altogether.
pub const MAX_LEN: usize = 1 << 31;

/// Most elements of the scratch of a convolution on a small image: 64 MiB for each thread. Where
/// dilation spreads a kernel far beyond the image, more of it would be padding, copied again and
/// again.
pub const MAX_SCRATCH_LEN: usize = 1 << 24;

/// Most scratch of a convolution on a large image, as a multiple of the image or of the kernel.
pub const MAX_SCRATCHES: usize = 4;

/// The number of elements of a tensor, if all extents are positive and it is at most [`MAX_LEN`].
pub fn checked_len(extents: &[usize]) -> Result<usize, LayerError> {
    let shape = || Shape::new(extents);
    if extents.contains(&0) {
        return Err(LayerError::input(format!("{} has an axis without elements", shape())));
    }
    let len = extents.iter().try_fold(1usize, |len, &extent| len.checked_mul(extent));
    len.filter(|&len| len <= MAX_LEN).ok_or_else(|| {
        LayerError::input(format!("{} has more than {MAX_LEN} elements per sample", shape()))
    })
}

/// The extents that all of several can be repeated to, as numpy does: axes of extent 1 repeat, and
/// axes may be missing in front. None if there are none.
pub(crate) fn broadcast(all: &[&[usize]]) -> Option<Vec<usize>> {
    let rank = all.iter().map(|extents| extents.len()).max().unwrap_or(0);
    let mut to = vec![1; rank];
    for extents in all {
        for (to, &extent) in to[rank - extents.len()..].iter_mut().zip(*extents) {
            if extent != 1 && *to != 1 && *to != extent {
                return None;
            }
            *to = (*to).max(extent);
        }
    }
    Some(to)
}

/// Extents per sample: the batch axis is implied. Printed with it, as `(batch, 28, 28, 1)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// A shape of these extents.
    pub fn new(extents: impl Into<Vec<usize>>) -> Shape {
        Shape(extents.into())
    }

    /// The extents, without the batch.
    pub fn extents(&self) -> &[usize] {
        &self.0
    }

    /// Number of axes, without the batch.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of elements per sample.
    pub fn len(&self) -> usize {
        self.0.iter().product()
    }

    /// Whether some extent is 0; a legal graph has no such shape.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Extents before `axis`, the one at it, and those after, each multiplied up.
    pub fn around(&self, axis: usize) -> (usize, usize, usize) {
        let (before, rest) = self.0.split_at(axis);
        (before.iter().product(), rest[0], rest[1..].iter().product())
    }

    /// The index, without the batch, of an axis as Keras counts it: 0 is the batch and negative
    /// ones count from the end. None if there is no such axis, or if it is the batch.
    pub fn axis(&self, keras_axis: i64) -> Option<usize> {
        let rank = self.0.len() as i64;
        let axis = if keras_axis < 0 { keras_axis + rank } else { keras_axis - 1 };
        (0..rank).contains(&axis).then_some(axis as usize)
    }

    /// The extents as a list of a plan.
    pub fn list(&self) -> List<usize> {
        List::Owned(self.0.clone())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(batch")?;
        for extent in &self.0 {
            write!(f, ", {extent}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_are_repeated_from_the_last() {
        assert_eq!(broadcast(&[&[4, 1, 3], &[5, 1]]), Some(vec![4, 5, 3]));
        assert_eq!(broadcast(&[&[], &[2]]), Some(vec![2]));
        assert_eq!(broadcast(&[&[4, 3], &[2, 3]]), None);
        assert_eq!(broadcast(&[]), Some(vec![]));
    }

    #[test]
    fn axes_are_counted_as_keras_counts_them() {
        let shape = Shape::new([4, 5, 6]);
        assert_eq!(shape.axis(-1), Some(2));
        assert_eq!(shape.axis(1), Some(0));
        assert_eq!(shape.axis(0), None);
        assert_eq!(shape.axis(-4), None);
        assert_eq!(shape.around(1), (4, 5, 6));
        assert_eq!(shape.to_string(), "(batch, 4, 5, 6)");
    }
}
