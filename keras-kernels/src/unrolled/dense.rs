//! A vector times a matrix, both of constant extents.
//!
//! Columns are worked on some vectors at a time. Where these are few, the rows are dealt to several
//! chains of sums, which are added up at the end, so that enough multiply-adds are under way to
//! hide the latency of one.

use super::{Function, load};
use crate::simd::Simd;

/// Vectors of columns that are worked on together at most.
const WIDEST: usize = 6;
/// Vectors of columns that are worked on together where there are more than [`WIDEST`].
const PANEL: usize = 4;
/// Chains of a dot product.
const DOT_CHAINS: usize = 4;
/// What a sum starts from: adding it changes nothing, not even the sign of a zero.
const NOTHING: f32 = -0.0;

/// Vectors that hold the columns left of the last whole panel.
const fn rest(columns: usize, lanes: usize) -> usize {
    let vectors = columns.div_ceil(lanes);
    if vectors <= WIDEST { vectors } else { (columns % (PANEL * lanes)).div_ceil(lanes) }
}

/// `y[n] = f(bias[n] + Σ_k x[k] · w[k, n])`.
///
/// Shapes: `x` holds at least `K` numbers, `w` is `K x N`, `bias` `N`; `y` holds at least `N`
/// rounded up to vectors, and all of these are written. Panics: if a length differs.
#[inline(always)]
pub fn dense<S: Simd, F: Function, const K: usize, const N: usize>(
    simd: S,
    w: &[f32],
    bias: Option<&[f32]>,
    x: &[f32],
    y: &mut [f32],
) {
    assert!(w.len() == K * N && y.len() >= N.next_multiple_of(S::LANES));
    let x = &x[..K];
    let bias = bias.map(|bias| &bias[..N]);
    if const { N == 1 } {
        return dot::<S, F, K>(simd, w, bias, x, y);
    }
    let mut begin = 0;
    if const { N.div_ceil(S::LANES) > WIDEST } {
        let columns = PANEL * S::LANES;
        while begin + columns <= N {
            panel::<S, F, N, PANEL, 2, true>(simd, begin, w, bias, x, y);
            begin += columns;
        }
        begin = N - N % columns;
    }
    if const { rest(N, S::LANES) == 1 } {
        // Chains without a row would be added for nothing.
        if const { K <= 4 } {
            panel::<S, F, N, 1, 2, false>(simd, begin, w, bias, x, y);
        } else {
            panel::<S, F, N, 1, 4, false>(simd, begin, w, bias, x, y);
        }
    } else if const { rest(N, S::LANES) == 2 } {
        panel::<S, F, N, 2, 4, false>(simd, begin, w, bias, x, y);
    } else if const { rest(N, S::LANES) == 3 } {
        panel::<S, F, N, 3, 2, false>(simd, begin, w, bias, x, y);
    } else if const { rest(N, S::LANES) == 4 } {
        panel::<S, F, N, 4, 2, false>(simd, begin, w, bias, x, y);
    } else if const { rest(N, S::LANES) == 5 } {
        panel::<S, F, N, 5, 2, false>(simd, begin, w, bias, x, y);
    } else if const { rest(N, S::LANES) == 6 } {
        panel::<S, F, N, 6, 2, false>(simd, begin, w, bias, x, y);
    }
}

/// Columns `begin..` of a product, `V` vectors of them, in `C` chains; the last vector is short
/// unless all are `WHOLE`.
#[allow(clippy::needless_range_loop, reason = "two chains of `sums` are indexed at once")]
#[inline(always)]
fn panel<
    S: Simd,
    F: Function,
    const N: usize,
    const V: usize,
    const C: usize,
    const WHOLE: bool,
>(
    simd: S,
    begin: usize,
    w: &[f32],
    bias: Option<&[f32]>,
    x: &[f32],
    y: &mut [f32],
) {
    let mut sums = [[simd.splat(NOTHING); V]; C];
    if let Some(bias) = bias {
        for (v, sum) in sums[0].iter_mut().enumerate() {
            *sum = cells::<S, WHOLE>(simd, bias, begin + v * S::LANES);
        }
    }
    let (mut rows, mut factors) = (w.chunks_exact(C * N), x.chunks_exact(C));
    for (rows, factors) in (&mut rows).zip(&mut factors) {
        for c in 0..C {
            let row = &rows[c * N..][..N];
            add_row::<S, V, WHOLE>(simd, begin, row, factors[c], &mut sums[c]);
        }
    }
    let left = rows.remainder().chunks_exact(N).zip(factors.remainder());
    for (sums, (row, &x)) in sums.iter_mut().zip(left) {
        add_row::<S, V, WHOLE>(simd, begin, row, x, sums);
    }
    let mut width = C;
    while width > 1 {
        width /= 2;
        for c in 0..width {
            for v in 0..V {
                sums[c][v] = simd.add(sums[c][v], sums[c + width][v]);
            }
        }
    }
    for (v, sum) in sums[0].into_iter().enumerate() {
        simd.store(F::apply(simd, sum), &mut y[begin + v * S::LANES..]);
    }
}

/// The vector of a row at a column; past the end of the row 0, unless the vector is `WHOLE`.
#[inline(always)]
fn cells<S: Simd, const WHOLE: bool>(simd: S, row: &[f32], column: usize) -> S::F32 {
    let cells = &row[column..];
    if WHOLE { simd.load(cells) } else { load(simd, cells) }
}

/// `sums += x · row[begin..]`
#[inline(always)]
fn add_row<S: Simd, const V: usize, const WHOLE: bool>(
    simd: S,
    begin: usize,
    row: &[f32],
    x: f32,
    sums: &mut [S::F32; V],
) {
    let x = simd.splat(x);
    for (v, sum) in sums.iter_mut().enumerate() {
        *sum = simd.mul_add(x, cells::<S, WHOLE>(simd, row, begin + v * S::LANES), *sum);
    }
}

/// A single column: `y[0] = f(bias[0] + Σ_k x[k] · w[k])`, and the same in the padding.
#[inline(always)]
fn dot<S: Simd, F: Function, const K: usize>(
    simd: S,
    w: &[f32],
    bias: Option<&[f32]>,
    x: &[f32],
    y: &mut [f32],
) {
    let mut sums = [simd.splat(NOTHING); DOT_CHAINS];
    let (mut ws, mut xs) =
        (w.chunks_exact(DOT_CHAINS * S::LANES), x.chunks_exact(DOT_CHAINS * S::LANES));
    for (w, x) in (&mut ws).zip(&mut xs) {
        for (c, sum) in sums.iter_mut().enumerate() {
            let at = c * S::LANES;
            *sum = simd.mul_add(simd.load(&x[at..]), simd.load(&w[at..]), *sum);
        }
    }
    let left = ws.remainder().chunks(S::LANES).zip(xs.remainder().chunks(S::LANES));
    for (sum, (w, x)) in sums.iter_mut().zip(left) {
        *sum = simd.mul_add(load(simd, x), load(simd, w), *sum);
    }
    let [a, b, c, d] = sums;
    let sum = simd.add(simd.add(a, c), simd.add(b, d));
    let sum = simd.sum(sum) + bias.map_or(NOTHING, |bias| bias[0]);
    simd.store(F::apply(simd, simd.splat(sum)), y);
}
