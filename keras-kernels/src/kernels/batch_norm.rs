//! Batch normalization: the two normalizations and their gradients.
//!
//! With `r = 1 / √(variance + epsilon)` and `x̂ = (x - mean) · r`, the gradient by `x` of the whole
//! batch's normalization is `gamma · r · (d_y - Σ d_y / count - x̂ · Σ (d_y · x̂) / count)` (Ioffe
//! and Szegedy 2015).

use super::activate::activate;
use super::activate_reference::{slope, value};
use super::batch_norm_terms::{
    GradTerms, GradX, Normalized, NormalizedSum, ReluGradTerms, ReluGradX, Scaled,
};
use super::channels::Channels;
use super::finish::Clip;
use super::moments::{Statistics, at_least_one};
use super::vectorized::vectorized;
use super::{Call, Reference};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::simd::Simd;
use keras_ir::activation::Activation;
use keras_ir::ops as op;

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
    fn new(
        extents: [usize; 3],
        epsilon: f32,
        statistics: Statistics<'a>,
        [gamma, beta]: [Option<&'a [f32]>; 2],
    ) -> Norm<'a> {
        Norm { extents, epsilon, statistics, gamma, beta }
    }

    fn batch(op: &op::BatchNorm, call: &Call<'a>) -> (Norm<'a>, &'a [f32], Option<&'a [f32]>) {
        let (inputs, skip) = call.inputs.split_at(call.inputs.len() - usize::from(op.add));
        let ([x, moments], parameters) = split(inputs, [op.scale, op.center]);
        let extents = [op.outer, op.channels, op.inner];
        let norm = Norm::new(extents, op.epsilon, Statistics::Moments(moments), parameters);
        (norm, x, skip.first().copied())
    }

    fn batch_grad_sums(op: &op::BatchNormGradSums, call: &Call<'a>) -> (Norm<'a>, [&'a [f32]; 2]) {
        let ([x, moments, d_y], parameters) = split(call.inputs, [op.scale, op.center]);
        let extents = [op.outer, op.channels, op.inner];
        let statistics = Statistics::Moments(moments);
        (Norm::new(extents, op.epsilon, statistics, parameters), [x, d_y])
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
        let (inputs, parameters) = split(call.inputs, [op.scale, op.center]);
        let [_, moments, _, _] = inputs;
        let extents = [op.outer, op.channels, op.inner];
        let axis = Channels::new(extents, call.samples);
        let statistics = Statistics::Moments(moments);
        (Norm::new(extents, op.epsilon, statistics, parameters), axis, inputs)
    }

    /// Scale, mean and shift of a channel: `y = scale · (x - mean) + shift`.
    #[inline(always)]
    fn numbers(&self, c: usize) -> [f32; 3] {
        let (mean, r) = self.statistics.at(c, self.epsilon);
        [of(self.gamma, c, 1.0) * r, mean, of(self.beta, c, 0.0)]
    }

    /// The same with the mean turned around, as the kernels add it, and the bound of a ReLU.
    #[inline(always)]
    fn terms(&self, c: usize, most: f32) -> [f32; 4] {
        let [scale, mean, shift] = self.numbers(c);
        [scale, -mean, shift, most]
    }

    #[inline(always)]
    fn forward<S: Simd>(
        &self,
        simd: S,
        samples: usize,
        x: &[f32],
        skip: Option<&[f32]>,
        y: &mut [f32],
        f: Activation,
    ) {
        let axis = Channels::new(self.extents, samples);
        let numbers = |c| {
            let [scale, less_mean, shift, _] = self.terms(c, 0.0);
            [scale, less_mean, shift]
        };
        match skip {
            None => axis.map::<Normalized, _, _, _>(simd, [x], y, numbers, |y| activate(f, y)),
            Some(skip) => {
                let done = |y: &mut [f32]| activate(f, y);
                axis.map::<NormalizedSum, _, _, _>(simd, [x, skip], y, numbers, done);
            }
        }
    }

    /// `d_y · f'` at the normalization of `x`, an element of channel `c`.
    fn behind(&self, f: Activation, c: usize, x: f32, d_y: f32) -> f32 {
        if f == Activation::Linear {
            return d_y;
        }
        let [scale, mean, shift] = self.numbers(c);
        d_y * slope(f, value(f, scale * (x - mean) + shift))
    }

    fn forward_plain(&self, samples: usize, x: &[f32], y: &mut [f32]) {
        let axis = Channels::new(self.extents, samples);
        for (i, (y, x)) in y.iter_mut().zip(x).enumerate() {
            let [scale, mean, shift] = self.numbers(i / axis.inner % axis.channels);
            *y = scale * (x - mean) + shift;
        }
    }

    /// Adds `[Σ d · x̂.., Σ d..]`, where `d` is `d_y` before a clip.
    #[inline(always)]
    fn sums<S: Simd>(
        &self,
        simd: S,
        samples: usize,
        [x, d_y]: [&[f32]; 2],
        clip: Clip,
        sums: &mut [f32],
    ) {
        let axis = Channels::new(self.extents, samples);
        let inputs = [x, d_y];
        let take = |c, [centered, plain]: [f64; 2]| {
            let (_, r) = self.statistics.at(c, self.epsilon);
            sums[c] += (centered * f64::from(r)) as f32;
            sums[c + axis.channels] += plain as f32;
        };
        match clip {
            Clip::Nothing => {
                let numbers = |c| [-self.statistics.at(c, self.epsilon).0];
                axis.sum::<GradTerms, _, _, _, _>(simd, inputs, numbers, take);
            }
            Clip::Relu => {
                let numbers = |c| self.terms(c, 0.0);
                axis.sum::<ReluGradTerms<false>, _, _, _, _>(simd, inputs, numbers, take);
            }
            Clip::Bounded(most) => {
                let numbers = |c| self.terms(c, most);
                axis.sum::<ReluGradTerms<true>, _, _, _, _>(simd, inputs, numbers, take);
            }
        }
    }

    fn sums_plain(&self, samples: usize, [x, d_y]: [&[f32]; 2], f: Activation, sums: &mut [f32]) {
        let axis = Channels::new(self.extents, samples);
        for c in 0..axis.channels {
            let (mean, r) = self.statistics.at(c, self.epsilon);
            let (mut scaled, mut plain) = (0.0, 0.0);
            for (i, (x, d_y)) in x.iter().zip(d_y).enumerate() {
                if i / axis.inner % axis.channels == c {
                    let d_y = self.behind(f, c, *x, *d_y);
                    scaled += f64::from(d_y) * f64::from(x - mean) * f64::from(r);
                    plain += f64::from(d_y);
                }
            }
            sums[c] += scaled as f32;
            sums[c + axis.channels] += plain as f32;
        }
    }
}

