//! The panels that columns are cut into, and how many rows a tile has.

use keras_target::cost::PANEL_COLUMNS;

use crate::simd::Simd;

/// Most vectors of a panel, so that sums, a row of the panel and a broadcast fit the registers.
const PANEL_VECTORS: usize = 3;

/// As [`PANEL_VECTORS`], for a product of one row, which needs more columns to keep the multipliers
/// busy.
pub(super) const ROW_PANEL_VECTORS: usize = 8;

/// Rows of a tile of one vector: as many sums as multiplications are under way at a time.
pub(super) const HEIGHT_OF_ONE_VECTOR: usize = 8;

/// Columns of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernels) struct Panel {
    /// First column.
    pub(in crate::kernels) begin: usize,
    /// Number of columns.
    pub(in crate::kernels) len: usize,
}

/// The panels that columns are cut into, of nearly equal numbers of vectors.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Panels {
    columns: usize,
    lanes: usize,
    vectors: usize,
    /// How many there are.
    pub(in crate::kernels) count: usize,
}

impl Panels {
    /// Cuts `columns`, for a product of `rows` rows.
    #[inline(always)]
    pub(in crate::kernels) fn new<S: Simd>(rows: usize, columns: usize) -> Panels {
        debug_assert!(PANEL_VECTORS * S::LANES <= PANEL_COLUMNS);
        let largest = if rows == 1 { ROW_PANEL_VECTORS } else { PANEL_VECTORS };
        let vectors = columns.div_ceil(S::LANES);
        Panels { columns, lanes: S::LANES, vectors, count: vectors.div_ceil(largest) }
    }

    /// Panel `i`.
    #[inline(always)]
    pub(in crate::kernels) fn at(self, i: usize) -> Panel {
        let begin = self.vectors * i / self.count * self.lanes;
        let end = (self.vectors * (i + 1) / self.count * self.lanes).min(self.columns);
        Panel { begin, len: end - begin }
    }

    /// All panels.
    #[inline(always)]
    pub(in crate::kernels) fn iter(self) -> impl Iterator<Item = Panel> {
        (0..self.count).map(move |i| self.at(i))
    }
}

/// Most rows of a tile.
pub(in crate::kernels) const fn largest_height<S: Simd>() -> usize {
    if S::REGISTERS >= 32 { 8 } else { 4 }
}
