//! Batch normalization: moments, the two normalizations and their gradients.
//!
//! Moments are gathered block after block: a block's are taken in two passes and merged with what came before as in
//! Chan et al. 1979, `m2 = m2_a + m2_b + (mean_b - mean_a)² · n_a · n_b / n`. The variance is `m2 / count`, biased, as in Keras.
//! With `r = 1 / √(variance + epsilon)` and `x̂ = (x - mean) · r`, the gradient by `x` of the whole batch's normalization is
//! `gamma · r · (d_y - Σ d_y / count - x̂ · Σ (d_y · x̂) / count)` (Ioffe and Szegedy 2015).

use super::activate::activate;
use super::activate_reference::value;
use super::channels::Channels;
use super::vectorized::vectorized;
use super::{Call, Reference};
use crate::simd::Simd;
use keras_graph::op;

/// Merges the moments of one part of a batch, `[mean.., m2.., count..]`, into those of the parts before.
///
/// Shapes: both are `3 · channels` long. A count of 0 marks that nothing came before. Panics if the lengths differ.
/// Source: Chan, Golub and LeVeque 1979.
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

/// What a channel is normalized by.
#[derive(Clone, Copy)]
enum Statistics<'a> {
    /// Merged moments, `[mean.., m2.., count..]`.
    Moments(&'a [f32]),
    /// Means and variances.
    Given(&'a [f32], &'a [f32]),
}

impl Statistics<'_> {
    /// Panics if there are not as many as channels.
    fn check(self, channels: usize) {
        match self {
            Statistics::Moments(moments) => {
                assert_eq!(moments.len(), 3 * channels, "each channel has three moments");
            }
            Statistics::Given(mean, variance) => {
                assert_eq!(mean.len(), channels, "each channel has a mean");
                assert_eq!(variance.len(), channels, "each channel has a variance");
            }
        }
    }

    /// Mean and `1 / √(variance + epsilon)` of a channel.
    #[inline(always)]
    fn at(self, c: usize, epsilon: f32) -> (f32, f32) {
        let (mean, variance) = match self {
            Statistics::Moments(moments) => {
                let channels = moments.len() / 3;
                (moments[c], moments[c + channels] / moments[c + 2 * channels])
            }
            Statistics::Given(mean, variance) => (mean[c], variance[c]),
        };
        (mean, 1.0 / (variance + epsilon).sqrt())
    }
}

/// The inputs that an op always has; then `gamma` and `beta`, as far as it has them.
pub(super) fn split<'a, const N: usize>(
    inputs: &[&'a [f32]],
    [scale, center]: [bool; 2],
) -> ([&'a [f32]; N], [Option<&'a [f32]>; 2]) {
    let (always, rest) =
        inputs.split_first_chunk().expect("an op has the inputs that it documents");
    let mut rest = rest.iter().copied();
    let parameters = [scale, center].map(|has| if has { rest.next() } else { None });
    assert!(rest.next().is_none(), "an op has no other inputs than it documents");
    assert_eq!(parameters.map(|found| found.is_some()), [scale, center], "a parameter is there");
    (*always, parameters)
}

/// The parameter of a channel, or what stands for it.
#[inline(always)]
fn of(parameter: Option<&[f32]>, c: usize, otherwise: f32) -> f32 {
    parameter.map_or(otherwise, |parameter| parameter[c])
}

/// The extents of a normalization with what all of its kernels read.
struct Norm<'a> {
    extents: [usize; 3],
    epsilon: f32,
    statistics: Statistics<'a>,
    gamma: Option<&'a [f32]>,
    beta: Option<&'a [f32]>,
}

impl<'a> Norm<'a> {
    /// Panics if a length differs from the channels'.
    fn new(
        extents: [usize; 3],
        epsilon: f32,
        statistics: Statistics<'a>,
        [gamma, beta]: [Option<&'a [f32]>; 2],
    ) -> Norm<'a> {
        let channels = extents[1];
        statistics.check(channels);
        for parameter in [gamma, beta].into_iter().flatten() {
            assert_eq!(parameter.len(), channels, "each channel has a parameter");
        }
        Norm { extents, epsilon, statistics, gamma, beta }
    }

    fn batch(op: &op::BatchNorm, call: &Call<'a>) -> (Norm<'a>, &'a [f32]) {
        let ([x, moments], parameters) = split(call.inputs, [op.scale, op.center]);
        let extents = [op.outer, op.channels, op.inner];
        (Norm::new(extents, op.epsilon, Statistics::Moments(moments), parameters), x)
    }

