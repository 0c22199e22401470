//! The convolution, and the one of `d_y` that the gradient by the input is.

use keras_graph::winograd::{SPAN, TILE, TRANSFORMED, Winograd, plane_pitch};

use super::input::{Input, chunks};
use super::kernel::Transform;
use super::transforms::to_output;
use crate::kernels::finish::Finish;
use crate::kernels::tile::{Panels, Product, Right, Rows, Write, multiply};
use crate::simd::{Kernel, Simd};

/// [`Conv2D`](keras_graph::op::Conv2D), with no activation but a clip, or the one of `d_y` with the kernel backwards and transposed
/// that [`Conv2DGradX`](keras_graph::op::Conv2DGradX) is: its channels are the kernel's filters, and the other way round.
pub(in super::super) struct Convolution<'a> {
    pub(in super::super) shape: Winograd,
    pub(in super::super) x: &'a [f32],
    pub(in super::super) kernel: &'a [f32],
    /// Whether the kernel is read backwards and transposed.
    pub(in super::super) transposed: bool,
    /// The transformed kernel, `[36, channels, filters]`, or nothing.
    pub(in super::super) prepared: &'a [f32],
    pub(in super::super) bias: Option<&'a [f32]>,
    pub(in super::super) finish: Finish<'a>,
    pub(in super::super) y: &'a mut [f32],
    pub(in super::super) scratch: &'a mut [f32],
}

impl Kernel for Convolution<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Convolution { shape, x, kernel, transposed, prepared, bias, finish, y, scratch } = self;
        let (u, scratch) = scratch.split_at_mut(shape.kernel_len());
        let u = if prepared.is_empty() {
            simd.enter(Transform { shape, kernel, transposed, u: &mut *u });
            &*u
        } else {
            prepared
        };
        let Winograd { rows, columns, channels, filters } = shape;
        let x_len = rows.input * columns.input * channels;
        let y_len = rows.output * columns.output * filters;
        let (lines, tiles) = scratch.split_at_mut(shape.lines_len());
        let mut input = Input::new(shape, lines);
        let (tile_rows, tile_columns) = (shape.tile_rows(), shape.tile_columns());
        for chunk in chunks(&shape, y.len() / y_len) {
            let count = chunk.len() * tile_columns;
            let (v, m) = tiles.split_at_mut(TRANSFORMED * plane_pitch(count * channels));
            for (i, row) in chunk.clone().enumerate() {
                let x = &x[row / tile_rows * x_len..][..x_len];
                let v = &mut v[i * tile_columns * channels..];
                input.transform(simd, x, row % tile_rows, v, count);
            }
            multiply_planes(simd, &shape, u, v, m, count);
            for (i, row) in chunk.enumerate() {
                let (sample, tile_row) = (row / tile_rows, row % tile_rows);
                let finish = finish.cells_from(sample * y_len);
                let output = Output { shape: &shape, bias, finish };
                let m = &m[i * tile_columns * filters..];
                output.gather(simd, m, count, tile_row, &mut y[sample * y_len..][..y_len]);
            }
        }
    }
}

/// `m[k] = v[k] · u[k]` for each cell `k` of the transform.
#[inline(always)]
fn multiply_planes<S: Simd>(
    simd: S,
    shape: &Winograd,
    u: &[f32],
    v: &[f32],
    m: &mut [f32],
    count: usize,
) {
    let Winograd { channels, filters, .. } = *shape;
    let [u_pitch, v_pitch, m_pitch] =
        [channels * filters, count * channels, count * filters].map(plane_pitch);
    for k in 0..TRANSFORMED {
        for panel in Panels::new::<S>(count.max(2), filters).iter() {
            let product = Product {
                columns: panel.len,
                right: Right { cells: &u[k * u_pitch + panel.begin..], stride: filters },
                write: Write::Set,
                finish: Finish::NOTHING,
                output: &mut m[k * m_pitch + panel.begin..],
                stride: filters,
            };
            let left = Rows::plain(&v[k * v_pitch..], channels, channels);
            multiply(simd, count, left, product);
        }
    }
}

/// Where and how sums are written.
struct Output<'a> {
    shape: &'a Winograd,
    bias: Option<&'a [f32]>,
    finish: Finish<'a>,
}

impl Output<'_> {
    /// `Aᵀ · m · A` of a row of tiles of sample `y`, with bias and finish.
    #[inline(always)]
    fn gather<S: Simd>(&self, simd: S, m: &[f32], count: usize, tile_row: usize, y: &mut [f32]) {
        let Winograd { rows, columns, filters, .. } = *self.shape;
        let (zero, pitch) = (simd.splat(0.0), plane_pitch(count * filters));
        let Finish { scale, skip, clip } = self.finish;
        for tile in 0..self.shape.tile_columns() {
            for f in (0..filters).step_by(S::LANES) {
                let start = self.bias.map_or(zero, |bias| simd.load(&bias[f..]));
                let scale =
                    scale.map(|[scale, shift]| [simd.load(&scale[f..]), simd.load(&shift[f..])]);
                let mut lines = [[zero; SPAN]; TILE];
                for b in 0..SPAN {
                    let mut column = [zero; SPAN];
                    for a in 0..SPAN {
                        let place = (a * SPAN + b) * pitch + tile * filters + f;
                        column[a] = simd.load(&m[place..]);
                    }
                    let column = to_output(simd, column);
                    for r in 0..TILE {
                        lines[r][b] = column[r];
                    }
                }
                for r in 0..TILE.min(rows.output - TILE * tile_row) {
                    let cells = to_output(simd, lines[r]);
                    for s in 0..TILE.min(columns.output - TILE * tile) {
                        let place = (TILE * tile_row + r) * columns.output + TILE * tile + s;
                        let place = place * filters + f;
                        let mut cell = match scale {
                            Some([scale, shift]) => simd.mul_add(cells[s], scale, shift),
                            None => simd.add(start, cells[s]),
                        };
                        if let Some(skip) = skip {
                            cell = simd.add(cell, simd.load(&skip[place..]));
                        }
                        simd.store(clip.apply(simd, cell), &mut y[place..]);
                    }
                }
            }
        }
    }
}
