//! Convolutions with so few filters that a vector of them would be nearly empty: vectors run along
//! the window instead.
//!
//! ```text
//! forward  y[i, j, f]     = Σ over window rows a: x[rows(i, a), columns(j, 0).., :] · w[f, a, ..]
//! by w     d_w[f, a, ..] += Σ over cells (i, j):  d_y[i, j, f] · x[rows(i, a), columns(j, 0).., :]
//! ```
//! Those of the forward pass are dot products, and `w` is the kernel turned
//! around, a row for each filter.

#![allow(clippy::needless_range_loop, reason = "indices are what tiles are about")]

use crate::kernels::epilogue::Epilogue;
use crate::kernels::tile::{Right, Rows};
use crate::simd::{Kernel, Simd};

/// Copies the kernel `[cells, filters]` to `[filters, cells]`.
pub(super) fn turn(kernel: &[f32], filters: usize, turned: &mut [f32]) {
    let cells = kernel.len() / filters;
    for (f, row) in turned.chunks_exact_mut(cells).enumerate() {
        for (weight, cell) in row.iter_mut().zip(kernel.chunks_exact(filters)) {
            *weight = cell[f];
        }
    }
}

/// Adds `[filters, cells]` to the gradient `[cells, filters]`.
pub(super) fn add_turned(turned: &[f32], filters: usize, d_kernel: &mut [f32]) {
    let cells = d_kernel.len() / filters;
    for (f, row) in turned.chunks_exact(cells).enumerate() {
        for (d_weight, cell) in row.iter().zip(d_kernel.chunks_exact_mut(filters)) {
            cell[f] += d_weight;
        }
    }
}

/// `output[r · stride + f] = bias[f] + Σ_i left[r, i] · weights[f, i]` for `rows` rows and each of
/// `filters` filters.
pub(super) struct Dots<'a> {
    pub(super) rows: usize,
    pub(super) left: Rows<'a>,
    /// A row for each filter.
    pub(super) weights: Right<'a>,
    pub(super) filters: usize,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) epilogue: Epilogue<'a>,
    pub(super) output: &'a mut [f32],
    pub(super) stride: usize,
}

impl Kernel for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let mut first = 0;
        while first + 4 < self.rows {
            self.tile::<S, 8>(simd, first);
            first += 8;
        }
        if first < self.rows {
            self.tile::<S, 4>(simd, first);
        }
    }
}

impl Dots<'_> {
    /// `ROWS` rows from `first` on; where less are left, the last is multiplied more than once.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize>(&mut self, simd: S, first: usize) {
        for f in 0..self.filters {
            let sums = self.sums::<S, ROWS>(simd, first, f);
            let start = self.bias.map_or(0.0, |bias| bias[f]);
            for r in 0..ROWS.min(self.rows - first) {
                let y = start + simd.sum(sums[r]);
                let place = (first + r) * self.stride + f;
                self.output[place] = self.epilogue.number(y, f, place);
            }
        }
    }

    #[inline(always)]
    fn sums<S: Simd, const ROWS: usize>(&self, simd: S, first: usize, f: usize) -> [S::F32; ROWS] {
        let Rows { cells, row_stride, outer, outer_stride, inner, inner_stride, run } = self.left;
        let mut sums = [simd.splat(0.0); ROWS];
        for a in 0..outer {
            for b in 0..inner {
                let cells = &cells[a * outer_stride + b * inner_stride..];
                let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
                for r in 0..ROWS {
                    rows[r] = &cells[(first + r).min(self.rows - 1) * row_stride..][..run];
                }
                let weights = f * self.weights.stride + (a * inner + b) * run;
                let weights = &self.weights.cells[weights..][..run];
                let whole = run - run % S::LANES;
                for i in (0..whole).step_by(S::LANES) {
                    let w = simd.load(&weights[i..]);
                    for r in 0..ROWS {
                        sums[r] = simd.mul_add(simd.load(&rows[r][i..]), w, sums[r]);
                    }
                }
                if whole < run {
                    let w = simd.load_part(&weights[whole..]);
                    for r in 0..ROWS {
                        sums[r] = simd.mul_add(simd.load_part(&rows[r][whole..]), w, sums[r]);
                    }
                }
            }
        }
        sums
    }
}
