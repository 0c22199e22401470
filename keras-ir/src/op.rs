//! The ops: the closed set of computations that layers are lowered to.
//!
//! `ops!` is the one list. From it come a struct for each op with its fields, the enum [`Op`], its name, its fields
//! as Rust source (so that the macro can emit a plan) and, through `for_each_op!`, the trait that a backend
//! implements. Every op reads whole tensors and writes one. Extents are *per sample*: a kernel gets the number of
//! samples beside the op.
//!
//! An op whose result is *reduced* sums over all samples and adds to what its output holds, so that a gradient
//! is gathered block after block. The comments write `n` for the samples and name the inputs in order.

use crate::activation::Activation;
use crate::literal::{literal, literal_enum};

literal! {
    /// One spatial axis of a window op: a convolution or a pooling.
    ///
    /// Output cell `o` reads the input cells `o · stride + k · dilation - pad` for `k` in `0..kernel`; cells outside
    /// of `0..input` are padding. `pad` is the padding in front; the rest follows from `output`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Window {
        /// Extent of the input along this axis.
        pub input: usize,
        /// Extent of the output along this axis.
        pub output: usize,
        /// Cells of the kernel along this axis.
        pub kernel: usize,
        /// Step between windows.
        pub stride: usize,
        /// Step between the cells of one window.
        pub dilation: usize,
        /// Cells of padding in front.
        pub pad: usize,
    }
}

literal! {
    /// A normalization by given statistics that another op applies to its sums: [`ChannelNorm`] without a pass of its own.
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
    /// How many inputs it adds to those of an op: `mean`, `variance`, then `gamma` if `scale`, then `beta` if `center`.
    pub fn inputs(&self) -> usize {
        2 + usize::from(self.scale) + usize::from(self.center)
    }
}

/// How cells between the given ones are made when an image is enlarged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest cell is repeated.
    Nearest,
    /// Linear along each axis, between half-pixel centres.
    Bilinear,
    /// Cubic (Keys, a = -0.5) along each axis, between half-pixel centres.
    Bicubic,
    /// Lanczos with 3 lobes along each axis.
    Lanczos3,
    /// Lanczos with 5 lobes along each axis.
    Lanczos5,
}
literal_enum!(Interpolation { Nearest, Bilinear, Bicubic, Lanczos3, Lanczos5 });

/// An element-wise function of two equal tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryFunction {
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `a · b`
    Multiply,
    /// The larger of `a` and `b`.
    Maximum,
    /// The smaller of `a` and `b`.
    Minimum,
}
literal_enum!(BinaryFunction { Add, Subtract, Multiply, Maximum, Minimum });

/// Axes of a general transpose or broadcast; a tensor has at most this many per sample.
pub const MAX_RANK: usize = 8;

