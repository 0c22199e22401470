//! Softmax of rows so short that one does not fill a vector: some rows together, turned, so that a vector holds one column of them.
//!
//! Sums run over a row's elements in their order, whether a row has company or not; so its bits are always the same.

use super::math::exp;
use crate::simd::Simd;

/// Elements of the longest row that is short.
pub(super) const SHORT: usize = 16;

/// Rows that are turned together.
const TOGETHER: usize = 16;

/// Some rows, column by column. Columns and rows that there are not hold anything.
type Turned = [[f32; TOGETHER]; SHORT];

/// Softmax of rows of `extent` elements.
#[inline(always)]
pub(super) fn softmax<S: Simd>(simd: S, extent: usize, x: &[f32], y: &mut [f32]) {
    let mut columns: Turned = [[0.0; TOGETHER]; SHORT];
    for (i, y) in y.chunks_mut(TOGETHER * extent).enumerate() {
        turn(simd, extent, &x[i * TOGETHER * extent..], y.len() / extent, &mut columns);
        let mut largest = [f32::NEG_INFINITY; TOGETHER];
        for x in &columns[..extent] {
            for r in 0..TOGETHER {
                largest[r] = if x[r] > largest[r] { x[r] } else { largest[r] };
            }
        }
        let mut sum = [0.0; TOGETHER];
        for x in &mut columns[..extent] {
            for r in 0..TOGETHER {
                x[r] = exp(x[r] - largest[r]);
            }
            for r in 0..TOGETHER {
                sum[r] += x[r];
            }
        }
        let mut scale = [0.0; TOGETHER];
        for r in 0..TOGETHER {
            scale[r] = 1.0 / sum[r];
        }
        // By vectors of a column: left to itself, a compiler takes those of a row, which lie apart.
        for x in &mut columns[..extent] {
            for r in (0..TOGETHER).step_by(S::LANES) {
                let x = &mut x[r..];
                simd.store(simd.mul(simd.load(x), simd.load(&scale[r..])), x);
            }
        }
        turn_back(simd, extent, &columns, y);
    }
}

/// The gradient of [`softmax`].
#[inline(always)]
pub(super) fn softmax_grad<S: Simd>(
    simd: S,
    extent: usize,
    y: &[f32],
    d_y: &[f32],
    d_x: &mut [f32],
) {
    let mut y_columns: Turned = [[0.0; TOGETHER]; SHORT];
    let mut columns: Turned = [[0.0; TOGETHER]; SHORT];
    for (i, d_x) in d_x.chunks_mut(TOGETHER * extent).enumerate() {
        let (first, rows) = (i * TOGETHER * extent, d_x.len() / extent);
        turn(simd, extent, &y[first..], rows, &mut y_columns);
        turn(simd, extent, &d_y[first..], rows, &mut columns);
        let mut dot = [0.0; TOGETHER];
        for (y, d_y) in y_columns[..extent].iter().zip(&columns) {
            for r in (0..TOGETHER).step_by(S::LANES) {
                let product = simd.mul(simd.load(&y[r..]), simd.load(&d_y[r..]));
                simd.store(simd.add(simd.load(&dot[r..]), product), &mut dot[r..]);
            }
        }
        for (y, d_x) in y_columns[..extent].iter().zip(&mut columns) {
            for r in (0..TOGETHER).step_by(S::LANES) {
                let less =
                    simd.mul_add(simd.load(&dot[r..]), simd.splat(-1.0), simd.load(&d_x[r..]));
                simd.store(simd.mul(simd.load(&y[r..]), less), &mut d_x[r..]);
            }
        }
        turn_back(simd, extent, &columns, d_x);
    }
}

/// The columns of the first `rows` rows of `x`.
#[inline(always)]
fn turn<S: Simd>(simd: S, extent: usize, x: &[f32], rows: usize, columns: &mut Turned) {
    // Squares reach beyond the rows' ends, but not beyond the last row that is there.
    let last = (TOGETHER - 1) * extent + extent.next_multiple_of(S::LANES);
    if rows == TOGETHER && last <= x.len() {
        for r in (0..TOGETHER).step_by(S::LANES) {
            for c in (0..extent).step_by(S::LANES) {
                let to = &mut columns.as_flattened_mut()[c * TOGETHER + r..];
                simd.transpose(&x[r * extent + c..], extent, to, TOGETHER);
            }
        }
        return;
    }
    for (r, x) in x.chunks_exact(extent).take(rows).enumerate() {
        for (column, x) in columns.iter_mut().zip(x) {
            column[r] = *x;
        }
    }
}

/// Writes rows whose columns these are.
#[inline(always)]
fn turn_back<S: Simd>(simd: S, extent: usize, columns: &Turned, y: &mut [f32]) {
    let mut rows = [[0.0; SHORT]; TOGETHER];
    for r in (0..TOGETHER).step_by(S::LANES) {
        for c in (0..extent).step_by(S::LANES) {
            let to = &mut rows.as_flattened_mut()[r * SHORT + c..];
            simd.transpose(&columns.as_flattened()[c * TOGETHER + r..], TOGETHER, to, SHORT);
        }
    }
    for (row, y) in rows.iter().zip(y.chunks_exact_mut(extent)) {
        for c in (0..extent).step_by(S::LANES) {
            let len = S::LANES.min(extent - c);
            simd.store_part(simd.load_part(&row[c..c + len]), &mut y[c..c + len]);
        }
    }
}
