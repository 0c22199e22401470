//! Depthwise convolutions with one kernel for each channel: vectors of channels, a few neighbouring
//! outputs at a time.
//!
//! ```text
//! for each row of outputs, for each group of outputs in it, for each vector of channels:
//!     sums = bias
//!     for each real tap: load the weight once; for each output of the group: sum += x · weight
//! ```
//! Where padding is near, a group is one output. The gradient by `x` is a correlation too, see
//! [`Line`].

use core::ops::Range;

use keras_ir::ops::{Depthwise2DGradX, Window};
use keras_target::phase::{Phase, phases, phases_cover};

use super::line::Line;
use crate::kernels::vectors::{for_each_vector, load, store};
use crate::kernels::window::{real_cells, real_outputs};
use crate::simd::Simd;

/// Outputs that share the load of a weight.
const GROUP: usize = 4;
/// Phases of columns whose outputs are written side by side.
const PHASES: usize = 2;
/// Vectors of channels that are read side by side for the gradient by the kernel.
const VECTORS: usize = 3;
/// Taps of a row that share the load of a `d_y`.
const SHARED_TAPS: usize = 3;

/// A correlation of one sample, with the cells of a row of each of its tensors.
struct Correlation<'a> {
    rows: Line,
    columns: Line,
    channels: usize,
    x: &'a [f32],
    x_columns: usize,
    kernel: &'a [f32],
    kernel_columns: usize,
    bias: Option<&'a [f32]>,
    y_columns: usize,
}

/// The convolution of a sample.
#[inline(always)]
pub(super) fn forward<S: Simd>(
    simd: S,
    [rows, columns]: [&Window; 2],
    channels: usize,
    [x, kernel]: [&[f32]; 2],
    bias: Option<&[f32]>,
    y: &mut [f32],
) {
    let correlation = Correlation {
        rows: Line::forward(rows),
        columns: Line::forward(columns),
        channels,
        x,
        x_columns: columns.input,
        kernel,
        kernel_columns: columns.kernel,
        bias,
        y_columns: columns.output,
    };
    let interior = correlation.columns.interior();
    for i in 0..correlation.rows.outputs {
        correlation.row(simd, i, &interior, y);
    }
}

/// The gradient by `x` of a sample.
#[inline(always)]
pub(super) fn grad_x<S: Simd>(
    simd: S,
    op: &Depthwise2DGradX,
    [d_y, kernel]: [&[f32]; 2],
    d_x: &mut [f32],
) {
    let Depthwise2DGradX { rows, columns, channels, .. } = op;
    if !phases_cover(*rows) || !phases_cover(*columns) {
        d_x.fill(0.0);
    }
    for row_phase in phases(*rows) {
        let rows = Line::backward(rows, &row_phase);
        let mut rest = phases(*columns);
        while let Some(first) = rest.next() {
            let second = rest.next();
            let count = 1 + usize::from(second.is_some());
            let both: [Phase; PHASES] = [first, second.unwrap_or(first)];
            let phases = both.map(|phase| Correlation {
                rows,
                columns: Line::backward(columns, &phase),
                channels: *channels,
                x: d_y,
                x_columns: columns.output,
                kernel,
                kernel_columns: columns.kernel,
                bias: None,
                y_columns: columns.input,
            });
            let interiors: [Range<usize>; PHASES] =
                core::array::from_fn(|phase| phases[phase].columns.interior());
            // Row by row, so that what all phases write together is near.
            for i in 0..rows.outputs {
                for (phase, interior) in phases.iter().zip(&interiors).take(count) {
                    phase.row(simd, i, interior, d_x);
                }
            }
        }
    }
}

impl Correlation<'_> {
    /// Computes row `i` of the outputs, of which those in `interior` have all columns.
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, i: usize, interior: &Range<usize>, y: &mut [f32]) {
        let row_taps = self.rows.real_taps(i);
        let mut j = 0;
        while j < self.columns.outputs {
            if interior.contains(&j) && interior.len() >= GROUP {
                // The last group may compute anew what the one before has.
                let first = j.min(interior.end - GROUP);
                let taps = [row_taps.clone(), 0..self.columns.taps];
                self.group::<S, GROUP>(simd, [i, first], taps, y);
                j = first + GROUP;
            } else {
                let taps = [row_taps.clone(), self.columns.real_taps(j)];
                self.group::<S, 1>(simd, [i, j], taps, y);
                j += 1;
            }
        }
    }

    /// Computes `B` outputs of row `i` from `j` on.
    #[inline(always)]
    fn group<S: Simd, const B: usize>(
        &self,
        simd: S,
        [i, j]: [usize; 2],
        [row_taps, column_taps]: [Range<usize>; 2],
        y: &mut [f32],
    ) {
        let Correlation { rows, columns, channels, x_columns, kernel_columns, .. } = *self;
        let (x_step, y_step) = (columns.stride * channels, columns.output(1) - columns.output(0));
        let y_begin = (rows.output(i) * self.y_columns + columns.output(j)) * channels;
        for_each_vector!(S, channels, |c, len| {
            let bias = match self.bias {
                Some(bias) => load(simd, &bias[c..], len),
                None => simd.splat(0.0),
            };
            let mut sums = [bias; B];
            for a in row_taps.clone() {
                let x_row = rows.input(i, a) * x_columns;
                let kernel_row = rows.cell(a) * kernel_columns;
                for b in column_taps.clone() {
                    let weight = &self.kernel[(kernel_row + columns.cell(b)) * channels + c..];
                    let weight = load(simd, weight, len);
                    let x = &self.x[(x_row + columns.input(j, b)) * channels + c..];
                    for (n, sum) in sums.iter_mut().enumerate() {
                        *sum = simd.mul_add(load(simd, &x[n * x_step..], len), weight, *sum);
                    }
                }
            }
            for (n, sum) in sums.into_iter().enumerate() {
                store(simd, sum, &mut y[y_begin + n * y_step * channels + c..], len);
            }
        });
    }
}

