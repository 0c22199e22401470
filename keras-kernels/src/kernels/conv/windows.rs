//! The forward pass of a convolution: one panel of filters of one row at a time.
//!
//! The gradient by the input is made of such passes too, with other strides between the cells they
//! write; see [`grad_x`](super::grad_x).

use super::band::{self, Geometry, Image};
use super::narrow::{Dots, turn};
use super::three_columns::{self, ThreeColumns};
use crate::kernels::epilogue::Epilogue;
use crate::kernels::tile::{Columns, Panels, Product, Right, Rows, Write, multiply};
use crate::kernels::window::real_cells;
use crate::simd::{Kernel, Simd};

/// [`Conv2D`](keras_ir::ops::Conv2D), with no activation but a clip.
pub(super) struct Windows<'a> {
    pub(super) geometry: Geometry,
    pub(super) x: &'a [f32],
    pub(super) kernel: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) epilogue: Epilogue<'a>,
    pub(super) y: &'a mut [f32],
    pub(super) scratch: &'a mut [f32],
}

impl Kernel for Windows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Windows { geometry, x, kernel, bias, epilogue, y, scratch } = self;
        let (x_len, y_len) = (geometry.x_len(), geometry.y_len());
        let (filters, pitch) = (geometry.filters, geometry.columns.input * geometry.channels);
        let (turned, scratch) = scratch.split_at_mut(geometry.turned_len());
        let is_narrow = geometry.is_narrow::<S>();
        if is_narrow {
            turn(kernel, filters, turned);
        }
        let panels = Panels::new::<S>(geometry.columns.output, geometry.group_filters());
        let copies = geometry.band().is_some();
        let samples = x.chunks_exact(x_len).zip(y.chunks_exact_mut(y_len));
        for (sample, (x, y)) in samples.enumerate() {
            let epilogue = epilogue.cells_from(sample * y_len);
            let image = Image { cells: x, pitch };
            for outputs in geometry.parts() {
                let rows = band::read(&geometry, image, &outputs, scratch);
                for group in 0..geometry.groups {
                    for panel in panels.iter() {
                        let filter = group * geometry.group_filters() + panel.begin;
                        let cells = kernel.len() / filters;
                        let right = match is_narrow {
                            true => Right { cells: &turned[filter * cells..], stride: cells },
                            false => Right { cells: &kernel[filter..], stride: filters },
                        };
                        let pass = Pass {
                            geometry,
                            is_narrow,
                            group,
                            columns: panel.len,
                            right,
                            write: bias.map_or(Write::Set, |bias| Write::Bias(&bias[filter..])),
                            epilogue: epilogue.columns_from(filter),
                            stride: filters,
                        };
                        for i in outputs.clone() {
                            if copies && filter == 0 {
                                band::prefetch_row(&geometry, image, i + outputs.len());
                            }
                            let row = i * geometry.columns.output * filters;
                            let y = &mut y[row + filter..];
                            pass.row(simd, &rows, i, row, y);
                        }
                    }
                }
            }
        }
    }
}

/// What all rows of a pass share: a convolution with one panel of the filters of one group.
pub(super) struct Pass<'a> {
    pub(super) geometry: Geometry,
    /// Whether the kernel is turned around.
    pub(super) is_narrow: bool,
    pub(super) group: usize,
    /// Filters of the panel.
    pub(super) columns: usize,
    /// The panel: a row for each cell of the kernel and each channel of the group; turned around, a
    /// row for each filter.
    pub(super) right: Right<'a>,
    pub(super) write: Write<'a>,
    pub(super) epilogue: Epilogue<'a>,
    /// Elements from one cell of the output to the next.
    pub(super) stride: usize,
}

impl Pass<'_> {
    /// Row `i` of the output, which begins at `y`, `place` elements behind where `epilogue` begins.
    #[inline(always)]
    pub(super) fn row<S: Simd>(
        &self,
        simd: S,
        x: &band::Rows<'_>,
        i: usize,
        place: usize,
        y: &mut [f32],
    ) {
        let Pass { geometry, write, stride, .. } = *self;
        let epilogue = self.epilogue.cells_from(place);
        let Geometry { rows, columns, channels, .. } = geometry;
        let real = real_cells(&rows, i);
        let (inner, run) = geometry.runs();
        let skipped = real.start * inner * run * if self.is_narrow { 1 } else { self.right.stride };
        let (left, right) = if real.is_empty() {
            // The window lies in the padding: no runs, so what is left is the bias.
            (Rows { outer: 0, ..Rows::plain(&[], 0, run) }, Right { cells: &[], ..self.right })
        } else {
            let row = i * rows.stride + real.start * rows.dilation - rows.pad - x.first;
            let left = Rows {
                cells: &x.cells[row * x.pitch + self.group * geometry.group_channels()..],
                row_stride: columns.stride * channels,
                outer: real.len(),
                outer_stride: rows.dilation * x.pitch,
                inner,
                inner_stride: columns.dilation * channels,
                run,
            };
            (left, Right { cells: &self.right.cells[skipped..], ..self.right })
        };
        if self.is_narrow {
            let bias = if let Write::Bias(bias) = write { Some(bias) } else { None };
            let (rows, weights, filters) = (columns.output, right, self.columns);
            simd.enter(Dots { rows, left, weights, filters, bias, epilogue, output: y, stride });
            return;
        }
        let product = Product { columns: self.columns, right, write, epilogue, output: y, stride };
        if self.has_three_columns::<S>() {
            multiply(simd, columns.output, ThreeColumns(left), product);
        } else if left.row_stride == 1 {
            // One channel: the left matrix is also that of columns, which come without a slice for
            // each row.
            let left = Columns {
                cells: left.cells,
                lines: left.outer,
                line_stride: left.outer_stride,
                steps: columns.kernel,
                step_stride: columns.dilation,
                right_line_stride: columns.kernel * right.stride,
            };
            multiply(simd, columns.output, left, product);
        } else {
            multiply(simd, columns.output, left, product);
        }
    }

    /// Whether the windows are those of [`ThreeColumns`] and the panel is narrow enough, so that
    /// something is gained.
    #[inline(always)]
    fn has_three_columns<S: Simd>(&self) -> bool {
        let Geometry { columns, groups, .. } = self.geometry;
        // In `f32` nothing is gained: there multiplications take as long as loads.
        S::OF_PAIRS
            && groups == 1
            && (columns.kernel, columns.stride, columns.dilation) == (three_columns::COLUMNS, 1, 1)
            && self.columns <= three_columns::PANEL_VECTORS * S::LANES
    }
}
