//! Means over the rows of each sample, channel by channel: the global poolings.

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
}

impl Cpu {
    pub(crate) fn mean_rows_grad(op: &op::MeanRowsGrad, call: Call<'_>) {
        Reference::mean_rows_grad(op, call);
    }
}

vectorized! {
    with simd: mean_rows: MeanRows,
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

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_adjoint, values};
    use super::*;

    #[test]
    fn means_at_any_extent() {
        for (extent, channels) in [(1, 3), (5, 1), (7, 31), (67, 33), (200, 65)] {
            let len = 2 * extent * channels;
            let (x, d_y) = (values(len, 1), values(2 * channels, 2));
            let (small, large) = (vec![f32::NAN; 2 * channels], vec![f32::NAN; len]);
            agreed(op::MeanRows { extent, channels }, 2, &[&x], &small, 1e-6);
            agreed(op::MeanRowsGrad { extent, channels }, 2, &[&d_y], &large, 1e-6);
        }
    }

    #[test]
    fn the_gradient_is_the_adjoint() {
        let (extent, channels) = (5, 3);
        let back = op::MeanRowsGrad { extent, channels };
        assert_adjoint(op::MeanRows { extent, channels }, back, |_, d_y| vec![d_y], 0, &[30], 6, 2);
    }
}
