//! A small model for tests, as `model!` would emit it: 3 inputs, 4 hidden units with ReLU, 2 outputs.
#![allow(unsafe_code, reason = "what `model!` emits; users may forbid it all the same")]

use std::borrow::Cow::Borrowed;

use keras_graph::activation::Activation;
use keras_graph::dtype::Dtype;
use keras_graph::initializer::Initializer;
use keras_graph::op::{Gemm, GemmGradW, GemmGradX, Op, SumRows, UnaryGrad};
use keras_graph::plan::{
    Description, GradientPart, LayerInfo, Operand, Place, Plan, Port, Segment, Step, Storage,
    ValueId, WeightInfo,
};

use crate::kernels::{Backend, Call, Cpu, Run};
use crate::model::Model;

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

/// The same model for Keras.
const CONFIG: &str = r#"{"module":"keras","class_name":"Sequential","config":{"name":"example","layers":[{"module":"keras.layers","class_name":"InputLayer","config":{"name":"input_layer","batch_shape":[null,3],"dtype":"float32"},"registered_name":null},{"module":"keras.layers","class_name":"Dense","config":{"name":"dense","units":4,"activation":"relu"},"registered_name":null},{"module":"keras.layers","class_name":"Dense","config":{"name":"dense_1","units":2},"registered_name":null}]},"registered_name":null}"#;

const HIDDEN: Gemm = Gemm { m: 1, k: 3, n: 4, bias: true, f: Activation::RELU };
const OUTPUT: Gemm = Gemm { m: 1, k: 4, n: 2, bias: true, f: Activation::Linear };

const fn operand(value: usize, storage: Storage, offset: usize, len: usize) -> Operand {
    Operand { value: ValueId(value), place: Place { storage, offset, len } }
}

const fn block(value: usize, offset: usize, len: usize) -> Operand {
    operand(value, Storage::Block, offset, len)
}

const fn weight(value: usize, offset: usize, len: usize) -> Operand {
    operand(value, Storage::Weights, offset, len)
}

const fn step(op: Op, inputs: &'static [Operand], output: Operand) -> Step {
    Step { op, repeat: 1, inputs: Borrowed(inputs), value: output.value, output: output.place }
}

const fn port(
    name: &'static str,
    shape: &'static [usize],
    Operand { value, place }: Operand,
    gradient: Option<Operand>,
) -> Port {
    let dtype = Dtype::Float32;
    Port { name: Borrowed(name), shape: Borrowed(shape), dtype, value, place, gradient }
}

/// More than the products of these layers ask for.
const WORKSPACE: usize = 1 << 13;

const X: Operand = block(0, 0, 3);
const H: Operand = block(1, 3, 4);
const Y: Operand = block(2, 7, 2);
const D_Y: Operand = block(3, 9, 2);
const D_H: Operand = block(4, 11, 4);
const D_U: Operand = block(5, 15, 4);
const W: Operand = weight(6, 0, 12);
const B: Operand = weight(7, 12, 4);
const W1: Operand = weight(8, 16, 8);
const B1: Operand = weight(9, 24, 2);
const D_W: Operand = operand(10, Storage::Reduced, 0, 12);
const D_B: Operand = operand(11, Storage::Reduced, 12, 4);
const D_W1: Operand = operand(12, Storage::Reduced, 16, 8);
const D_B1: Operand = operand(13, Storage::Reduced, 24, 2);

static INFERENCE: Plan = Plan {
    steps: Borrowed(&[
        step(Op::Gemm(HIDDEN), &[X, W, B], H),
        step(Op::Gemm(OUTPUT), &[H, W1, B1], Y),
    ]),
    forward: 2,
    segments: Borrowed(&[Segment { from: 0, to: 2, merges: Borrowed(&[]) }]),
    inputs: Borrowed(&[port("input", &[3], X, None)]),
    outputs: Borrowed(&[port("dense_1", &[2], Y, None)]),
    block_len: 9,
    lane_len: 0,
    weights_len: 26,
    reduced_len: 0,
    workspace_len: WORKSPACE,
    activity_penalties: Borrowed(&[]),
    lane_gradients: Borrowed(&[]),
    gradient_parts: Borrowed(&[]),
    whole: Borrowed(&[]),
    moving_averages: Borrowed(&[]),
    flops: 40,
};

