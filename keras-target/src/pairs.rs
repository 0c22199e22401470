//! How products and convolutions of operands that are rounded to bfloat16 go through memory.
//!
//! Both operands are packed as pairs of neighbours along the axis that is summed over, some rows at
//! a time. What is packed at a time is chosen here, so that kernels and scratch agree.

use keras_ir::ops::{Conv2D, Conv2DGradW, Conv2DGradX, Window};

use crate::cost::{PANEL_COLUMNS, PANEL_ROWS, band_len, phase_lens};

/// Most rows of a result that the left matrix of a product is packed for at a time.
pub const LEFT_ROWS: usize = 128;

/// Most pairs of a packed row where the right matrix is not prepared.
const PAIRS: usize = PANEL_ROWS / 2;

/// Elements of the packed rows of a left matrix.
pub const LEFT_LEN: usize = LEFT_ROWS * PAIRS;

/// Elements of a packed panel of a right matrix.
pub const RIGHT_LEN: usize = PANEL_COLUMNS * PAIRS;

/// Scratch elements: packed, some rows of the left matrix, and a panel of the right one before and
/// after it is transposed.
const PRODUCT_LEN: usize = LEFT_LEN + 2 * RIGHT_LEN;

/// Pairs of the left matrix that are packed at a time where the right one is prepared, if a few
/// rows have no more.
const PACKED: usize = 32 * 1024;

/// Fewest rows and most rows of it.
const PACKED_ROWS: [usize; 2] = [8, 128];

/// Pairs of samples that a convolution packs at a time, if one sample has no more.
const PACKED_SAMPLES: usize = 64 * 1024;

/// Pairs of the rows of `x` that the gradient by the kernel packs at a time, if one window's rows
/// have no more.
const BAND: usize = 5 * 1024;

/// Most filters of which the gradient by the kernel may be computed turned around.
const TURNED_FILTERS: usize = 16;

/// Rows of `pairs` pairs that are packed at a time where the right matrix is prepared.
pub fn packed_rows(pairs: usize) -> usize {
    let [least, most] = PACKED_ROWS;
    let rows = (PACKED / pairs.max(1)).clamp(least, most);
    rows - rows % least
}

/// Rows of a gradient whose `pairs` pairs are packed at a time where the right matrix is prepared.
pub fn left_rows(pairs: usize) -> usize {
    let [least, _] = PACKED_ROWS;
    let rows = LEFT_LEN / pairs.max(1);
    rows - rows % least
}

/// Scratch elements of a product whose left matrix has rows of `terms` elements.
pub(crate) fn product_len(terms: usize) -> usize {
    let pairs = terms.div_ceil(2);
    PRODUCT_LEN.max(packed_rows(pairs) * pairs)
}

/// Scratch elements of a gradient by the weights of a product.
pub(crate) fn product_grad_w_len() -> usize {
    PRODUCT_LEN
}

/// Samples that a convolution packs at a time, of `len` pairs each.
pub fn packed_samples(len: usize) -> usize {
    (PACKED_SAMPLES / len.max(1)).max(1)
}

/// Elements of so many images and of a kernel.
fn image_len(rows: usize, columns: usize, channels: usize) -> usize {
    rows * columns * channels
}

/// Scratch elements of a convolution.
pub(crate) fn forward_len(op: &Conv2D) -> usize {
    let Conv2D { rows, columns, channels, filters, groups, .. } = *op;
    let channels = channels / 2;
    let x_len = image_len(rows.input, columns.input, channels);
    let kernel_len = image_len(rows.kernel, columns.kernel, channels / groups * filters);
    let packed_len = kernel_len + packed_samples(x_len) * x_len;
    packed_len.saturating_add(band_len(&rows, &columns, channels))
}

/// Scratch elements of a gradient by the input.
pub(crate) fn grad_x_len(op: &Conv2DGradX) -> usize {
    let op = Conv2DGradX { filters: op.filters / 2, ..*op };
    let Conv2DGradX { rows, columns, channels, filters, groups } = op;
    let (transposed, band) = phase_lens(&op);
    let y_len = image_len(rows.output, columns.output, filters);
    let kernel_len = image_len(rows.kernel, columns.kernel, channels / groups * filters);
    let packed_len = kernel_len + packed_samples(y_len) * y_len;
    packed_len.saturating_add(transposed).saturating_add(band)
}

/// Scratch elements of a gradient by the kernel.
pub(crate) fn grad_w_len(op: &Conv2DGradW) -> usize {
    let packed = PackedRows::of(op);
    packed.turned_len + packed.line_len + packed.x_len + packed.y_len
}

/// What a gradient by the kernel packs, for some rows of the output at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedRows {
    /// Rows of the output.
    pub output_rows: usize,
    /// Pairs of a row of the output, for each filter.
    pub pairs: usize,
    /// Pairs of a row of `x`.
    pub pitch: usize,
    /// Elements of a padded row of `x`.
    pub line_len: usize,
    /// Elements from a cell of the row to its partner. A stride may be far longer than the row.
    pub partner: usize,
    /// Pairs of `x`.
    pub x_len: usize,
    /// Pairs of `d_y`.
    pub y_len: usize,
    /// Elements of a gradient that may be turned around.
    pub turned_len: usize,
}

impl PackedRows {
    /// What a gradient packs.
    pub fn of(op: &Conv2DGradW) -> PackedRows {
        let Conv2DGradW { rows, columns, channels, filters, groups } = *op;
        let span = |window: &Window| (window.kernel - 1) * window.dilation + 1;
        let pairs = columns.output.div_ceil(2);
        let width = (pairs - 1) * 2 * columns.stride + span(&columns);
        let pitch = width * channels;
        let partner = columns.stride.min(width) * channels;
        let spare = (BAND / pitch).saturating_sub(span(&rows));
        let output_rows = (1 + spare / rows.stride).min(rows.output);
        let input_rows = ((output_rows - 1) * rows.stride + span(&rows)).min(rows.input);
        let kernel_len = image_len(rows.kernel, columns.kernel, channels / groups * filters);
        PackedRows {
            output_rows,
            pairs,
            pitch,
            line_len: pitch + partner,
            partner,
            x_len: input_rows * pitch,
            y_len: output_rows * pairs * filters,
            turned_len: if filters <= TURNED_FILTERS { kernel_len } else { 0 },
        }
    }
}