impl Reference {
    pub(crate) fn batch_norm(op: &op::BatchNorm, call: Call<'_>) {
        let (norm, x, skip) = Norm::batch(op, &call);
        norm.forward_plain(call.samples, x, call.output);
        for (y, skip) in call.output.iter_mut().zip(skip.unwrap_or_default()) {
            *y += skip;
        }
        call.output.iter_mut().for_each(|y| *y = value(op.f, *y));
    }

    pub(crate) fn batch_norm_grad_sums(op: &op::BatchNormGradSums, call: Call<'_>) {
        let (norm, inputs) = Norm::batch_grad_sums(op, &call);
        norm.sums_plain(call.samples, inputs, op.f, call.output);
    }

    pub(crate) fn batch_norm_grad_x(op: &op::BatchNormGradX, call: Call<'_>) {
        let (norm, axis, [x, moments, sums, d_y]) = Norm::batch_grad_x(op, &call);
        for (i, d_x) in call.output.iter_mut().enumerate() {
            let c = i / axis.inner % axis.channels;
            let (mean, r) = norm.statistics.at(c, norm.epsilon);
            let count = at_least_one(moments[c + 2 * axis.channels]);
            let d_y = norm.behind(op.f, c, x[i], d_y[i]);
            let centered =
                d_y - sums[c + axis.channels] / count - (x[i] - mean) * r * sums[c] / count;
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
        norm.sums_plain(call.samples, [x, d_y], Activation::Linear, call.output);
    }
}

vectorized! {
    with simd:
    batch_norm: BatchNorm,
    batch_norm_grad_sums: BatchNormGradSums,
    batch_norm_grad_x: BatchNormGradX,
    channel_norm: ChannelNorm,
    channel_norm_grad_sums: ChannelNormGradSums,
    channel_norm_grad_x: ChannelNormGradX,
}

#[inline(always)]
fn batch_norm<S: Simd>(simd: S, op: &op::BatchNorm, call: Call<'_>) {
    let (norm, x, skip) = Norm::batch(op, &call);
    norm.forward(simd, call.samples, x, skip, call.output, op.f);
}

#[inline(always)]
fn batch_norm_grad_sums<S: Simd>(simd: S, op: &op::BatchNormGradSums, call: Call<'_>) {
    let (norm, inputs) = Norm::batch_grad_sums(op, &call);
    norm.sums(simd, call.samples, inputs, clip_of(op.f), call.output);
}

#[inline(always)]
fn batch_norm_grad_x<S: Simd>(simd: S, op: &op::BatchNormGradX, call: Call<'_>) {
    let (norm, axis, [x, moments, sums, d_y]) = Norm::batch_grad_x(op, &call);
    let clip = clip_of(op.f);
    let most = if let Clip::Bounded(most) = clip { most } else { 0.0 };
    let numbers = |c: usize| {
        let (mean, r) = norm.statistics.at(c, norm.epsilon);
        let count = at_least_one(moments[c + 2 * axis.channels]);
        let scale = of(norm.gamma, c, 1.0) * r;
        [scale, -mean, -sums[c + axis.channels] / count, -r * sums[c] / count]
    };
    let with_clip = |c: usize| {
        let [scale, less_mean, less_shift, less_slope] = numbers(c);
        [scale, less_mean, of(norm.beta, c, 0.0), most, less_shift, less_slope]
    };
    let (inputs, d_x) = ([x, d_y], call.output);
    match clip {
        Clip::Nothing => axis.map::<GradX, _, _, _>(simd, inputs, d_x, numbers, |_| ()),
        Clip::Relu => {
            axis.map::<ReluGradX<false>, _, _, _>(simd, inputs, d_x, with_clip, |_| ());
        }
        Clip::Bounded(_) => {
            axis.map::<ReluGradX<true>, _, _, _>(simd, inputs, d_x, with_clip, |_| ());
        }
    }
}

/// Panics if it is no ReLU; graphs have no other function in the gradients of normalizations.
fn clip_of(f: Activation) -> Clip {
    Clip::of(f).expect("the function behind a normalization is a ReLU")
}

#[inline(always)]
fn channel_norm<S: Simd>(simd: S, op: &op::ChannelNorm, call: Call<'_>) {
    let (norm, x) = Norm::given(op, &call);
    norm.forward(simd, call.samples, x, None, call.output, op.f);
}

#[inline(always)]
fn channel_norm_grad_x<S: Simd>(simd: S, op: &op::ChannelNormGradX, call: Call<'_>) {
    let (axis, d_y, scale) = scale_of_grad_x(op, &call);
    axis.map::<Scaled, _, _, _>(simd, [d_y], call.output, |c| [scale(c)], |_| ());
}

#[inline(always)]
fn channel_norm_grad_sums<S: Simd>(simd: S, op: &op::ChannelNormGradSums, call: Call<'_>) {
    let [x, mean, variance, d_y] = call.inputs();
    let extents = [op.outer, op.channels, op.inner];
    let norm = Norm::new(extents, op.epsilon, Statistics::Given(mean, variance), [None; 2]);
    norm.sums(simd, call.samples, [x, d_y], Clip::Nothing, call.output);
}

/// The extents, `d_y`, and by which factor a channel's `d_y` becomes `d_x`.
fn scale_of_grad_x<'a>(
    op: &op::ChannelNormGradX,
    call: &Call<'a>,
) -> (Channels, &'a [f32], impl Fn(usize) -> f32 + use<'a>) {
    let ([variance, d_y], [gamma, _]) = split(call.inputs, [op.scale, false]);
    let axis = Channels::new([op.outer, op.channels, op.inner], call.samples);
    let epsilon = op.epsilon;
    (axis, d_y, move |c| of(gamma, c, 1.0) / (variance[c] + epsilon).sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_close, assert_gradient, output_onto, values};
    use super::super::moments::tests::{EXTENTS, channel_values, moments_of};
    use super::*;
    use crate::kernels::Cpu;
    use crate::simd::{Level, with_level};
    use keras_ir::ops::Op;

    const EPSILON: f32 = 1e-3;
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
                let add = false;
                let op = op::BatchNorm { outer, channels, inner, epsilon, scale, center, add, f };
                let moments = moments_of(extents, &x);
                let inputs = parameters(&[&x, &moments], [scale, center], [&gamma, &beta]);
                let y = agreed(op, 2, &inputs, &start, 2e-6);
                let back = op::BatchNormGradSums {
                    outer,
                    channels,
                    inner,
                    epsilon,
                    scale: false,
                    center: false,
                    f,
                };
                let zeros = vec![0.0; 2 * channels];
                // A sum's rounding grows with its terms.
                let tolerance = 1e-6 * (2 * outer * inner) as f32;
                let sums = agreed(back, 2, &[&x, &moments, &d_y], &zeros, tolerance.max(5e-6));
                let back =
                    op::BatchNormGradX { outer, channels, inner, epsilon, scale, center: false, f };
                let grad_inputs =
                    parameters(&[&x, &moments, &sums, &d_y], [scale, false], [&gamma, &beta]);
                let d_x = agreed(back, 2, &grad_inputs, &start, 1e-5);
                let skip = values(x.len(), 7);
                let sum = op::BatchNorm { add: true, f: Activation::RELU, ..op };
                let sum = agreed(sum, 2, &[&inputs[..], &[&skip]].concat(), &start, 2e-6);
                let by_hand = y.iter().zip(&skip).map(|(y, skip)| (y + skip).max(0.0));
                assert!(sum.iter().zip(by_hand).all(|(sum, by_hand)| *sum == by_hand));
                if x.len() < 500 {
                    check_differences(op.into(), extents, &x, &inputs[2..], &d_y, &d_x);
                }
            }
        }
    }

    /// With a ReLU behind it, gradients are those of a derivative taken by an op of its own, to the
    /// last bit.
    #[test]
    fn gradients_behind_a_relu() {
        let bounded = Activation::Relu { negative_slope: 0.0, max_value: 0.75, threshold: 0.0 };
        let cases = EXTENTS.into_iter().chain([[9, 336, 1]]).flat_map(|extents| {
            [(Activation::RELU, true), (bounded, true), (bounded, false)]
                .map(|(f, scale)| (extents, f, scale))
        });
        for (extents @ [outer, channels, inner], f, scale) in cases {
            let (epsilon, center, linear) = (EPSILON, true, Activation::Linear);
            let x = channel_values(extents, 1);
            let d_y = values(x.len(), 2);
            let [gamma, beta] = [4, 5].map(|seed| values(channels, seed));
            let moments = moments_of(extents, &x);
            let start = vec![f32::NAN; x.len()];
            let zeros = vec![0.0; 2 * channels];
            let op =
                op::BatchNorm { outer, channels, inner, epsilon, scale, center, add: false, f };
            let sums = op::BatchNormGradSums { outer, channels, inner, epsilon, scale, center, f };
            let plain = op::BatchNormGradSums { scale: false, center: false, f: linear, ..sums };
            let grad = op::BatchNormGradX { outer, channels, inner, epsilon, scale, center, f };
            let plain_grad = op::BatchNormGradX { center: false, f: linear, ..grad };
            let has = [scale, center];
            let both = [&gamma[..], &beta];
            let inputs = parameters(&[&x, &moments], has, both);
            let sums_inputs = parameters(&[&x, &moments, &d_y], has, both);
            let expected_sums =
                agreed(sums, 2, &sums_inputs, &zeros, 1e-5 * (outer * inner) as f32);
            let grad_inputs = parameters(&[&x, &moments, &expected_sums, &d_y], has, both);
            agreed(grad, 2, &grad_inputs, &start, 1e-5);
            for level in Level::available() {
                let run = || {
                    let y = output_onto::<Cpu>(op, 2, &inputs, &start);
                    let derivative = op::UnaryGrad { len: x.len() / 2, f };
                    let d = output_onto::<Cpu>(derivative, 2, &[&y, &d_y], &start);
                    let cut = d.iter().filter(|d| **d == 0.0).count();
                    assert!(d.len() < 100 || (1..d.len()).contains(&cut), "{f:?} cuts some off");
                    let apart = output_onto::<Cpu>(plain, 2, &[&x, &moments, &d], &zeros);
                    assert_eq!(output_onto::<Cpu>(sums, 2, &sums_inputs, &zeros), apart);
                    let inputs = parameters(&[&x, &moments, &apart, &d], [scale, false], both);
                    let apart_x = output_onto::<Cpu>(plain_grad, 2, &inputs, &start);
                    let inputs = parameters(&[&x, &moments, &apart, &d_y], has, both);
                    assert_eq!(output_onto::<Cpu>(grad, 2, &inputs, &start), apart_x);
                };
                with_level(level, run).expect("the level is available");
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
