//! Kernels: each computes one op on slices. A kernel knows no layer, no graph and no gradient, and
//! allocates nothing.
//!
//! A family of ops has a file. In it stand plain loops as `impl Reference`, the oracle, and the
//! fast version as `impl Cpu`; where plain loops are already as fast as memory, `Cpu` calls
//! `Reference`. The list of ops is `keras_ir::for_each_op!`: an op without a kernel does not
//! compile.
#![allow(
    clippy::extra_unused_type_parameters,
    reason = "the token says which instructions a function is compiled for"
)]

mod activate;
mod activate_reference;
mod attention;
mod batch_norm;
mod batch_norm_terms;
mod bfloat16;
mod bias;
mod channels;
#[cfg(test)]
pub(crate) mod check;
mod choice;
mod conv;
mod depthwise;
mod dropout;
mod elementwise;
mod embedding;
mod epilogue;
pub(crate) mod exp;
mod fold;
mod gather;
mod gemm;
mod integers;
mod lanes;
mod layer_norm;
mod layout;
mod math;
mod moments;
mod one_row;
mod penalty;
mod pool;
mod pool_pairs;
mod prelu;
mod prepare;
mod products;
mod recurrent;
mod reduce;
mod rows;
mod short_rows;
mod softmax;
mod sparsemax;
mod strided;
#[cfg(test)]
mod tests;
mod tile;
mod upsample2d;
mod vectorized;
mod vectors;
mod window;

pub(crate) use activate::activate;
pub use moments::merge_moments;

use core::fmt;

use keras_ir::algorithm::Algorithm;
use keras_ir::ops::{self as op, Op, Operation};

/// What a kernel works on, beside its op.
pub struct Call<'a> {
    /// How the op is computed; a kernel has one code for each of its algorithms. [`Reference`]
    /// looks only at whether it rounds.
    pub algorithm: Algorithm,
    /// Number of samples, at least one. Every input that is not a weight and every output that is
    /// not reduced holds this many times the elements that the op names.
    pub samples: usize,
    /// The inputs, in the order the op documents.
    pub inputs: &'a [&'a [f32]],
    /// The output. A reduced op adds to what it holds; the others overwrite it.
    pub output: &'a mut [f32],
    /// Scratch of at least as many elements as `keras_target::needs::workspace_len` says of the op
    /// and its algorithm, holding anything.
    pub workspace: &'a mut [f32],
    /// What [`Backend::prepare`] made of the second input for the same algorithm; empty where
    /// nothing was prepared.
    pub prepared: &'a [f32],
    /// Which step of which run this is.
    pub run: Run,
}

impl<'a> Call<'a> {
    /// Panics unless the slices have the lengths that the op reads and makes.
    #[inline(always)]
    fn check(&self, op: &impl Operation, name: &'static str) {
        if !op.takes(self.samples, self.inputs, self.output) {
            self.refuse(name);
        }
    }

    #[cold]
    #[inline(never)]
    fn refuse(&self, name: &'static str) -> ! {
        let (samples, inputs, output) = (self.samples, Lens(self.inputs), self.output.len());
        panic!(
            "`{name}` of {samples} samples cannot read {inputs:?} elements and write {output}: the \
             lengths are not those that it declares"
        );
    }

    /// The inputs as an array. Panics if their number differs: the graph builds every op with the
    /// number it documents.
    pub fn inputs<const N: usize>(&self) -> [&'a [f32]; N] {
        self.inputs.try_into().expect("an op has the inputs that it documents")
    }
}

/// The lengths of slices, in print.
struct Lens<'a>(&'a [&'a [f32]]);

impl fmt::Debug for Lens<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|slice| slice.len())).finish()
    }
}

/// Which part of which training step a kernel works on; random masks are a function of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The run's seed.
    pub seed: u64,
    /// Counts training steps.
    pub step: u64,
    /// Index in the batch of the first sample of this call. A step that is repeated over parts of
    /// a sample counts each part, as [`Call::samples`] does.
    pub first_sample: usize,
    /// Samples of the batch, without the repeats of a step: a mean over the batch divides by it.
    pub batch: usize,
    /// Whether the gradient by the weights of a product takes the place of what its output holds,
    /// which need not be cleared then. Other ops do not look at it.
    pub overwrites: bool,
}

/// Plain loops, the oracle that every fast kernel is tested against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

/// SIMD kernels, chosen for the processor at hand when the program starts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu;

macro_rules! backend {
    ($($method:ident: $name:ident,)*) => {
        /// Whatever can run every op: [`Reference`] and [`Cpu`].
        pub trait Backend: Copy + Default + Send + Sync + 'static {
            /// Copies the right matrix of a product, such as a layer's weights, in the order in
            /// which the kernel of an op and an algorithm reads it.
            ///
            /// `prepared` is part `part` of the copy, whose extents are those of
            /// [`Prepared`](keras_target::cost::Prepared). A backend that has no use for copies
            /// leaves it as it is.
            fn prepare(
                op: &Op,
                algorithm: Algorithm,
                right: &[f32],
                part: usize,
                prepared: &mut [f32],
            );

            $(
                #[doc = concat!(
                    "Computes [`op::", stringify!($name),
                    "`](keras_ir::ops::", stringify!($name), ").",
                )]
                fn $method(op: &op::$name, call: Call<'_>);
            )*
        }

        /// Each op's kernels, named where the trait is not in scope: the compiler says which is
        /// missing. Below, an inherent function wins over the trait's method of the same name, and
        /// without one the call would be to itself.
        mod there_are {
            use super::{Call, Cpu, Reference, op};

            $(const _: [fn(&op::$name, Call<'_>); 2] = [Reference::$method, Cpu::$method];)*
        }

        impl Backend for Reference {
            fn prepare(_: &Op, _: Algorithm, _: &[f32], _: usize, _: &mut [f32]) {}

            $(
                fn $method(op: &op::$name, call: Call<'_>) {
                    call.check(op, stringify!($method));
                    if call.algorithm.is_rounded() {
                        return bfloat16::on_rounded(call, |call| Reference::$method(op, call));
                    }
                    Reference::$method(op, call);
                }
            )*
        }

        /// The lengths of each op's slices, in functions of their own: who calls a kernel has no
        /// copy of the checks.
        mod lens {
            use super::{Call, op};

            $(
                pub(super) fn $method(op: &op::$name, call: &Call<'_>) {
                    call.check(op, stringify!($method));
                }
            )*
        }

        impl Backend for Cpu {
            fn prepare(
                op: &Op,
                algorithm: Algorithm,
                right: &[f32],
                part: usize,
                prepared: &mut [f32],
            ) {
                Cpu::prepare(op, algorithm, right, part, prepared);
            }

            $(
                #[inline]
                fn $method(op: &op::$name, call: Call<'_>) {
                    lens::$method(op, &call);
                    Cpu::$method(op, call);
                }
            )*
        }

        /// Computes any op on a backend.
        #[inline(always)]
        pub fn run<B: Backend>(op: &Op, call: Call<'_>) {
            match op { $(Op::$name(op) => B::$method(op, call),)* }
        }
    };
}
keras_ir::for_each_op!(backend);
