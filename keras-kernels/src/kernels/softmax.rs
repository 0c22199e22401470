//! Softmax and log-softmax along one axis, and their gradients.
//!
//! The largest element is taken off first, so that nothing overflows. Where the axis is the last
//! one the fast versions work on rows, several at a time where they are short; else on columns,
//! [`COLUMNS`] at a time, which a few registers hold.

#[cfg(test)]
mod tests;

use super::math::exp;
use super::short_rows::{self, SHORT};
use super::vectorized::vectorized;
use super::{Call, Reference, lanes};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::simd::Simd;
use keras_ir::ops as op;

/// Columns worked on together where the axis is not the last one.
const COLUMNS: usize = 32;
/// Fewer columns than this are faster one by one.
const FEW_COLUMNS: usize = 8;

impl Reference {
    pub(crate) fn softmax(op: &op::Softmax, call: Call<'_>) {
        let [x] = call.inputs();
        let axis = Axis::new(op.outer, op.extent, op.inner, call.samples);
        axis.for_each_line(|at| {
            let largest = at.clone().map(|i| x[i]).fold(f32::NEG_INFINITY, f32::max);
            let power = |i: usize| f64::from(x[i] - largest).exp();
            let sum: f64 = at.clone().map(power).sum();
            at.for_each(|i| call.output[i] = (power(i) / sum) as f32);
        });
    }

    pub(crate) fn softmax_grad(op: &op::SoftmaxGrad, call: Call<'_>) {
        let [y, d_y] = call.inputs();
        let axis = Axis::new(op.outer, op.extent, op.inner, call.samples);
        axis.for_each_line(|at| {
            let dot: f64 = at.clone().map(|i| f64::from(y[i]) * f64::from(d_y[i])).sum();
            at.for_each(|i| {
                call.output[i] = (f64::from(y[i]) * (f64::from(d_y[i]) - dot)) as f32;
            });
        });
    }

    pub(crate) fn log_softmax(op: &op::LogSoftmax, call: Call<'_>) {
        let [x] = call.inputs();
        let axis = Axis::new(op.outer, op.extent, op.inner, call.samples);
        axis.for_each_line(|at| {
            let largest = at.clone().map(|i| x[i]).fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = at.clone().map(|i| f64::from(x[i] - largest).exp()).sum();
            at.for_each(|i| call.output[i] = (f64::from(x[i] - largest) - sum.ln()) as f32);
        });
    }

    pub(crate) fn log_softmax_grad(op: &op::LogSoftmaxGrad, call: Call<'_>) {
        let [y, d_y] = call.inputs();
        let axis = Axis::new(op.outer, op.extent, op.inner, call.samples);
        axis.for_each_line(|at| {
            let sum: f64 = at.clone().map(|i| f64::from(d_y[i])).sum();
            at.for_each(|i| {
                call.output[i] = (f64::from(d_y[i]) - f64::from(y[i]).exp() * sum) as f32;
            });
        });
    }
}

vectorized! {
    with simd:
    softmax: Softmax,
    softmax_grad: SoftmaxGrad,
}

vectorized! {
    log_softmax: LogSoftmax,
    log_softmax_grad: LogSoftmaxGrad,
}

#[inline(always)]
fn softmax<S: Simd>(simd: S, op: &op::Softmax, call: Call<'_>) {
    let [x] = call.inputs();
    let axis = Axis::new(op.outer, op.extent, op.inner, call.samples);
    if op.inner == 1 && op.extent <= SHORT {
        return short_rows::softmax(simd, op.extent, x, call.output);
    }
    if op.inner == 1 {
        let rows = call.output.chunks_exact_mut(op.extent);
        for (x, y) in x.chunks_exact(op.extent).zip(rows) {
            softmax_row(x, y);
        }
        return;
    }
    axis.for_each_group(|at| {
        let largest = axis.largest(x, &at);
        let mut scale = [0.0; COLUMNS];
        for row in axis.rows(&at) {
            let power = exps(&x[row.clone()], &largest);
            for (sum, power) in scale.iter_mut().zip(&power) {
                *sum += power;
            }
            let y = &mut call.output[row];
            y.copy_from_slice(&power[..y.len()]);
        }
        for scale in &mut scale {
            *scale = 1.0 / *scale;
        }
        for row in axis.rows(&at) {
            for (y, scale) in call.output[row].iter_mut().zip(&scale) {
                *y *= scale;
            }
        }
    });
}