/// Adds the gradient by the kernel of a sample to `d_w`.
#[inline(always)]
pub(super) fn grad_w<S: Simd>(
    simd: S,
    [rows, columns]: [&Window; 2],
    channels: usize,
    [x, d_y]: [&[f32]; 2],
    d_w: &mut [f32],
) {
    for i in 0..rows.output {
        let d_y = &d_y[i * columns.output * channels..][..columns.output * channels];
        for a in real_cells(rows, i) {
            let row = i * rows.stride + a * rows.dilation - rows.pad;
            let x = &x[row * columns.input * channels..][..columns.input * channels];
            let d_w = &mut d_w[a * columns.kernel * channels..][..columns.kernel * channels];
            let mut b = 0;
            while b + SHARED_TAPS <= columns.kernel {
                grad_taps::<S, SHARED_TAPS>(simd, columns, channels, [x, d_y], b, d_w);
                b += SHARED_TAPS;
            }
            for b in b..columns.kernel {
                grad_taps::<S, 1>(simd, columns, channels, [x, d_y], b, d_w);
            }
        }
    }
}

/// Adds what a row of outputs and a row of inputs give to `T` taps from `first` on.
#[inline(always)]
fn grad_taps<S: Simd, const T: usize>(
    simd: S,
    columns: &Window,
    channels: usize,
    [x, d_y]: [&[f32]; 2],
    first: usize,
    d_w: &mut [f32],
) {
    let mut real = [const { 0..0 }; T];
    let mut inside = 0..columns.output;
    for (n, real) in real.iter_mut().enumerate() {
        *real = real_outputs(columns, first + n);
        inside = inside.start.max(real.start)..inside.end.min(real.end);
    }
    // Taps that have no output in common are taken one by one.
    inside.end = inside.end.max(inside.start);
    let column =
        |j: usize, n: usize| j * columns.stride + (first + n) * columns.dilation - columns.pad;
    let mut done = 0;
    while done + VECTORS * S::LANES <= channels {
        let mut sums = [[simd.splat(0.0); VECTORS]; T];
        for j in inside.clone() {
            for v in 0..VECTORS {
                let c = done + v * S::LANES;
                let d_y = simd.load(&d_y[j * channels + c..]);
                for (n, sums) in sums.iter_mut().enumerate() {
                    let x = simd.load(&x[column(j, n) * channels + c..]);
                    sums[v] = simd.mul_add(x, d_y, sums[v]);
                }
            }
        }
        for (n, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                let d_w = &mut d_w[(first + n) * channels + done + v * S::LANES..];
                simd.store(simd.add(simd.load(d_w), sum), d_w);
            }
        }
        done += VECTORS * S::LANES;
    }
    for_each_vector!(S, channels - done, |c, len| {
        let c = done + c;
        let mut sums = [simd.splat(0.0); T];
        for j in inside.clone() {
            let d_y = load(simd, &d_y[j * channels + c..], len);
            for (n, sum) in sums.iter_mut().enumerate() {
                let x = load(simd, &x[column(j, n) * channels + c..], len);
                *sum = simd.mul_add(x, d_y, *sum);
            }
        }
        for (n, sum) in sums.into_iter().enumerate() {
            let d_w = &mut d_w[(first + n) * channels + c..];
            store(simd, simd.add(load(simd, d_w, len), sum), d_w, len);
        }
    });
    for (n, real) in real.iter().enumerate() {
        for j in outside(real, &inside) {
            let (d_y, x) = (&d_y[j * channels..], &x[column(j, n) * channels..]);
            let d_w = &mut d_w[(first + n) * channels..];
            for_each_vector!(S, channels, |c, len| {
                let x = load(simd, &x[c..], len);
                let sum = simd.mul_add(x, load(simd, &d_y[c..], len), load(simd, &d_w[c..], len));
                store(simd, sum, &mut d_w[c..], len);
            });
        }
    }
}

/// What is in `all` and not in `done`.
#[inline(always)]
fn outside(all: &Range<usize>, done: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
    let before = all.start..done.start.min(all.end);
    let after = if done.is_empty() { before.end..all.end } else { done.end..all.end };
    before.chain(after)
}
