//! Convolutions under `mixed_bfloat16`, with pairs in place of single numbers.
//!
//! ```text
//! forward  input and kernel are packed along the channels; the rest is the convolution of half as
//!          many channels
//! by x     `d_y` and kernel are packed along the filters; likewise
//! by w     `x` and `d_y` are packed along the columns of the output, as the sum is over its cells
//! ```
//! In a row of `x`, cell `t` is paired with cell `t + stride`, which belongs to the next cell of
//! the output. So windows of every second cell of the output are runs of pairs, as windows are of
//! single numbers.

use core::ops::Range;

use keras_ir::ops::{Conv2DGradW, Conv2DGradX};
use keras_target::cost::phase_lens;
use keras_target::pairs::{PackedRows, packed_samples};

use super::band::{self, Geometry, Image};
use super::convolution::Convolution;
use super::grad_x::GradX;
use super::narrow::add_turned;
use super::windows::Pass;
use crate::kernels::Call;
use crate::kernels::bfloat16::{pack_neighbors, pack_rows};
use crate::kernels::epilogue::Epilogue;
use crate::kernels::tile::{Columns, Panels, Product, Right, Write, multiply};
use crate::kernels::window::real_outputs;
use crate::simd::{Kernel, Pairs, Simd, dispatch_pairs};

/// A forward pass of an even number of channels, with no activation but a clip.
struct RoundedConvolution<'a>(Convolution<'a>);

/// [`Conv2D`](keras_ir::ops::Conv2D) of an even number of channels.
pub(super) fn conv2d(convolution: Convolution<'_>) {
    dispatch_pairs(RoundedConvolution(convolution));
}

/// [`Conv2DGradX`] of an even number of filters.
pub(super) fn conv2d_grad_x(op: &Conv2DGradX, call: Call<'_>) {
    let Conv2DGradX { rows, columns, channels, filters, groups } = *op;
    let geometry = Geometry { rows, columns, channels, filters, groups };
    let [d_y, kernel] = call.inputs();
    let (d_x, scratch) = (call.output, call.workspace);
    dispatch_pairs(PairsGradX { op: *op, geometry, d_y, kernel, d_x, scratch });
}

/// [`Conv2DGradW`] of one group.
pub(super) fn conv2d_grad_w(op: &Conv2DGradW, call: Call<'_>) {
    let Conv2DGradW { rows, columns, channels, filters, groups } = *op;
    let geometry = Geometry { rows, columns, channels, filters, groups };
    let (packed, [x, d_y]) = (PackedRows::of(op), call.inputs());
    let (d_w, scratch) = (call.output, call.workspace);
    dispatch_pairs(PairsGradW { geometry, packed, x, d_y, d_w, scratch });
}

impl Kernel for RoundedConvolution<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Convolution { op, x, kernel, bias, epilogue, y, scratch, .. } = self.0;
        let geometry = Geometry::of(op);
        let Geometry { columns, channels, filters, .. } = geometry;
        let halved = Geometry { channels: channels / 2, ..geometry };
        let (packed_kernel, scratch) = scratch.split_at_mut(halved.kernel_len());
        // At least two rows, so that a panel stays in the first-level cache.
        let panels = Panels::new::<S>(columns.output.max(2), filters);
        let pair_rows = packed_kernel.len() / filters;
        for panel in panels.iter() {
            let packed = &mut packed_kernel[panel.begin * pair_rows..][..panel.len * pair_rows];
            let rows = kernel.chunks_exact(2 * filters).zip(packed.chunks_exact_mut(panel.len));
            for (rows, pairs) in rows {
                let (low, high) = (&rows[panel.begin..], &rows[filters + panel.begin..]);
                pack_rows(simd, low, Some(high), pairs);
            }
        }
        let (x_len, y_len) = (geometry.x_len(), geometry.y_len());
        let (some, pitch) = (packed_samples(halved.x_len()), columns.input * halved.channels);
        let (packed, scratch) = scratch.split_at_mut(some * halved.x_len());
        let chunks = x.chunks(some * x_len).zip(y.chunks_mut(some * y_len));
        for (chunk, (x, y)) in chunks.enumerate() {
            let x_pairs = &mut packed[..x.len() / 2];
            pack_neighbors(simd, x, x_pairs);
            let samples = x_pairs.chunks_exact(halved.x_len()).zip(y.chunks_exact_mut(y_len));
            for (sample, (x, y)) in samples.enumerate() {
                let epilogue = epilogue.cells_from((chunk * some + sample) * y_len);
                for outputs in halved.parts() {
                    let x = band::read(&halved, Image { cells: x, pitch }, &outputs, scratch);
                    for panel in panels.iter() {
                        let pass = Pass {
                            geometry: halved,
                            is_narrow: false,
                            group: 0,
                            columns: panel.len,
                            right: Right {
                                cells: &packed_kernel[panel.begin * pair_rows..],
                                stride: panel.len,
                            },
                            write: bias
                                .map_or(Write::Set, |bias| Write::Bias(&bias[panel.begin..])),
                            epilogue: epilogue.columns_from(panel.begin),
                            stride: filters,
                        };
                        for i in outputs.clone() {
                            let row = i * columns.output * filters;
                            pass.row(Pairs(simd), &x, i, row, &mut y[row + panel.begin..]);
                        }
                    }
                }
            }
        }
    }
}

