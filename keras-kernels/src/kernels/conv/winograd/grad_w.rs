//! The gradient by the kernel.

use keras_target::winograd::{SPAN, TILE, TRANSFORMED, Winograd, plane_pitch};

use super::input::{Input, chunks};
use super::kernel::KERNEL_CELLS;
use super::planes::{Planes, Write};
use super::transforms::{of_output, to_kernel};
use crate::kernels::tile::Columns;
use crate::simd::{Kernel, Simd};

/// [`Conv2DGradW`](keras_ir::ops::Conv2DGradW), added to `d_w`.
pub(in super::super) struct GradW<'a> {
    pub(in super::super) shape: Winograd,
    pub(in super::super) x: &'a [f32],
    pub(in super::super) d_y: &'a [f32],
    pub(in super::super) d_w: &'a mut [f32],
    pub(in super::super) scratch: &'a mut [f32],
}

impl Kernel for GradW<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let GradW { shape, x, d_y, d_w, scratch } = self;
        let Winograd { rows, columns, channels, filters } = shape;
        let x_len = rows.input * columns.input * channels;
        let y_len = rows.output * columns.output * filters;
        let (d_u, scratch) = scratch.split_at_mut(shape.kernel_len());
        let (lines, tiles) = scratch.split_at_mut(shape.lines_len());
        let mut input = Input::new(shape, lines);
        let (tile_rows, tile_columns) = (shape.tile_rows(), shape.tile_columns());
        let mut is_first = true;
        for chunk in chunks(&shape, d_y.len() / y_len) {
            let count = chunk.len() * tile_columns;
            let (v, d_m) = tiles.split_at_mut(TRANSFORMED * plane_pitch(count * channels));
            for (i, row) in chunk.enumerate() {
                let (sample, tile_row) = (row / tile_rows, row % tile_rows);
                let v = &mut v[i * tile_columns * channels..];
                input.transform(simd, &x[sample * x_len..][..x_len], tile_row, v, count);
                let d_y = &d_y[sample * y_len..][..y_len];
                let d_m = &mut d_m[i * tile_columns * filters..];
                transform_d_y(simd, &shape, d_y, tile_row, d_m, count);
            }
            simd.enter(Planes {
                rows: channels,
                columns: filters,
                inner: count,
                left: v,
                matrix: |cells| Columns::plain(cells, channels, count),
                right: d_m,
                write: if is_first { Write::Set } else { Write::Continue },
                output: &mut *d_u,
            });
            is_first = false;
        }
        if !is_first {
            gather_taps(simd, &shape, d_u, d_w);
        }
    }
}

/// `A · d_y · Aᵀ` of a row of tiles of a sample, to the planes of `d_m`, which hold `count` tiles.
#[inline(always)]
fn transform_d_y<S: Simd>(
    simd: S,
    shape: &Winograd,
    d_y: &[f32],
    tile_row: usize,
    d_m: &mut [f32],
    count: usize,
) {
    let Winograd { rows, columns, filters, .. } = *shape;
    let (zero, pitch) = (simd.splat(0.0), plane_pitch(count * filters));
    let height = TILE.min(rows.output - TILE * tile_row);
    let row_len = columns.output * filters;
    for tile in 0..shape.tile_columns() {
        let width = TILE.min(columns.output - TILE * tile);
        for f in (0..filters).step_by(S::LANES) {
            let cells = &d_y[TILE * tile_row * row_len + TILE * tile * filters + f..];
            let mut lines = [[zero; TILE]; SPAN];
            for s in 0..width {
                let mut column = [zero; TILE];
                if height == TILE {
                    column = simd.load_each(&cells[s * filters..], row_len);
                } else {
                    for (r, cell) in column.iter_mut().enumerate().take(height) {
                        *cell = simd.load(&cells[r * row_len + s * filters..]);
                    }
                }
                let column = of_output(simd, column);
                for a in 0..SPAN {
                    lines[a][s] = column[a];
                }
            }
            for a in 0..SPAN {
                let row = of_output(simd, lines[a]);
                simd.store_each(row, &mut d_m[a * SPAN * pitch + tile * filters + f..], pitch);
            }
        }
    }
}

/// Adds `Gᵀ · d_u · G` to the gradient.
#[inline(always)]
fn gather_taps<S: Simd>(simd: S, shape: &Winograd, d_u: &[f32], d_w: &mut [f32]) {
    let tap_len = shape.channels * shape.filters;
    let pitch = plane_pitch(tap_len);
    debug_assert_eq!(d_w.len(), KERNEL_CELLS * tap_len);
    for i in (0..tap_len).step_by(S::LANES) {
        let mut rows = [[simd.splat(0.0); SPAN]; 3];
        for b in 0..SPAN {
            let column = simd.load_each(&d_u[b * pitch + i..], SPAN * pitch);
            let column = to_kernel(simd, column);
            for r in 0..3 {
                rows[r][b] = column[r];
            }
        }
        for r in 0..3 {
            let taps = to_kernel(simd, rows[r]);
            for s in 0..3 {
                let tap = &mut d_w[(r * 3 + s) * tap_len + i..];
                simd.store(simd.add(simd.load(tap), taps[s]), tap);
            }
        }
    }
}
