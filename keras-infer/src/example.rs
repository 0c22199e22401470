//! A small model for tests, as `model!` would emit it: 3 inputs, 4 hidden units with ReLU, 2
//! outputs. `keras-runtime` trains the same.
#![allow(unsafe_code, reason = "what `model!` emits; users may forbid it all the same")]

use alloc::borrow::Cow::Borrowed;

use keras_ir::activation::Activation;
use keras_ir::algorithm::Algorithm;
use keras_ir::initializer::Initializer;
use keras_ir::ops::Gemm;
use keras_ir::plan::WeightInfo;
use keras_kernels::kernels::{Backend, Call, Cpu, Run};

use crate::infer::Infer;

/// Fully connected, with a bias.
#[repr(C)]
#[derive(Clone, Debug)]
pub(crate) struct Dense<const INPUTS: usize, const UNITS: usize> {
    pub(crate) kernel: [[f32; UNITS]; INPUTS],
    pub(crate) bias: [f32; UNITS],
}

/// `Dense(4, activation = "relu")`, `Dense(2)`.
#[repr(C)]
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) hidden: Dense<3, 4>,
    pub(crate) output: Dense<4, 2>,
}

pub(crate) const HIDDEN: Gemm = Gemm { m: 1, k: 3, n: 4, bias: true, f: Activation::RELU };
pub(crate) const OUTPUT: Gemm = Gemm { m: 1, k: 4, n: 2, bias: true, f: Activation::Linear };

/// More than the products of these layers ask for.
pub(crate) const WORKSPACE: usize = 1 << 13;

const fn weight_info(
    field: &'static str,
    layer: &'static str,
    name: &'static str,
    path: &'static str,
    shape: &'static [usize],
    offset: usize,
    initializer: Initializer,
) -> WeightInfo {
    WeightInfo {
        field: Borrowed(field),
        layer: Borrowed(layer),
        name: Borrowed(name),
        path: Borrowed(path),
        shape: Borrowed(shape),
        offset,
        trainable: true,
        initializer,
        l1: 0.0,
        l2: 0.0,
        constraint: None,
    }
}

// SAFETY: `repr(C)`, four arrays of `f32` in the order of `WEIGHTS`.
unsafe impl Infer for Example {
    type Input = [f32; 3];
    type Output = [f32; 2];
    type CallOutput = [f32; 2];
    type Scratch = [f32; 4 + WORKSPACE];

    const WEIGHTS: &'static [WeightInfo] = &[
        weight_info(
            "dense.kernel",
            "dense",
            "kernel",
            "layers/dense/vars/0",
            &[3, 4],
            0,
            Initializer::GLOROT_UNIFORM,
        ),
        weight_info(
            "dense.bias",
            "dense",
            "bias",
            "layers/dense/vars/1",
            &[4],
            12,
            Initializer::ZEROS,
        ),
        weight_info(
            "dense_1.kernel",
            "dense_1",
            "kernel",
            "layers/dense_1/vars/0",
            &[4, 2],
            16,
            Initializer::GLOROT_UNIFORM,
        ),
        weight_info(
            "dense_1.bias",
            "dense_1",
            "bias",
            "layers/dense_1/vars/1",
            &[2],
            24,
            Initializer::ZEROS,
        ),
    ];
    const SCRATCH_BYTES: usize = 4 * (4 + WORKSPACE);
    const FLOPS: u64 = 40;
    const FINGERPRINT: u64 = 439_269_141_288_388_678;

    fn call_into(&self, scratch: &mut [f32], x: &[f32; 3], y: &mut [f32; 2]) {
        let (h, workspace) = scratch.split_at_mut(4);
        let (algorithm, prepared, run) = (Algorithm::General, &[][..], Run::default());
        let inputs: [&[f32]; 3] = [x, self.hidden.kernel.as_flattened(), &self.hidden.bias];
        Cpu::gemm(
            &HIDDEN,
            Call { algorithm, samples: 1, inputs: &inputs, output: h, workspace, prepared, run },
        );
        let inputs: [&[f32]; 3] = [h, self.output.kernel.as_flattened(), &self.output.bias];
        <Cpu as Backend>::gemm(
            &OUTPUT,
            Call { algorithm, samples: 1, inputs: &inputs, output: y, workspace, prepared, run },
        );
    }
}
