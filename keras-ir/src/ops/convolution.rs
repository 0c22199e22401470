//! Convolutions and their gradients.

use crate::activation::Activation;
use crate::literal::literal;
use crate::ops::count::Count;
use crate::ops::declare::ops;
use crate::ops::window::{Window, image, result};

literal! {
    /// A normalization by given statistics that another op applies to its sums:
    /// [`ChannelNorm`](super::ChannelNorm) without a pass of its own.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Normalize {
        /// Added to the variance.
        pub epsilon: f32,
        /// Whether there is a `gamma`.
        pub scale: bool,
        /// Whether there is a `beta`.
        pub center: bool,
    }
}

impl Normalize {
    /// How many inputs it adds to those of an op: `mean`, `variance`, then `gamma` if `scale`, then
    /// `beta` if `center`.
    pub fn inputs(&self) -> usize {
        2 + usize::from(self.scale) + usize::from(self.center)
    }
}

/// Rows, and columns, of the cells of which [`ConvPool2D`] keeps the largest.
pub const POOLED: usize = 2;

/// Elements of what [`ConvPool2D`] leaves of a convolution's result.
pub fn pooled_len(op: &Conv2D) -> usize {
    (op.rows.output / POOLED) * (op.columns.output / POOLED) * op.filters
}

/// Elements of a kernel.
#[inline(always)]
fn cells(rows: Window, columns: Window) -> usize {
    rows.kernel * columns.kernel
}

ops! {
    /// `y[i, j, o] = f(g(sum[i, j, o] + bias[o]) + skip[i, j, o])`, where `sum[i, j, o] = Σ_{a, b,
    /// c} x[rows(i, a), columns(j, b), c] · kernel[a, b, c, o]`, in `groups` that share out input
    /// and output channels: the kernel is `[kh, kw, channels / groups, filters]`. `g` normalizes by
    /// `norm`.
    Conv2D {
        rows: Window,
        columns: Window,
        channels: usize,
        filters: usize,
        groups: usize,
        bias: bool,
        norm: Option<Normalize>,
        add: bool,
        f: Activation,
    }
    reads (
        x: sample(image(rows, columns, channels)),
        kernel: weight(cells(rows, columns) * (channels / groups) * filters),
        bias: weight(filters) if bias,
        mean: weight(filters) if norm.is_some(),
        variance: weight(filters) if norm.is_some(),
        gamma: weight(filters) if norm.is_some_and(|norm| norm.scale),
        beta: weight(filters) if norm.is_some_and(|norm| norm.center),
        skip: sample(result(rows, columns, filters)) if add,
    )
    makes sample(result(rows, columns, filters))
    flops rows.output * columns.output * filters
        * (2 * rows.kernel * columns.kernel * (channels / groups) + bias + norm + add + f);

    /// The largest cell of each two rows and two columns of what [`Conv2D`] gives, by channel; a
    /// last row or column without a partner is left out. `conv` has no `skip`, and its activation
    /// is none or a ReLU.
    ConvPool2D { conv: Conv2D }
    reads (..conv)
    makes sample(pooled_len(&conv))
    flops Count::from(conv.flops()) + (POOLED * POOLED * pooled_len(&conv)) as u64;

    /// The gradient of [`Conv2D`] by `x`; also the transposed convolution. Fields describe the
    /// *forward* convolution.
    Conv2DGradX { rows: Window, columns: Window, channels: usize, filters: usize, groups: usize }
    reads (
        d_y: sample(result(rows, columns, filters)),
        kernel: weight(cells(rows, columns) * (channels / groups) * filters),
    )
    makes sample(image(rows, columns, channels))
    flops rows.output * columns.output * filters
        * (2 * rows.kernel * columns.kernel * (channels / groups));

    /// Reduced: the gradient of [`Conv2D`] by its kernel. Fields describe the forward convolution.
    Conv2DGradW { rows: Window, columns: Window, channels: usize, filters: usize, groups: usize }
    reads (x: sample(image(rows, columns, channels)), d_y: sample(result(rows, columns, filters)))
    makes sum(cells(rows, columns) * (channels / groups) * filters)
    flops rows.output * columns.output * filters
        * (2 * rows.kernel * columns.kernel * (channels / groups));

    /// `y[i, j, n] = f(g(sum[i, j, n] + bias[n]))`, where `n = c · multiplier + m`,
    /// `sum[i, j, n] = Σ_{a, b} x[rows(i, a), columns(j, b), c] · kernel[a, b, c, m]`, and `g`
    /// normalizes by `norm`.
    Depthwise2D {
        rows: Window,
        columns: Window,
        channels: usize,
        multiplier: usize,
        bias: bool,
        norm: Option<Normalize>,
        f: Activation,
    }
    reads (
        x: sample(image(rows, columns, channels)),
        kernel: weight(cells(rows, columns) * channels * multiplier),
        bias: weight(channels * multiplier) if bias,
        mean: weight(channels * multiplier) if norm.is_some(),
        variance: weight(channels * multiplier) if norm.is_some(),
        gamma: weight(channels * multiplier) if norm.is_some_and(|norm| norm.scale),
        beta: weight(channels * multiplier) if norm.is_some_and(|norm| norm.center),
    )
    makes sample(result(rows, columns, channels * multiplier))
    flops rows.output * columns.output * channels * multiplier
        * (2 * rows.kernel * columns.kernel + bias + norm + f);

    /// The gradient of [`Depthwise2D`] by `x`.
    Depthwise2DGradX { rows: Window, columns: Window, channels: usize, multiplier: usize }
    reads (
        d_y: sample(result(rows, columns, channels * multiplier)),
        kernel: weight(cells(rows, columns) * channels * multiplier),
    )
    makes sample(image(rows, columns, channels))
    flops 2 * rows.output * columns.output * channels * multiplier * rows.kernel * columns.kernel;

    /// Reduced: the gradient of [`Depthwise2D`] by its kernel.
    Depthwise2DGradW { rows: Window, columns: Window, channels: usize, multiplier: usize }
    reads (
        x: sample(image(rows, columns, channels)),
        d_y: sample(result(rows, columns, channels * multiplier)),
    )
    makes sum(cells(rows, columns) * channels * multiplier)
    flops 2 * rows.output * columns.output * channels * multiplier * rows.kernel * columns.kernel;
}
