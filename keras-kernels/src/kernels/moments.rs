//! Means and variances of channels over a batch.
//!
//! Moments are gathered block after block: a block's are taken in two passes and merged with what
//! came before as in Chan et al. 1979, `m2 = m2_a + m2_b + (mean_b - mean_a)² · n_a · n_b / n`. The
//! variance is `m2 / count`, biased, as in Keras.

use super::channels::{Channels, Elements, Terms};
use super::vectorized::vectorized;
use super::{Call, Cpu, Reference};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::simd::Simd;
use keras_ir::ops as op;

/// Merges the moments of one part of a batch, `[mean.., m2.., count..]`, into those of the parts
/// before.
///
/// Shapes: both are `3 · channels` long. A count of 0 marks that nothing came before. Panics if the
/// lengths differ. Source: Chan, Golub and LeVeque 1979.
pub fn merge_moments(total: &mut [f32], part: &[f32]) {
    assert_eq!(total.len(), part.len(), "both parts have the same channels");
    let channels = total.len() / 3;
    for c in 0..channels {
        let [mean, m2, count] = [c, c + channels, c + 2 * channels].map(|i| f64::from(part[i]));
        merge_channel(total, c, mean, m2, count);
    }
}

/// Merges the moments of one channel.
fn merge_channel(total: &mut [f32], c: usize, mean: f64, m2: f64, count: f64) {
    let channels = total.len() / 3;
    let [mean_at, m2_at, count_at] = [c, c + channels, c + 2 * channels];
    let before = f64::from(total[count_at]);
    let both = before + count;
    if both == 0.0 {
        return;
    }
    let distance = mean - f64::from(total[mean_at]);
    let apart = distance * distance * before * count / both;
    total[m2_at] = (f64::from(total[m2_at]) + m2 + apart) as f32;
    total[mean_at] = (f64::from(total[mean_at]) + distance * count / both) as f32;
    total[count_at] = both as f32;
}

/// The number of elements that moments are divided by: the variance of none is 0, as in Keras.
#[inline(always)]
pub(super) fn at_least_one(count: f32) -> f32 {
    count.max(1.0)
}

/// What a channel is normalized by.
#[derive(Clone, Copy)]
pub(super) enum Statistics<'a> {
    /// Merged moments, `[mean.., m2.., count..]`.
    Moments(&'a [f32]),
    /// Means and variances.
    Given(&'a [f32], &'a [f32]),
}

impl Statistics<'_> {
    /// Mean and `1 / √(variance + epsilon)` of a channel.
    #[inline(always)]
    pub(super) fn at(self, c: usize, epsilon: f32) -> (f32, f32) {
        let (mean, variance) = match self {
            Statistics::Moments(moments) => {
                let channels = moments.len() / 3;
                (moments[c], moments[c + channels] / at_least_one(moments[c + 2 * channels]))
            }
            Statistics::Given(mean, variance) => (mean[c], variance[c]),
        };
        (mean, 1.0 / (variance + epsilon).sqrt())
    }
}

impl Reference {
    pub(crate) fn moments(op: &op::Moments, call: Call<'_>) {
        let [x] = call.inputs();
        let axis = Channels::new([op.outer, op.channels, op.inner], call.samples);
        for c in 0..op.channels {
            let cells = x.iter().enumerate().filter(|(i, _)| i / op.inner % op.channels == c);
            let count = axis.count() as f64;
            let mean = cells.clone().map(|(_, x)| f64::from(*x)).sum::<f64>() / count;
            let m2 = cells.map(|(_, x)| (f64::from(*x) - mean).powi(2)).sum();
            merge_channel(call.output, c, mean, m2, count);
        }
    }
}

impl Reference {
    /// Gathers the moments of the elements that count, channel by channel.
    pub(crate) fn masked_moments(op: &op::MaskedMoments, call: Call<'_>) {
        let op::MaskedMoments { channels, inner, .. } = *op;
        let [x, mask] = call.inputs();
        for c in 0..channels {
            let rows = x.chunks_exact(inner).zip(mask.chunks_exact(inner));
            let of_channel = rows.skip(c).step_by(channels);
            let cells = of_channel.flat_map(|(x, mask)| x.iter().zip(mask));
            let counted = cells.filter(|(_, mask)| **mask != 0.0).map(|(x, _)| f64::from(*x));
            let count = counted.clone().count() as f64;
            if count > 0.0 {
                let mean = counted.clone().sum::<f64>() / count;
                let m2 = counted.map(|x| (x - mean) * (x - mean)).sum();
                merge_channel(call.output, c, mean, m2, count);
            }
        }
    }
}

impl Cpu {
    pub(crate) fn masked_moments(op: &op::MaskedMoments, call: Call<'_>) {
        Reference::masked_moments(op, call);
    }
}

/// `x - mean` and its square.
struct Centered;