#[inline(always)]
fn softmax_grad<S: Simd>(simd: S, op: &op::SoftmaxGrad, call: Call<'_>) {
    let [y, d_y] = call.inputs();
    let axis = Axis::new(op.outer, op.extent, op.inner, call.samples);
    if op.inner == 1 && op.extent <= SHORT {
        return short_rows::softmax_grad(simd, op.extent, y, d_y, call.output);
    }
    if op.inner == 1 {
        let rows = call.output.chunks_exact_mut(op.extent);
        for ((y, d_y), d_x) in y.chunks_exact(op.extent).zip(d_y.chunks_exact(op.extent)).zip(rows)
        {
            let dot = lanes::sum_of_pairs(y, d_y, |y, d_y| y * d_y);
            for ((d_x, y), d_y) in d_x.iter_mut().zip(y).zip(d_y) {
                *d_x = y * (d_y - dot);
            }
        }
        return;
    }
    axis.for_each_group(|at| {
        let mut dot = [0.0; COLUMNS];
        for row in axis.rows(&at) {
            for ((dot, y), d_y) in dot.iter_mut().zip(&y[row.clone()]).zip(&d_y[row]) {
                *dot += y * d_y;
            }
        }
        for row in axis.rows(&at) {
            let cells = call.output[row.clone()].iter_mut().zip(&y[row.clone()]).zip(&d_y[row]);
            for (((d_x, y), d_y), dot) in cells.zip(dot) {
                *d_x = y * (d_y - dot);
            }
        }
    });
}

#[inline(always)]
fn log_softmax<S: Simd>(op: &op::LogSoftmax, call: Call<'_>) {
    let [x] = call.inputs();
    let axis = Axis::new(op.outer, op.extent, op.inner, call.samples);
    if op.inner == 1 {
        let rows = call.output.chunks_exact_mut(op.extent);
        for (x, y) in x.chunks_exact(op.extent).zip(rows) {
            let largest = lanes::max(x);
            let log = lanes::sum_of(x, |x| exp(x - largest)).ln();
            for (y, x) in y.iter_mut().zip(x) {
                *y = (x - largest) - log;
            }
        }
        return;
    }
    axis.for_each_group(|at| {
        let largest = axis.largest(x, &at);
        let mut sum = [0.0; COLUMNS];
        for row in axis.rows(&at) {
            for (sum, power) in sum.iter_mut().zip(exps(&x[row], &largest)) {
                *sum += power;
            }
        }
        let log = sum.map(f32::ln);
        for row in axis.rows(&at) {
            let cells = call.output[row.clone()].iter_mut().zip(&x[row]);
            for (((y, x), largest), log) in cells.zip(largest).zip(log) {
                *y = (x - largest) - log;
            }
        }
    });
}

