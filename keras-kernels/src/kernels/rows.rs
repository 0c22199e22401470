//! Means and maxima over the rows of each sample, channel by channel: the global poolings and one-axis reductions.

use super::vectorized::vectorized;
use super::vectors::{for_each_vector, load, store};
use super::{Call, Cpu, Reference};
use crate::simd::Simd;
use keras_ir::ops as op;

/// Channels reduced together: their sums stay in registers while the rows stream by.
const CHANNELS: usize = 32;
/// Rows summed in `f32` before they join the `f64` total, so that long sums stay accurate.
const ROWS: usize = 64;

impl Reference {
    pub(crate) fn mean_rows(op: &op::MeanRows, call: Call<'_>) {
        let [x] = call.inputs();
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
    with simd: mean_rows: MeanRows,
}

vectorized! {
    max_rows_grad: MaxRowsGrad,
}

#[inline(always)]
fn mean_rows<S: Simd>(simd: S, op: &op::MeanRows, call: Call<'_>) {
    let op::MeanRows { extent, channels } = *op;
    let [x] = call.inputs();
    // In `f64` a factor is as good as a division.
    let share = 1.0 / extent as f64;
    let samples = x.chunks_exact(extent * channels);
    for (x, y) in samples.zip(call.output.chunks_exact_mut(channels)) {
        for_each_vector!(S, channels, |c, len| {
            let mut total = [0.0_f64; CHANNELS];
            for x in x.chunks(ROWS * channels) {
                let mut part = simd.splat(0.0);
                for x in x.chunks_exact(channels) {
                    part = simd.add(part, load(simd, &x[c..], len));
                }
                let mut lanes = [0.0_f32; CHANNELS];
                store(simd, part, &mut lanes, len);
                for (total, part) in total[..len].iter_mut().zip(lanes) {
                    *total += f64::from(part);
                }
            }
            for (y, total) in y[c..c + len].iter_mut().zip(total) {
                *y = (total * share) as f32;
            }
        });
    }
}

#[inline(always)]
fn max_rows_grad<S: Simd>(op: &op::MaxRowsGrad, call: Call<'_>) {
    let [x, y, d_y] = call.inputs();
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
    columns: core::ops::Range<usize>,
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

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_adjoint, assert_gradient, output, values};
    use super::*;

    #[test]
    fn means_and_maxima_at_any_extent() {
        for (extent, channels) in [(1, 3), (5, 1), (7, 31), (67, 33), (200, 65)] {
            let len = 2 * extent * channels;
            // Few values, so that maxima are shared.
            let x: Vec<f32> = values(len, 1).iter().map(|x| (x * 8.0).round() / 4.0).collect();
            let d_y = values(2 * channels, 2);
            let (small, large) = (vec![f32::NAN; 2 * channels], vec![f32::NAN; len]);
            agreed(op::MeanRows { extent, channels }, 2, &[&x], &small, 1e-6);
            agreed(op::MeanRowsGrad { extent, channels }, 2, &[&d_y], &large, 1e-6);
            let y = agreed(op::MaxRows { extent, channels }, 2, &[&x], &small, 0.0);
            let op = op::MaxRowsGrad { extent, channels };
            let d_x = agreed(op, 2, &[&x, &y, &d_y], &large, 1e-6);
            let (given, received): (f32, f32) = (d_y.iter().sum(), d_x.iter().sum());
            assert!((given - received).abs() < 1e-4, "{given} was shared, {received} arrived");
        }
    }

    #[test]
    fn gradients() {
        let (extent, channels) = (5, 3);
        let back = op::MeanRowsGrad { extent, channels };
        assert_adjoint(op::MeanRows { extent, channels }, back, |_, d_y| vec![d_y], 0, &[30], 6, 2);
        // A sixth apart, so that no step changes which is largest.
        let x: Vec<f32> = (0..30).map(|i| ((i * 7) % 30) as f32 / 6.0 - 2.0).collect();
        let d_y = values(6, 2);
        let y = output::<Reference>(op::MaxRows { extent, channels }, 2, &[&x], 6);
        let op = op::MaxRowsGrad { extent, channels };
        let found = output::<Reference>(op, 2, &[&x, &y, &d_y], 30);
        assert_gradient(op::MaxRows { extent, channels }, 2, &[&x], 0, &d_y, &found);
    }

    #[test]
    fn maxima_by_hand() {
        let (op, x) = (op::MaxRows { extent: 3, channels: 2 }, [1.0, -5.0, 4.0, -2.0, 4.0, -3.0]);
        assert_eq!(agreed(op, 1, &[&x], &[0.0; 2], 0.0), [4.0, -2.0]);
        let op = op::MaxRowsGrad { extent: 3, channels: 2 };
        let d_x = agreed(op, 1, &[&x, &[4.0, -2.0], &[3.0, 5.0]], &[f32::NAN; 6], 0.0);
        assert_eq!(d_x, [0.0, 0.0, 1.5, 5.0, 1.5, 0.0]);
        let x = [1.0, f32::NAN, 2.0];
        assert!(agreed(op::MaxRows { extent: 3, channels: 1 }, 1, &[&x], &[0.0], 0.0)[0].is_nan());
    }
}
