//! What an op costs in scratch memory, and what kernels like.

use keras_ir::algorithm::Algorithm;
use keras_ir::ops::{Conv2D, Conv2DGradX, Normalize, Window};
pub use keras_ir::ops::{POOLED, pooled_len};

use crate::LINE;
use crate::phase::phases;

/// Most columns that a kernel packs at a time from the right matrix of a product.
pub const PANEL_COLUMNS: usize = 48;

/// Samples that a recurrent layer takes through all steps together: so many that a vector of the
/// recurrent kernel, once loaded, is multiplied often, so few that their states stay in the first
/// cache.
pub const RECURRENT_ROWS: usize = 16;

/// Lanes of the longest vectors that kernels have.
const LONGEST_VECTOR: usize = 16;

/// Most rows that a kernel packs at a time from the right matrix of a product: so few that a panel
/// stays in the first cache.
pub const PANEL_ROWS: usize = 128;

/// Rows of a part of a prepared matrix: so many that sums stay in registers for long, so few that a
/// panel stays in the second cache.
pub const PREPARED_ROWS: usize = 800;

/// Most elements of the padded rows that a convolution works on at a time, if one window's rows
/// fit.
const BAND_LEN: usize = 32 * 1024;

/// So many of them stay in the first cache.
const NEAR_BAND_LEN: usize = 4 * 1024;

/// Rows that are new in a band, for each one that the band before had too, so that copying it twice
/// costs little.
const NEW_ROWS: usize = 8;

/// Most filters of a group whose kernel is turned around, where a vector of filters would be nearly
/// empty.
pub const NARROW_FILTERS: usize = 4;

/// How a convolution copies its input where windows reach beyond the columns: some rows at a time,
/// with their padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Rows of the output that are computed from one band.
    pub output_rows: usize,
    /// Elements of a row: as many columns as the windows span.
    pub pitch: usize,
    /// Elements of a band.
    pub len: usize,
}

/// The bands of a convolution; none if its windows stay within the columns, so that it reads the
/// input in place.
pub fn band(rows: &Window, columns: &Window, channels: usize) -> Option<Band> {
    let span = |window: &Window, outputs: usize| {
        (outputs - 1) * window.stride + window.kernel.saturating_sub(1) * window.dilation + 1
    };
    let width = span(columns, columns.output);
    if columns.pad == 0 && width <= columns.input {
        return None;
    }
    let pitch = width.saturating_mul(channels);
    let rows_within = |len: usize| 1 + (len / pitch).saturating_sub(span(rows, 1)) / rows.stride;
    let least = NEW_ROWS.saturating_mul(span(rows, 1).saturating_sub(rows.stride)) / rows.stride;
    let output_rows = rows_within(NEAR_BAND_LEN).max(least).min(rows_within(BAND_LEN));
    let output_rows = output_rows.min(rows.output);
    // Rows of padding are skipped, not copied.
    let input_rows = span(rows, output_rows).min(rows.input);
    Some(Band { output_rows, pitch, len: input_rows.saturating_mul(pitch) })
}

/// Cells of a kernel.
fn window(rows: Window, columns: Window) -> usize {
    rows.kernel * columns.kernel
}

/// Whether a convolution is a plain product: each output cell is made of all channels of its own
/// input cell.
pub fn is_pointwise(rows: &Window, columns: &Window, groups: usize) -> bool {
    let alone = |window: &Window| {
        window.kernel == 1 && window.stride == 1 && window.pad == 0 && window.input == window.output
    };
    groups == 1 && alone(rows) && alone(columns)
}

/// Channels of a convolution that pools and is not computed by Winograd's algorithm, those of grey
/// and of coloured images: so few that its result is the larger part of what it reads and writes.
/// Of an even number a policy may round the products, which a plan does not know.
pub(crate) const POOLED_CHANNELS: [usize; 2] = [1, 3];

/// Whether the filters of a convolution fill vectors, and its windows are lines of neighbours, so
/// that a kernel of its own computes it.
pub fn fills_vectors(op: &Conv2D) -> bool {
    op.groups == 1
        && op.columns.dilation == 1
        && op.filters.is_multiple_of(LONGEST_VECTOR)
        && !is_pointwise(&op.rows, &op.columns, op.groups)
}

/// Filters that fill half of the longest vector.
pub const HALF_VECTOR: usize = LONGEST_VECTOR / 2;

/// Elements of the kernel of a pointwise convolution that are put in the order in which a vector of
/// two sums for each filter reads them: those of the last [`HALF_VECTOR`] filters, if there are so
/// many or a vector more, and for an even number of channels.
pub fn two_sums_len(channels: usize, filters: usize) -> usize {
    let has_half = filters == HALF_VECTOR || filters == HALF_VECTOR + LONGEST_VECTOR;
    if has_half { channels.next_multiple_of(2) * HALF_VECTOR } else { 0 }
}

/// Elements of a kernel that a convolution turns around, of `len` elements: all, if it has few
/// filters.
pub fn turned_len(len: usize, group_filters: usize) -> usize {
    if group_filters <= NARROW_FILTERS { len } else { 0 }
}

/// Elements of the factors and terms that a normalization of so many channels is, when a
/// convolution applies it to its sums.
pub fn folded_len(norm: Option<&Normalize>, channels: usize) -> usize {
    norm.map_or(0, |_| 2 * channels.next_multiple_of(LINE))
}

/// The most that the phases of [`Conv2DGradX`] need: elements of a panel of the transposed kernel
/// and of a band.
pub fn phase_lens(op: &Conv2DGradX) -> (usize, usize) {
    let panel_columns = (op.channels / op.groups).min(PANEL_COLUMNS);
    let (mut panel, mut band) = (0, 0);
    for rows in phases(op.rows) {
        for columns in phases(op.columns) {
            let taps = window(rows.window, columns.window);
            panel = panel.max(taps * op.filters / op.groups * panel_columns);
            band = band.max(band_len(&rows.window, &columns.window, op.filters));
        }
    }
    (panel, band)
}

/// Elements of a convolution's band.
pub fn band_len(rows: &Window, columns: &Window, channels: usize) -> usize {
    band(rows, columns, channels).map_or(0, |band| band.len)
}

/// Elements of a packed panel of a matrix of `rows` rows.
pub(crate) fn panel_len(rows: usize, columns: usize) -> usize {
    rows.min(PANEL_ROWS) * columns.min(PANEL_COLUMNS)
}

/// Weights of fewer elements are not worth a copy: they are packed where they are used.
pub(crate) const LEAST_PREPARED: usize = 2048;

/// A copy of an op's right matrix, in the order in which the op's kernel reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its elements.
    pub len: usize,
    /// Elements of a part, which can be made by itself; the last may have less.
    pub part_len: usize,
}

impl Prepared {
    /// The copy of a matrix of `rows` rows: [`PREPARED_ROWS`] of them at a time, and of those
    /// panels of [`prepared_columns`], one after the other. An algorithm that rounds reads half as
    /// many rows, of pairs.
    pub fn panels(algorithm: Algorithm, rows: usize, columns: usize) -> Prepared {
        let rows = if algorithm.is_rounded() { rows.div_ceil(2) } else { rows };
        Prepared { len: rows * columns, part_len: PREPARED_ROWS * columns }
    }
}

/// Columns of a panel of a prepared matrix: of all but the last.
pub fn prepared_columns(columns: usize) -> usize {
    let vectors = columns.div_ceil(LONGEST_VECTOR).max(1);
    vectors.div_ceil(vectors.div_ceil(PANEL_COLUMNS / LONGEST_VECTOR)) * LONGEST_VECTOR
}