#[inline(always)]
fn log_softmax_grad<S: Simd>(op: &op::LogSoftmaxGrad, call: Call<'_>) {
    let [y, d_y] = call.inputs();
    let axis = Axis::new(op.outer, op.extent, op.inner, call.samples);
    if op.inner == 1 {
        let rows = call.output.chunks_exact_mut(op.extent);
        for ((y, d_y), d_x) in y.chunks_exact(op.extent).zip(d_y.chunks_exact(op.extent)).zip(rows)
        {
            let sum = lanes::sum(d_y);
            for ((d_x, y), d_y) in d_x.iter_mut().zip(y).zip(d_y) {
                *d_x = d_y - exp(*y) * sum;
            }
        }
        return;
    }
    axis.for_each_group(|at| {
        let mut sum = [0.0; COLUMNS];
        for row in axis.rows(&at) {
            for (sum, d_y) in sum.iter_mut().zip(&d_y[row]) {
                *sum += d_y;
            }
        }
        for row in axis.rows(&at) {
            let power = exps(&y[row.clone()], &[0.0; COLUMNS]);
            let cells = call.output[row.clone()].iter_mut().zip(&d_y[row]);
            for (((d_x, d_y), power), sum) in cells.zip(&power).zip(&sum) {
                *d_x = d_y - power * sum;
            }
        }
    });
}

#[inline(always)]
fn softmax_row(x: &[f32], y: &mut [f32]) {
    let largest = lanes::max(x);
    for (y, x) in y.iter_mut().zip(x) {
        *y = exp(x - largest);
    }
    let scale = 1.0 / lanes::sum(y);
    for y in y {
        *y *= scale;
    }
}

/// A tensor `[outer, extent, inner]`, the samples among the outer ones, seen along its middle axis.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    outer: usize,
    extent: usize,
    inner: usize,
}

/// Some neighbouring lines along the axis: where the first begins and how many there are.
struct Lines {
    begin: usize,
    columns: usize,
}

impl Axis {
    /// The axis of a tensor of these extents.
    pub(super) fn new(outer: usize, extent: usize, inner: usize, samples: usize) -> Axis {
        Axis { outer: outer * samples, extent, inner }
    }

    /// Calls `visit` with the indices of each line along the axis.
    pub(super) fn for_each_line(
        &self,
        mut visit: impl FnMut(core::iter::StepBy<core::ops::Range<usize>>),
    ) {
        let len = self.extent * self.inner;
        for outer in 0..self.outer {
            for inner in 0..self.inner {
                visit((outer * len + inner..(outer + 1) * len).step_by(self.inner));
            }
        }
    }

    /// Calls `visit` with groups of at most [`COLUMNS`] neighbouring lines.
    #[inline(always)]
    fn for_each_group(&self, mut visit: impl FnMut(Lines)) {
        for outer in 0..self.outer {
            for inner in (0..self.inner).step_by(COLUMNS) {
                let begin = outer * self.extent * self.inner + inner;
                visit(Lines { begin, columns: COLUMNS.min(self.inner - inner) });
            }
        }
    }

    /// The cells of some lines, a row of neighbouring columns at a time.
    #[inline(always)]
    fn rows(&self, lines: &Lines) -> impl Iterator<Item = core::ops::Range<usize>> + use<> {
        let Lines { begin, columns } = *lines;
        (begin..begin + self.extent * self.inner)
            .step_by(self.inner)
            .map(move |row| row..row + columns)
    }

    /// The largest element of each line.
    #[inline(always)]
    fn largest(&self, x: &[f32], lines: &Lines) -> [f32; COLUMNS] {
        let mut largest = [f32::NEG_INFINITY; COLUMNS];
        for row in self.rows(lines) {
            for (largest, x) in largest.iter_mut().zip(&x[row]) {
                *largest = if *x > *largest { *x } else { *largest };
            }
        }
        largest
    }
}

/// `exp(x - largest)` of neighbouring columns. Where they are fewer than [`COLUMNS`], the others
/// hold anything: a fixed number of them vectorises.
#[inline(always)]
fn exps(x: &[f32], largest: &[f32; COLUMNS]) -> [f32; COLUMNS] {
    let mut power = [0.0; COLUMNS];
    if x.len() < FEW_COLUMNS {
        for ((power, x), largest) in power.iter_mut().zip(x).zip(largest) {
            *power = exp(x - largest);
        }
        return power;
    }
    power[..x.len()].copy_from_slice(x);
    for (power, largest) in power.iter_mut().zip(largest) {
        *power = exp(*power - largest);
    }
    power
}
