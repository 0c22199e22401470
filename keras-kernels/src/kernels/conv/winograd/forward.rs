//! The convolution, and the one of `d_y` that the gradient by the input is.

use keras_target::cost::POOLED;
use keras_target::winograd::{SPAN, TILE, TRANSFORMED, Winograd, plane_pitch};

use super::input::{Input, chunks};
use super::kernel::Transform;
use super::planes::{Planes, Write};
use super::transforms::to_output;
use crate::kernels::epilogue::Epilogue;
use crate::kernels::tile::Rows;
use crate::simd::{Kernel, Simd};

/// [`Conv2D`](keras_ir::ops::Conv2D), with no activation but a clip, or the one of `d_y` with the
/// kernel backwards and transposed that [`Conv2DGradX`](keras_ir::ops::Conv2DGradX) is: its
/// channels are the kernel's filters, and the other way round.
pub(in super::super) struct Convolution<'a> {
    pub(in super::super) shape: Winograd,
    pub(in super::super) x: &'a [f32],
    pub(in super::super) kernel: &'a [f32],
    /// Whether the kernel is read backwards and transposed.
    pub(in super::super) transposed: bool,
    /// Whether of each two rows and two columns only the largest cell is written; a last one
    /// without a partner is left out.
    pub(in super::super) pools: bool,
    /// The transformed kernel, `[36, channels, filters]`, or nothing.
    pub(in super::super) prepared: &'a [f32],
    pub(in super::super) bias: Option<&'a [f32]>,
    pub(in super::super) epilogue: Epilogue<'a>,
    pub(in super::super) y: &'a mut [f32],
    pub(in super::super) scratch: &'a mut [f32],
}

impl Kernel for Convolution<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Convolution { shape, x, kernel, transposed, pools, .. } = self;
        let Convolution { prepared, bias, epilogue, y, scratch, .. } = self;
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
        let written_len = match pools {
            true => (rows.output / POOLED) * (columns.output / POOLED) * filters,
            false => y_len,
        };
        let (lines, tiles) = scratch.split_at_mut(shape.lines_len());
        let mut input = Input::new(shape, lines);
        let (tile_rows, tile_columns) = (shape.tile_rows(), shape.tile_columns());
        for chunk in chunks(&shape, y.len() / written_len) {
            let count = shape.product_rows(chunk.len());
            let (v, m) = tiles.split_at_mut(TRANSFORMED * plane_pitch(count * channels));
            for (i, row) in chunk.clone().enumerate() {
                let x = &x[row / tile_rows * x_len..][..x_len];
                let v = &mut v[i * tile_columns * channels..];
                input.transform(simd, x, row % tile_rows, v, count);
            }
            simd.enter(Planes {
                rows: count,
                columns: filters,
                inner: channels,
                left: v,
                matrix: |cells| Rows::plain(cells, channels, channels),
                right: u,
                write: Write::Set,
                output: m,
            });
            for (i, row) in chunk.enumerate() {
                let (sample, tile_row) = (row / tile_rows, row % tile_rows);
                let epilogue = epilogue.cells_from(sample * y_len);
                let output = Output { shape: &shape, bias, epilogue };
                let m = &m[i * tile_columns * filters..];
                let y = &mut y[sample * written_len..][..written_len];
                match pools {
                    true => output.gather_largest(simd, m, count, tile_row, y),
                    false => output.gather(simd, m, count, tile_row, y),
                }
            }
        }
    }
}

/// Where and how sums are written.
struct Output<'a> {
    shape: &'a Winograd,
    bias: Option<&'a [f32]>,
    epilogue: Epilogue<'a>,
}

