//! Rows of windows of three columns, side by side: each pair of numbers of the input is broadcast
//! once for all windows that it is in.
//!
//! With a vector of filters a product of tiles loads as often as it multiplies. Here a tile of `n`
//! cells of the output loads `n + 2` pairs of a row of the input, and three vectors of the kernel,
//! for `3 · n` products.

#![allow(clippy::needless_range_loop, reason = "indices are what tiles are about")]

use crate::kernels::tile::{Left, Right, Rows};
use crate::simd::Simd;

/// Columns of a window.
pub(super) const COLUMNS: usize = 3;

/// Most vectors of a panel: a wider one has more products for each number that is loaded, and gains
/// nothing.
pub(super) const PANEL_VECTORS: usize = 1;

/// Cells of a row of the input that the tallest tile reads.
const CELLS: usize = 8 + COLUMNS - 1;

/// Windows of [`COLUMNS`] columns, of stride and dilation 1 and in one group: a row of one is one
/// run.
#[derive(Clone, Copy)]
pub(super) struct ThreeColumns<'a>(pub(super) Rows<'a>);

impl Left for ThreeColumns<'_> {
    const PANEL_VECTORS: usize = PANEL_VECTORS;

    #[inline(always)]
    fn skip(self, row: usize) -> Self {
        ThreeColumns(self.0.skip(row))
    }

    #[inline(always)]
    fn accumulate<S: Simd, const ROWS: usize, const VECTORS: usize, const PART: bool>(
        self,
        simd: S,
        right: Right<'_>,
        columns: usize,
        mut sums: [[S::F32; VECTORS]; ROWS],
    ) -> [[S::F32; VECTORS]; ROWS] {
        let Rows { row_stride: channels, outer, outer_stride, .. } = self.0;
        for a in 0..outer {
            let row = &self.0.cells[a * outer_stride..];
            let mut cells: [&[f32]; CELLS] = [&[]; CELLS];
            for p in 0..ROWS + COLUMNS - 1 {
                cells[p] = &row[p * channels..][..channels];
            }
            for q in 0..channels {
                let mut w = [[simd.splat(0.0); VECTORS]; COLUMNS];
                for b in 0..COLUMNS {
                    w[b] = right.row::<S, VECTORS, PART>(
                        simd,
                        (a * COLUMNS + b) * channels + q,
                        columns,
                    );
                }
                for p in 0..ROWS + COLUMNS - 1 {
                    let x = simd.splat(cells[p][q]);
                    for b in 0..COLUMNS {
                        if b <= p && p - b < ROWS {
                            for v in 0..VECTORS {
                                sums[p - b][v] = simd.add_product(x, w[b][v], sums[p - b][v]);
                            }
                        }
                    }
                }
            }
        }
        sums
    }
}
