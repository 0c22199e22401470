//! Images enlarged by whole factors, and the adjoint.
//!
//! An output cell `o` looks at `(o + 1/2) / factor - 1/2` of the input; a kernel of some radius
//! weighs the cells around it, and the weights are divided by their sum, since cells outside of the
//! image get none. Rows and columns are independent: first the rows are widened into the workspace,
//! then the columns lengthened. The adjoint goes back. Source: `jax.image.resize`
//! (`jax/_src/image/scale.py`), which is what Keras calls on jax.

#[cfg(test)]
mod tests;

use super::vectorized::vectorized;
use super::{Call, Reference};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::simd::Simd;
use core::f64::consts::PI;
use keras_ir::ops::{self as op, Interpolation};

/// Most cells that one output cell looks at: Lanczos with 5 lobes reaches 5 cells either way.
const MAX_TAPS: usize = 11;

/// The input cells that one output cell is made of, along one axis.
struct Taps {
    /// The first of them.
    first: usize,
    len: usize,
    weights: [f32; MAX_TAPS],
}

impl Taps {
    /// The cells of output cell `o`, of an axis of `extent` cells enlarged `factor` times.
    fn new(interpolation: Interpolation, extent: usize, factor: usize, o: usize) -> Taps {
        let radius = match interpolation {
            Interpolation::Nearest => {
                let mut weights = [0.0; MAX_TAPS];
                weights[0] = 1.0;
                return Taps { first: o / factor, len: 1, weights };
            }
            Interpolation::Bilinear => 1,
            Interpolation::Bicubic => 2,
            Interpolation::Lanczos3 => 3,
            Interpolation::Lanczos5 => 5,
        };
        let centre = (o as f64 + 0.5) / factor as f64 - 0.5;
        let first = (centre.ceil() as isize - radius).max(0) as usize;
        let last = (centre.floor() as isize + radius).min(extent as isize - 1) as usize;
        let mut weights = [0.0; MAX_TAPS];
        for (weight, i) in weights.iter_mut().zip(first..=last) {
            *weight = kernel(interpolation, (centre - i as f64).abs());
        }
        let sum: f64 = weights.iter().sum();
        Taps { first, len: last + 1 - first, weights: weights.map(|w| (w / sum) as f32) }
    }

    fn cells(&self) -> impl Iterator<Item = (usize, f32)> {
        (self.first..).zip(self.weights).take(self.len)
    }
}

/// The weight of a cell at a distance.
fn kernel(interpolation: Interpolation, x: f64) -> f64 {
    let lanczos = |radius: f64| {
        if x < 1e-3 {
            1.0
        } else if x > radius {
            0.0
        } else {
            radius * (PI * x).sin() * (PI * x / radius).sin() / (PI * PI * x * x)
        }
    };
    match interpolation {
        Interpolation::Nearest => f64::from(x <= 0.5),
        Interpolation::Bilinear => (1.0 - x).max(0.0),
        Interpolation::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        Interpolation::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        Interpolation::Bicubic => 0.0,
        Interpolation::Lanczos3 => lanczos(3.0),
        Interpolation::Lanczos5 => lanczos(5.0),
    }
}

/// The fields that an enlargement and its adjoint share.
#[derive(Clone, Copy)]
struct Shape {
    h: usize,
    w: usize,
    c: usize,
    rows: usize,
    columns: usize,
    interpolation: Interpolation,
}

impl Shape {
    fn row_taps(&self, i: usize) -> Taps {
        Taps::new(self.interpolation, self.h, self.rows, i)
    }

    fn column_taps(&self, j: usize) -> Taps {
        Taps::new(self.interpolation, self.w, self.columns, j)
    }

    /// Extents of the larger image.
    fn large(&self) -> [usize; 2] {
        [self.h * self.rows, self.w * self.columns]
    }

    /// Elements of the small and of the large image.
    fn lens(&self) -> [usize; 2] {
        [self.h * self.w * self.c, self.h * self.w * self.c * self.rows * self.columns]
    }

    /// `y[h, j, c] = Σ_w weight(j, w) · x[h, w, c]`.
    #[inline(always)]
    fn widen(&self, x: &[f32], y: &mut [f32]) {
        let [_, width] = self.large();
        y.fill(0.0);
        for j in 0..width {
            for (w, weight) in self.column_taps(j).cells() {
                let rows = y.chunks_exact_mut(width * self.c);
                for (x, y) in x.chunks_exact(self.w * self.c).zip(rows) {
                    add_scaled(&mut y[j * self.c..][..self.c], weight, &x[w * self.c..]);
                }
            }
        }
    }

