//! What the ways of a depthwise convolution of 3 x 3 share: its images and its vectors of channels.

#![allow(clippy::needless_range_loop, reason = "indices are what taps are about")]

use keras_ir::ops::Window;

use crate::kernels::vectors::load;
use crate::simd::Simd;

/// Rows and columns of the kernel.
pub(super) const EXTENT: usize = 3;

/// Whether a convolution is one of these.
pub(super) fn fits(rows: &Window, columns: &Window) -> bool {
    let is_small = |window: &Window| {
        window.kernel == EXTENT && window.dilation == 1 && window.stride <= 2 && window.pad < EXTENT
    };
    is_small(rows) && is_small(columns) && rows.stride == columns.stride
}

/// Calls `$row::<S, N>(..)` for a number of rows of taps that is known only now.
macro_rules! for_rows {
    ($rows:expr, $row:ident::<$S:ident>($($argument:expr),* $(,)?)) => {
        match $rows {
            0 => $row::<$S, 0>($($argument),*),
            1 => $row::<$S, 1>($($argument),*),
            2 => $row::<$S, 2>($($argument),*),
            _ => $row::<$S, 3>($($argument),*),
        }
    };
}
pub(super) use for_rows;

/// What the rows of a sample share.
#[derive(Clone, Copy)]
pub(super) struct Image<'a> {
    pub(super) columns: Window,
    pub(super) channels: usize,
    /// The input of a convolution; `d_y` for its gradient by `x`.
    pub(super) x: &'a [f32],
    pub(super) kernel: &'a [f32],
    /// Whether the kernel's columns are taken backwards.
    pub(super) is_backwards: bool,
}

impl Image<'_> {
    /// The cells of a row of `x`, from channel `c` on.
    #[inline(always)]
    pub(super) fn row(&self, row: usize, columns: usize, c: usize) -> &[f32] {
        &self.x[row * columns * self.channels..][c..columns * self.channels]
    }

    /// The weights of some rows of the kernel for the channels from `c` on.
    #[inline(always)]
    pub(super) fn weights<S: Simd, const ROWS: usize>(
        &self,
        simd: S,
        cells: [usize; ROWS],
        c: usize,
        len: usize,
    ) -> [[S::F32; EXTENT]; ROWS] {
        let mut weights = [[simd.splat(0.0); EXTENT]; ROWS];
        for r in 0..ROWS {
            for b in 0..EXTENT {
                let column = if self.is_backwards { EXTENT - 1 - b } else { b };
                let cell = cells[r] * EXTENT + column;
                weights[r][b] = load(simd, &self.kernel[cell * self.channels + c..], len);
            }
        }
        weights
    }
}

/// Adds the products of a column of the input with a column of the kernel.
#[inline(always)]
pub(super) fn add_products<S: Simd, const ROWS: usize>(
    simd: S,
    x: [S::F32; ROWS],
    weights: &[[S::F32; EXTENT]; ROWS],
    b: usize,
    mut sum: S::F32,
) -> S::F32 {
    for r in 0..ROWS {
        sum = simd.mul_add(x[r], weights[r][b], sum);
    }
    sum
}

/// A vector of a row; 0 behind its end.
#[inline(always)]
pub(super) fn load_or_0<S: Simd>(simd: S, row: &[f32], place: usize, len: usize) -> S::F32 {
    if place < row.len() { load(simd, &row[place..], len) } else { simd.splat(0.0) }
}

/// The column of some rows that begins at a place.
#[inline(always)]
pub(super) fn load_column<S: Simd, const ROWS: usize>(
    simd: S,
    rows: [&[f32]; ROWS],
    place: usize,
    len: usize,
) -> [S::F32; ROWS] {
    let mut column = [simd.splat(0.0); ROWS];
    for r in 0..ROWS {
        column[r] = load(simd, &rows[r][place..], len);
    }
    column
}

/// A vector of channels of one row or of two.
pub(super) struct Vector<S: Simd> {
    /// The first channel.
    pub(super) c: usize,
    /// Channels.
    pub(super) len: usize,
    /// What sums begin with.
    pub(super) start: S::F32,
}

impl<S: Simd> Vector<S> {
    /// The `len` channels from `c` on, whose sums begin with their bias.
    #[inline(always)]
    pub(super) fn new(simd: S, bias: Option<&[f32]>, c: usize, len: usize) -> Vector<S> {
        let start = match bias {
            Some(bias) => load(simd, &bias[c..], len),
            None => simd.splat(0.0),
        };
        Vector { c, len, start }
    }
}
