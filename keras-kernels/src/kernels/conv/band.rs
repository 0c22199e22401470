//! The geometry of a convolution, and bands: input rows that are copied with the padding of their
//! columns.
//!
//! Windows that reach beyond the columns would need checks in the inner loops. So the rows that a
//! few rows of the output read are copied with zeros around them; rows of padding are skipped.

use core::ops::Range;

use keras_ir::ops::{Conv2D, Window};
use keras_target::cost::{self, Band, NARROW_FILTERS};

use crate::kernels::tile::CACHE_LINE;
use crate::simd::{Simd, prefetch};

/// What the three ops of a convolution have in common.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    pub(super) rows: Window,
    pub(super) columns: Window,
    pub(super) channels: usize,
    pub(super) filters: usize,
    pub(super) groups: usize,
}

impl Geometry {
    /// That of a convolution.
    pub(super) fn of(op: &Conv2D) -> Geometry {
        let Conv2D { rows, columns, channels, filters, groups, .. } = *op;
        Geometry { rows, columns, channels, filters, groups }
    }

    /// Elements of a sample's input.
    pub(super) fn x_len(&self) -> usize {
        self.rows.input * self.columns.input * self.channels
    }

    /// Elements of a sample's output.
    pub(super) fn y_len(&self) -> usize {
        self.rows.output * self.columns.output * self.filters
    }

    /// Elements of the kernel.
    pub(super) fn kernel_len(&self) -> usize {
        self.rows.kernel * self.columns.kernel * self.group_channels() * self.filters
    }

    pub(super) fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    pub(super) fn group_filters(&self) -> usize {
        self.filters / self.groups
    }

    /// Cells of one row of a window that lie side by side with all their channels, so that they are
    /// read as one run: as `(number of runs, elements of a run)`.
    pub(super) fn runs(&self) -> (usize, usize) {
        if self.groups == 1 && self.columns.dilation == 1 {
            (1, self.columns.kernel * self.channels)
        } else {
            (self.columns.kernel, self.group_channels())
        }
    }

    /// Whether a vector would be filled better by a window's run than by filters; see
    /// [`narrow`](super::narrow).
    pub(super) fn is_narrow<S: Simd>(&self) -> bool {
        let group_filters = self.group_filters();
        group_filters <= NARROW_FILTERS
            && group_filters * 4 <= S::LANES
            && self.runs().1 * 2 >= S::LANES
    }

    /// Elements of the kernel that are turned around; see [`narrow`](super::narrow).
    pub(super) fn turned_len(&self) -> usize {
        cost::turned_len(self.kernel_len(), self.group_filters())
    }

    /// How the input is copied, if it must be.
    pub(super) fn band(&self) -> Option<Band> {
        cost::band(&self.rows, &self.columns, self.channels)
    }

    /// The rows of the output in parts that need one band each.
    pub(super) fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        self.parts_of(1)
    }

    /// As [`Geometry::parts`], but none but the last has a number of rows that is no multiple of
    /// this, if a band has as many.
    pub(super) fn parts_of(&self, multiple: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let output = self.rows.output;
        let step = self.band().map_or(output, |band| band.output_rows);
        let step = if step < output { step - step % multiple } else { step };
        (0..output).step_by(step).map(move |begin| begin..output.min(begin + step))
    }

    /// The rows of the input that rows `outputs` of the output read.
    pub(super) fn input_rows(&self, outputs: &Range<usize>) -> Range<usize> {
        let Window { input, kernel, stride, dilation, pad, .. } = self.rows;
        let begin = (outputs.start * stride).saturating_sub(pad).min(input);
        let end = ((outputs.end - 1) * stride + (kernel - 1) * dilation + 1).saturating_sub(pad);
        begin..end.clamp(begin, input)
    }
}

/// Input rows where windows can be read without checks.
pub(super) struct Rows<'a> {
    pub(super) cells: &'a [f32],
    /// The row of the input that stands first.
    pub(super) first: usize,
    /// Elements from one row to the next.
    pub(super) pitch: usize,
}

/// A sample's input, or the part of it that counts.
#[derive(Clone, Copy)]
pub(super) struct Image<'a> {
    pub(super) cells: &'a [f32],
    /// Elements from one row to the next.
    pub(super) pitch: usize,
}

/// The rows of a sample's input `x` that rows `outputs` of the output read.
pub(super) fn read<'a>(
    geometry: &Geometry,
    x: Image<'a>,
    outputs: &Range<usize>,
    scratch: &'a mut [f32],
) -> Rows<'a> {
    let Some(Band { pitch, .. }) = geometry.band() else {
        return Rows { cells: x.cells, first: 0, pitch: x.pitch };
    };
    let rows = geometry.input_rows(outputs);
    let (before, copied) = padding(geometry, pitch);
    let cells = &mut scratch[..rows.len() * pitch];
    for (row, band) in rows.clone().zip(cells.chunks_exact_mut(pitch)) {
        band[..before].fill(0.0);
        band[before..before + copied].copy_from_slice(&x.cells[row * x.pitch..][..copied]);
        band[before + copied..].fill(0.0);
    }
    Rows { cells, first: rows.start, pitch }
}

/// Asks for the rows of the input that row `output` of the output reads and the row before it does
/// not, which may lie behind this sample: where samples are read for the first time, they are far
/// away.
pub(super) fn prefetch_row(geometry: &Geometry, x: Image<'_>, output: usize) {
    let Window { input, kernel, stride, dilation, pad, .. } = geometry.rows;
    let end = output * stride + kernel.saturating_sub(1) * dilation + 1;
    let begin = end.saturating_sub(stride + pad) * x.pitch;
    // A stride may be far longer than the image.
    for place in (0..stride.min(input) * x.pitch).step_by(CACHE_LINE) {
        prefetch(x.cells, begin + place);
    }
}

/// Elements of a band's row that are padding in front, and that are real.
fn padding(geometry: &Geometry, pitch: usize) -> (usize, usize) {
    let before = (geometry.columns.pad * geometry.channels).min(pitch);
    (before, (geometry.columns.input * geometry.channels).min(pitch - before))
}
