//! Which convolutions are computed by Winograd's algorithm, and the scratch memory that it takes.
//!
//! A tile of 2 x 2 cells of the output of a 3 x 3 convolution takes 16 products for each channel and filter, not 36. Its
//! transforms cost what they save where channels or filters are few.

use crate::op::{Conv2D, Conv2DGradX, Window};

/// Cells of a tile's transform.
pub const TRANSFORMED: usize = 16;

/// Channels and filters come in multiples of this, so that vectors are full.
const MULTIPLE: usize = 16;

/// Fewest products of a cell of the transform, for each tile.
const MIN_PRODUCTS: usize = 16 * 32;

/// Most elements of the transformed kernel, so that it stays in a second-level cache.
const MAX_KERNEL_LEN: usize = 128 * 1024;

/// Most tiles that are transformed at a time.
const MAX_TILES: usize = 48;

/// Elements between the planes of a transform, a cache line: their lengths are often powers of two, and then lines of all
/// planes would compete for the same place in a cache.
const GAP: usize = 16;

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
    /// A convolution as it is computed, if it gains by the algorithm.
    pub fn of_conv2d(op: &Conv2D) -> Option<Winograd> {
        Winograd::of([op.rows, op.columns], op.channels, op.filters, op.groups)
    }

    /// The convolution of `d_y` that a gradient by the input is, if it gains by the algorithm.
    pub fn of_grad_x(op: &Conv2DGradX) -> Option<Winograd> {
        let [rows, columns] = [op.rows, op.columns].map(|window| {
            let phase = window.phases().next().filter(|phase| phase.skip == 0);
            phase.filter(|_| window.stride == 1).map(|phase| phase.window)
        });
        Winograd::of([rows?, columns?], op.filters, op.channels, op.groups)
    }

    fn of(
        [rows, columns]: [Window; 2],
        channels: usize,
        filters: usize,
        groups: usize,
    ) -> Option<Winograd> {
        let fits = |window: &Window| {
            (window.kernel, window.stride, window.dilation) == (3, 1, 1)
                && window.pad <= 2
                && window.output >= 2
        };
        let is_full = channels.is_multiple_of(MULTIPLE) && filters.is_multiple_of(MULTIPLE);
        let gains = channels * filters >= MIN_PRODUCTS
            && TRANSFORMED * channels * filters <= MAX_KERNEL_LEN;
        let winograd = Winograd { rows, columns, channels, filters };
        (groups == 1 && fits(&rows) && fits(&columns) && is_full && gains).then_some(winograd)
    }

    /// Rows of tiles.
    pub fn tile_rows(&self) -> usize {
        self.rows.output.div_ceil(2)
    }

    /// Tiles of a row.
    pub fn tile_columns(&self) -> usize {
        self.columns.output.div_ceil(2)
    }

    /// Parts that the rows of tiles are cut into.
    pub fn chunks(&self) -> usize {
        self.tile_rows().div_ceil((MAX_TILES / self.tile_columns()).max(1))
    }

    /// Most tiles of a part.
    pub fn chunk_tiles(&self) -> usize {
        self.tile_rows().div_ceil(self.chunks()) * self.tile_columns()
    }

    /// Elements of the transformed kernel, `[16, channels, filters]`.
    pub fn kernel_len(&self) -> usize {
        TRANSFORMED * plane_pitch(self.channels * self.filters)
    }

    /// Elements of a padded row of the input.
    pub fn line_len(&self) -> usize {
        (2 * self.tile_columns() + 2) * self.channels
    }

    /// Elements of all scratch: the transformed kernel, five rows of the input, and a part's tiles before and after the products.
    pub fn scratch_len(&self) -> usize {
        let plane_pitch = |channels: usize| plane_pitch(self.chunk_tiles() * channels);
        let tiles = TRANSFORMED * (plane_pitch(self.channels) + plane_pitch(self.filters));
        self.kernel_len() + 5 * self.line_len() + tiles
    }
}
