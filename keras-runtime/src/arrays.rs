//! Conversions between samples (nested arrays) and `ndarray`, the batch axis first.

use ndarray::{ArrayView, ArrayViewD, Dimension, IxDyn};

use crate::array::Array;
use crate::error::{Error, Result};

/// Views samples as one `ndarray` array, without a copy.
///
/// Shapes: samples of shape `(a, b)` become `(samples, a, b)`.
pub fn to_ndarray<S: Array>(samples: &[S]) -> ArrayViewD<'_, S::Element> {
    let extents = [&[samples.len()], S::SHAPE].concat();
    ArrayViewD::from_shape(IxDyn(&extents), S::flat(samples))
        .expect("the flat view holds samples.len() * LEN elements")
}

/// Copies an `ndarray` array, of any strides, into samples.
///
/// Shapes: `(samples, a, b)` becomes samples of shape `(a, b)`. Errors: [`Error::ShapeMismatch`] if
/// an axis after the first differs from the sample's, or there is no axis.
pub fn from_ndarray<S: Array, D: Dimension>(view: ArrayView<'_, S::Element, D>) -> Result<Vec<S>> {
    let found = view.shape();
    let count = found.first().copied().unwrap_or(1);
    let expected = [&[count], S::SHAPE].concat();
    if found != expected {
        return Err(Error::ShapeMismatch { what: "array".into(), expected, found: found.to_vec() });
    }
    let mut samples = S::zeros(count);
    for (to, from) in S::flat_mut(&mut samples).iter_mut().zip(&view) {
        *to = *from;
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array0, Array3, Axis};

    use super::*;

    const SAMPLES: [[[f32; 3]; 2]; 4] = [
        [[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]],
        [[0.5, 1.5, -2.5], [3.5, 4.5, 5.5]],
        [[7.0, 8.0, 9.0], [-7.0, -8.0, -9.0]],
        [[0.0, 0.1, 0.2], [0.3, 0.4, 0.5]],
    ];

    #[test]
    fn samples_go_to_ndarray_and_back() {
        let view = to_ndarray(&SAMPLES);
        assert_eq!(view.shape(), [4, 2, 3]);
        assert_eq!(view[[1, 0, 2]], -2.5);
        assert_eq!(from_ndarray::<[[f32; 3]; 2], _>(view).unwrap(), SAMPLES);
    }

    #[test]
    fn a_transposed_view_is_read_in_its_logical_order() {
        let mut swapped = Array3::from_shape_fn((3, 2, 4), |(i, j, k)| SAMPLES[k][j][i]);
        swapped.swap_axes(0, 2);
        assert_eq!(from_ndarray::<[[f32; 3]; 2], _>(swapped.view()).unwrap(), SAMPLES);
    }

    #[test]
    fn labels_have_the_batch_axis_alone() {
        let labels = [3u32, 1, 2];
        assert_eq!(to_ndarray(&labels).shape(), [3]);
        assert_eq!(from_ndarray::<u32, _>(to_ndarray(&labels)).unwrap(), labels);
    }

    #[test]
    fn another_shape_is_an_error_that_names_both() {
        let message =
            from_ndarray::<[[f32; 2]; 3], _>(to_ndarray(&SAMPLES)).unwrap_err().to_string();
        assert_eq!(message, "array: expected shape (4, 3, 2), found (4, 2, 3)");
        let view = to_ndarray(&SAMPLES);
        let lost = from_ndarray::<[[f32; 3]; 2], _>(view.index_axis(Axis(0), 0)).unwrap_err();
        assert_eq!(lost.to_string(), "array: expected shape (2, 2, 3), found (2, 3)");
        let scalar = Array0::from_elem((), 1.0);
        assert!(from_ndarray::<f32, _>(scalar.view()).is_err());
    }
}
