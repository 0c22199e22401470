//! Softmax of rows so short that one does not fill a vector: some rows together, turned, so that a
//! vector holds one column of them.
//!
//! Sums run over a row's elements in their order, whether a row has company or not; so its bits are
//! always the same.

use super::exp::exp_to_one;
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
        // By vectors of a column: left to itself, a compiler takes those of a row, which lie apart.
        for r in (0..TOGETHER).step_by(S::LANES) {
            let mut largest = simd.splat(f32::NEG_INFINITY);
            for x in &columns[..extent] {
                largest = simd.max(simd.load(&x[r..]), largest);
            }
            let below = simd.mul(largest, simd.splat(-1.0));
            let mut sum = simd.splat(0.0);
            for x in &mut columns[..extent] {
                let power = exp_to_one(simd, simd.add(simd.load(&x[r..]), below));
                sum = simd.add(sum, power);
                simd.store(power, &mut x[r..]);
            }
            let scale = simd.div(simd.splat(1.0), sum);
            for x in &mut columns[..extent] {
                simd.store(simd.mul(simd.load(&x[r..]), scale), &mut x[r..]);
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
        for r in (0..TOGETHER).step_by(S::LANES) {
            let mut dot = simd.splat(0.0);
            for (y, d_y) in y_columns[..extent].iter().zip(&columns) {
                dot = simd.mul_add(simd.load(&y[r..]), simd.load(&d_y[r..]), dot);
            }
            for (y, d_x) in y_columns[..extent].iter().zip(&mut columns) {
                let less = simd.mul_add(dot, simd.splat(-1.0), simd.load(&d_x[r..]));
                simd.store(simd.mul(simd.load(&y[r..]), less), &mut d_x[r..]);
            }
        }
        turn_back(simd, extent, &columns, d_x);
    }
}

/// The columns of the first `rows` rows of `x`.
#[inline(always)]
fn turn<S: Simd>(simd: S, extent: usize, x: &[f32], rows: usize, columns: &mut Turned) {
    // Squares reach beyond the rows' ends; the last ones, beyond the last row that is there.
    let last = (TOGETHER - 1) * extent + extent.next_multiple_of(S::LANES);
    let are_whole = rows == TOGETHER && last <= x.len();
    for r in (0..rows).step_by(S::LANES) {
        for c in (0..extent).step_by(S::LANES) {
            let to = &mut columns.as_flattened_mut()[c * TOGETHER + r..];
            if are_whole {
                simd.transpose(&x[r * extent + c..], extent, to, TOGETHER);
                continue;
            }
            let mut square = [[0.0; SHORT]; SHORT];
            for (i, row) in square.iter_mut().enumerate().take(S::LANES.min(rows - r)) {
                let begin = (r + i) * extent + c;
                let len = S::LANES.min(extent - c);
                simd.store(simd.load_part(&x[begin..begin + len]), row);
            }
            simd.transpose(square.as_flattened(), SHORT, to, TOGETHER);
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
    let vectors = extent.div_ceil(S::LANES);
    for (r, row) in rows.iter().enumerate().take(y.len() / extent) {
        // From the last on: what one writes beyond its row, the first vectors of the next rows
        // overwrite.
        for v in 0..vectors {
            let c = (vectors - 1 - v) * S::LANES;
            let y = &mut y[r * extent + c..];
            if y.len() >= S::LANES {
                simd.store(simd.load(&row[c..]), y);
            } else {
                let cells = &row[c..c + y.len()];
                simd.store_part(simd.load_part(cells), y);
            }
        }
    }
}
