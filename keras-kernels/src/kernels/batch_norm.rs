//! Batch normalization: the two normalizations and their gradients.
//!
//! With `r = 1 / √(variance + epsilon)` and `x̂ = (x - mean) · r`, the gradient by `x` of the whole
//! batch's normalization is `gamma · r · (d_y - Σ d_y / count - x̂ · Σ (d_y · x̂) / count)` (Ioffe
//! and Szegedy 2015).

#[cfg(test)]
mod tests;

use super::activate::activate;
use super::activate_reference::{slope, value};
use super::batch_norm_terms::{
    GradTerms, GradX, Normalized, NormalizedSum, ReluGradTerms, ReluGradX, Scaled,
};
use super::channels::Channels;
use super::epilogue::Clip;
use super::fold::split;
use super::moments::{Statistics, at_least_one};
use super::vectorized::vectorized;
use super::{Call, Reference};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::simd::Simd;
use keras_ir::activation::Activation;
use keras_ir::ops as op;

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
