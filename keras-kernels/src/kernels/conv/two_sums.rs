//! Pointwise convolutions whose last filters fill half a vector: a whole one then has two sums for
//! each of them, over the channels of even and those of odd index, so that no lane multiplies in
//! vain.
//!
//! ```text
//! even[r, f] = Σ_p x[r, 2 p] · w[2 p, f]
//! odd[r, f]  = Σ_p x[r, 2 p + 1] · w[2 p + 1, f]
//! y[r, f]    = even[r, f] + odd[r, f]
//! ```
//! A row's two sums of a filter are neighbours in a vector, and so are the weights of two channels
//! in a copy of the kernel.

#![allow(clippy::needless_range_loop, reason = "indices are what tiles are about")]

use keras_target::cost::{HALF_VECTOR, two_sums_len};

use crate::kernels::epilogue::{Epilogue, VectorEpilogue};
use crate::kernels::gemm::MatrixProduct;
use crate::kernels::tile::{Product, Right, Rows, Write, multiply};
use crate::simd::{Kernel, Simd};

/// Lanes of a vector that such filters fill half of.
const LANES: usize = 2 * HALF_VECTOR;

/// Rows of a tile: as many sums as multiplications are under way at a time.
const HEIGHT: usize = 8;

/// The convolution; where vectors have other lengths, as any other.
pub(super) struct TwoSums<'a>(pub(super) MatrixProduct<'a>);

impl Kernel for TwoSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        if S::LANES != LANES {
            return simd.enter(self.0);
        }
        let MatrixProduct { rows, k, n, x, w, bias, epilogue, y, scratch, .. } = self.0;
        let first = n - HALF_VECTOR;
        if first > 0 {
            let right = Right { cells: w, stride: n };
            let write = bias.map_or(Write::Set, Write::Bias);
            let output = &mut *y;
            let product = Product { columns: first, right, write, epilogue, output, stride: n };
            multiply(simd, rows, Rows::plain(x, k, k), product);
        }
        let (paired, _) = scratch.split_at_mut(two_sums_len(k, n));
        pair(&w[first..], n, paired);
        let epilogue = epilogue.columns_from(first);
        let bias = bias.map(|bias| &bias[first..]);
        let columns = Columns { x, k, paired, n, epilogue, ends: Ends::of(simd, bias, epilogue) };
        let y = &mut y[first..];
        let mut row = 0;
        while row + HEIGHT <= rows {
            columns.tile::<HEIGHT>(simd, row, y);
            row += HEIGHT;
        }
        if row + 4 <= rows {
            columns.tile::<4>(simd, row, y);
            row += 4;
        }
        if row + 2 <= rows {
            columns.tile::<2>(simd, row, y);
            row += 2;
        }
        if row < rows {
            columns.tile::<1>(simd, row, y);
        }
    }
}

/// Copies the columns with which rows of `w` begin, `n` elements apart, so that those of each two
/// rows are neighbours.
#[inline(always)]
fn pair(w: &[f32], n: usize, paired: &mut [f32]) {
    let (pairs, _) = paired.as_chunks_mut::<LANES>();
    for (p, pair) in pairs.iter_mut().enumerate() {
        let even = &w[2 * p * n..][..HALF_VECTOR];
        // Behind the last of an odd number of rows stands 0.
        let odd = w.get((2 * p + 1) * n..).and_then(|w| w.first_chunk());
        let odd = odd.unwrap_or(&[0.0; HALF_VECTOR]);
        for f in 0..HALF_VECTOR {
            pair[2 * f] = even[f];
            pair[2 * f + 1] = odd[f];
        }
    }
}

/// What sums begin with, and what becomes of them.
struct Ends<S: Simd> {
    start: S::F32,
    last: VectorEpilogue<S>,
}

impl<S: Simd> Ends<S> {
    #[inline(always)]
    fn of(simd: S, bias: Option<&[f32]>, epilogue: Epilogue<'_>) -> Ends<S> {
        let mut start = [0.0; LANES];
        if let Some(bias) = bias {
            for f in 0..HALF_VECTOR {
                start[2 * f] = bias[f];
            }
        }
        // Of two rows, one behind the other.
        let mut twice = [[0.0; LANES]; 2];
        let scale = epilogue.scale.map(|numbers| {
            for (twice, numbers) in twice.iter_mut().zip(numbers) {
                for half in twice.chunks_exact_mut(HALF_VECTOR) {
                    half.copy_from_slice(&numbers[..HALF_VECTOR]);
                }
            }
            twice.each_ref().map(|numbers| &numbers[..])
        });
        let last = VectorEpilogue::of(simd, Epilogue { scale, ..epilogue }, 0, LANES);
        Ends { start: simd.load(&start), last }
    }
}

/// The last columns of a product.
struct Columns<'a, S: Simd> {
    x: &'a [f32],
    k: usize,
    paired: &'a [f32],
    /// Distance of the output's rows.
    n: usize,
    epilogue: Epilogue<'a>,
    ends: Ends<S>,
}

impl<S: Simd> Columns<'_, S> {
    /// `ROWS` rows from `first` on.
    #[inline(always)]
    fn tile<const ROWS: usize>(&self, simd: S, first: usize, y: &mut [f32]) {
        let sums = self.sums::<ROWS>(simd, first);
        let Columns { n, epilogue, ref ends, .. } = *self;
        // Rows that touch are written two at a time.
        let together = if n == HALF_VECTOR && ROWS > 1 { 2 } else { 1 };
        let len = together * HALF_VECTOR;
        for r in (0..ROWS).step_by(together) {
            let place = (first + r) * n;
            let sum = simd.add_neighbors(sums[r], sums[r + together - 1]);
            let mut sum = ends.last.scaled(simd, sum);
            if let Some(skip) = epilogue.skip {
                sum = simd.add(sum, simd.load_part(&skip[place..][..len]));
            }
            simd.store_part(ends.last.clipped(simd, sum), &mut y[place..][..len]);
        }
    }

    #[inline(always)]
    fn sums<const ROWS: usize>(&self, simd: S, first: usize) -> [S::F32; ROWS] {
        let Columns { x, k, paired, ref ends, .. } = *self;
        let pairs = k / 2;
        let mut rows: [&[[f32; 2]]; ROWS] = [&[]; ROWS];
        for r in 0..ROWS {
            rows[r] = &x[(first + r) * k..][..k].as_chunks().0[..pairs];
        }
        let mut sums = [ends.start; ROWS];
        let paired = paired.as_chunks::<LANES>().0;
        for (p, w) in paired[..pairs].iter().enumerate() {
            let w = simd.load(w);
            for r in 0..ROWS {
                sums[r] = simd.mul_add(simd.splat_pair(&rows[r][p]), w, sums[r]);
            }
        }
        if let Some(w) = paired.get(pairs) {
            let w = simd.load(w);
            for r in 0..ROWS {
                let x = x[(first + r) * k + k - 1];
                sums[r] = simd.mul_add(simd.splat_pair(&[x, 0.0]), w, sums[r]);
            }
        }
        sums
    }
}
