//! What an op costs in scratch memory, and what kernels like.

use crate::LINE;
use crate::phase::phases;
use crate::winograd::Winograd;
use keras_ir::ops::{Conv2D, Conv2DGradX, Normalize, Op, Window};
pub use keras_ir::ops::{POOLED, pooled_len};

/// Most columns that a kernel packs at a time from the right matrix of a product.
pub const PANEL_COLUMNS: usize = 48;

/// Lanes of the longest vectors that kernels have.
const LONGEST_VECTOR: usize = 16;

/// Most rows that a kernel packs at a time from the right matrix of a product: so few that a panel stays in the first cache.
pub const PANEL_ROWS: usize = 128;

/// Rows of a part of a prepared matrix: so many that sums stay in registers for long, so few that a panel stays in the second cache.
pub const PREPARED_ROWS: usize = 800;

/// Most elements of the padded rows that a convolution works on at a time, if one window's rows fit.
const BAND_LEN: usize = 32 * 1024;

/// So many of them stay in the first cache.
const NEAR_BAND_LEN: usize = 4 * 1024;

/// Rows that are new in a band, for each one that the band before had too, so that copying it twice costs little.
const NEW_ROWS: usize = 8;

/// Most filters of a group whose kernel is turned around, where a vector of filters would be nearly empty.
pub const NARROW_FILTERS: usize = 4;

/// How a convolution copies its input where windows reach beyond the columns: some rows at a time, with their padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Rows of the output that are computed from one band.
    pub output_rows: usize,
    /// Elements of a row: as many columns as the windows span.
    pub pitch: usize,
    /// Elements of a band.
    pub len: usize,
}

/// The bands of a convolution; none if its windows stay within the columns, so that it reads the input in place.
pub fn band(rows: &Window, columns: &Window, channels: usize) -> Option<Band> {
    let span = |window: &Window, outputs: usize| {
        (outputs - 1) * window.stride + window.kernel.saturating_sub(1) * window.dilation + 1
    };
    let width = span(columns, columns.output);
    if columns.pad == 0 && width <= columns.input {
        return None;
    }
    let pitch = width * channels;
    let rows_within = |len: usize| 1 + (len / pitch).saturating_sub(span(rows, 1)) / rows.stride;
    let least = NEW_ROWS * span(rows, 1).saturating_sub(rows.stride) / rows.stride;
    let output_rows = rows_within(NEAR_BAND_LEN).max(least).min(rows_within(BAND_LEN));
    let output_rows = output_rows.min(rows.output);
    // Rows of padding are skipped, not copied.
    let input_rows = span(rows, output_rows).min(rows.input);
    Some(Band { output_rows, pitch, len: input_rows * pitch })
}

/// Cells of a kernel.
fn window(rows: Window, columns: Window) -> usize {
    rows.kernel * columns.kernel
}

/// Whether a convolution is a plain product: each output cell is made of all channels of its own input cell.
pub fn is_pointwise(rows: &Window, columns: &Window, groups: usize) -> bool {
    let alone = |window: &Window| {
        window.kernel == 1 && window.stride == 1 && window.pad == 0 && window.input == window.output
    };
    groups == 1 && alone(rows) && alone(columns)
}

/// Channels of a convolution that pools and is not computed by Winograd's algorithm, those of grey and of coloured images: so few that
/// its result is the larger part of what it reads and writes. Of an even number a policy may round the products, which a plan does not know.
const POOLED_CHANNELS: [usize; 2] = [1, 3];

/// Whether the filters of a convolution fill vectors, and its windows are lines of neighbours, so that a kernel of its own computes it.
pub fn fills_vectors(op: &Conv2D) -> bool {
    op.groups == 1
        && op.columns.dilation == 1
        && op.filters.is_multiple_of(LONGEST_VECTOR)
        && !is_pointwise(&op.rows, &op.columns, op.groups)
}

/// Whether a kernel can keep the largest of each [`POOLED`] by [`POOLED`] cells of a convolution while it has them at hand.
pub fn pools(op: &Conv2D) -> bool {
    let has_rows = || {
        let band = band(&op.rows, &op.columns, op.channels);
        band.is_none_or(|band| band.output_rows >= POOLED)
    };
    let is_direct = || fills_vectors(op) && POOLED_CHANNELS.contains(&op.channels) && has_rows();
    !op.add && (Winograd::of_conv2d(op).is_some() || is_direct())
}

