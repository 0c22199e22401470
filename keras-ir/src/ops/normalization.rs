//! Normalizations and their gradients.

use crate::activation::Activation;
use crate::ops::declare::ops;

ops! {
    /// Reduced by merging: count, mean and sum of squared distances of each channel of
    /// `x[outer, channels, inner]`, as `[mean.., m2.., count..]`, each `channels` long.
    Moments { outer: usize, channels: usize, inner: usize }
    reads (x: sample(outer * channels * inner))
    makes moments(3 * channels)
    flops 5 * outer * channels * inner;

    /// [`Moments`] of the elements where the mask is not 0.
    MaskedMoments { outer: usize, channels: usize, inner: usize }
    reads (x: sample(outer * channels * inner), mask: sample(outer * channels * inner))
    makes moments(3 * channels)
    flops 6 * outer * channels * inner;

    /// Batch normalization by the batch's own moments:
    /// `y = f(gamma · (x - mean) / √(m2 / count + epsilon) + beta + skip)`.
    BatchNorm {
        outer: usize,
        channels: usize,
        inner: usize,
        epsilon: f32,
        scale: bool,
        center: bool,
        add: bool,
        f: Activation,
    }
    reads (
        x: sample(outer * channels * inner),
        moments: moments(3 * channels),
        gamma: weight(channels) if scale,
        beta: weight(channels) if center,
        skip: sample(outer * channels * inner) if add,
    )
    makes sample(outer * channels * inner)
    flops outer * channels * inner * (3 + add + f);

    /// Reduced: `[Σ d · x̂.., Σ d..]` by channel, where `d = d_y · f'` at the normalization's
    /// result and `f` is linear or a ReLU; `gamma` and `beta` are there if `f` is not linear.
    BatchNormGradSums {
        outer: usize,
        channels: usize,
        inner: usize,
        epsilon: f32,
        scale: bool,
        center: bool,
        f: Activation,
    }
    reads (
        x: sample(outer * channels * inner),
        moments: moments(3 * channels),
        d_y: sample(outer * channels * inner),
        gamma: weight(channels) if scale,
        beta: weight(channels) if center,
    )
    makes sum(2 * channels)
    flops outer * channels * inner * (5 + f);

    /// The gradient of [`BatchNorm`] by `x`, of `d_y · f'` as in [`BatchNormGradSums`]; `beta` is
    /// there if `f` is not linear.
    BatchNormGradX {
        outer: usize,
        channels: usize,
        inner: usize,
        epsilon: f32,
        scale: bool,
        center: bool,
        f: Activation,
    }
    reads (
        x: sample(outer * channels * inner),
        moments: moments(3 * channels),
        sums: sum(2 * channels),
        d_y: sample(outer * channels * inner),
        gamma: weight(channels) if scale,
        beta: weight(channels) if center,
    )
    makes sample(outer * channels * inner)
    flops outer * channels * inner * (5 + f);

    /// Batch normalization by given statistics, of a trained or a frozen layer.
    ChannelNorm {
        outer: usize,
        channels: usize,
        inner: usize,
        epsilon: f32,
        scale: bool,
        center: bool,
        f: Activation,
    }
    reads (
        x: sample(outer * channels * inner),
        mean: weight(channels),
        variance: weight(channels),
        gamma: weight(channels) if scale,
        beta: weight(channels) if center,
    )
    makes sample(outer * channels * inner)
    flops outer * channels * inner * (3 + f);

    /// The gradient of [`ChannelNorm`] by `x`.
    ChannelNormGradX { outer: usize, channels: usize, inner: usize, epsilon: f32, scale: bool }
    reads (
        variance: weight(channels),
        d_y: sample(outer * channels * inner),
        gamma: weight(channels) if scale,
    )
    makes sample(outer * channels * inner)
    flops outer * channels * inner;

    /// Reduced: `[Σ d_y · x̂.., Σ d_y..]` by channel, with given statistics.
    ChannelNormGradSums { outer: usize, channels: usize, inner: usize, epsilon: f32 }
    reads (
        x: sample(outer * channels * inner),
        mean: weight(channels),
        variance: weight(channels),
        d_y: sample(outer * channels * inner),
    )
    makes sum(2 * channels)
    flops 5 * outer * channels * inner;

    /// `y[o, :] = gamma · (x[o, :] - mean) / √(variance + epsilon) + beta`, statistics over the
    /// `extent` elements of a row.
    LayerNorm { outer: usize, extent: usize, epsilon: f32, scale: bool, center: bool }
    reads (
        x: sample(outer * extent),
        gamma: weight(extent) if scale,
        beta: weight(extent) if center,
    )
    makes sample(outer * extent)
    flops 8 * outer * extent;

    /// The gradient of [`LayerNorm`] by `x`.
    LayerNormGradX { outer: usize, extent: usize, epsilon: f32, scale: bool }
    reads (x: sample(outer * extent), d_y: sample(outer * extent), gamma: weight(extent) if scale)
    makes sample(outer * extent)
    flops 15 * outer * extent;

    /// Reduced: the gradient of [`LayerNorm`] by `gamma`, `Σ_o d_y · x̂`.
    LayerNormGradGamma { outer: usize, extent: usize, epsilon: f32 }
    reads (x: sample(outer * extent), d_y: sample(outer * extent))
    makes sum(extent)
    flops 8 * outer * extent;
}
