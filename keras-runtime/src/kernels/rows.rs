//! Means and maxima over the rows of each sample, channel by channel: the global poolings and one-axis reductions.

use super::vectorized::vectorized;
use super::{Call, Cpu, Reference};
use crate::simd::Simd;
use keras_graph::op;

/// Channels reduced together: their sums stay in registers while the rows stream by.
const CHANNELS: usize = 32;
/// Rows summed in `f32` before they join the `f64` total, so that long sums stay accurate.
const ROWS: usize = 64;

impl Reference {
    pub(crate) fn mean_rows(op: &op::MeanRows, call: Call<'_>) {
        let [x] = call.inputs();
        check(op.extent, op.channels, call.samples, x, call.output);
        let samples = x.chunks_exact(op.extent * op.channels);
        for (x, y) in samples.zip(call.output.chunks_exact_mut(op.channels)) {
            for (c, y) in y.iter_mut().enumerate() {
                let column = x[c..].iter().step_by(op.channels);
                *y = (column.map(|x| f64::from(*x)).sum::<f64>() / op.extent as f64) as f32;
            }
        }
    }

    pub(crate) fn mean_rows_grad(op: &op::MeanRowsGrad, call: Call<'_>) {
        let [d_y] = call.inputs();
        check(op.extent, op.channels, call.samples, call.output, d_y);
        let samples = call.output.chunks_exact_mut(op.extent * op.channels);
        let share = 1.0 / op.extent as f32;
        for (d_x, d_y) in samples.zip(d_y.chunks_exact(op.channels)) {
            for d_x in d_x.chunks_exact_mut(op.channels) {
                for (d_x, d_y) in d_x.iter_mut().zip(d_y) {
                    *d_x = d_y * share;
                }
            }
        }
    }

    pub(crate) fn max_rows(op: &op::MaxRows, call: Call<'_>) {
        let [x] = call.inputs();
        check(op.extent, op.channels, call.samples, x, call.output);
        let samples = x.chunks_exact(op.extent * op.channels);
        for (x, y) in samples.zip(call.output.chunks_exact_mut(op.channels)) {
            let mut rows = x.chunks_exact(op.channels);
            y.copy_from_slice(rows.next().expect("there is a row"));
            for x in rows {
                for (y, x) in y.iter_mut().zip(x) {
                    let larger = if *x > *y { *x } else { *y };
                    *y = if x.is_nan() { *x } else { larger };
                }
            }
        }
    }

    pub(crate) fn max_rows_grad(op: &op::MaxRowsGrad, call: Call<'_>) {
        let [x, y, d_y] = call.inputs();
        check(op.extent, op.channels, call.samples, x, y);
        check(op.extent, op.channels, call.samples, call.output, d_y);
        let len = op.extent * op.channels;
        let small = y.chunks_exact(op.channels).zip(d_y.chunks_exact(op.channels));
        for ((x, d_x), (y, d_y)) in
            x.chunks_exact(len).zip(call.output.chunks_exact_mut(len)).zip(small)
        {
            for c in 0..op.channels {
                let column = x[c..].iter().step_by(op.channels);
                let holders = column.clone().filter(|x| **x == y[c]).count();
                let share = d_y[c] / holders as f32;
                for (x, d_x) in column.zip(d_x[c..].iter_mut().step_by(op.channels)) {
                    *d_x = if *x == y[c] { share } else { 0.0 };
                }
            }
        }
    }
}

impl Cpu {
    pub(crate) fn mean_rows_grad(op: &op::MeanRowsGrad, call: Call<'_>) {
        Reference::mean_rows_grad(op, call);
    }

    pub(crate) fn max_rows(op: &op::MaxRows, call: Call<'_>) {
        Reference::max_rows(op, call);
    }
}

vectorized! {
    mean_rows: MeanRows,
    max_rows_grad: MaxRowsGrad,
}

#[inline(always)]
fn mean_rows<S: Simd>(op: &op::MeanRows, call: Call<'_>) {
    let [x] = call.inputs();
    check(op.extent, op.channels, call.samples, x, call.output);
    let samples = x.chunks_exact(op.extent * op.channels);
    for (x, y) in samples.zip(call.output.chunks_exact_mut(op.channels)) {
        for (block, y) in y.chunks_mut(CHANNELS).enumerate() {
            let begin = block * CHANNELS;
            let mut total = [0.0_f64; CHANNELS];
            for x in x.chunks(ROWS * op.channels) {
                let mut part = [0.0_f32; CHANNELS];
                for x in x.chunks_exact(op.channels) {
                    for (part, x) in part.iter_mut().zip(&x[begin..begin + y.len()]) {
                        *part += x;
                    }
                }
                for (total, part) in total.iter_mut().zip(part) {
                    *total += f64::from(part);
                }
            }
            for (y, total) in y.iter_mut().zip(total) {
                *y = (total / op.extent as f64) as f32;
            }
        }
    }
}

#[inline(always)]
fn max_rows_grad<S: Simd>(op: &op::MaxRowsGrad, call: Call<'_>) {
    let [x, y, d_y] = call.inputs();
    check(op.extent, op.channels, call.samples, x, y);
    check(op.extent, op.channels, call.samples, call.output, d_y);
    let len = op.extent * op.channels;
    let small = y.chunks_exact(op.channels).zip(d_y.chunks_exact(op.channels));
    for ((x, d_x), (y, d_y)) in
        x.chunks_exact(len).zip(call.output.chunks_exact_mut(len)).zip(small)
    {
        for (block, y) in y.chunks(CHANNELS).enumerate() {
            let begin = block * CHANNELS;
            let columns = begin..begin + y.len();
            share_among_holders(op.channels, columns.clone(), x, y, &d_y[columns], d_x);
        }
    }
}

/// [`op::MaxRowsGrad`] for some channels of one sample; `y` and `d_y` begin at the first of them.
#[inline(always)]
fn share_among_holders(
    channels: usize,
    columns: std::ops::Range<usize>,
    x: &[f32],
    y: &[f32],
    d_y: &[f32],
    d_x: &mut [f32],
) {
    let mut share = [0.0_f32; CHANNELS];
    for x in x.chunks_exact(channels) {
        for ((share, x), y) in share.iter_mut().zip(&x[columns.clone()]).zip(y) {
            *share += if x == y { 1.0 } else { 0.0 };
        }
    }
    for (share, d_y) in share.iter_mut().zip(d_y) {
        *share = d_y / *share;
    }
    for (x, d_x) in x.chunks_exact(channels).zip(d_x.chunks_exact_mut(channels)) {
        let cells = d_x[columns.clone()].iter_mut().zip(&x[columns.clone()]);
        for (((d_x, x), y), share) in cells.zip(y).zip(share) {
            *d_x = if x == y { share } else { 0.0 };
        }
    }
}

/// Panics unless `x` has the rows and `y` one row for each sample.
fn check(extent: usize, channels: usize, samples: usize, x: &[f32], y: &[f32]) {
    assert!(extent > 0 && channels > 0, "there are rows and channels");
    assert_eq!(x.len(), extent * channels * samples, "one side has all rows");
    assert_eq!(y.len(), channels * samples, "one side has one row a sample");
}
