//! Images of another size.

use crate::literal::literal_enum;
use crate::ops::declare::ops;

/// How cells between the given ones are made when an image is enlarged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest cell is repeated.
    Nearest,
    /// Linear along each axis, between half-pixel centres.
    Bilinear,
    /// Cubic (Keys, a = -0.5) along each axis, between half-pixel centres.
    Bicubic,
    /// Lanczos with 3 lobes along each axis.
    Lanczos3,
    /// Lanczos with 5 lobes along each axis.
    Lanczos5,
}
literal_enum!(Interpolation { Nearest, Bilinear, Bicubic, Lanczos3, Lanczos5 });

// First the rows are widened, then the columns lengthened.
ops! {
    /// Enlarges an image `[h, w, c]` to `[h · rows, w · columns, c]`.
    Upsample2D {
        h: usize,
        w: usize,
        c: usize,
        rows: usize,
        columns: usize,
        interpolation: Interpolation,
    }
    reads (x: sample(h * w * c))
    makes sample(h * rows * w * columns * c)
    flops 2 * interpolation * h * w * c * columns * (1 + rows);

    /// The adjoint of [`Upsample2D`], with its fields.
    Upsample2DGrad {
        h: usize,
        w: usize,
        c: usize,
        rows: usize,
        columns: usize,
        interpolation: Interpolation,
    }
    reads (d_y: sample(h * rows * w * columns * c))
    makes sample(h * w * c)
    flops 2 * interpolation * h * w * c * columns * (1 + rows);
}