/// Filters that fill half of the longest vector.
pub const HALF_VECTOR: usize = LONGEST_VECTOR / 2;

/// Elements of the kernel of a pointwise convolution that are put in the order in which a vector of two sums for each filter reads
/// them: those of the last [`HALF_VECTOR`] filters, if there are so many or a vector more, and for an even number of channels.
pub fn halves_len(channels: usize, filters: usize) -> usize {
    let has_half = filters == HALF_VECTOR || filters == HALF_VECTOR + LONGEST_VECTOR;
    if has_half { channels.next_multiple_of(2) * HALF_VECTOR } else { 0 }
}

/// Elements of a kernel that a convolution turns around, of `len` elements: all, if it has few filters.
pub fn turned_len(len: usize, group_filters: usize) -> usize {
    if group_filters <= NARROW_FILTERS { len } else { 0 }
}

/// Elements of the factors and terms that a normalization of so many channels is, when a convolution applies it to its sums.
pub fn folded_len(norm: Option<&Normalize>, channels: usize) -> usize {
    norm.map_or(0, |_| 2 * channels.next_multiple_of(LINE))
}

/// The most that the phases of [`Op::Conv2DGradX`] need: elements of a panel of the transposed kernel and of a band.
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
fn panel_len(rows: usize, columns: usize) -> usize {
    rows.min(PANEL_ROWS) * columns.min(PANEL_COLUMNS)
}

/// Weights of fewer elements are not worth a copy: they are packed where they are used.
const LEAST_PREPARED: usize = 2048;

/// A copy of an op's right matrix, in the order in which the op's kernel reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its elements.
    pub len: usize,
    /// Elements of a part, which can be made by itself; the last may have less.
    pub part_len: usize,
}

impl Prepared {
    /// The copy of a matrix of `rows` rows: [`PREPARED_ROWS`] of them at a time, and of those panels of [`prepared_columns`], one
    /// after the other.
    pub fn panels(rows: usize, columns: usize) -> Prepared {
        Prepared { len: rows * columns, part_len: PREPARED_ROWS * columns }
    }
}

/// Columns of a panel of a prepared matrix: of all but the last.
pub fn prepared_columns(columns: usize) -> usize {
    let vectors = columns.div_ceil(LONGEST_VECTOR).max(1);
    vectors.div_ceil(vectors.div_ceil(PANEL_COLUMNS / LONGEST_VECTOR)) * LONGEST_VECTOR
}

/// What is worth making of an op's weights once for a whole batch, if anything: panels, or a kernel's transform.
pub fn prepared(op: &Op) -> Option<Prepared> {
    if let Some(winograd) = Winograd::of_kernel(op) {
        let len = winograd.kernel_len();
        return Some(Prepared { len, part_len: len });
    }
    let (rows, columns) = prepared_right(op)?;
    Some(Prepared::panels(rows, columns))
}

/// Rows and columns of the right matrix of a product, if copies of it are worth making for a whole batch.
pub fn prepared_right(op: &Op) -> Option<(usize, usize)> {
    let (rows, columns) = match op {
        Op::Gemm(op) => (op.k, op.n),
        Op::GemmGradX(op) => (op.n, op.k),
        // Half vectors of filters have an order of their own.
        Op::Conv2D(op)
            if is_pointwise(&op.rows, &op.columns, op.groups)
                && halves_len(op.channels, op.filters) == 0 =>
        {
            (op.channels, op.filters)
        }
        Op::Conv2DGradX(op) if is_pointwise(&op.rows, &op.columns, op.groups) => {
            (op.filters, op.channels)
        }
        _ => return None,
    };
    (rows * columns >= LEAST_PREPARED).then_some((rows, columns))
}

