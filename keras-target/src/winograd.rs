//! Which convolutions are computed by Winograd's algorithm, and the scratch memory that it takes.
//!
//! A tile of 4 x 4 cells of the output of a 3 x 3 convolution takes 36 products for each channel
//! and filter, not 144. Its transforms cost what they save where channels or filters are few.

use crate::phase::phases;
use keras_ir::ops::{Conv2D, Conv2DGradW, Conv2DGradX, Window};

/// Rows, and columns, of a tile of the output.
pub const TILE: usize = 4;

/// Rows, and columns, of the input that a tile reads.
pub const SPAN: usize = TILE + 2;

/// Cells of a tile's transform.
pub const TRANSFORMED: usize = SPAN * SPAN;

/// Channels and filters come in multiples of this, so that vectors are full.
const MULTIPLE: usize = 16;

/// Most elements of the transformed kernel, so that it is not read from memory again and again.
const MAX_KERNEL_LEN: usize = TRANSFORMED * 64 * 128;

/// Most elements of the tiles that are transformed at a time, before and after the products: they
/// stay in a second-level cache.
const MAX_TILES_LEN: usize = 96 * 1024;

/// Most tiles that are transformed at a time.
const MAX_TILES: usize = 48;

/// Elements between the planes of a transform, a cache line: their lengths are often powers of two,
/// and then lines of all planes would compete for the same place in a cache.
const GAP: usize = 16;

/// The products of a cell of the transform have a multiple of so many rows, so that registers are
/// full.
pub const ROWS_MULTIPLE: usize = 4;

/// Elements from one plane of a transform, of `len` elements, to the next.
pub fn plane_pitch(len: usize) -> usize {
    len + GAP
}

/// A convolution by Winograd's algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Winograd {
    /// From the input to the output.
    pub rows: Window,
    /// From the input to the output.
    pub columns: Window,
    /// Channels of the input.
    pub channels: usize,
    /// Channels of the output.
    pub filters: usize,
}

impl Winograd {
    /// A convolution.
    pub fn conv2d(op: &Conv2D) -> Winograd {
        let Conv2D { rows, columns, channels, filters, .. } = *op;
        Winograd { rows, columns, channels, filters }
    }

    /// The convolution of `d_y` that a gradient by the input is. None if it is several of them, or
    /// begins behind the first cell.
    pub fn grad_x(op: &Conv2DGradX) -> Option<Winograd> {
        let [rows, columns] = [op.rows, op.columns].map(|window| {
            let phase = phases(window).next().filter(|phase| phase.skip == 0);
            phase.filter(|_| window.stride == 1).map(|phase| phase.window)
        });
        let (channels, filters) = (op.filters, op.channels);
        Some(Winograd { rows: rows?, columns: columns?, channels, filters })
    }

    /// The convolution whose gradient by the kernel is computed.
    pub fn grad_w(op: &Conv2DGradW) -> Winograd {
        let Conv2DGradW { rows, columns, channels, filters, .. } = *op;
        Winograd { rows, columns, channels, filters }
    }

    /// Whether a convolution of one group is one that the algorithm can compute, and gains by it.
    pub(crate) fn gains(&self) -> bool {
        let Winograd { rows, columns, channels, filters } = self;
        // Of a tile that is cut to 2 cells, all work would be as much as without the algorithm.
        let fits = |window: &Window| {
            (window.kernel, window.stride, window.dilation) == (3, 1, 1)
                && window.pad <= 2
                && window.output > 2
        };
        let is_full = channels.is_multiple_of(MULTIPLE) && filters.is_multiple_of(MULTIPLE);
        let gains = TRANSFORMED * channels * filters <= MAX_KERNEL_LEN;
        fits(rows) && fits(columns) && is_full && gains
    }

    /// Rows of tiles of a sample.
    pub fn tile_rows(&self) -> usize {
        self.rows.output.div_ceil(TILE)
    }

    /// Tiles of a row.
    pub fn tile_columns(&self) -> usize {
        self.columns.output.div_ceil(TILE)
    }

    /// Most rows of tiles, of one sample or several, that are transformed at a time.
    pub fn chunk_rows(&self) -> usize {
        let tiles = MAX_TILES_LEN / (TRANSFORMED * (self.channels + self.filters));
        (tiles.min(MAX_TILES) / self.tile_columns()).max(1)
    }

    /// Rows of the products of so many rows of tiles; those that are no tile hold anything.
    pub fn product_rows(&self, rows_of_tiles: usize) -> usize {
        (rows_of_tiles * self.tile_columns()).next_multiple_of(ROWS_MULTIPLE)
    }

    /// Elements of the transformed kernel, `[36, channels, filters]`.
    pub fn kernel_len(&self) -> usize {
        TRANSFORMED * plane_pitch(self.channels * self.filters)
    }

    /// Elements of a padded row of the input.
    pub fn line_len(&self) -> usize {
        (TILE * self.tile_columns() + 2) * self.channels
    }

    /// Elements of the rows that a row of tiles reads, transformed, and of a row of zeros.
    pub fn lines_len(&self) -> usize {
        (SPAN + 1) * self.line_len()
    }

    /// Elements of all scratch: the transformed kernel or its gradient, rows of the input, and the
    /// tiles that are transformed at a time before and after the products.
    pub fn scratch_len(&self) -> usize {
        let tiles = self.product_rows(self.chunk_rows());
        let planes = plane_pitch(tiles * self.channels) + plane_pitch(tiles * self.filters);
        self.kernel_len() + self.lines_len() + TRANSFORMED * planes
    }
}
