//! The transform of the input, which the convolution and its gradient by the kernel begin with.

use core::ops::Range;

use keras_target::winograd::{SPAN, TILE, Winograd, plane_pitch};

use super::transforms::of_input;
use crate::simd::{Simd, Together};

/// Rows of the input in the scratch: one of zeros, and those that a row of tiles reads, transformed
/// and padded.
pub(super) struct Input<'a> {
    shape: Winograd,
    zeros: &'a [f32],
    lines: &'a mut [f32],
}

impl<'a> Input<'a> {
    #[inline(always)]
    pub(super) fn new(shape: Winograd, lines: &'a mut [f32]) -> Input<'a> {
        let (before, copied) = copied(&shape);
        let (zeros, lines) = lines.split_at_mut(shape.line_len());
        zeros.fill(0.0);
        // Padding stays 0: no line is written there.
        for line in lines.chunks_exact_mut(shape.line_len()) {
            line[..before].fill(0.0);
            line[before + copied..].fill(0.0);
        }
        Input { shape, zeros, lines }
    }

    /// The transform of a row of tiles of sample `x`, to the planes of `v`, which hold `count`
    /// tiles.
    #[inline(always)]
    pub(super) fn transform<S: Simd>(
        &mut self,
        simd: S,
        x: &[f32],
        tile_row: usize,
        v: &mut [f32],
        count: usize,
    ) {
        self.transform_rows(simd, x, tile_row);
        self.transform_columns(simd, v, count);
    }

    /// `Bᵀ · d`
    #[inline(always)]
    fn transform_rows<S: Simd>(&mut self, simd: S, x: &[f32], tile_row: usize) {
        let Winograd { rows, columns, channels, .. } = self.shape;
        let (row_len, line_len) = (columns.input * channels, self.shape.line_len());
        let (before, copied) = copied(&self.shape);
        let mut read = [&self.zeros[..copied]; SPAN];
        for (r, read) in read.iter_mut().enumerate() {
            match (TILE * tile_row + r).checked_sub(rows.pad) {
                Some(row) if row < rows.input => *read = &x[row * row_len..][..copied],
                _ => {}
            }
        }
        let read = Together::new(read, copied);
        for i in (0..copied).step_by(S::LANES) {
            let line = of_input(simd, read.load(simd, i));
            simd.store_each(line, &mut self.lines[before + i..], line_len);
        }
    }

    /// The other half, `(Bᵀ · d) · B`.
    #[inline(always)]
    fn transform_columns<S: Simd>(&self, simd: S, v: &mut [f32], count: usize) {
        let channels = self.shape.channels;
        let pitch = plane_pitch(count * channels);
        for (a, line) in self.lines.chunks_exact(self.shape.line_len()).enumerate() {
            for tile in 0..self.shape.tile_columns() {
                let cells = &line[TILE * tile * channels..][..SPAN * channels];
                for c in (0..channels).step_by(S::LANES) {
                    let row = of_input(simd, simd.load_each(&cells[c..], channels));
                    simd.store_each(row, &mut v[a * SPAN * pitch + tile * channels + c..], pitch);
                }
            }
        }
    }
}

/// Elements of a line that are padding in front, and that come from a row of the input.
fn copied(shape: &Winograd) -> (usize, usize) {
    let before = shape.columns.pad * shape.channels;
    (before, (shape.columns.input * shape.channels).min(shape.line_len() - before))
}

/// The rows of tiles of all samples, in chunks that are transformed at a time.
#[inline(always)]
pub(super) fn chunks(shape: &Winograd, samples: usize) -> impl Iterator<Item = Range<usize>> {
    let rows = samples * shape.tile_rows();
    let chunks = rows.div_ceil(shape.chunk_rows());
    (0..chunks).map(move |chunk| rows * chunk / chunks..rows * (chunk + 1) / chunks)
}
