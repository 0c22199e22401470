//! The products between the transforms: a small matrix product for each of the 36 cells of a
//! transform.
//!
//! All of them run in one function, since one of 16 channels takes less time than to prepare a
//! call. Rows come in multiples of [`ROWS_MULTIPLE`] and columns in whole vectors, so there is
//! nothing to be said of edges.

#![allow(clippy::needless_range_loop, reason = "indices are what tiles are about")]

use keras_target::winograd::{ROWS_MULTIPLE, TRANSFORMED, plane_pitch};

use crate::kernels::tile::{Left, Right};
use crate::simd::{Kernel, Simd};

/// Most vectors of a panel.
const PANEL_VECTORS: usize = 3;

/// Rows that are multiplied with a panel of so many vectors at a time: their sums, a row of the
/// panel and a factor fit the registers.
const fn height<S: Simd>(vectors: usize) -> usize {
    match (S::REGISTERS >= 32, vectors) {
        (true, 1) => 16,
        (true, _) | (false, 1) => 8,
        (false, _) => 4,
    }
}

/// What becomes of the products.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// They are the output.
    Set,
    /// They are added to it, as if one sum had gone on.
    Continue,
}

/// `output[k, r, c] = Σ_i left[k, r, i] · right[k, i, c]` for each cell `k` of a transform.
pub(super) struct Planes<'a, F> {
    /// Rows of the output, a multiple of [`ROWS_MULTIPLE`].
    pub(super) rows: usize,
    /// Columns of the output, whole vectors.
    pub(super) columns: usize,
    /// Length of the sums.
    pub(super) inner: usize,
    /// All planes of the left matrices.
    pub(super) left: &'a [f32],
    /// The matrix that begins with its argument.
    pub(super) matrix: F,
    pub(super) right: &'a [f32],
    pub(super) write: Write,
    pub(super) output: &'a mut [f32],
}

impl<'a, L: Left, F: Fn(&'a [f32]) -> L> Kernel for Planes<'a, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Planes { rows, columns, inner, left, matrix, right, write, output } = self;
        assert!(rows.is_multiple_of(ROWS_MULTIPLE) && columns.is_multiple_of(S::LANES));
        let vectors = columns / S::LANES;
        let panels = vectors.div_ceil(PANEL_VECTORS);
        for k in 0..TRANSFORMED {
            let left = matrix(&left[k * plane_pitch(rows * inner)..]);
            let right = &right[k * plane_pitch(inner * columns)..];
            let output = &mut output[k * plane_pitch(rows * columns)..];
            if (S::LANES, S::REGISTERS, columns, inner, write)
                == (SQUARE, 32, SQUARE, SQUARE, Write::Set)
                && let Some(left) = left.rows_of::<SQUARE>()
            {
                multiply_square(simd, &left[..rows * SQUARE], right, output);
                continue;
            }
            for panel in 0..panels {
                let [first, end] =
                    [panel, panel + 1].map(|panel| vectors * panel / panels * S::LANES);
                let right = Right { cells: &right[first..], stride: columns };
                let plane = Plane { rows, left, right, write, output: &mut output[first..] };
                match (end - first) / S::LANES {
                    1 => plane.multiply::<S, 1>(simd),
                    2 => plane.multiply::<S, 2>(simd),
                    _ => plane.multiply::<S, 3>(simd),
                }
            }
        }
    }
}

/// Rows and columns of a right matrix that stays in registers.
const SQUARE: usize = 16;

/// `output[r, c] = Σ_i left[r, i] · right[i, c]` for rows of one vector, as many as each has
/// elements: half of the registers hold the right matrix, so that nothing is loaded but the
/// factors.
#[inline(always)]
fn multiply_square<S: Simd>(simd: S, left: &[f32], right: &[f32], output: &mut [f32]) {
    const TALL: usize = 2 * ROWS_MULTIPLE;
    let right = simd.load_each::<SQUARE>(right, SQUARE);
    let (tall, short) = left.as_chunks::<{ TALL * SQUARE }>();
    let (tall_output, short_output) = output[..left.len()].as_chunks_mut::<{ TALL * SQUARE }>();
    for (left, output) in tall.iter().zip(tall_output) {
        multiply_rows::<S, TALL, _>(simd, left, &right, output);
    }
    let (short, _) = short.as_chunks::<{ ROWS_MULTIPLE * SQUARE }>();
    let (short_output, _) = short_output.as_chunks_mut::<{ ROWS_MULTIPLE * SQUARE }>();
    for (left, output) in short.iter().zip(short_output) {
        multiply_rows::<S, ROWS_MULTIPLE, _>(simd, left, &right, output);
    }
}

/// `ROWS` rows of [`multiply_square`], `LEN` elements.
#[inline(always)]
fn multiply_rows<S: Simd, const ROWS: usize, const LEN: usize>(
    simd: S,
    left: &[f32; LEN],
    right: &[S::F32; SQUARE],
    output: &mut [f32; LEN],
) {
    let mut sums = [simd.splat(0.0); ROWS];
    // A loop would look the vectors up in memory.
    macro_rules! add {
        ($($i:literal)*) => {$(
            for r in 0..ROWS {
                sums[r] = simd.mul_add(simd.splat(left[r * SQUARE + $i]), right[$i], sums[r]);
            }
        )*};
    }
    add!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    simd.store_each(sums, output, SQUARE);
}

/// A panel of one product.
struct Plane<'a, L> {
    rows: usize,
    left: L,
    right: Right<'a>,
    write: Write,
    output: &'a mut [f32],
}

impl<L: Left> Plane<'_, L> {
    #[inline(always)]
    fn multiply<S: Simd, const VECTORS: usize>(mut self, simd: S) {
        let mut row = 0;
        // Of each height that is left; heights beyond the largest make no code.
        if height::<S>(VECTORS) == 16 {
            row = self.tiles::<S, 16, VECTORS>(simd, row);
        }
        if height::<S>(VECTORS) >= 8 {
            row = self.tiles::<S, 8, VECTORS>(simd, row);
        }
        self.tiles::<S, 4, VECTORS>(simd, row);
    }

    /// Multiplies as many tiles of rows as there are from row `row` on. Returns the row behind
    /// them.
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        mut row: usize,
    ) -> usize {
        let stride = self.right.stride;
        while row + ROWS <= self.rows {
            let output = &mut self.output[row * stride..];
            let mut sums = [[simd.splat(0.0); VECTORS]; ROWS];
            if self.write == Write::Continue {
                for v in 0..VECTORS {
                    let old = simd.load_each::<ROWS>(&output[v * S::LANES..], stride);
                    for r in 0..ROWS {
                        sums[r][v] = old[r];
                    }
                }
            }
            let left = self.left.skip(row);
            let columns = VECTORS * S::LANES;
            let sums = left.accumulate::<S, ROWS, VECTORS, false>(simd, self.right, columns, sums);
            for v in 0..VECTORS {
                let mut column = [simd.splat(0.0); ROWS];
                for r in 0..ROWS {
                    column[r] = sums[r][v];
                }
                simd.store_each(column, &mut output[v * S::LANES..], stride);
            }
            row += ROWS;
        }
        row
    }
}
