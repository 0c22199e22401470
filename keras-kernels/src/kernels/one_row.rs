//! Products of one row: a dense layer on a single sample. All weights are read for it, and that
//! takes the most of the time.

use core::ops::Range;

use super::epilogue::Epilogue;
use crate::simd::Simd;

/// A row of more vectors than this is computed by reading the weights in their order.
pub(super) const STREAMED_VECTORS: usize = 8;

/// Rows of the weights that are read together: each sum is loaded and stored once for so many
/// products.
const STREAMED_ROWS: usize = 8;

/// One row of a product: the weights, which are the most of it, are read from the first to the
/// last.
///
/// A sum takes its products in the order of `k`, as those of tiles do.
#[inline(always)]
pub(super) fn stream<S: Simd>(
    simd: S,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    match bias {
        Some(bias) => y.copy_from_slice(bias),
        None => y.fill(0.0),
    }
    let n = y.len();
    for (x, w) in x.chunks(STREAMED_ROWS).zip(w.chunks(STREAMED_ROWS * n)) {
        match x.first_chunk::<STREAMED_ROWS>() {
            Some(x) => stream_rows(simd, *x, w, y),
            None => {
                x.iter().zip(w.chunks_exact(n)).for_each(|(&x, w)| stream_rows(simd, [x], w, y))
            }
        }
    }
    epilogue.apply(simd, n, y);
}

/// One row of a product of few columns, whose sums stay in registers.
#[inline(always)]
pub(super) fn strip<S: Simd, const VECTORS: usize>(
    simd: S,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    let n = VECTORS * S::LANES;
    let mut sums = [simd.splat(0.0); VECTORS];
    if let Some(bias) = bias {
        for (j, sum) in sums.iter_mut().enumerate() {
            *sum = simd.load(&bias[j * S::LANES..]);
        }
    }
    for (&x, w) in x.iter().zip(w.chunks_exact(n)) {
        let x = simd.splat(x);
        for (j, sum) in sums.iter_mut().enumerate() {
            *sum = simd.mul_add(x, simd.load(&w[j * S::LANES..]), *sum);
        }
    }
    for (j, sum) in sums.into_iter().enumerate() {
        simd.store(sum, &mut y[j * S::LANES..]);
    }
    epilogue.apply(simd, n, y);
}

/// Adds some rows of weights, each times its element of `x`. Where all rows begin alike, vectors of
/// weights begin where they are aligned, so that no load crosses two cache lines: a model's weights
/// are aligned for a single number alone.
#[inline(always)]
fn stream_rows<S: Simd, const ROWS: usize>(simd: S, x: [f32; ROWS], w: &[f32], y: &mut [f32]) {
    let n = y.len();
    let x = x.map(|x| simd.splat(x));
    let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &w[r * n..][..n];
    }
    let vector_bytes = S::LANES * size_of::<f32>();
    let first =
        if n.is_multiple_of(S::LANES) { w.as_ptr().align_offset(vector_bytes).min(n) } else { 0 };
    let end = n - (n - first) % S::LANES;
    stream_part(simd, &x, &rows, 0..first, y);
    for c in (first..end).step_by(S::LANES) {
        let mut sum = simd.load(&y[c..]);
        for r in 0..ROWS {
            sum = simd.mul_add(x[r], simd.load(&rows[r][c..]), sum);
        }
        simd.store(sum, &mut y[c..]);
    }
    stream_part(simd, &x, &rows, end..n, y);
}

/// Likewise some columns, fewer than a vector has.
#[inline(always)]
fn stream_part<S: Simd, const ROWS: usize>(
    simd: S,
    x: &[S::F32; ROWS],
    rows: &[&[f32]; ROWS],
    columns: Range<usize>,
    y: &mut [f32],
) {
    if columns.is_empty() {
        return;
    }
    let y = &mut y[columns.clone()];
    let mut sum = simd.load_part(y);
    for r in 0..ROWS {
        sum = simd.mul_add(x[r], simd.load_part(&rows[r][columns.clone()]), sum);
    }
    simd.store_part(sum, y);
}