struct PairsGradX<'a> {
    op: Conv2DGradX,
    geometry: Geometry,
    d_y: &'a [f32],
    kernel: &'a [f32],
    d_x: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for PairsGradX<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let PairsGradX { op, geometry, d_y, kernel, d_x, scratch } = self;
        let halved = Geometry { filters: geometry.filters / 2, ..geometry };
        let (packed_kernel, scratch) = scratch.split_at_mut(halved.kernel_len());
        pack_neighbors(simd, kernel, packed_kernel);
        let (x_len, y_len) = (geometry.x_len(), geometry.y_len());
        let some = packed_samples(halved.y_len());
        let (packed, scratch) = scratch.split_at_mut(some * halved.y_len());
        let transposed_len = phase_lens(&Conv2DGradX { filters: halved.filters, ..op }).0;
        let (transposed, band) = scratch.split_at_mut(transposed_len);
        for (d_y, d_x) in d_y.chunks(some * y_len).zip(d_x.chunks_mut(some * x_len)) {
            let packed = &mut packed[..d_y.len() / 2];
            pack_neighbors(simd, d_y, packed);
            let (transposed, band) = (&mut *transposed, &mut *band);
            let (d_y, kernel) = (&*packed, &*packed_kernel);
            Pairs(simd).enter(GradX { geometry: halved, d_y, kernel, d_x, transposed, band });
        }
    }
}

/// Whether a gradient by the kernel is turned around: one vector of filters would be multiplied
/// with one number at a time, and loads would take longer than products.
fn is_turned<S: Simd>(geometry: &Geometry, packed: &PackedRows) -> bool {
    packed.turned_len > 0 && geometry.filters <= S::LANES && geometry.runs().1 >= 2 * S::LANES
}

struct PairsGradW<'a> {
    geometry: Geometry,
    packed: PackedRows,
    x: &'a [f32],
    d_y: &'a [f32],
    d_w: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for PairsGradW<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let PairsGradW { geometry, packed, x, d_y, d_w, scratch } = self;
        let (turned, scratch) = scratch.split_at_mut(packed.turned_len);
        let (line, scratch) = scratch.split_at_mut(packed.line_len);
        let (x_pairs, y_pairs) = scratch.split_at_mut(packed.x_len);
        let (x_len, y_len) = (geometry.x_len(), geometry.y_len());
        line.fill(0.0);
        turned.fill(0.0);
        let is_turned = is_turned::<S>(&geometry, &packed);
        for (x, d_y) in x.chunks_exact(x_len).zip(d_y.chunks_exact(y_len)) {
            for first in (0..geometry.rows.output).step_by(packed.output_rows) {
                let outputs = first..geometry.rows.output.min(first + packed.output_rows);
                let x_rows = geometry.input_rows(&outputs);
                let first_row = x_rows.start;
                pack_x(simd, &geometry, &packed, x, x_rows, line, x_pairs);
                pack_d_y(simd, &geometry, &packed, d_y, &outputs, y_pairs);
                let part =
                    PackedPart { geometry, packed, x: x_pairs, first_row, d_y: y_pairs, outputs };
                match is_turned {
                    true => part.add_turned_by_w(Pairs(simd), turned),
                    false => part.add_by_w(Pairs(simd), d_w),
                }
            }
        }
        if is_turned {
            add_turned(turned, geometry.filters, d_w);
        }
    }
}

/// Packs rows `x_rows` of a sample's input. `line` holds 0 where a row has padding.
#[inline(always)]
fn pack_x<S: Simd>(
    simd: S,
    geometry: &Geometry,
    packed: &PackedRows,
    x: &[f32],
    x_rows: Range<usize>,
    line: &mut [f32],
    pairs: &mut [f32],
) {
    let Geometry { columns, channels, .. } = *geometry;
    let row_len = columns.input * channels;
    let before = (columns.pad * channels).min(packed.line_len);
    let copied = row_len.min(packed.line_len - before);
    for (row, pairs) in x_rows.zip(pairs.chunks_exact_mut(packed.pitch)) {
        line[before..before + copied].copy_from_slice(&x[row * row_len..][..copied]);
        pack_rows(simd, line, Some(&line[packed.partner..]), pairs);
    }
}

