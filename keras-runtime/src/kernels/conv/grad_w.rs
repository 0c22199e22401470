//! The gradient of a convolution by its kernel: each run of the kernel is a product with the rows of `d_y`.
//!
//! ```text
//! d_kernel[a, ..] += Σ over cells (i, j):  x[rows(i, a), columns(j, 0).., :]ᵀ · d_y[i, j, :]
//! ```

use std::ops::Range;

use super::band::{self, Geometry, Image};
use crate::kernels::tile::{Columns, Panel, Panels, Product, Right, Write, multiply};
use crate::kernels::window::real_outputs;
use crate::simd::{Kernel, Simd};

/// [`Conv2DGradW`](keras_graph::op::Conv2DGradW).
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
        let (inner, run) = geometry.runs();
        let panels = Panels::new::<S>(run, geometry.group_filters());
        for (x, d_y) in x.chunks_exact(x_len).zip(d_y.chunks_exact(y_len)) {
            for outputs in geometry.parts() {
                let rows = band::read(&geometry, Image { cells: x, pitch }, &outputs, scratch);
                for group in 0..geometry.groups {
                    for panel in panels.iter() {
                        for tap in 0..geometry.rows.kernel * inner {
                            let place = (group, panel, tap);
                            add_run_by_w(simd, &geometry, &rows, d_y, &outputs, place, d_w);
                        }
                    }
                }
            }
        }
    }
}

/// The gradient by one run of the kernel, from rows `outputs` of a sample's output.
#[inline(always)]
fn add_run_by_w<S: Simd>(
    simd: S,
    geometry: &Geometry,
    x: &band::Rows<'_>,
    d_y: &[f32],
    outputs: &Range<usize>,
    (group, panel, tap): (usize, Panel, usize),
    d_w: &mut [f32],
) {
    let Geometry { rows, columns, channels, filters, .. } = *geometry;
    let (inner, run) = geometry.runs();
    let (a, b) = (tap / inner, tap % inner);
    let real = real_outputs(&rows, a);
    let (begin, end) = (real.start.max(outputs.start), real.end.min(outputs.end));
    if begin >= end {
        return;
    }
    let filter = group * geometry.group_filters() + panel.begin;
    let row = begin * rows.stride + a * rows.dilation - rows.pad - x.first;
    let column = b * columns.dilation * channels + group * geometry.group_channels();
    let left = Columns {
        cells: &x.cells[row * x.pitch + column..],
        lines: end - begin,
        line_stride: rows.stride * x.pitch,
        steps: columns.output,
        step_stride: columns.stride * channels,
    };
    let right = &d_y[begin * columns.output * filters + filter..];
    let right = Right { cells: right, stride: filters };
    let output = &mut d_w[tap * run * filters + filter..];
    let (write, relu) = (Write::Add, false);
    let product = Product { columns: panel.len, right, write, relu, output, stride: filters };
    multiply(simd, run, left, product);
}
