//! The gradient of a convolution by its kernel: each run of the kernel is a product with the rows
//! of `d_y`.
//!
//! ```text
//! d_kernel[a, ..] += Σ over cells (i, j):  x[rows(i, a), columns(j, 0).., :]ᵀ · d_y[i, j, :]
//! ```

use core::ops::Range;

use super::band::{self, Geometry, Image};
use super::narrow::add_turned;
use crate::kernels::epilogue::Epilogue;
use crate::kernels::tile::{Columns, Panels, Product, Right, Write, multiply};
use crate::kernels::window::real_outputs;
use crate::simd::{Kernel, Simd};

/// [`Conv2DGradW`](keras_ir::ops::Conv2DGradW).
pub(super) struct GradW<'a> {
    pub(super) geometry: Geometry,
    pub(super) x: &'a [f32],
    pub(super) d_y: &'a [f32],
    pub(super) d_w: &'a mut [f32],
    pub(super) scratch: &'a mut [f32],
}

impl Kernel for GradW<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let GradW { geometry, x, d_y, d_w, scratch } = self;
        let (x_len, y_len) = (geometry.x_len(), geometry.y_len());
        let pitch = geometry.columns.input * geometry.channels;
        let (turned, scratch) = scratch.split_at_mut(geometry.turned_len());
        let is_narrow = geometry.is_narrow::<S>();
        for (x, d_y) in x.chunks_exact(x_len).zip(d_y.chunks_exact(y_len)) {
            if is_narrow {
                turned.fill(0.0);
            }
            for outputs in geometry.parts() {
                let x = band::read(&geometry, Image { cells: x, pitch }, &outputs, scratch);
                let part = RowsPart { geometry, x, d_y, outputs };
                match is_narrow {
                    true => part.add_turned_by_w(simd, turned),
                    false => part.add_by_w(simd, d_w),
                }
            }
            // Sample by sample, so that sums do not depend on how a batch is cut.
            if is_narrow {
                add_turned(turned, geometry.filters, d_w);
            }
        }
    }
}

/// Rows `outputs` of a sample's output, and the input that they read.
struct RowsPart<'a> {
    geometry: Geometry,
    x: band::Rows<'a>,
    d_y: &'a [f32],
    outputs: Range<usize>,
}

impl RowsPart<'_> {
    /// Adds to the gradient by the kernel.
    #[inline(always)]
    fn add_by_w<S: Simd>(&self, simd: S, d_w: &mut [f32]) {
        let Geometry { rows, columns, channels, filters, groups } = self.geometry;
        let (inner, run) = self.geometry.runs();
        let panels = Panels::new::<S>(run, self.geometry.group_filters());
        for group in 0..groups {
            for panel in panels.iter() {
                for tap in 0..rows.kernel * inner {
                    let Some((x, outputs)) = self.run_of(group, tap) else { continue };
                    let filter = group * self.geometry.group_filters() + panel.begin;
                    let right = &self.d_y[outputs.start * columns.output * filters + filter..];
                    let left = Columns {
                        cells: x,
                        lines: outputs.len(),
                        line_stride: rows.stride * self.x.pitch,
                        steps: columns.output,
                        step_stride: columns.stride * channels,
                        right_line_stride: columns.output * filters,
                    };
                    let product = Product {
                        columns: panel.len,
                        right: Right { cells: right, stride: filters },
                        write: Write::Add,
                        epilogue: Epilogue::NOTHING,
                        output: &mut d_w[tap * run * filters + filter..],
                        stride: filters,
                    };
                    multiply(simd, run, left, product);
                }
            }
        }
    }

    /// Adds to the gradient by the kernel turned around; see [`narrow`](super::narrow).
    #[inline(always)]
    fn add_turned_by_w<S: Simd>(&self, simd: S, turned: &mut [f32]) {
        let Geometry { rows, columns, channels, filters, groups } = self.geometry;
        let (inner, run) = self.geometry.runs();
        let (group_filters, cells) = (self.geometry.group_filters(), rows.kernel * inner * run);
        for group in 0..groups {
            for tap in 0..rows.kernel * inner {
                let Some((x, outputs)) = self.run_of(group, tap) else { continue };
                let left = &self.d_y[outputs.start * columns.output * filters..];
                for panel in Panels::new::<S>(group_filters, run).iter() {
                    let left = Columns {
                        cells: &left[group * group_filters..],
                        lines: outputs.len(),
                        line_stride: columns.output * filters,
                        steps: columns.output,
                        step_stride: filters,
                        right_line_stride: rows.stride * self.x.pitch,
                    };
                    let (x, place) = (&x[panel.begin..], tap * run + panel.begin);
                    let product = Product {
                        columns: panel.len,
                        right: Right { cells: x, stride: columns.stride * channels },
                        write: Write::Add,
                        epilogue: Epilogue::NOTHING,
                        output: &mut turned[group * group_filters * cells + place..],
                        stride: cells,
                    };
                    multiply(simd, group_filters, left, product);
                }
            }
        }
    }

    /// The rows of the output whose windows have run `tap`, and the input from the first of these
    /// runs on; `None` if it always lies in the padding.
    fn run_of(&self, group: usize, tap: usize) -> Option<(&[f32], Range<usize>)> {
        let Geometry { rows, columns, channels, .. } = self.geometry;
        let inner = self.geometry.runs().0;
        let (a, b) = (tap / inner, tap % inner);
        let real = real_outputs(&rows, a);
        let outputs = real.start.max(self.outputs.start)..real.end.min(self.outputs.end);
        if outputs.is_empty() {
            return None;
        }
        let row = outputs.start * rows.stride + a * rows.dilation - rows.pad - self.x.first;
        let column = b * columns.dilation * channels + group * self.geometry.group_channels();
        Some((&self.x.cells[row * self.x.pitch + column..], outputs))
    }
}