/// Scratch elements that the kernel of an op asks for, whatever the number of samples.
pub fn workspace_len(op: &Op) -> usize {
    match op {
        // An image that is wide already and not yet long.
        Op::Upsample2D(op) => op.h * op.w * op.columns * op.c,
        Op::Upsample2DGrad(op) => op.h * op.w * op.columns * op.c,
        // A line in order.
        Op::Sparsemax(op) => op.extent,
        Op::SparsemaxGrad(op) => op.extent,
        // The means of a block, for the second pass.
        Op::Moments(op) => op.channels,
        Op::Gemm(op) => panel_len(op.k, op.n),
        Op::GemmGradX(op) => panel_len(op.n, op.k),
        Op::Matmul(op) => panel_len(op.k, op.n),
        // The rows of a batch are as many as its samples make them.
        Op::GemmGradW(op) => panel_len(PANEL_ROWS, op.n),
        Op::Conv2D(op) => {
            let folded = folded_len(op.norm.as_ref(), op.filters);
            if is_pointwise(&op.rows, &op.columns, op.groups) {
                let halves = halves_len(op.channels, op.filters);
                return folded + panel_len(op.channels, op.filters).max(halves);
            }
            if let Some(winograd) = Winograd::of_conv2d(op) {
                return folded + winograd.scratch_len();
            }
            let kernel_len = window(op.rows, op.columns) * op.channels / op.groups * op.filters;
            let turned = turned_len(kernel_len, op.filters / op.groups);
            folded + turned + band_len(&op.rows, &op.columns, op.channels)
        }
        Op::ConvPool2D(op) => workspace_len(&op.conv.into()),
        Op::Depthwise2D(op) => folded_len(op.norm.as_ref(), op.channels * op.multiplier),
        Op::Conv2DGradX(op) if is_pointwise(&op.rows, &op.columns, op.groups) => {
            panel_len(op.filters, op.channels)
        }
        Op::Conv2DGradX(op) => {
            let (panel, band) = phase_lens(op);
            Winograd::of_grad_x(op).map_or(panel + band, |winograd| winograd.scratch_len())
        }
        Op::Conv2DGradW(op) if is_pointwise(&op.rows, &op.columns, op.groups) => {
            panel_len(PANEL_ROWS, op.filters)
        }
        Op::Conv2DGradW(op) => {
            if let Some(winograd) = Winograd::of_grad_w(op) {
                return winograd.scratch_len();
            }
            let kernel_len = window(op.rows, op.columns) * op.channels / op.groups * op.filters;
            turned_len(kernel_len, op.filters / op.groups)
                + band_len(&op.rows, &op.columns, op.channels)
        }
        Op::Unary(_)
        | Op::UnaryGrad(_)
        | Op::Affine(_)
        | Op::Binary(_)
        | Op::BinaryInt(_)
        | Op::Compare(_)
        | Op::Select(_)
        | Op::Ramp(_)
        | Op::Reduce(_)
        | Op::ReduceGrad(_)
        | Op::Gather(_)
        | Op::GatherGrad(_)
        | Op::CastInt(_)
        | Op::SelectGrad(_)
        | Op::Broadcast(_)
        | Op::SumTo(_)
        | Op::Transpose(_)
        | Op::Reshape(_)
        | Op::Concat(_)
        | Op::Slice(_)
        | Op::Pad2D(_)
        | Op::Crop2D(_)
        | Op::BiasAdd(_)
        | Op::SumRows(_)
        | Op::Depthwise2DGradX(_)
        | Op::Depthwise2DGradW(_)
        | Op::MaxPool2D(_)
        | Op::MaxPool2DGrad(_)
        | Op::AveragePool2D(_)
        | Op::AveragePool2DGrad(_)
        | Op::MeanRows(_)
        | Op::MeanRowsGrad(_)
        | Op::MaxRows(_)
        | Op::MaxRowsGrad(_)
        | Op::Softmax(_)
        | Op::SoftmaxGrad(_)
        | Op::LogSoftmax(_)
        | Op::LogSoftmaxGrad(_)
        | Op::Prelu(_)
        | Op::PreluGradX(_)
        | Op::PreluGradAlpha(_)
        | Op::Dropout(_)
        | Op::BatchNorm(_)
        | Op::BatchNormGradSums(_)
        | Op::BatchNormGradX(_)
        | Op::ChannelNorm(_)
        | Op::ChannelNormGradX(_)
        | Op::ChannelNormGradSums(_)
        | Op::LayerNorm(_)
        | Op::LayerNormGradX(_)
        | Op::LayerNormGradGamma(_)
        | Op::Embedding(_)
        | Op::EmbeddingGrad(_)
        | Op::CastFloat(_)
        | Op::Penalty(_)
        | Op::PenaltyGrad(_) => 0,
    }
}