/// Packs rows `outputs` of a sample's `d_y`.
#[inline(always)]
fn pack_d_y<S: Simd>(
    simd: S,
    geometry: &Geometry,
    packed: &PackedRows,
    d_y: &[f32],
    outputs: &Range<usize>,
    pairs: &mut [f32],
) {
    let Geometry { columns, filters, .. } = *geometry;
    let row_len = columns.output * filters;
    let rows = d_y[outputs.start * row_len..outputs.end * row_len].chunks_exact(row_len);
    for (row, pairs) in rows.zip(pairs.chunks_exact_mut(packed.pairs * filters)) {
        for (two, pairs) in row.chunks(2 * filters).zip(pairs.chunks_exact_mut(filters)) {
            pack_rows(simd, two, two.get(filters..).filter(|high| !high.is_empty()), pairs);
        }
    }
}

/// Rows `outputs` of a sample's output, and the input that they read, packed.
struct PackedPart<'a> {
    geometry: Geometry,
    packed: PackedRows,
    x: &'a [f32],
    /// The row of the input that stands first.
    first_row: usize,
    d_y: &'a [f32],
    outputs: Range<usize>,
}

impl PackedPart<'_> {
    /// Adds to the gradient by the kernel.
    #[inline(always)]
    fn add_by_w<S: Simd>(&self, pairs: Pairs<S>, d_w: &mut [f32]) {
        let Geometry { rows, columns, channels, filters, .. } = self.geometry;
        let PackedRows { pitch, pairs: row_pairs, .. } = self.packed;
        let (inner, run) = self.geometry.runs();
        for tap in 0..rows.kernel * inner {
            let Some((x, d_y, lines)) = self.run_of(tap) else { continue };
            let left = Columns {
                cells: x,
                lines,
                line_stride: rows.stride * pitch,
                steps: row_pairs,
                step_stride: 2 * columns.stride * channels,
                right_line_stride: row_pairs * filters,
            };
            for panel in Panels::new::<S>(run.max(2), filters).iter() {
                let product = Product {
                    columns: panel.len,
                    right: Right { cells: &d_y[panel.begin..], stride: filters },
                    write: Write::Add,
                    epilogue: Epilogue::NOTHING,
                    output: &mut d_w[tap * run * filters + panel.begin..],
                    stride: filters,
                };
                multiply(pairs, run, left, product);
            }
        }
    }

    /// Adds to the gradient by the kernel turned around, a row for each filter.
    #[inline(always)]
    fn add_turned_by_w<S: Simd>(&self, pairs: Pairs<S>, turned: &mut [f32]) {
        let Geometry { rows, columns, channels, filters, .. } = self.geometry;
        let PackedRows { pitch, pairs: row_pairs, .. } = self.packed;
        let (inner, run) = self.geometry.runs();
        let cells = rows.kernel * inner * run;
        for tap in 0..rows.kernel * inner {
            let Some((x, d_y, lines)) = self.run_of(tap) else { continue };
            let left = Columns {
                cells: d_y,
                lines,
                line_stride: row_pairs * filters,
                steps: row_pairs,
                step_stride: filters,
                right_line_stride: rows.stride * pitch,
            };
            for panel in Panels::new::<S>(filters.max(2), run).iter() {
                let product = Product {
                    columns: panel.len,
                    right: Right {
                        cells: &x[panel.begin..],
                        stride: 2 * columns.stride * channels,
                    },
                    write: Write::Add,
                    epilogue: Epilogue::NOTHING,
                    output: &mut turned[tap * run + panel.begin..],
                    stride: cells,
                };
                multiply(pairs, filters, left, product);
            }
        }
    }

    /// Where run `tap` of the kernel begins in `x`, the rows of `d_y` that are multiplied with it,
    /// and their number; `None` if it always lies in the padding.
    fn run_of(&self, tap: usize) -> Option<(&[f32], &[f32], usize)> {
        let Geometry { rows, columns, channels, filters, .. } = self.geometry;
        let inner = self.geometry.runs().0;
        let (a, b) = (tap / inner, tap % inner);
        let real = real_outputs(&rows, a);
        let real = real.start.max(self.outputs.start)..real.end.min(self.outputs.end);
        if real.is_empty() {
            return None;
        }
        let row = real.start * rows.stride + a * rows.dilation - rows.pad - self.first_row;
        let x = &self.x[row * self.packed.pitch + b * columns.dilation * channels..];
        let d_y = (real.start - self.outputs.start) * self.packed.pairs * filters;
        Some((x, &self.d_y[d_y..], real.len()))
    }
}
