//! Convolutions of 3 x 3 by Winograd's algorithm, F(2 x 2, 3 x 3).
//!
//! ```text
//! for each tile of 2 x 2 cells of the output, and the 4 x 4 cells d of the input that it reads:
//!     v[k, tile, c] = (Bᵀ · d[c] · B)[k]                       (k counts the 16 cells of a transform)
//!     m[k, tile, f] = Σ_c v[k, tile, c] · u[k, c, f]           where u[k, c, f] = (G · kernel[c, f] · Gᵀ)[k]
//!     y[tile, f]    = Aᵀ · m[tile, f] · A
//! ```
//! All of it runs along channels or filters, which fill vectors. Sums of the transforms hold up to four terms, so
//! rounding is about twice that of the plain sum; infinities become NaN.
//! Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, section 4.1.

#![allow(clippy::needless_range_loop, reason = "indices are what transforms are about")]

use keras_graph::winograd::{TRANSFORMED, Winograd, plane_pitch};

use crate::kernels::finish::Finish;
use crate::kernels::tile::{Panels, Product, Right, Rows, Write, multiply};
use crate::simd::{Kernel, Simd};

/// Cells of the kernel.
const TAPS: usize = 9;

/// Elements of a square of the longest vectors.
const LARGEST_SQUARE: usize = 16 * 16;

/// Transforms a vector of each tap to those of the planes of `u`, which lie `pitch` apart.
#[inline(always)]
fn transform_taps<S: Simd>(simd: S, taps: [S::F32; TAPS], pitch: usize, u: &mut [f32]) {
    let mut columns = [[simd.splat(0.0); 3]; 4];
    for b in 0..3 {
        let transformed = spread(simd, [taps[b], taps[3 + b], taps[6 + b]]);
        for a in 0..4 {
            columns[a][b] = transformed[a];
        }
    }
    for a in 0..4 {
        let row = spread(simd, columns[a]);
        for b in 0..4 {
            simd.store(row[b], &mut u[(a * 4 + b) * pitch..]);
        }
    }
}

/// The transformed kernel of a convolution, which its samples share.
pub(in crate::kernels) struct Transform<'a> {
    pub(in crate::kernels) shape: Winograd,
    pub(in crate::kernels) kernel: &'a [f32],
    /// Whether it is that of a gradient by the input: backwards and transposed.
    pub(in crate::kernels) transposed: bool,
    pub(in crate::kernels) u: &'a mut [f32],
}

impl Kernel for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Transform { shape: Winograd { channels, filters, .. }, kernel, transposed, u } = self;
        let tap_len = channels * filters;
        let pitch = plane_pitch(tap_len);
        if !transposed {
            for i in (0..tap_len).step_by(S::LANES) {
                let taps = std::array::from_fn(|tap| simd.load(&kernel[tap * tap_len + i..]));
                transform_taps(simd, taps, pitch, &mut u[i..]);
            }
            return;
        }
        let mut squares = [[0.0; LARGEST_SQUARE]; TAPS];
        for c in (0..channels).step_by(S::LANES) {
            for f in (0..filters).step_by(S::LANES) {
                for (tap, square) in squares.iter_mut().enumerate() {
                    let first = (TAPS - 1 - tap) * tap_len + f * channels + c;
                    simd.transpose(&kernel[first..], channels, square, S::LANES);
                }
                for i in 0..S::LANES {
                    let taps = squares.each_ref().map(|square| simd.load(&square[i * S::LANES..]));
                    transform_taps(simd, taps, pitch, &mut u[(c + i) * filters + f..]);
                }
            }
        }
    }
}

/// `G · g`
#[inline(always)]
fn spread<S: Simd>(simd: S, [a, b, c]: [S::F32; 3]) -> [S::F32; 4] {
    let outer = simd.mul(simd.splat(0.5), simd.add(a, c));
    let plus = simd.mul_add(simd.splat(0.5), b, outer);
    [a, plus, simd.mul_add(simd.splat(-0.5), b, outer), c]
}

/// `a - b`
#[inline(always)]
fn subtract<S: Simd>(simd: S, a: S::F32, b: S::F32) -> S::F32 {
    simd.mul_add(b, simd.splat(-1.0), a)
}

/// `Bᵀ · d`
#[inline(always)]
fn transform<S: Simd>(simd: S, [a, b, c, d]: [S::F32; 4]) -> [S::F32; 4] {
    [subtract(simd, a, c), simd.add(b, c), subtract(simd, c, b), subtract(simd, b, d)]
}