static TRAINING: Plan = Plan {
    steps: Borrowed(&[
        step(Op::Gemm(HIDDEN), &[X, W, B], H),
        step(Op::Gemm(OUTPUT), &[H, W1, B1], Y),
        step(Op::GemmGradW(GemmGradW { m: 1, k: 4, n: 2, first: 0, count: 4 }), &[H, D_Y], D_W1),
        step(Op::SumRows(SumRows { rows: 1, n: 2 }), &[D_Y], D_B1),
        step(Op::GemmGradX(GemmGradX { m: 1, k: 4, n: 2 }), &[D_Y, W1], D_H),
        step(Op::UnaryGrad(UnaryGrad { len: 4, f: Activation::RELU }), &[H, D_H], D_U),
        step(Op::GemmGradW(GemmGradW { m: 1, k: 3, n: 4, first: 0, count: 3 }), &[X, D_U], D_W),
        step(Op::SumRows(SumRows { rows: 1, n: 4 }), &[D_U], D_B),
    ]),
    forward: 2,
    segments: Borrowed(&[Segment { from: 0, to: 8, merges: Borrowed(&[]) }]),
    inputs: Borrowed(&[port("input", &[3], X, None)]),
    outputs: Borrowed(&[port("dense_1", &[2], Y, Some(D_Y))]),
    block_len: 19,
    lane_len: 0,
    weights_len: 26,
    reduced_len: 26,
    workspace_len: WORKSPACE,
    activity_penalties: Borrowed(&[]),
    lane_gradients: Borrowed(&[GradientPart { from: 0, to: 0, len: 26 }]),
    gradient_parts: Borrowed(&[]),
    whole: Borrowed(&[]),
    moving_averages: Borrowed(&[]),
    flops: 120,
};

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

static DESCRIPTION: Description = Description {
    name: Borrowed("example"),
    class: Borrowed("Sequential"),
    weights: Borrowed(Example::WEIGHTS),
    layers: Borrowed(&[
        LayerInfo {
            name: Borrowed("dense"),
            class: Borrowed("Dense"),
            output_shape: Borrowed(&[4]),
            params: 16,
            connected_to: Borrowed(&[]),
            path: Borrowed("layers/dense"),
        },
        LayerInfo {
            name: Borrowed("dense_1"),
            class: Borrowed("Dense"),
            output_shape: Borrowed(&[2]),
            params: 10,
            connected_to: Borrowed(&[]),
            path: Borrowed("layers/dense_1"),
        },
    ]),
    config: Borrowed(CONFIG),
    fingerprint: Example::FINGERPRINT,
};

// SAFETY: `repr(C)`, four arrays of `f32` in the order of `WEIGHTS`.
unsafe impl Model for Example {
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
    const TRAIN_BYTES: usize = 76;
    const FLOPS: u64 = 40;
    const FINGERPRINT: u64 = 4_483_367_465_274_079_398;

    fn description() -> &'static Description {
        &DESCRIPTION
    }

    fn inference() -> &'static Plan {
        &INFERENCE
    }

    fn training() -> &'static Plan {
        &TRAINING
    }

    fn call_into(&self, scratch: &mut [f32], x: &[f32; 3], y: &mut [f32; 2]) {
        let (h, workspace) = scratch.split_at_mut(4);
        let run = Run::default();
        let inputs: [&[f32]; 3] = [x, self.hidden.kernel.as_flattened(), &self.hidden.bias];
        Cpu::gemm(
            &HIDDEN,
            Call { samples: 1, inputs: &inputs, output: h, workspace, prepared: &[], run },
        );
        let inputs: [&[f32]; 3] = [h, self.output.kernel.as_flattened(), &self.output.bias];
        <Cpu as Backend>::gemm(
            &OUTPUT,
            Call { samples: 1, inputs: &inputs, output: y, workspace, prepared: &[], run },
        );
    }
}
