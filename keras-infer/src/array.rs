//! One sample as a nested array: `[[[f32; 1]; 28]; 28]`, `[f32; 10]`, a single `f32` or `u32`.
//!
//! The type carries the shape, so a batch is a plain slice `&[S]` and its flat view is a cast:
//! nothing is copied and nothing is checked at run time. The trait is sealed: exactly the scalars
//! of [`Element`] and arrays of them, up to [`MAX_RANK`] axes, are samples.

use alloc::vec::Vec;

use bytemuck::Pod;

/// The most axes one sample may have, the batch axis not counted.
pub const MAX_RANK: usize = 8;

mod sealed {
    pub trait Sealed {}
}

/// A number that samples are made of: `f32` for data, `i32` and `u32` for labels and indices.
pub trait Element: Array<Element = Self> + PartialEq + core::fmt::Debug {
    /// The type's name as Keras spells it: `"float32"`, `"int32"` or `"uint32"`.
    const DTYPE: &'static str;
}

/// One sample (or one weight): a scalar, or an array of `Array`s, of fixed shape.
///
/// Shapes: `[[[f32; 3]; 28]; 32]` has the shape `(32, 28, 3)`; a scalar has the shape `()`.
pub trait Array: Pod + Send + Sync + sealed::Sealed {
    /// The scalar at the bottom of the nesting.
    type Element: Element;
    /// Count of axes; 0 for a scalar.
    const RANK: usize;
    /// Count of elements; 1 for a scalar.
    const LEN: usize;
    /// All zeros; [`Array::zeros`] makes large ones.
    #[doc(hidden)]
    const ZERO: Self;
    /// Extents, outermost axis first, then padding; read [`Array::SHAPE`] instead.
    #[doc(hidden)]
    const EXTENTS: &'static [usize; MAX_RANK];
    /// Extents, outermost axis first, usable in constants.
    const SHAPE: &'static [usize] = Self::EXTENTS.split_at(Self::RANK).0;

    /// Extents, outermost axis first.
    fn shape() -> Vec<usize> {
        Self::SHAPE.to_vec()
    }

    /// Views samples as their elements in row-major order, `samples.len() * LEN` of them.
    fn flat(samples: &[Self]) -> &[Self::Element];

    /// Views samples as their elements in row-major order, to be written.
    fn flat_mut(samples: &mut [Self]) -> &mut [Self::Element];

    /// Makes `count` samples of zeros, built on the heap however large one is.
    fn zeros(count: usize) -> Vec<Self> {
        bytemuck::zeroed_vec(count)
    }
}

macro_rules! scalar {
    ($($scalar:ty => $dtype:literal $zero:literal),*) => {$(
        impl sealed::Sealed for $scalar {}

        impl Element for $scalar {
            const DTYPE: &'static str = $dtype;
        }

        impl Array for $scalar {
            type Element = Self;
            const RANK: usize = 0;
            const LEN: usize = 1;
            const ZERO: Self = $zero;
            const EXTENTS: &'static [usize; MAX_RANK] = &[0; MAX_RANK];

            fn flat(samples: &[Self]) -> &[Self] {
                samples
            }

            fn flat_mut(samples: &mut [Self]) -> &mut [Self] {
                samples
            }
        }
    )*};
}

scalar!(f32 => "float32" 0.0, i32 => "int32" 0, u32 => "uint32" 0);

impl<T: sealed::Sealed, const N: usize> sealed::Sealed for [T; N] {}

impl<T: Array, const N: usize> Array for [T; N] {
    type Element = T::Element;
    const RANK: usize = 1 + T::RANK;
    const LEN: usize = N * T::LEN;
    const ZERO: Self = [T::ZERO; N];
    const EXTENTS: &'static [usize; MAX_RANK] = &prepend(N, T::EXTENTS, T::RANK);

    fn flat(samples: &[Self]) -> &[T::Element] {
        bytemuck::must_cast_slice(samples)
    }

    fn flat_mut(samples: &mut [Self]) -> &mut [T::Element] {
        bytemuck::must_cast_slice_mut(samples)
    }
}

/// Puts an outermost axis before `rank` inner ones. Panics (while compiling) past [`MAX_RANK`].
const fn prepend(extent: usize, inner: &[usize; MAX_RANK], rank: usize) -> [usize; MAX_RANK] {
    assert!(rank < MAX_RANK, "a sample has at most 8 axes");
    let mut extents = [0; MAX_RANK];
    extents[0] = extent;
    let mut axis = 0;
    while axis < rank {
        extents[axis + 1] = inner[axis];
        axis += 1;
    }
    extents
}

#[cfg(test)]
mod tests {
    use super::*;

    type Image = [[[f32; 3]; 5]; 2];

    #[test]
    fn a_type_knows_its_shape() {
        const EXTENTS: &[usize] = <Image as Array>::SHAPE;
        assert_eq!(EXTENTS, [2, 5, 3]);
        assert_eq!(Image::shape(), [2, 5, 3]);
        assert_eq!((Image::RANK, Image::LEN), (3, 30));
        assert_eq!((<u32 as Array>::RANK, <u32 as Array>::LEN), (0, 1));
        assert!(f32::shape().is_empty());
        assert_eq!(
            <[[[[[[[[i32; 2]; 3]; 1]; 1]; 1]; 1]; 1]; 4]>::shape(),
            [4, 1, 1, 1, 1, 1, 3, 2]
        );
    }

    #[test]
    fn the_flat_view_is_row_major() {
        let mut samples = [[[1, 2, 3], [4, 5, 6]], [[-1, -2, -3], [-4, -5, -6]]];
        assert_eq!(Array::flat(&samples), [1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6]);
        <[[i32; 3]; 2]>::flat_mut(&mut samples)[7] = 70;
        assert_eq!(samples[1][0][1], 70);
        assert_eq!(f32::flat(&[0.5, -0.5]), [0.5, -0.5]);
        assert!(Image::flat(&[]).is_empty());
    }

    #[test]
    fn zeros_are_built_on_the_heap() {
        // 64 MiB a sample: on the stack this would end the test process.
        let samples = <[[f32; 4096]; 4096]>::zeros(2);
        assert_eq!(samples.len(), 2);
        assert!(<[[f32; 4096]; 4096]>::flat(&samples).iter().step_by(4097).all(|&x| x == 0.0));
    }
}
