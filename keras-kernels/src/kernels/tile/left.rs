//! Left matrices: how a tile's rows are read.

#![allow(clippy::needless_range_loop, reason = "indices are what tiles are about")]

use super::panels::{HEIGHT_OF_ONE_VECTOR, ROW_PANEL_VECTORS};
use super::right::Right;
use crate::simd::Simd;

/// A left matrix: something whose rows can be multiplied, a tile at a time.
pub(in crate::kernels) trait Left: Copy {
    /// Most vectors of a panel that it is multiplied with.
    const PANEL_VECTORS: usize = ROW_PANEL_VECTORS;
    /// Most rows of a tile of one vector, where there are many registers.
    const HEIGHT_OF_ONE_VECTOR: usize = HEIGHT_OF_ONE_VECTOR;

    /// The same matrix from row `row` on.
    fn skip(self, row: usize) -> Self;

    /// The elements in their order, if they are rows of `LEN` elements one after the other.
    fn rows_of<const LEN: usize>(&self) -> Option<&[f32]> {
        None
    }

    /// Adds the product of the first `ROWS` rows with the panel `right` of `columns` columns.
    fn accumulate<S: Simd, const ROWS: usize, const VECTORS: usize, const PART: bool>(
        self,
        simd: S,
        right: Right<'_>,
        columns: usize,
        sums: [[S::F32; VECTORS]; ROWS],
    ) -> [[S::F32; VECTORS]; ROWS];
}

/// A matrix whose row `r` is made of `outer · inner` runs of `run` elements; run `(a, b)` begins at
/// `r · row_stride + a · outer_stride + b · inner_stride`.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Rows<'a> {
    pub(in crate::kernels) cells: &'a [f32],
    pub(in crate::kernels) row_stride: usize,
    pub(in crate::kernels) outer: usize,
    pub(in crate::kernels) outer_stride: usize,
    pub(in crate::kernels) inner: usize,
    pub(in crate::kernels) inner_stride: usize,
    pub(in crate::kernels) run: usize,
}

impl<'a> Rows<'a> {
    /// Rows of one run.
    #[inline(always)]
    pub(in crate::kernels) fn plain(cells: &'a [f32], row_stride: usize, run: usize) -> Rows<'a> {
        Rows { cells, row_stride, outer: 1, outer_stride: 0, inner: 1, inner_stride: 0, run }
    }
}

impl Left for Rows<'_> {
    /// So many sums that none is waited for, also where something comes in between.
    const HEIGHT_OF_ONE_VECTOR: usize = 12;

    #[inline(always)]
    fn skip(self, row: usize) -> Self {
        Rows { cells: &self.cells[row * self.row_stride..], ..self }
    }

    #[inline(always)]
    fn rows_of<const LEN: usize>(&self) -> Option<&[f32]> {
        let is_plain = (self.outer, self.inner, self.run, self.row_stride) == (1, 1, LEN, LEN);
        is_plain.then_some(self.cells)
    }

    #[inline(always)]
    fn accumulate<S: Simd, const ROWS: usize, const VECTORS: usize, const PART: bool>(
        self,
        simd: S,
        right: Right<'_>,
        columns: usize,
        mut sums: [[S::F32; VECTORS]; ROWS],
    ) -> [[S::F32; VECTORS]; ROWS] {
        let mut i = 0;
        for a in 0..self.outer {
            for b in 0..self.inner {
                let cells = &self.cells[a * self.outer_stride + b * self.inner_stride..];
                let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
                for r in 0..ROWS {
                    rows[r] = &cells[r * self.row_stride..][..self.run];
                }
                for q in 0..self.run {
                    let w = right.row::<S, VECTORS, PART>(simd, i, columns);
                    for r in 0..ROWS {
                        let x = simd.splat(rows[r][q]);
                        for v in 0..VECTORS {
                            sums[r][v] = simd.add_product(x, w[v], sums[r][v]);
                        }
                    }
                    i += 1;
                }
            }
        }
        sums
    }
}

/// A matrix whose element `(row, i)` stands at `line · line_stride + step · step_stride + row`,
/// where `i = line · steps + step` counts along the inner axis.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Columns<'a> {
    pub(in crate::kernels) cells: &'a [f32],
    pub(in crate::kernels) lines: usize,
    pub(in crate::kernels) line_stride: usize,
    pub(in crate::kernels) steps: usize,
    pub(in crate::kernels) step_stride: usize,
    /// Elements of the right matrix from the rows of one line to those of the next.
    pub(in crate::kernels) right_line_stride: usize,
}

impl<'a> Columns<'a> {
    /// One line of `steps` columns.
    #[inline(always)]
    pub(in crate::kernels) fn plain(
        cells: &'a [f32],
        step_stride: usize,
        steps: usize,
    ) -> Columns<'a> {
        Columns { cells, lines: 1, line_stride: 0, steps, step_stride, right_line_stride: 0 }
    }
}

impl Left for Columns<'_> {
    #[inline(always)]
    fn skip(self, row: usize) -> Self {
        Columns { cells: &self.cells[row..], ..self }
    }

    #[inline(always)]
    fn accumulate<S: Simd, const ROWS: usize, const VECTORS: usize, const PART: bool>(
        self,
        simd: S,
        right: Right<'_>,
        columns: usize,
        mut sums: [[S::F32; VECTORS]; ROWS],
    ) -> [[S::F32; VECTORS]; ROWS] {
        for line in 0..self.lines {
            let cells = &self.cells[line * self.line_stride..];
            let right = Right { cells: &right.cells[line * self.right_line_stride..], ..right };
            for step in 0..self.steps {
                let w = right.row::<S, VECTORS, PART>(simd, step, columns);
                let column = &cells[step * self.step_stride..][..ROWS];
                for r in 0..ROWS {
                    let x = simd.splat(column[r]);
                    for v in 0..VECTORS {
                        sums[r][v] = simd.add_product(x, w[v], sums[r][v]);
                    }
                }
            }
        }
        sums
    }
}