    /// The adjoint of [`Shape::widen`].
    #[inline(always)]
    fn narrow(&self, d_y: &[f32], d_x: &mut [f32]) {
        let [_, width] = self.large();
        d_x.fill(0.0);
        for j in 0..width {
            for (w, weight) in self.column_taps(j).cells() {
                let rows = d_y.chunks_exact(width * self.c);
                for (d_x, d_y) in d_x.chunks_exact_mut(self.w * self.c).zip(rows) {
                    add_scaled(&mut d_x[w * self.c..][..self.c], weight, &d_y[j * self.c..]);
                }
            }
        }
    }

    /// `y[i, :] = Σ_h weight(i, h) · x[h, :]`, for rows of the large width.
    #[inline(always)]
    fn lengthen(&self, x: &[f32], y: &mut [f32]) {
        let [_, width] = self.large();
        let row = width * self.c;
        y.fill(0.0);
        for (i, y) in y.chunks_exact_mut(row).enumerate() {
            for (h, weight) in self.row_taps(i).cells() {
                add_scaled(y, weight, &x[h * row..]);
            }
        }
    }

    /// The adjoint of [`Shape::lengthen`].
    #[inline(always)]
    fn shorten(&self, d_y: &[f32], d_x: &mut [f32]) {
        let [_, width] = self.large();
        let row = width * self.c;
        d_x.fill(0.0);
        for (i, d_y) in d_y.chunks_exact(row).enumerate() {
            for (h, weight) in self.row_taps(i).cells() {
                add_scaled(&mut d_x[h * row..][..row], weight, d_y);
            }
        }
    }

    /// Elements of the workspace: an image that is wide already and not yet long.
    fn workspace_len(&self) -> usize {
        self.h * self.w * self.columns * self.c
    }
}

/// `y[i] += weight · x[i]`, for each `i` of `y`.
#[inline(always)]
fn add_scaled(y: &mut [f32], weight: f32, x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += weight * x;
    }
}

macro_rules! shape {
    ($op:expr) => {{
        let op = $op;
        let (h, w, c, rows, columns) = (op.h, op.w, op.c, op.rows, op.columns);
        Shape { h, w, c, rows, columns, interpolation: op.interpolation }
    }};
}

impl Reference {
    pub(crate) fn upsample2d(op: &op::Upsample2D, call: Call<'_>) {
        let [x] = call.inputs();
        let shape = shape!(op);
        let [small, large] = shape.lens();
        let [height, width] = shape.large();
        for (x, y) in x.chunks_exact(small).zip(call.output.chunks_exact_mut(large)) {
            for (i, j, c) in indices(height, width, op.c) {
                let mut sum = 0.0;
                for (h, row) in shape.row_taps(i).cells() {
                    for (w, column) in shape.column_taps(j).cells() {
                        let weight = f64::from(row) * f64::from(column);
                        sum += weight * f64::from(x[(h * op.w + w) * op.c + c]);
                    }
                }
                y[(i * width + j) * op.c + c] = sum as f32;
            }
        }
    }

    pub(crate) fn upsample2d_grad(op: &op::Upsample2DGrad, call: Call<'_>) {
        let [d_y] = call.inputs();
        let shape = shape!(op);
        let [small, large] = shape.lens();
        let [height, width] = shape.large();
        call.output.fill(0.0);
        for (d_x, d_y) in call.output.chunks_exact_mut(small).zip(d_y.chunks_exact(large)) {
            for (i, j, c) in indices(height, width, op.c) {
                for (h, row) in shape.row_taps(i).cells() {
                    for (w, column) in shape.column_taps(j).cells() {
                        d_x[(h * op.w + w) * op.c + c] +=
                            row * column * d_y[(i * width + j) * op.c + c];
                    }
                }
            }
        }
    }
}

fn indices(h: usize, w: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..h * w * c).map(move |flat| (flat / c / w, flat / c % w, flat % c))
}

vectorized! {
    upsample2d: Upsample2D,
    upsample2d_grad: Upsample2DGrad,
}

#[inline(always)]
fn upsample2d<S: Simd>(op: &op::Upsample2D, call: Call<'_>) {
    let [x] = call.inputs();
    let shape = shape!(op);
    let [small, large] = shape.lens();
    let wide = &mut call.workspace[..shape.workspace_len()];
    for (x, y) in x.chunks_exact(small).zip(call.output.chunks_exact_mut(large)) {
        shape.widen(x, wide);
        shape.lengthen(wide, y);
    }
}

#[inline(always)]
fn upsample2d_grad<S: Simd>(op: &op::Upsample2DGrad, call: Call<'_>) {
    let [d_y] = call.inputs();
    let shape = shape!(op);
    let [small, large] = shape.lens();
    let wide = &mut call.workspace[..shape.workspace_len()];
    for (d_x, d_y) in call.output.chunks_exact_mut(small).zip(d_y.chunks_exact(large)) {
        shape.shorten(d_y, wide);
        shape.narrow(wide, d_x);
    }
}
