//! The right matrix: a panel of it, as it is or packed.

#![allow(clippy::needless_range_loop, reason = "indices are what tiles are about")]

use crate::simd::{Kernel, Simd, prefetch, prefetch_far};

/// Elements of a cache line.
pub(in crate::kernels) const CACHE_LINE: usize = 16;

/// Rows that are brought near before they are copied: a processor does not guess lines that stand
/// far apart.
const PREFETCHED_ROWS: usize = 16;

/// Lines of a row that are brought near before they are transposed.
const PREFETCHED_LINES: usize = 2;

/// A panel of the right matrix, `stride` elements from one row to the next.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Right<'a> {
    pub(in crate::kernels) cells: &'a [f32],
    pub(in crate::kernels) stride: usize,
}

impl<'a> Right<'a> {
    /// The first `rows` rows of the panel, copied to `scratch`, where they touch.
    #[inline(always)]
    pub(in crate::kernels) fn pack<S: Simd>(
        self,
        simd: S,
        rows: usize,
        columns: usize,
        scratch: &'a mut [f32],
    ) -> Right<'a> {
        let scratch = &mut scratch[..rows * columns];
        let whole = columns - columns % S::LANES;
        for (i, to) in scratch.chunks_exact_mut(columns).enumerate() {
            let ahead = (i + PREFETCHED_ROWS) * self.stride;
            for c in (0..columns).step_by(CACHE_LINE) {
                prefetch(self.cells, ahead + c);
            }
            let from = &self.cells[i * self.stride..][..columns];
            for c in (0..whole).step_by(S::LANES) {
                simd.store(simd.load(&from[c..]), &mut to[c..]);
            }
            if whole < columns {
                simd.store_part(simd.load_part(&from[whole..]), &mut to[whole..]);
            }
        }
        Right { cells: scratch, stride: columns }
    }

    /// The transpose of a matrix of `columns` rows, `stride` elements apart, of which the first
    /// `rows` elements count.
    #[inline(always)]
    pub(in crate::kernels) fn pack_transposed<S: Simd>(
        simd: S,
        cells: &[f32],
        stride: usize,
        rows: usize,
        columns: usize,
        scratch: &'a mut [f32],
    ) -> Right<'a> {
        let scratch = &mut scratch[..rows * columns];
        simd.enter(Transpose { cells, stride, columns, transposed: &mut *scratch });
        Right { cells: scratch, stride: columns }
    }

    /// Row `i` of the panel.
    #[inline(always)]
    pub(in crate::kernels) fn row<S: Simd, const VECTORS: usize, const PART: bool>(
        self,
        simd: S,
        i: usize,
        columns: usize,
    ) -> [S::F32; VECTORS] {
        load_row::<S, VECTORS, PART>(simd, &self.cells[i * self.stride..], columns)
    }
}

/// Copies the first elements of `columns` rows, `stride` elements apart, to the rows of their
/// transpose.
struct Transpose<'a> {
    cells: &'a [f32],
    stride: usize,
    columns: usize,
    transposed: &'a mut [f32],
}

impl Kernel for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Transpose { cells, stride, columns, transposed } = self;
        let rows = transposed.len() / columns;
        let whole = |len: usize| len - len % S::LANES;
        for c in (0..whole(columns)).step_by(S::LANES) {
            for r in (0..whole(rows)).step_by(S::LANES) {
                for i in 0..S::LANES {
                    prefetch(cells, (c + i) * stride + r + PREFETCHED_LINES * CACHE_LINE);
                    // What comes after these columns, and where the next rows are written.
                    prefetch_far(cells, (c + S::LANES + i) * stride + r);
                    prefetch(transposed, (r + S::LANES + i) * columns + c);
                }
                let to = &mut transposed[r * columns + c..];
                simd.transpose(&cells[c * stride + r..], stride, to, columns);
            }
        }
        for r in 0..rows {
            let from = if r < whole(rows) { whole(columns) } else { 0 };
            for c in from..columns {
                transposed[r * columns + c] = cells[c * stride + r];
            }
        }
    }
}

/// Loads the first `columns` elements; where `PART`, the last vector has lanes beyond them, which
/// become 0.
#[inline(always)]
pub(super) fn load_row<S: Simd, const VECTORS: usize, const PART: bool>(
    simd: S,
    cells: &[f32],
    columns: usize,
) -> [S::F32; VECTORS] {
    let whole = if PART { VECTORS - 1 } else { VECTORS };
    let cells = &cells[..if PART { columns } else { VECTORS * S::LANES }];
    let mut row = [simd.splat(0.0); VECTORS];
    for v in 0..whole {
        row[v] = simd.load(&cells[v * S::LANES..]);
    }
    if PART {
        row[whole] = simd.load_part(&cells[whole * S::LANES..columns]);
    }
    row
}
