//! Images enlarged by whole factors, and the adjoint.
//!
//! An output cell `o` looks at `(o + 1/2) / factor - 1/2` of the input; a kernel of some radius
//! weighs the cells around it, and the weights are divided by their sum, since cells outside of the
//! image get none. Rows and columns are independent: first the rows are widened into the workspace,
//! then the columns lengthened. The adjoint goes back. Source: `jax.image.resize`
//! (`jax/_src/image/scale.py`), which is what Keras calls on jax.

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

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_adjoint, assert_close, values};
    use super::*;

    const ALL: [Interpolation; 5] = [
        Interpolation::Nearest,
        Interpolation::Bilinear,
        Interpolation::Bicubic,
        Interpolation::Lanczos3,
        Interpolation::Lanczos5,
    ];

    #[test]
    fn adjoint_at_any_extent() {
        for interpolation in ALL {
            for (h, w, c, rows, columns) in
                [(2, 3, 5, 3, 2), (1, 4, 2, 1, 5), (5, 1, 3, 2, 1), (7, 6, 1, 2, 3)]
            {
                let (small, large) = (2 * h * w * c, 2 * h * w * c * rows * columns);
                let op = op::Upsample2D { h, w, c, rows, columns, interpolation };
                let back = op::Upsample2DGrad { h, w, c, rows, columns, interpolation };
                agreed(op, 2, &[&values(small, 1)], &vec![f32::NAN; large], 2e-6);
                agreed(back, 2, &[&values(large, 2)], &vec![f32::NAN; small], 5e-6);
                assert_adjoint(op, back, |_, d_y| vec![d_y], 0, &[small], large, 2);
            }
        }
    }

    /// From jax 0.10: `jax.image.resize(x, (1, 2 * len, 1), method)` of `JAX_INPUT`.
    #[test]
    fn as_jax_has_it() {
        for (interpolation, expected) in JAX_OUTPUTS {
            let (h, w, c, rows, columns) = (1, JAX_INPUT.len(), 1, 1, 2);
            let op = op::Upsample2D { h, w, c, rows, columns, interpolation };
            let y = agreed(op, 1, &[&JAX_INPUT], &[f32::NAN; 14], 2e-6);
            assert_close(&y, &expected, 2e-6, "y");
        }
    }

    const JAX_INPUT: [f32; 7] = [0.5, -1.25, 2.0, 3.5, -0.75, 0.25, 1.0];
    const JAX_OUTPUTS: [(Interpolation, [f32; 14]); 5] = [
        (
            Interpolation::Nearest,
            [0.5, 0.5, -1.25, -1.25, 2.0, 2.0, 3.5, 3.5, -0.75, -0.75, 0.25, 0.25, 1.0, 1.0],
        ),
        (
            Interpolation::Bilinear,
            [
                0.5, 0.0625, -0.8125, -0.4375, 1.1875, 2.375, 3.125, 2.4375, 0.3125, -0.5, 0.0,
                0.4375, 0.8125, 1.0,
            ],
        ),
        (
            Interpolation::Bicubic,
            [
                0.6544118,
                0.09671533,
                -1.0858779,
                -0.7480469,
                1.1933594,
                2.6328125,
                3.5703125,
                2.71875,
                0.078125,
                -0.86328125,
                -0.10546875,
                0.4847328,
                0.8795621,
                1.0661765,
            ],
        ),
        (
            Interpolation::Lanczos3,
            [
                0.85257876,
                -0.0023100593,
                -1.0763664,
                -0.9115527,
                0.9306004,
                2.968571,
                3.8628888,
                2.6076293,
                0.13053519,
                -1.084058,
                -0.34702343,
                0.65956986,
                0.94033784,
                1.0598518,
            ],
        ),
        (
            Interpolation::Lanczos5,
            [
                0.8659745,
                0.050632864,
                -0.96140397,
                -1.0786974,
                0.7864637,
                3.05933,
                3.9557369,
                2.5007024,
                0.0912396,
                -1.1256853,
                -0.42312628,
                0.7533171,
                1.0529401,
                0.914116,
            ],
        ),
    ];
}
