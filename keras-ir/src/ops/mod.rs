//! The ops: the closed set of computations that layers are lowered to.
//!
//! A family has a file, where `ops!` declares each op once: its fields, what it reads and makes,
//! what it costs. The list here makes of them the enum [`Op`] and, through `for_each_op!`, whatever
//! needs every op: the trait that a backend implements, the gradients. Every op reads whole tensors
//! and writes one. Extents are *per sample*: a kernel gets the number of samples beside the op.
//!
//! An op whose result is *reduced* sums over all samples and adds to what its output holds, so that
//! a gradient is gathered block after block. The comments write `n` for the samples and name the
//! inputs in order.

mod attention;
mod convolution;
mod count;
mod declare;
mod elementwise;
mod embedding;
mod layout;
mod normalization;
mod penalty;
mod pool;
mod product;
mod random;
mod recurrent;
mod reduce;
mod resize;
mod softmax;
mod tensor;
#[cfg(test)]
mod tests;
mod window;

pub use attention::*;
pub use convolution::*;
pub use elementwise::*;
pub use embedding::*;
pub use layout::*;
pub use normalization::*;
pub use penalty::*;
pub use pool::*;
pub use product::*;
pub use random::*;
pub use recurrent::*;
pub use reduce::*;
pub use resize::*;
pub use softmax::*;
pub use tensor::{Reader, Tensor};
pub use window::Window;

use tensor::Slices;

/// What an op's declaration says of it.
pub trait Operation: Copy {
    /// Shows what it reads, in order.
    fn reads(&self, reader: &mut impl Reader);

    /// What it makes.
    fn makes(&self) -> Tensor;

    /// Floating-point operations of one sample, at most the largest number; a multiplication and an
    /// addition count as two.
    ///
    /// Moving elements is free, an elementary function such as an exponential counts as one, and a
    /// comparison as one.
    fn flops(&self) -> u64;

    /// Whether slices have the lengths that the op reads and makes for so many samples.
    #[inline(always)]
    fn takes(&self, samples: usize, inputs: &[&[f32]], output: &[f32]) -> bool {
        let mut slices = Slices { samples, inputs, fits: true };
        self.reads(&mut slices);
        slices.fits && slices.inputs.is_empty() && output.len() == self.makes().len_of(samples)
    }
}

/// Takes the list of all ops: those of `one_part`, which are never cut for several threads and take
/// neither scratch nor packed weights, and the `tuned` ones, of which a target has to say an
/// algorithm, scratch, packed weights or parts. Whoever adds an op decides which it is.
macro_rules! list {
    (
        one_part { $($one:ident: $one_name:ident,)* }
        tuned { $($tuned:ident: $tuned_name:ident,)* }
    ) => {
        all! { $($one: $one_name,)* $($tuned: $tuned_name,)* }

        /// Calls a macro with the list of the ops that are never cut and take no scratch.
        #[macro_export]
        macro_rules! for_each_op_of_one_part {
            ($then:path) => { $then! { $($one: $one_name,)* } };
        }
    };
}

/// Makes the enum of all ops.
macro_rules! all {
    ($($method:ident: $name:ident,)*) => {
        /// Any op.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Op {
            $(
                #[doc = concat!("See [`struct@", stringify!($name), "`].")]
                $name($name),
            )*
        }

        impl Op {
            /// The op's name as its kernel spells it, e.g. `conv2d`.
            pub fn name(&self) -> &'static str {
                match self { $(Op::$name(_) => stringify!($method),)* }
            }
        }

        impl Operation for Op {
            fn reads(&self, reader: &mut impl Reader) {
                match self { $(Op::$name(op) => op.reads(reader),)* }
            }

            fn makes(&self) -> Tensor {
                match self { $(Op::$name(op) => op.makes(),)* }
            }

            fn flops(&self) -> u64 {
                match self { $(Op::$name(op) => op.flops(),)* }
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

        /// Calls a macro with the list of all ops, `method: Name` each, so that a backend can name
        /// them one by one.
        #[macro_export]
        macro_rules! for_each_op {
            ($then:path) => { $then! { $($method: $name,)* } };
        }
    };
}

list! {
    one_part {
        unary_grad: UnaryGrad,
        select_grad: SelectGrad,
        binary_int: BinaryInt,
        compare: Compare,
        select: Select,
        ramp: Ramp,
        broadcast: Broadcast,
        sum_to: SumTo,
        transpose: Transpose,
        reshape: Reshape,
        concat: Concat,
        slice: Slice,
        pad2d: Pad2D,
        crop2d: Crop2D,
        bias_add: BiasAdd,
        sum_rows: SumRows,
        depthwise2d_grad_x: Depthwise2DGradX,
        depthwise2d_grad_w: Depthwise2DGradW,
        max_pool2d_grad: MaxPool2DGrad,
        average_pool2d_grad: AveragePool2DGrad,
        mean_rows: MeanRows,
        mean_rows_grad: MeanRowsGrad,
        reduce: Reduce,
        reduce_grad: ReduceGrad,
        cumsum: Cumsum,
        gather: Gather,
        gather_grad: GatherGrad,
        softmax: Softmax,
        softmax_grad: SoftmaxGrad,
        log_softmax: LogSoftmax,
        log_softmax_grad: LogSoftmaxGrad,
        prelu: Prelu,
        prelu_grad_x: PreluGradX,
        prelu_grad_alpha: PreluGradAlpha,
        dropout: Dropout,
        recurrent_results: RecurrentResults,
        masked_moments: MaskedMoments,
        batch_norm: BatchNorm,
        batch_norm_grad_sums: BatchNormGradSums,
        batch_norm_grad_x: BatchNormGradX,
        channel_norm: ChannelNorm,
        channel_norm_grad_x: ChannelNormGradX,
        channel_norm_grad_sums: ChannelNormGradSums,
        layer_norm: LayerNorm,
        layer_norm_grad_x: LayerNormGradX,
        layer_norm_grad_gamma: LayerNormGradGamma,
        embedding: Embedding,
        embedding_grad: EmbeddingGrad,
        cast_float: CastFloat,
        cast_int: CastInt,
        penalty: Penalty,
        penalty_grad: PenaltyGrad,
    }
    tuned {
        unary: Unary,
        affine: Affine,
        binary: Binary,
        upsample2d: Upsample2D,
        upsample2d_grad: Upsample2DGrad,
        gemm: Gemm,
        gemm_grad_x: GemmGradX,
        gemm_grad_w: GemmGradW,
        matmul: Matmul,
        conv2d: Conv2D,
        conv_pool2d: ConvPool2D,
        conv2d_grad_x: Conv2DGradX,
        conv2d_grad_w: Conv2DGradW,
        depthwise2d: Depthwise2D,
        max_pool2d: MaxPool2D,
        average_pool2d: AveragePool2D,
        attention: Attention,
        attention_grad: AttentionGrad,
        sparsemax: Sparsemax,
        sparsemax_grad: SparsemaxGrad,
        moments: Moments,
        recurrent: Recurrent,
        recurrent_kept: RecurrentKept,
        recurrent_grad: RecurrentGrad,
    }
}