impl Terms<1, 1, 2> for Centered {
    #[inline(always)]
    fn terms<S: Simd>(simd: S, [less_mean]: [S::F32; 1], [x]: [S::F32; 1]) -> [S::F32; 2] {
        let centered = simd.add(x, less_mean);
        [centered, simd.mul(centered, centered)]
    }
}

vectorized! {
    with simd:
    moments: Moments,
}

#[inline(always)]
fn moments<S: Simd>(simd: S, op: &op::Moments, call: Call<'_>) {
    let [x] = call.inputs();
    let axis = Channels::new([op.outer, op.channels, op.inner], call.samples);
    let count = axis.count() as f64;
    let means = &mut call.workspace[..op.channels];
    let mean = |c, [sum]: [f64; 1]| means[c] = (sum / count) as f32;
    axis.sum::<Elements, _, _, _, _>(simd, [x], |_| [], mean);
    // The second pass also finds what rounding left of the first mean.
    axis.sum::<Centered, _, _, _, _>(
        simd,
        [x],
        |c| [-means[c]],
        |c, [rest, squares]| {
            let mean = f64::from(means[c]) + rest / count;
            merge_channel(call.output, c, mean, squares - rest * rest / count, count);
        },
    );
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::check::{agreed, output_onto, values};
    use super::*;

    /// Outer, channels, inner.
    pub(in crate::kernels) const EXTENTS: [[usize; 3]; 6] =
        [[5, 3, 1], [1, 2, 1], [70, 33, 1], [2, 65, 1], [2, 3, 5], [3, 2, 37]];

    /// Values of other means and widths in each channel.
    pub(in crate::kernels) fn channel_values(
        [outer, channels, inner]: [usize; 3],
        seed: u64,
    ) -> Vec<f32> {
        let spread = |(i, x): (usize, &f32)| {
            let c = (i / inner % channels) as f32;
            x * (0.5 + c / 8.0) + c - 1.0
        };
        values(2 * outer * channels * inner, seed).iter().enumerate().map(spread).collect()
    }

    pub(in crate::kernels) fn moments_of(
        [outer, channels, inner]: [usize; 3],
        x: &[f32],
    ) -> Vec<f32> {
        let op = op::Moments { outer, channels, inner };
        agreed(op, 2, &[x], &vec![0.0; 3 * channels], 2e-6)
    }

    #[test]
    fn moments_of_blocks_merge_to_those_of_the_whole() {
        for extents @ [outer, channels, inner] in EXTENTS {
            let x = channel_values(extents, 1);
            let whole = moments_of(extents, &x);
            let count = (2 * outer * inner) as f32;
            assert!(whole[2 * channels..].iter().all(|found| *found == count));
            // The second sample onto the first, by the op and by hand.
            let op = op::Moments { outer, channels, inner };
            let (first, second) = x.split_at(x.len() / 2);
            let nothing = vec![0.0; 3 * channels];
            let mut first = output_onto::<Cpu>(op, 1, &[first], &nothing);
            let merged = agreed(op, 1, &[second], &first, 2e-6);
            merge_moments(&mut first, &output_onto::<Cpu>(op, 1, &[second], &nothing));
            for (c, whole) in whole.iter().enumerate() {
                let bound = 2e-6 * (1.0 + whole.abs()) * channels as f32;
                assert!((merged[c] - whole).abs() < bound, "{} {whole}", merged[c]);
                assert!((first[c] - whole).abs() < bound, "{} {whole}", first[c]);
            }
            merge_moments(&mut first, &nothing);
        }
    }

    #[test]
    fn far_from_zero_the_variance_stays() {
        let x = [1e4 + 1.0, 1e4 - 1.0, 1e4 + 1.0, 1e4 - 1.0];
        let moments =
            agreed(op::Moments { outer: 2, channels: 1, inner: 1 }, 2, &[&x], &[0.0; 3], 0.0);
        assert_eq!(moments, [1e4, 4.0, 4.0]);
    }

    #[test]
    fn masked_elements_do_not_count() {
        let x = [1.0, 9.0, 2.0, 8.0, 4.0, f32::NAN, 6.0, 5.0];
        let mask = [1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        let op = op::MaskedMoments { outer: 2, channels: 2, inner: 1 };
        let moments = agreed(op, 2, &[&x, &mask], &[0.0; 6], 1e-6);
        let mean = 7.0 / 3.0;
        let m2 = [1.0_f32, 2.0, 4.0].iter().map(|x| (x - mean).powi(2)).sum::<f32>();
        assert_eq!([moments[1], moments[3], moments[4], moments[5]], [9.0, 0.0, 3.0, 1.0]);
        assert!((moments[0] - mean).abs() < 1e-6 && (moments[2] - m2).abs() < 1e-5);
        // Nothing that counts: mean and variance are 0.
        let none = agreed(op, 2, &[&x, &[0.0; 8]], &[0.0; 6], 0.0);
        assert_eq!(none, [0.0; 6]);
        assert_eq!(Statistics::Moments(&none).at(1, 0.25), (0.0, 2.0));
    }
}