    fn given(op: &op::ChannelNorm, call: &Call<'a>) -> (Norm<'a>, &'a [f32]) {
        let ([x, mean, variance], parameters) = split(call.inputs, [op.scale, op.center]);
        let extents = [op.outer, op.channels, op.inner];
        (Norm::new(extents, op.epsilon, Statistics::Given(mean, variance), parameters), x)
    }

    fn batch_grad_x(
        op: &op::BatchNormGradX,
        call: &Call<'a>,
    ) -> (Norm<'a>, Channels, [&'a [f32]; 4]) {
        let (inputs, parameters) = split(call.inputs, [op.scale, false]);
        let [x, moments, sums, d_y] = inputs;
        let extents = [op.outer, op.channels, op.inner];
        let axis = Channels::new(extents, call.samples, [x, d_y, call.output]);
        assert_eq!(sums.len(), 2 * op.channels, "each channel has two sums");
        let statistics = Statistics::Moments(moments);
        (Norm::new(extents, op.epsilon, statistics, parameters), axis, inputs)
    }

    /// Scale, mean and shift of a channel: `y = scale · (x - mean) + shift`.
    #[inline(always)]
    fn numbers(&self, c: usize) -> [f32; 3] {
        let (mean, r) = self.statistics.at(c, self.epsilon);
        [of(self.gamma, c, 1.0) * r, mean, of(self.beta, c, 0.0)]
    }

    #[inline(always)]
    fn forward(&self, samples: usize, x: &[f32], y: &mut [f32]) {
        let axis = Channels::new(self.extents, samples, [x, y]);
        axis.map(
            [x],
            y,
            |c| self.numbers(c),
            |[scale, mean, shift], [x]| scale * (x - mean) + shift,
        );
    }

    fn forward_plain(&self, samples: usize, x: &[f32], y: &mut [f32]) {
        let axis = Channels::new(self.extents, samples, [x, y]);
        for (i, (y, x)) in y.iter_mut().zip(x).enumerate() {
            let [scale, mean, shift] = self.numbers(i / axis.inner % axis.channels);
            *y = scale * (x - mean) + shift;
        }
    }

    /// Adds `[Σ d_y · x̂.., Σ d_y..]`.
    #[inline(always)]
    fn sums(&self, samples: usize, x: &[f32], d_y: &[f32], sums: &mut [f32]) {
        let axis = Channels::new(self.extents, samples, [x, d_y]);
        assert_eq!(sums.len(), 2 * axis.channels, "each channel has two sums");
        let numbers = |c| <[f32; 2]>::from(self.statistics.at(c, self.epsilon));
        let terms = |[mean, r]: [f32; 2], [x, d_y]: [f32; 2]| [d_y * ((x - mean) * r), d_y];
        axis.sum([x, d_y], numbers, terms, |c, [scaled, plain]| {
            sums[c] += scaled as f32;
            sums[c + axis.channels] += plain as f32;
        });
    }

    fn sums_plain(&self, samples: usize, x: &[f32], d_y: &[f32], sums: &mut [f32]) {
        let axis = Channels::new(self.extents, samples, [x, d_y]);
        for c in 0..axis.channels {
            let (mean, r) = self.statistics.at(c, self.epsilon);
            let (mut scaled, mut plain) = (0.0, 0.0);
            for (i, (x, d_y)) in x.iter().zip(d_y).enumerate() {
                if i / axis.inner % axis.channels == c {
                    scaled += f64::from(*d_y) * f64::from(x - mean) * f64::from(r);
                    plain += f64::from(*d_y);
                }
            }
            sums[c] += scaled as f32;
            sums[c + axis.channels] += plain as f32;
        }
    }
}

impl Reference {
    pub(crate) fn moments(op: &op::Moments, call: Call<'_>) {
        let [x] = call.inputs();
        let axis = Channels::new([op.outer, op.channels, op.inner], call.samples, [x]);
        assert_eq!(call.output.len(), 3 * op.channels, "each channel has three moments");
        for c in 0..op.channels {
            let cells = x.iter().enumerate().filter(|(i, _)| i / op.inner % op.channels == c);
            let count = axis.count() as f64;
            let mean = cells.clone().map(|(_, x)| f64::from(*x)).sum::<f64>() / count;
            let m2 = cells.map(|(_, x)| (f64::from(*x) - mean).powi(2)).sum();
            merge_channel(call.output, c, mean, m2, count);
        }
    }