/// `Aᵀ · m`
#[inline(always)]
fn gather<S: Simd>(simd: S, [a, b, c, d]: [S::F32; 4]) -> [S::F32; 2] {
    let upper = simd.add(simd.add(a, b), c);
    [upper, subtract(simd, subtract(simd, b, c), d)]
}

/// What all samples share.
struct Pass<'a> {
    shape: Winograd,
    /// The transformed kernel, `[16, channels, filters]`.
    u: &'a [f32],
    bias: Option<&'a [f32]>,
    finish: Finish<'a>,
}

impl Pass<'_> {
    /// The output of one sample.
    #[inline(always)]
    fn sample<S: Simd>(&self, simd: S, x: &[f32], y: &mut [f32], scratch: &mut [f32]) {
        let shape = &self.shape;
        let (lines, tiles) = scratch.split_at_mut(5 * shape.line_len());
        let (zeros, lines) = lines.split_at_mut(shape.line_len());
        zeros.fill(0.0);
        lines.fill(0.0);
        let (chunks, tile_rows) = (shape.chunks(), shape.tile_rows());
        for chunk in 0..chunks {
            let rows = tile_rows * chunk / chunks..tile_rows * (chunk + 1) / chunks;
            let count = rows.len() * shape.tile_columns();
            let (v, m) = tiles.split_at_mut(TRANSFORMED * plane_pitch(count * shape.channels));
            for (i, row) in rows.clone().enumerate() {
                self.transform_rows(simd, x, row, zeros, lines);
                let tiles = i * shape.tile_columns();
                self.transform_tiles(simd, lines, &mut v[tiles * shape.channels..], count);
            }
            self.multiply(simd, v, m, count);
            for (i, row) in rows.enumerate() {
                let tiles = i * shape.tile_columns();
                self.gather_tiles(simd, &m[tiles * shape.filters..], count, row, y);
            }
        }
    }

    /// `Bᵀ · d` of the input's rows that a row of tiles reads, between the columns' padding, which is 0 already.
    #[inline(always)]
    fn transform_rows<S: Simd>(
        &self,
        simd: S,
        x: &[f32],
        tile_row: usize,
        zeros: &[f32],
        lines: &mut [f32],
    ) {
        let Winograd { rows, columns, channels, .. } = self.shape;
        let (row_len, before) = (columns.input * channels, columns.pad * channels);
        let line_len = self.shape.line_len();
        let copied = row_len.min(line_len - before);
        let read = [0, 1, 2, 3].map(|r| match (2 * tile_row + r).checked_sub(rows.pad) {
            Some(row) if row < rows.input => &x[row * row_len..][..copied],
            _ => &zeros[..copied],
        });
        for i in (0..copied).step_by(S::LANES) {
            let load = |r: usize| simd.load(&read[r][i..]);
            let line = transform(simd, [load(0), load(1), load(2), load(3)]);
            for k in 0..4 {
                simd.store(line[k], &mut lines[k * line_len + before + i..]);
            }
        }
    }

    /// The other half of the transform, `(Bᵀ · d) · B`, of a row of tiles.
    #[inline(always)]
    fn transform_tiles<S: Simd>(&self, simd: S, lines: &[f32], v: &mut [f32], count: usize) {
        let channels = self.shape.channels;
        let pitch = plane_pitch(count * channels);
        for (a, line) in lines.chunks_exact(self.shape.line_len()).enumerate() {
            for tile in 0..self.shape.tile_columns() {
                let cells = &line[2 * tile * channels..][..4 * channels];
                for c in (0..channels).step_by(S::LANES) {
                    let load = |b: usize| simd.load(&cells[b * channels + c..]);
                    let row = transform(simd, [load(0), load(1), load(2), load(3)]);
                    for b in 0..4 {
                        let place = (a * 4 + b) * pitch + tile * channels + c;
                        simd.store(row[b], &mut v[place..]);
                    }
                }
            }
        }
    }

    /// `m[k] = v[k] · u[k]` for each cell `k` of the transform.
    #[inline(always)]
    fn multiply<S: Simd>(&self, simd: S, v: &[f32], m: &mut [f32], count: usize) {
        let Winograd { channels, filters, .. } = self.shape;
        let [u_pitch, v_pitch, m_pitch] =
            [channels * filters, count * channels, count * filters].map(plane_pitch);
        for k in 0..TRANSFORMED {
            for panel in Panels::new::<S>(count.max(2), filters).iter() {
                let u = &self.u[k * u_pitch + panel.begin..];
                let product = Product {
                    columns: panel.len,
                    right: Right { cells: u, stride: filters },
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

    /// `Aᵀ · m · A` of a row of tiles, with bias and activation.
    #[inline(always)]
    fn gather_tiles<S: Simd>(
        &self,
        simd: S,
        m: &[f32],
        count: usize,
        tile_row: usize,
        y: &mut [f32],
    ) {
        let Winograd { rows, columns, filters, .. } = self.shape;
        let (zero, pitch) = (simd.splat(0.0), plane_pitch(count * filters));
        let Finish { scale, skip, clip } = self.finish;
        for tile in 0..self.shape.tile_columns() {
            for f in (0..filters).step_by(S::LANES) {
                let start = self.bias.map_or(zero, |bias| simd.load(&bias[f..]));
                let scale =
                    scale.map(|[scale, shift]| [simd.load(&scale[f..]), simd.load(&shift[f..])]);
                let mut sums = [[zero; 4]; 2];
                for b in 0..4 {
                    let load = |a: usize| simd.load(&m[(a * 4 + b) * pitch + tile * filters + f..]);
                    let column = gather(simd, [load(0), load(1), load(2), load(3)]);
                    (sums[0][b], sums[1][b]) = (column[0], column[1]);
                }
                for r in 0..2.min(rows.output - 2 * tile_row) {
                    let cells = gather(simd, sums[r]);
                    for s in 0..2.min(columns.output - 2 * tile) {
                        let place = (2 * tile_row + r) * columns.output + 2 * tile + s;
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

/// [`Conv2D`](keras_graph::op::Conv2D), with no activation but a clip.
pub(super) struct Forward<'a> {
    pub(super) shape: Winograd,
    pub(super) x: &'a [f32],
    pub(super) kernel: &'a [f32],
    /// The transformed kernel, or nothing.
    pub(super) prepared: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) finish: Finish<'a>,
    pub(super) y: &'a mut [f32],
    pub(super) scratch: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Forward { shape, x, kernel, prepared, bias, finish, y, scratch } = self;
        let (u, scratch) = transformed(simd, shape, kernel, false, prepared, scratch);
        simd.enter(Samples { pass: Pass { shape, u, bias, finish }, x, y, scratch });
    }
}

/// [`Conv2DGradX`](keras_graph::op::Conv2DGradX): the convolution of `d_y` with the kernel backwards and transposed.
pub(super) struct GradX<'a> {
    /// From `d_y` to `d_x`: its channels are the kernel's filters, and the other way round.
    pub(super) shape: Winograd,
    pub(super) d_y: &'a [f32],
    pub(super) kernel: &'a [f32],
    /// The transformed kernel, or nothing.
    pub(super) prepared: &'a [f32],
    pub(super) d_x: &'a mut [f32],
    pub(super) scratch: &'a mut [f32],
}

impl Kernel for GradX<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let GradX { shape, d_y, kernel, prepared, d_x, scratch } = self;
        let (u, scratch) = transformed(simd, shape, kernel, true, prepared, scratch);
        let pass = Pass { shape, u, bias: None, finish: Finish::NOTHING };
        simd.enter(Samples { pass, x: d_y, y: d_x, scratch });
    }
}

/// The transformed kernel, made in the scratch if it was not prepared, and the scratch that is left.
#[inline(always)]
fn transformed<'a, S: Simd>(
    simd: S,
    shape: Winograd,
    kernel: &[f32],
    transposed: bool,
    prepared: &'a [f32],
    scratch: &'a mut [f32],
) -> (&'a [f32], &'a mut [f32]) {
    let (u, scratch) = scratch.split_at_mut(shape.kernel_len());
    if !prepared.is_empty() {
        return (prepared, scratch);
    }
    simd.enter(Transform { shape, kernel, transposed, u: &mut *u });
    (u, scratch)
}

/// The passes of all samples, in a function of its own, since two kernels share it.
struct Samples<'a> {
    pass: Pass<'a>,
    x: &'a [f32],
    y: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for Samples<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Samples { mut pass, x, y, scratch } = self;
        let Winograd { rows, columns, channels, filters } = pass.shape;
        let x_len = rows.input * columns.input * channels;
        let y_len = rows.output * columns.output * filters;
        for (x, y) in x.chunks_exact(x_len).zip(y.chunks_exact_mut(y_len)) {
            pass.sample(simd, x, y, scratch);
            pass.finish = pass.finish.cells_from(y_len);
        }
    }
}