impl Output<'_> {
    /// `Aᵀ · m · A` of a row of tiles of sample `y`, with bias and epilogue.
    #[inline(always)]
    fn gather<S: Simd>(&self, simd: S, m: &[f32], count: usize, tile_row: usize, y: &mut [f32]) {
        let Winograd { rows, columns, filters, .. } = *self.shape;
        let height = TILE.min(rows.output - TILE * tile_row);
        let pitch = plane_pitch(count * filters);
        for tile in 0..self.shape.tile_columns() {
            let width = TILE.min(columns.output - TILE * tile);
            let first = (TILE * tile_row * columns.output + TILE * tile) * filters;
            for f in (0..filters).step_by(S::LANES) {
                let lines = of_columns(simd, &m[tile * filters + f..], pitch);
                if height == TILE && width == TILE {
                    for r in 0..TILE {
                        let place = first + r * columns.output * filters + f;
                        let cells = to_output(simd, lines[r]);
                        let cells = self.finished::<S, TILE>(simd, cells, f, place);
                        simd.store_each(cells, &mut y[place..], filters);
                    }
                    continue;
                }
                for (r, &line) in lines.iter().enumerate().take(height) {
                    let cells = to_output(simd, line);
                    for (s, &cell) in cells.iter().enumerate().take(width) {
                        let place = first + (r * columns.output + s) * filters + f;
                        let [cell] = self.finished::<S, 1>(simd, [cell], f, place);
                        simd.store(cell, &mut y[place..]);
                    }
                }
            }
        }
    }

    /// As [`Output::gather`], of which the largest of each [`POOLED`] by [`POOLED`] cells are
    /// written.
    #[inline(always)]
    fn gather_largest<S: Simd>(
        &self,
        simd: S,
        m: &[f32],
        count: usize,
        tile_row: usize,
        y: &mut [f32],
    ) {
        const HALF: usize = TILE / POOLED;
        let Winograd { rows, columns, filters, .. } = *self.shape;
        let (pitch, y_columns) = (plane_pitch(count * filters), columns.output / POOLED);
        let height = HALF.min((rows.output - TILE * tile_row) / POOLED);
        for tile in 0..self.shape.tile_columns() {
            let width = HALF.min((columns.output - TILE * tile) / POOLED);
            for f in (0..filters).step_by(S::LANES) {
                let lines = of_columns(simd, &m[tile * filters + f..], pitch);
                let mut largest = [[simd.splat(f32::NEG_INFINITY); HALF]; HALF];
                for r in 0..TILE {
                    // Where a tensor is added nothing is pooled, so the place does not matter.
                    let cells = self.finished::<S, TILE>(simd, to_output(simd, lines[r]), f, 0);
                    for s in 0..TILE {
                        let largest = &mut largest[r / POOLED][s / POOLED];
                        *largest = simd.maximum(*largest, cells[s]);
                    }
                }
                for (r, line) in largest.iter().enumerate().take(height) {
                    let first = (HALF * tile_row + r) * y_columns + HALF * tile;
                    for (s, &cell) in line.iter().enumerate().take(width) {
                        simd.store(cell, &mut y[(first + s) * filters + f..]);
                    }
                }
            }
        }
    }

    /// Neighbouring cells of a row from element `place` on, of filters from `f` on, as they are
    /// written.
    #[inline(always)]
    fn finished<S: Simd, const N: usize>(
        &self,
        simd: S,
        mut cells: [S::F32; N],
        f: usize,
        place: usize,
    ) -> [S::F32; N] {
        let Epilogue { scale, skip, clip } = self.epilogue;
        if let Some([scale, shift]) = scale {
            let (scale, shift) = (simd.load(&scale[f..]), simd.load(&shift[f..]));
            for cell in &mut cells {
                *cell = simd.mul_add(*cell, scale, shift);
            }
        } else if let Some(bias) = self.bias {
            let bias = simd.load(&bias[f..]);
            for cell in &mut cells {
                *cell = simd.add(bias, *cell);
            }
        }
        if let Some(skip) = skip {
            let skip = simd.load_each::<N>(&skip[place..], self.shape.filters);
            for (cell, skip) in cells.iter_mut().zip(skip) {
                *cell = simd.add(*cell, skip);
            }
        }
        for cell in &mut cells {
            *cell = clip.apply(simd, *cell);
        }
        cells
    }
}

/// `Aᵀ · m` of a tile, whose planes lie `pitch` apart.
#[inline(always)]
fn of_columns<S: Simd>(simd: S, m: &[f32], pitch: usize) -> [[S::F32; SPAN]; TILE] {
    let mut lines = [[simd.splat(0.0); SPAN]; TILE];
    for b in 0..SPAN {
        let column = to_output(simd, simd.load_each(&m[b * pitch..], SPAN * pitch));
        for r in 0..TILE {
            lines[r][b] = column[r];
        }
    }
    lines
}