    pub(crate) fn batch_norm(op: &op::BatchNorm, call: Call<'_>) {
        let (norm, x) = Norm::batch(op, &call);
        norm.forward_plain(call.samples, x, call.output);
        call.output.iter_mut().for_each(|y| *y = value(op.f, *y));
    }

    pub(crate) fn batch_norm_grad_sums(op: &op::BatchNormGradSums, call: Call<'_>) {
        let [x, moments, d_y] = call.inputs();
        let extents = [op.outer, op.channels, op.inner];
        let norm = Norm::new(extents, op.epsilon, Statistics::Moments(moments), [None; 2]);
        norm.sums_plain(call.samples, x, d_y, call.output);
    }

    pub(crate) fn batch_norm_grad_x(op: &op::BatchNormGradX, call: Call<'_>) {
        let (norm, axis, [x, moments, sums, d_y]) = Norm::batch_grad_x(op, &call);
        for (i, d_x) in call.output.iter_mut().enumerate() {
            let c = i / axis.inner % axis.channels;
            let (mean, r) = norm.statistics.at(c, norm.epsilon);
            let count = moments[c + 2 * axis.channels];
            let centered =
                d_y[i] - sums[c + axis.channels] / count - (x[i] - mean) * r * sums[c] / count;
            *d_x = of(norm.gamma, c, 1.0) * r * centered;
        }
    }

    pub(crate) fn channel_norm(op: &op::ChannelNorm, call: Call<'_>) {
        let (norm, x) = Norm::given(op, &call);
        norm.forward_plain(call.samples, x, call.output);
        call.output.iter_mut().for_each(|y| *y = value(op.f, *y));
    }

    pub(crate) fn channel_norm_grad_x(op: &op::ChannelNormGradX, call: Call<'_>) {
        let (axis, d_y, scale) = scale_of_grad_x(op, &call);
        for (i, (d_x, d_y)) in call.output.iter_mut().zip(d_y).enumerate() {
            *d_x = d_y * scale(i / axis.inner % axis.channels);
        }
    }

    pub(crate) fn channel_norm_grad_sums(op: &op::ChannelNormGradSums, call: Call<'_>) {
        let [x, mean, variance, d_y] = call.inputs();
        let extents = [op.outer, op.channels, op.inner];
        let norm = Norm::new(extents, op.epsilon, Statistics::Given(mean, variance), [None; 2]);
        norm.sums_plain(call.samples, x, d_y, call.output);
    }
}

vectorized! {
    moments: Moments,
    batch_norm: BatchNorm,
    batch_norm_grad_sums: BatchNormGradSums,
    batch_norm_grad_x: BatchNormGradX,
    channel_norm: ChannelNorm,
    channel_norm_grad_x: ChannelNormGradX,
    channel_norm_grad_sums: ChannelNormGradSums,
}

#[inline(always)]
fn moments<S: Simd>(op: &op::Moments, call: Call<'_>) {
    let [x] = call.inputs();
    let axis = Channels::new([op.outer, op.channels, op.inner], call.samples, [x]);
    assert_eq!(call.output.len(), 3 * op.channels, "each channel has three moments");
    let count = axis.count() as f64;
    let means = &mut call.workspace[..op.channels];
    axis.sum([x], |_| [], |[], [x]| [x], |c, [sum]| means[c] = (sum / count) as f32);
    // The second pass also finds what rounding left of the first mean.
    let terms = |[mean]: [f32; 1], [x]: [f32; 1]| [x - mean, (x - mean) * (x - mean)];
    axis.sum(
        [x],
        |c| [means[c]],
        terms,
        |c, [rest, squares]| {
            let mean = f64::from(means[c]) + rest / count;
            merge_channel(call.output, c, mean, squares - rest * rest / count, count);
        },
    );
}

#[inline(always)]
fn batch_norm<S: Simd>(op: &op::BatchNorm, call: Call<'_>) {
    let (norm, x) = Norm::batch(op, &call);
    norm.forward(call.samples, x, call.output);
    activate(op.f, call.output);
}

#[inline(always)]
fn batch_norm_grad_sums<S: Simd>(op: &op::BatchNormGradSums, call: Call<'_>) {
    let [x, moments, d_y] = call.inputs();
    let extents = [op.outer, op.channels, op.inner];
    let norm = Norm::new(extents, op.epsilon, Statistics::Moments(moments), [None; 2]);
    norm.sums(call.samples, x, d_y, call.output);
}

