//! What becomes of the sums of a product or a convolution before they are written: a factor and a
//! term for each column, a tensor that is added, a ReLU.

#[cfg(test)]
mod tests;

use keras_ir::activation::Activation;

use super::vectors::{for_each_vector, load, store};
use crate::simd::Simd;

/// A ReLU, with or without an upper bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Clip {
    /// Nothing happens.
    Nothing,
    /// Negative numbers become 0.
    Relu,
    /// And larger ones this.
    Bounded(f32),
}

impl Clip {
    /// The activation as a clip, if it is one.
    pub(super) fn of(f: Activation) -> Option<Clip> {
        match f {
            Activation::Linear => Some(Clip::Nothing),
            Activation::RELU => Some(Clip::Relu),
            Activation::Relu { negative_slope: 0.0, max_value, threshold: 0.0 } => {
                (max_value > 0.0).then_some(Clip::Bounded(max_value))
            }
            _ => None,
        }
    }

    /// NaN stays NaN.
    #[inline(always)]
    pub(super) fn apply<S: Simd>(self, simd: S, x: S::F32) -> S::F32 {
        // In this order NaN is the one that is left.
        match self {
            Clip::Nothing => x,
            Clip::Relu => simd.max(simd.splat(0.0), x),
            Clip::Bounded(most) => simd.min(simd.splat(most), simd.max(simd.splat(0.0), x)),
        }
    }

    /// As [`Clip::apply`], of a tile of vectors, with one look at what is to be done.
    #[inline(always)]
    pub(super) fn apply_all<S: Simd, const ROWS: usize, const VECTORS: usize>(
        self,
        simd: S,
        tile: &mut [[S::F32; VECTORS]; ROWS],
    ) {
        macro_rules! each {
            ($clip:expr) => {
                for row in 0..ROWS {
                    for v in 0..VECTORS {
                        tile[row][v] = $clip.apply(simd, tile[row][v]);
                    }
                }
            };
        }
        match self {
            Clip::Nothing => {}
            Clip::Relu => each!(Clip::Relu),
            Clip::Bounded(most) => each!(Clip::Bounded(most)),
        }
    }
}

/// `y = clip(scale[column] · sum + shift[column] + skip)`, as far as there are such.
#[derive(Clone, Copy)]
pub(super) struct Epilogue<'a> {
    /// Factor and term of each column.
    pub(super) scale: Option<[&'a [f32]; 2]>,
    /// What is added; it lies as the output does.
    pub(super) skip: Option<&'a [f32]>,
    pub(super) clip: Clip,
}

impl<'a> Epilogue<'a> {
    /// Sums are written as they are.
    pub(super) const NOTHING: Epilogue<'static> =
        Epilogue { scale: None, skip: None, clip: Clip::Nothing };

    /// From a column on, which is so many elements further in the output too.
    #[inline(always)]
    pub(super) fn columns_from(self, column: usize) -> Epilogue<'a> {
        let scale = self.scale.map(|scale| scale.map(|numbers| &numbers[column..]));
        Epilogue { scale, ..self }.cells_from(column)
    }

    /// For what lies so many elements further in the output, in the same columns.
    #[inline(always)]
    pub(super) fn cells_from(self, cells: usize) -> Epilogue<'a> {
        Epilogue { skip: self.skip.map(|skip| &skip[cells..]), ..self }
    }

    /// Completes sums of all columns of each row that `y` holds, beginning where `skip` does.
    #[inline(always)]
    pub(super) fn apply<S: Simd>(&self, simd: S, columns: usize, y: &mut [f32]) {
        for (row, y) in y.chunks_exact_mut(columns).enumerate() {
            for_each_vector!(S, columns, |c, len| {
                let mut cell = load(simd, &y[c..], len);
                if let Some([scale, shift]) = self.scale {
                    let (scale, shift) =
                        (load(simd, &scale[c..], len), load(simd, &shift[c..], len));
                    cell = simd.mul_add(cell, scale, shift);
                }
                if let Some(skip) = self.skip {
                    cell = simd.add(cell, load(simd, &skip[row * columns + c..], len));
                }
                store(simd, self.clip.apply(simd, cell), &mut y[c..], len);
            });
        }
    }

    /// One sum, of a column and a place in the output.
    #[inline(always)]
    pub(super) fn number(&self, sum: f32, column: usize, place: usize) -> f32 {
        let mut y = sum;
        if let Some([scale, shift]) = self.scale {
            y = y * scale[column] + shift[column];
        }
        if let Some(skip) = self.skip {
            y += skip[place];
        }
        // In this form NaN stays NaN.
        match self.clip {
            Clip::Relu | Clip::Bounded(_) if y < 0.0 => 0.0,
            Clip::Bounded(most) if y > most => most,
            Clip::Nothing | Clip::Relu | Clip::Bounded(_) => y,
        }
    }
}

/// An [`Epilogue`] of a vector of columns without cases: what does nothing is done with numbers
/// that change nothing.
#[derive(Clone, Copy)]
pub(super) struct VectorEpilogue<S: Simd> {
    scale: S::F32,
    shift: S::F32,
    least: S::F32,
    most: S::F32,
}

impl<S: Simd> VectorEpilogue<S> {
    /// Of the `len` columns from `c` on.
    #[inline(always)]
    pub(super) fn of(simd: S, epilogue: Epilogue<'_>, c: usize, len: usize) -> VectorEpilogue<S> {
        let [scale, shift] = match epilogue.scale {
            Some([scale, shift]) => [load(simd, &scale[c..], len), load(simd, &shift[c..], len)],
            // Added to a zero of either sign, this one leaves the sign.
            None => [simd.splat(1.0), simd.splat(-0.0)],
        };
        let [least, most] = match epilogue.clip {
            Clip::Nothing => [f32::NEG_INFINITY, f32::INFINITY],
            Clip::Relu => [0.0, f32::INFINITY],
            Clip::Bounded(most) => [0.0, most],
        };
        VectorEpilogue { scale, shift, least: simd.splat(least), most: simd.splat(most) }
    }

    /// What comes before a tensor is added.
    #[inline(always)]
    pub(super) fn scaled(&self, simd: S, sum: S::F32) -> S::F32 {
        simd.mul_add(sum, self.scale, self.shift)
    }

    /// What comes after. NaN stays NaN.
    #[inline(always)]
    pub(super) fn clipped(&self, simd: S, y: S::F32) -> S::F32 {
        // In this order NaN is the one that is left.
        simd.min(self.most, simd.max(self.least, y))
    }
}
