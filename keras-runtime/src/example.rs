//! A small model for tests, as `model!` would emit it: 3 inputs, 4 hidden units with ReLU, 2 outputs.
#![allow(unsafe_code, reason = "what `model!` emits; users may forbid it all the same")]

use std::borrow::Cow::Borrowed;

use keras_graph::activation::Activation;
use keras_graph::dtype::Dtype;
use keras_graph::initializer::Initializer;
use keras_graph::op::{Gemm, GemmGradW, GemmGradX, Op, SumRows, UnaryGrad};
use keras_graph::plan::{
    Description, GradientPart, LayerInfo, Place, Plan, Port, Segment, Step, Storage, WeightInfo,
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

const fn weight(offset: usize, len: usize) -> Place {
    Place { storage: Storage::Weights, offset, len }
}

const fn block(offset: usize, len: usize) -> Place {
    Place { storage: Storage::Block, offset, len }
}

const fn reduced(offset: usize, len: usize) -> Place {
    Place { storage: Storage::Reduced, offset, len }
}

/// More than the products of these layers ask for.
const WORKSPACE: usize = 1 << 13;

const X: Place = block(0, 3);
const H: Place = block(3, 4);
const Y: Place = block(7, 2);
const D_Y: Place = block(9, 2);
const D_H: Place = block(11, 4);
const D_U: Place = block(15, 4);

static INFERENCE: Plan = Plan {
    steps: Borrowed(&[
        Step {
            op: Op::Gemm(HIDDEN),
            inputs: Borrowed(&[X, weight(0, 12), weight(12, 4)]),
            output: H,
        },
        Step {
            op: Op::Gemm(OUTPUT),
            inputs: Borrowed(&[H, weight(16, 8), weight(24, 2)]),
            output: Y,
        },
    ]),
    forward: 2,
    segments: Borrowed(&[Segment { from: 0, to: 2, merges: Borrowed(&[]) }]),
    inputs: Borrowed(&[Port {
        name: Borrowed("input"),
        shape: Borrowed(&[3]),
        dtype: Dtype::Float32,
        place: X,
        gradient: None,
    }]),
    outputs: Borrowed(&[Port {
        name: Borrowed("dense_1"),
        shape: Borrowed(&[2]),
        dtype: Dtype::Float32,
        place: Y,
        gradient: None,
    }]),
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
        Step {
            op: Op::Gemm(HIDDEN),
            inputs: Borrowed(&[X, weight(0, 12), weight(12, 4)]),
            output: H,
        },
        Step {
            op: Op::Gemm(OUTPUT),
            inputs: Borrowed(&[H, weight(16, 8), weight(24, 2)]),
            output: Y,
        },
        Step {
            op: Op::GemmGradW(GemmGradW { m: 1, k: 4, n: 2, first: 0, count: 4 }),
            inputs: Borrowed(&[H, D_Y]),
            output: reduced(16, 8),
        },
        Step {
            op: Op::SumRows(SumRows { rows: 1, n: 2 }),
            inputs: Borrowed(&[D_Y]),
            output: reduced(24, 2),
        },
        Step {
            op: Op::GemmGradX(GemmGradX { m: 1, k: 4, n: 2 }),
            inputs: Borrowed(&[D_Y, weight(16, 8)]),
            output: D_H,
        },
        Step {
            op: Op::UnaryGrad(UnaryGrad { len: 4, f: Activation::RELU }),
            inputs: Borrowed(&[H, D_H]),
            output: D_U,
        },
        Step {
            op: Op::GemmGradW(GemmGradW { m: 1, k: 3, n: 4, first: 0, count: 3 }),
            inputs: Borrowed(&[X, D_U]),
            output: reduced(0, 12),
        },
        Step {
            op: Op::SumRows(SumRows { rows: 1, n: 4 }),
            inputs: Borrowed(&[D_U]),
            output: reduced(12, 4),
        },
    ]),
    forward: 2,
    segments: Borrowed(&[Segment { from: 0, to: 8, merges: Borrowed(&[]) }]),
    inputs: Borrowed(&[Port {
        name: Borrowed("input"),
        shape: Borrowed(&[3]),
        dtype: Dtype::Float32,
        place: X,
        gradient: None,
    }]),
    outputs: Borrowed(&[Port {
        name: Borrowed("dense_1"),
        shape: Borrowed(&[2]),
        dtype: Dtype::Float32,
        place: Y,
        gradient: Some(D_Y),
    }]),
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
    const FINGERPRINT: u64 = 10_045_129_187_958_767_484;

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