#[inline(always)]
fn batch_norm_grad_x<S: Simd>(op: &op::BatchNormGradX, call: Call<'_>) {
    let (norm, axis, [x, moments, sums, d_y]) = Norm::batch_grad_x(op, &call);
    let numbers = |c: usize| {
        let (mean, r) = norm.statistics.at(c, norm.epsilon);
        let count = moments[c + 2 * axis.channels];
        let scale = of(norm.gamma, c, 1.0) * r;
        [scale, mean, sums[c + axis.channels] / count, r * sums[c] / count]
    };
    axis.map([x, d_y], call.output, numbers, |[scale, mean, shift, slope], [x, d_y]| {
        scale * (d_y - shift - (x - mean) * slope)
    });
}

#[inline(always)]
fn channel_norm<S: Simd>(op: &op::ChannelNorm, call: Call<'_>) {
    let (norm, x) = Norm::given(op, &call);
    norm.forward(call.samples, x, call.output);
    activate(op.f, call.output);
}

#[inline(always)]
fn channel_norm_grad_x<S: Simd>(op: &op::ChannelNormGradX, call: Call<'_>) {
    let (axis, d_y, scale) = scale_of_grad_x(op, &call);
    axis.map([d_y], call.output, |c| [scale(c)], |[scale], [d_y]| d_y * scale);
}

#[inline(always)]
fn channel_norm_grad_sums<S: Simd>(op: &op::ChannelNormGradSums, call: Call<'_>) {
    let [x, mean, variance, d_y] = call.inputs();
    let extents = [op.outer, op.channels, op.inner];
    let norm = Norm::new(extents, op.epsilon, Statistics::Given(mean, variance), [None; 2]);
    norm.sums(call.samples, x, d_y, call.output);
}