macro_rules! ops {
    ($(
        $(#[$docs:meta])*
        $method:ident: $name:ident { $($(#[$field_docs:meta])* $field:ident: $type:ty),* $(,)? },
    )*) => {
        literal! {
            $(
                $(#[$docs])*
                #[derive(Clone, Copy, Debug, PartialEq)]
                pub struct $name { $($(#[$field_docs])* pub $field: $type,)* }
            )*
        }

        /// Any op.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Op {
            $($(#[$docs])* $name($name),)*
        }

        impl Op {
            /// The op's name as its kernel spells it, e.g. `conv2d`.
            pub fn name(&self) -> &'static str {
                match self { $(Op::$name(_) => stringify!($method),)* }
            }
        }

        impl crate::literal::Literal for Op {
            fn write(&self, out: &mut alloc::string::String) {
                match self {
                    $(Op::$name(op) => {
                        out.push_str(concat!("::keras::__private::Op::", stringify!($name), "("));
                        op.write(out);
                        out.push(')');
                    })*
                }
            }
        }

        $(impl From<$name> for Op { fn from(op: $name) -> Op { Op::$name(op) } })*

        /// Calls a macro with the list of all ops, `method: Name` each, so that a backend can name them one by one.
        #[macro_export]
        macro_rules! for_each_op {
            ($then:path) => { $then! { $($method: $name,)* } };
        }
    };
}

ops! {
    /// `y = f(x)` for each element. Inputs: `x`.
    unary: Unary { len: usize, f: Activation },
    /// `d_x = d_y · f'(x)`. Inputs: `x`, `d_y`; or `y`, `d_y` where [`Activation::derivative_from_output`] holds.
    unary_grad: UnaryGrad { len: usize, f: Activation },
    /// `y = scale · x + offset` for each element. Inputs: `x`.
    affine: Affine { len: usize, scale: f32, offset: f32 },
    /// `y[i] = f(a[i], b[i])`. Inputs: `a`, `b`.
    binary: Binary { len: usize, f: BinaryFunction },
    /// `d_a[i] = d_y[i]` where `a` is the one chosen (`a >= b` for a maximum, `a <= b` for a minimum), else 0;
    /// `second` asks for `d_b`, which gets what `d_a` does not. Inputs: `a`, `b`, `d_y`.
    select_grad: SelectGrad { len: usize, f: BinaryFunction, second: bool },
    /// Repeats `x` along axes of extent 1: `y[i0, i1, ..] = x[i0 or 0, i1 or 0, ..]`. Axes beyond `rank` are 1.
    /// Inputs: `x`.
    broadcast: Broadcast { rank: usize, from: [usize; MAX_RANK], to: [usize; MAX_RANK] },
    /// The adjoint of [`Broadcast`]: sums `x`, of extents `from`, over the axes where `to` is 1. Inputs: `x`.
    sum_to: SumTo { rank: usize, from: [usize; MAX_RANK], to: [usize; MAX_RANK] },
    /// `y[i..] = x[..]` with axes permuted: axis `a` of `y` is axis `axes[a]` of `x`, whose extents are `from`.
    /// Inputs: `x`.
    transpose: Transpose { rank: usize, from: [usize; MAX_RANK], axes: [usize; MAX_RANK] },
    /// The same elements under another shape. Inputs: `x`. Needs no kernel call where the plan shares the buffer.
    reshape: Reshape { len: usize },
    /// Joins along an axis: `y[outer, Σ extents, inner]`. Input `i` is `[outer, extents[i], inner]`; `extents` are read off the
    /// lengths of the inputs. Inputs: one or more.
    concat: Concat { outer: usize, extent: usize, inner: usize },
    /// A part along an axis: `y[outer, len, inner] = x[outer, begin..begin + len, inner]`. Inputs: `x`.
    slice: Slice { outer: usize, extent: usize, inner: usize, begin: usize, len: usize },
    /// Zeros around height and width: `y[h + top, w + left, c] = x[h, w, c]`. Inputs: `x`.
    pad2d: Pad2D { h: usize, w: usize, c: usize, top: usize, bottom: usize, left: usize, right: usize },
    /// The adjoint of [`Pad2D`], with its fields: `y[h, w, c] = x[h + top, w + left, c]`. Inputs: `x`.
    crop2d: Crop2D { h: usize, w: usize, c: usize, top: usize, bottom: usize, left: usize, right: usize },
    /// Enlarges an image `[h, w, c]` to `[h · rows, w · columns, c]`. Inputs: `x`.
    upsample2d: Upsample2D { h: usize, w: usize, c: usize, rows: usize, columns: usize, interpolation: Interpolation },
    /// The adjoint of [`Upsample2D`], with its fields. Inputs: `d_y`.
    upsample2d_grad: Upsample2DGrad { h: usize, w: usize, c: usize, rows: usize, columns: usize, interpolation: Interpolation },
    /// `y[m, n] = f(Σ_k x[m, k] · w[k, n] + bias[n])`, `m` rows a sample. Inputs: `x`, `w`, and `bias` if there is one.
    gemm: Gemm { m: usize, k: usize, n: usize, bias: bool, f: Activation },
    /// `d_x[m, k] = Σ_n d_y[m, n] · w[k, n]`. Inputs: `d_y`, `w`.
    gemm_grad_x: GemmGradX { m: usize, k: usize, n: usize },
    /// Reduced: `d_w[i, n] += Σ_m x[m, first + i] · d_y[m, n]`, over the rows of all samples: `count` of the `k` rows of the
    /// gradient, from row `first` on. Inputs: `x`, `d_y`.
    gemm_grad_w: GemmGradW { m: usize, k: usize, n: usize, first: usize, count: usize },
    /// `y[r, n] = x[r, n] + bias[n]`, `rows` a sample. Inputs: `x`, `bias`.
    bias_add: BiasAdd { rows: usize, n: usize },
    /// Reduced: `d_b[n] += Σ_r d_y[r, n]`, over the rows of all samples. Inputs: `d_y`.
    sum_rows: SumRows { rows: usize, n: usize },
    /// `y[i, j, o] = f(g(Σ_{a, b, c} x[rows(i, a), columns(j, b), c] · kernel[a, b, c, o] + bias[o]) + skip[i, j, o])`, in `groups`
    /// that share out input and output channels: the kernel is `[kh, kw, channels / groups, filters]`. `g` normalizes by `norm`.
    /// Inputs: `x`, `kernel`, `bias` if there is one, what `norm` reads, then `skip` if `add`.
    conv2d: Conv2D { rows: Window, columns: Window, channels: usize, filters: usize, groups: usize, bias: bool, norm: Option<Normalize>, add: bool, f: Activation },
    /// The largest cell of each two rows and two columns of what [`Conv2D`] gives, by channel; a last row or column without a partner
    /// is left out. `conv` has no `skip`, and its activation is none or a ReLU. Inputs: those of `conv`.
    conv_pool2d: ConvPool2D { conv: Conv2D },
    /// The gradient of [`Conv2D`] by `x`; also the transposed convolution. Fields describe the *forward* convolution.
    /// Inputs: `d_y`, `kernel`.
    conv2d_grad_x: Conv2DGradX { rows: Window, columns: Window, channels: usize, filters: usize, groups: usize },
    /// Reduced: the gradient of [`Conv2D`] by its kernel. Fields describe the forward convolution. Inputs: `x`, `d_y`.
    conv2d_grad_w: Conv2DGradW { rows: Window, columns: Window, channels: usize, filters: usize, groups: usize },
    /// `y[i, j, c · multiplier + m] = f(g(Σ_{a, b} x[rows(i, a), columns(j, b), c] · kernel[a, b, c, m] + bias[c · multiplier + m]))`,
    /// where `g` normalizes by `norm`. Inputs: `x`, `kernel`, `bias` if there is one, then what `norm` reads.
    depthwise2d: Depthwise2D { rows: Window, columns: Window, channels: usize, multiplier: usize, bias: bool, norm: Option<Normalize>, f: Activation },
    /// The gradient of [`Depthwise2D`] by `x`. Inputs: `d_y`, `kernel`.
    depthwise2d_grad_x: Depthwise2DGradX { rows: Window, columns: Window, channels: usize, multiplier: usize },
    /// Reduced: the gradient of [`Depthwise2D`] by its kernel. Inputs: `x`, `d_y`.
    depthwise2d_grad_w: Depthwise2DGradW { rows: Window, columns: Window, channels: usize, multiplier: usize },
    /// The largest cell of each window, by channel; padding counts as minus infinity. Inputs: `x`.
    max_pool2d: MaxPool2D { rows: Window, columns: Window, channels: usize },
    /// Sends `d_y` to the first largest cell of each window. Inputs: `x`, `y`, `d_y`.
    max_pool2d_grad: MaxPool2DGrad { rows: Window, columns: Window, channels: usize },
    /// The mean of the real cells of each window, by channel; padding does not count. Inputs: `x`.
    average_pool2d: AveragePool2D { rows: Window, columns: Window, channels: usize },
    /// The gradient of [`AveragePool2D`]. Inputs: `d_y`.
    average_pool2d_grad: AveragePool2DGrad { rows: Window, columns: Window, channels: usize },
    /// `y[c] = mean_i x[i, c]`, for `extent` rows of `channels`. Inputs: `x`.
    mean_rows: MeanRows { extent: usize, channels: usize },
    /// `d_x[i, c] = d_y[c] / extent`. Inputs: `d_y`.
    mean_rows_grad: MeanRowsGrad { extent: usize, channels: usize },
    /// `y[c] = max_i x[i, c]`. Inputs: `x`.
    max_rows: MaxRows { extent: usize, channels: usize },
    /// `d_y[c]`, shared evenly by the rows that hold the maximum. Inputs: `x`, `y`, `d_y`.
    max_rows_grad: MaxRowsGrad { extent: usize, channels: usize },
    /// `y[o, a, i] = exp(x[o, a, i]) / Σ_a exp(x[o, a, i])`. Inputs: `x`.
    softmax: Softmax { outer: usize, extent: usize, inner: usize },
    /// `d_x = y · (d_y - Σ_a y · d_y)`. Inputs: `y`, `d_y`.
    softmax_grad: SoftmaxGrad { outer: usize, extent: usize, inner: usize },
    /// `y = x - log Σ_a exp(x)`. Inputs: `x`.
    log_softmax: LogSoftmax { outer: usize, extent: usize, inner: usize },
    /// `d_x = d_y - exp(y) · Σ_a d_y`. Inputs: `y`, `d_y`.
    log_softmax_grad: LogSoftmaxGrad { outer: usize, extent: usize, inner: usize },
    /// Keras' `sparsemax` along the axis. Inputs: `x`.
    sparsemax: Sparsemax { outer: usize, extent: usize, inner: usize },
    /// The gradient of [`Sparsemax`]. Inputs: `x`, `y`, `d_y`.
    sparsemax_grad: SparsemaxGrad { outer: usize, extent: usize, inner: usize },
    /// `y = x` where `x >= 0`, else `alpha · x`; `alpha[outer, extent.., inner]` repeats where its extent is 1, as in [`Broadcast`]
    /// from `from` to `to`. Inputs: `x`, `alpha`.
    prelu: Prelu { rank: usize, from: [usize; MAX_RANK], to: [usize; MAX_RANK] },
    /// The gradient of [`Prelu`] by `x`. Inputs: `x`, `alpha`, `d_y`.
    prelu_grad_x: PreluGradX { rank: usize, from: [usize; MAX_RANK], to: [usize; MAX_RANK] },
    /// Reduced: the gradient of [`Prelu`] by `alpha`. Inputs: `x`, `d_y`.
    prelu_grad_alpha: PreluGradAlpha { rank: usize, from: [usize; MAX_RANK], to: [usize; MAX_RANK] },
    /// Zeroes each element with probability `rate` and scales the others by `1 / (1 - rate)`. Which are kept is a function of
    /// the run's seed, the step, the sample, `key` and the element alone; so the same op takes `d_y` to `d_x`.
    /// Where an extent of `mask` is 1 the elements along that axis fall together. Inputs: `x`.
    dropout: Dropout { rank: usize, mask: [usize; MAX_RANK], to: [usize; MAX_RANK], rate: f32, key: u32, seed: Option<u64> },
    /// Reduced by merging: count, mean and sum of squared distances of each channel of `x[outer, channels, inner]`,
    /// as `[mean.., m2.., count..]`, each `channels` long. Inputs: `x`.
    moments: Moments { outer: usize, channels: usize, inner: usize },
    /// Batch normalization by the batch's own moments: `y = f(gamma · (x - mean) / √(m2 / count + epsilon) + beta + skip)`.
    /// Inputs: `x`, `moments`, then `gamma` if `scale`, then `beta` if `center`, then `skip` if `add`.
    batch_norm: BatchNorm { outer: usize, channels: usize, inner: usize, epsilon: f32, scale: bool, center: bool, add: bool, f: Activation },
    /// Reduced: `[Σ d · x̂.., Σ d..]` by channel, where `d = d_y · f'` at the normalization's result and `f` is linear or a ReLU;
    /// `gamma` and `beta` are there if `f` is not linear. Inputs: `x`, `moments`, `d_y`, then `gamma` if `scale`, then `beta`
    /// if `center`.
    batch_norm_grad_sums: BatchNormGradSums { outer: usize, channels: usize, inner: usize, epsilon: f32, scale: bool, center: bool, f: Activation },
    /// The gradient of [`BatchNorm`] by `x`, of `d_y · f'` as in [`BatchNormGradSums`]; `beta` is there if `f` is not linear.
    /// Inputs: `x`, `moments`, `sums`, `d_y`, then `gamma` if `scale`, then `beta` if `center`.
    batch_norm_grad_x: BatchNormGradX { outer: usize, channels: usize, inner: usize, epsilon: f32, scale: bool, center: bool, f: Activation },
    /// Batch normalization by given statistics, of a trained or a frozen layer.
    /// Inputs: `x`, `mean`, `variance`, then `gamma` if `scale`, then `beta` if `center`.
    channel_norm: ChannelNorm { outer: usize, channels: usize, inner: usize, epsilon: f32, scale: bool, center: bool, f: Activation },
    /// The gradient of [`ChannelNorm`] by `x`. Inputs: `variance`, `d_y`, then `gamma` if `scale`.
    channel_norm_grad_x: ChannelNormGradX { outer: usize, channels: usize, inner: usize, epsilon: f32, scale: bool },
    /// Reduced: `[Σ d_y · x̂.., Σ d_y..]` by channel, with given statistics. Inputs: `x`, `mean`, `variance`, `d_y`.
    channel_norm_grad_sums: ChannelNormGradSums { outer: usize, channels: usize, inner: usize, epsilon: f32 },
    /// `y[o, :] = gamma · (x[o, :] - mean) / √(variance + epsilon) + beta`, statistics over the `extent` elements of a row.
    /// Inputs: `x`, then `gamma` if `scale`, then `beta` if `center`.
    layer_norm: LayerNorm { outer: usize, extent: usize, epsilon: f32, scale: bool, center: bool },
    /// The gradient of [`LayerNorm`] by `x`. Inputs: `x`, `d_y`, then `gamma` if `scale`.
    layer_norm_grad_x: LayerNormGradX { outer: usize, extent: usize, epsilon: f32, scale: bool },
    /// Reduced: the gradient of [`LayerNorm`] by `gamma`, `Σ_o d_y · x̂`. Inputs: `x`, `d_y`.
    layer_norm_grad_gamma: LayerNormGradGamma { outer: usize, extent: usize, epsilon: f32 },
    /// `y[i, :] = table[ids[i], :]`, ids as `i32`; a negative id counts from the end, one outside gives NaN. Inputs: `ids`, `table`.
    embedding: Embedding { len: usize, rows: usize, columns: usize },
    /// Reduced: `d_table[ids[i] - first, :] += d_y[i, :]`: `count` of the `rows` of the table, from row `first` on.
    /// Inputs: `ids`, `d_y`.
    embedding_grad: EmbeddingGrad { len: usize, rows: usize, columns: usize, first: usize, count: usize },
    /// `i32` to `f32`. Inputs: `x`.
    cast_float: CastFloat { len: usize },
    /// Reduced to one number: `Σ l1 · |x| + l2 · x²`, over all samples. Inputs: `x`.
    penalty: Penalty { len: usize, l1: f32, l2: f32 },
    /// `d_x = (l1 · sign(x) + 2 · l2 · x) / batch`, where `batch` counts the samples of the whole batch. Inputs: `x`.
    penalty_grad: PenaltyGrad { len: usize, l1: f32, l2: f32 },
}
