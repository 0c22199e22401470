//! The gradient of a convolution by its input, which is also the transposed convolution: forward
//! passes over `d_y`.
//!
//! ```text
//! for each phase of the rows and of the columns:
//!     for each panel of the channels:
//!         w[a, b, o, c] = kernel[last - a, last - b, c, o]
//!         d_x[the phase's cells, c] = convolution of d_y with w
//! ```
//! There is one phase if the stride is 1; see `keras_target::phase`. `w` lies in the scratch, and
//! is made once for all samples. Nothing is added up in memory, and each cell is written once.

use keras_target::phase::{Phase, phases, phases_cover};

use super::band::{self, Geometry, Image};
use super::windows::Pass;
use crate::kernels::epilogue::Epilogue;
use crate::kernels::tile::{Panel, Panels, Right, Write};
use crate::simd::{Kernel, Simd};

/// [`Conv2DGradX`](keras_ir::ops::Conv2DGradX).
pub(super) struct GradX<'a> {
    pub(super) geometry: Geometry,
    pub(super) d_y: &'a [f32],
    pub(super) kernel: &'a [f32],
    pub(super) d_x: &'a mut [f32],
    /// For a panel of the transposed kernel.
    pub(super) transposed: &'a mut [f32],
    /// For a band of `d_y`.
    pub(super) band: &'a mut [f32],
}

impl Kernel for GradX<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let geometry = self.geometry;
        let group_channels = geometry.group_channels();
        if !phases_cover(geometry.rows) || !phases_cover(geometry.columns) {
            self.d_x.fill(0.0);
        }
        for rows in phases(geometry.rows) {
            for columns in phases(geometry.columns) {
                // At least two rows, so that a panel fits the scratch.
                let panels = Panels::new::<S>(columns.window.output.max(2), group_channels);
                for group in 0..geometry.groups {
                    for panel in panels.iter() {
                        self.panel(simd, [&rows, &columns], group, panel);
                    }
                }
            }
        }
    }
}

impl GradX<'_> {
    /// One panel of one phase of all samples.
    #[inline(always)]
    fn panel<S: Simd>(
        &mut self,
        simd: S,
        [rows, columns]: [&Phase; 2],
        group: usize,
        panel: Panel,
    ) {
        let Geometry { channels, filters, groups, .. } = self.geometry;
        let (x_len, y_len) = (self.geometry.x_len(), self.geometry.y_len());
        let (rows_of_phase, columns_of_phase) = (rows.window, columns.window);
        let geometry = Geometry {
            rows: rows_of_phase,
            columns: columns_of_phase,
            channels: filters,
            filters: channels,
            groups,
        };
        let is_narrow = geometry.is_narrow::<S>();
        let stride = if is_narrow {
            rows.window.kernel * columns.window.kernel * geometry.group_channels()
        } else {
            panel.len
        };
        self.transpose(simd, [rows, columns], group, panel, is_narrow);
        let pass = Pass {
            geometry,
            is_narrow,
            group,
            columns: panel.len,
            right: Right { cells: self.transposed, stride },
            write: Write::Set,
            epilogue: Epilogue::NOTHING,
            stride: self.geometry.columns.stride * channels,
        };
        let pitch = self.geometry.columns.output * filters;
        let read = [rows, columns].map(|phase| phase.skip);
        let skipped = read[0].min(self.geometry.rows.output) * pitch
            + read[1].min(self.geometry.columns.output) * filters;
        let row_len = self.geometry.columns.input * channels;
        let channel = group * self.geometry.group_channels() + panel.begin;
        for (d_x, d_y) in self.d_x.chunks_exact_mut(x_len).zip(self.d_y.chunks_exact(y_len)) {
            let d_y = Image { cells: &d_y[skipped.min(y_len)..], pitch };
            for outputs in pass.geometry.parts() {
                let d_y = band::read(&pass.geometry, d_y, &outputs, self.band);
                for i in outputs {
                    let row = rows.first + i * self.geometry.rows.stride;
                    let d_x = &mut d_x[row * row_len + columns.first * channels + channel..];
                    pass.row(simd, &d_y, i, 0, d_x);
                }
            }
        }
    }

    /// The phase's cells of the kernel, backwards: each of them transposed or, if narrow, a row of
    /// them for each channel.
    #[inline(always)]
    fn transpose<S: Simd>(
        &mut self,
        simd: S,
        [rows, columns]: [&Phase; 2],
        group: usize,
        panel: Panel,
        is_narrow: bool,
    ) {
        let Geometry { filters, .. } = self.geometry;
        let (group_channels, group_filters) =
            (self.geometry.group_channels(), self.geometry.group_filters());
        let taps = rows.window.kernel * columns.window.kernel;
        for i in 0..taps {
            let (a, b) = (i / columns.window.kernel, i % columns.window.kernel);
            let tap = rows.kernel_cell(a) * self.geometry.columns.kernel + columns.kernel_cell(b);
            let weights = (tap * group_channels + panel.begin) * filters + group * group_filters;
            let weights = &self.kernel[weights..];
            if is_narrow {
                for (c, row) in weights.chunks(filters).take(panel.len).enumerate() {
                    let place = (c * taps + i) * group_filters;
                    self.transposed[place..][..group_filters]
                        .copy_from_slice(&row[..group_filters]);
                }
            } else {
                let cell = &mut self.transposed[i * group_filters * panel.len..];
                Right::pack_transposed(simd, weights, filters, group_filters, panel.len, cell);
            }
        }
    }
}