/// The extents, `d_y`, and by which factor a channel's `d_y` becomes `d_x`. Panics if a length differs.
fn scale_of_grad_x<'a>(
    op: &op::ChannelNormGradX,
    call: &Call<'a>,
) -> (Channels, &'a [f32], impl Fn(usize) -> f32 + use<'a>) {
    let ([variance, d_y], [gamma, _]) = split(call.inputs, [op.scale, false]);
    let axis = Channels::new([op.outer, op.channels, op.inner], call.samples, [d_y, call.output]);
    assert_eq!(variance.len(), op.channels, "each channel has a variance");
    assert!(gamma.is_none_or(|gamma| gamma.len() == op.channels), "each channel has a parameter");
    let epsilon = op.epsilon;
    (axis, d_y, move |c| of(gamma, c, 1.0) / (variance[c] + epsilon).sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_close, assert_gradient, output_onto, values};
    use super::*;
    use crate::kernels::Cpu;
    use keras_graph::activation::Activation;
    use keras_graph::op::Op;

    const EPSILON: f32 = 1e-3;
    /// Outer, channels, inner.
    const EXTENTS: [[usize; 3]; 6] =
        [[5, 3, 1], [1, 2, 1], [70, 33, 1], [2, 65, 1], [2, 3, 5], [3, 2, 37]];

    /// Values of other means and widths in each channel.
    fn channel_values([outer, channels, inner]: [usize; 3], seed: u64) -> Vec<f32> {
        let spread = |(i, x): (usize, &f32)| {
            let c = (i / inner % channels) as f32;
            x * (0.5 + c / 8.0) + c - 1.0
        };
        values(2 * outer * channels * inner, seed).iter().enumerate().map(spread).collect()
    }

    fn moments_of([outer, channels, inner]: [usize; 3], x: &[f32]) -> Vec<f32> {
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

    fn parameters<'a>(
        always: &[&'a [f32]],
        [scale, center]: [bool; 2],
        [gamma, beta]: [&'a [f32]; 2],
    ) -> Vec<&'a [f32]> {
        let mut inputs = always.to_vec();
        inputs.extend(scale.then_some(gamma));
        inputs.extend(center.then_some(beta));
        inputs
    }

    #[test]
    fn given_statistics() {
        for extents @ [outer, channels, inner] in EXTENTS {
            for has @ [scale, center] in
                [[false, false], [true, false], [false, true], [true, true]]
            {
                let (x, d_y) = (channel_values(extents, 1), channel_values(extents, 2));
                let [mean, gamma, beta] = [3, 4, 5].map(|seed| values(channels, seed));
                let variance: Vec<f32> = values(channels, 6).iter().map(|x| x * x + 0.5).collect();
                let start = vec![f32::NAN; x.len()];
                let (epsilon, f) = (EPSILON, Activation::Linear);
                let op = op::ChannelNorm { outer, channels, inner, epsilon, scale, center, f };
                let inputs = parameters(&[&x, &mean, &variance], has, [&gamma, &beta]);
                let y = agreed(op, 2, &inputs, &start, 2e-6);
                let f = Activation::RELU;
                let rectified = agreed(op::ChannelNorm { f, ..op }, 2, &inputs, &start, 2e-6);
                assert!(rectified.iter().zip(&y).all(|(r, y)| *r == y.max(0.0)));
                let back = op::ChannelNormGradX { outer, channels, inner, epsilon, scale };
                let grad_inputs = parameters(&[&variance, &d_y], [scale, false], [&gamma, &beta]);
                let d_x = agreed(back, 2, &grad_inputs, &start, 2e-6);
                let back = op::ChannelNormGradSums { outer, channels, inner, epsilon };
                let sums_inputs = [&x[..], &mean, &variance, &d_y];
                let sums = agreed(back, 2, &sums_inputs, &vec![0.0; 2 * channels], 2e-4);
                if x.len() < 500 {
                    assert_gradient(op, 2, &inputs, 0, &d_y, &d_x);
                    if scale && center {
                        assert_gradient(op, 2, &inputs, 3, &d_y, &sums[..channels]);
                        assert_gradient(op, 2, &inputs, 4, &d_y, &sums[channels..]);
                    }
                }
            }
        }
    }

    /// Differences of the whole computation, moments included.
    #[test]
    fn the_batch_s_own_statistics() {
        for extents @ [outer, channels, inner] in EXTENTS {
            for scale in [false, true] {
                let x = channel_values(extents, 1);
                let d_y = values(x.len(), 2);
                let [gamma, beta] = [4, 5].map(|seed| values(channels, seed));
                let start = vec![f32::NAN; x.len()];
                let (epsilon, f, center) = (EPSILON, Activation::Linear, true);
                let op = op::BatchNorm { outer, channels, inner, epsilon, scale, center, f };
                let moments = moments_of(extents, &x);
                let inputs = parameters(&[&x, &moments], [scale, center], [&gamma, &beta]);
                agreed(op, 2, &inputs, &start, 2e-6);
                let back = op::BatchNormGradSums { outer, channels, inner, epsilon };
                let zeros = vec![0.0; 2 * channels];
                // A sum's rounding grows with its terms.
                let tolerance = 1e-6 * (2 * outer * inner) as f32;
                let sums = agreed(back, 2, &[&x, &moments, &d_y], &zeros, tolerance.max(5e-6));
                let back = op::BatchNormGradX { outer, channels, inner, epsilon, scale };
                let grad_inputs =
                    parameters(&[&x, &moments, &sums, &d_y], [scale, false], [&gamma, &beta]);
                let d_x = agreed(back, 2, &grad_inputs, &start, 1e-5);
                if x.len() < 500 {
                    check_differences(op.into(), extents, &x, &inputs[2..], &d_y, &d_x);
                }
            }
        }
    }

    fn check_differences(
        op: Op,
        extents: [usize; 3],
        x: &[f32],
        parameters: &[&[f32]],
        d_y: &[f32],
        d_x: &[f32],
    ) {
        const STEP: f32 = 1.0 / 64.0;
        let mut moved = x.to_vec();
        let mut dot_at = |i: usize, steps: f32| {
            moved[i] = x[i] + steps * STEP;
            let moments = moments_of(extents, &moved);
            let inputs = [&[&moved[..], &moments], parameters].concat();
            let y = output_onto::<Reference>(op, 2, &inputs, &vec![0.0; x.len()]);
            moved[i] = x[i];
            y.iter().zip(d_y).map(|(y, d_y)| f64::from(*y) * f64::from(*d_y)).sum::<f64>()
        };
        let expected: Vec<f32> = (0..x.len())
            .map(|i| {
                let near = dot_at(i, 1.0) - dot_at(i, -1.0);
                let far = dot_at(i, 2.0) - dot_at(i, -2.0);
                ((8.0 * near - far) / (12.0 * f64::from(STEP))) as f32
            })
            .collect();
        assert_close(d_x, &expected, 1e-3, "d_x");
    }
}
