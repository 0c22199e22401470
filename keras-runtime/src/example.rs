//! The small model of `keras-infer`'s tests, as `model!` would emit it for training.

use std::borrow::Cow::Borrowed;

use keras_graph::activation::Activation;
use keras_graph::algorithm::Algorithm;
use keras_graph::dtype::Dtype;
use keras_graph::op::{GemmGradW, GemmGradX, Op, SumRows, UnaryGrad};
use keras_graph::plan::{
    Description, GradientPart, LayerInfo, Operand, Place, Plan, Port, Segment, Step, Storage,
    ValueId,
};

pub(crate) use self::untrained::Example;
use self::untrained::{HIDDEN, OUTPUT, WORKSPACE};
use crate::infer::Infer;
use crate::model::Model;

#[path = "../../keras-infer/src/example.rs"]
mod untrained;

/// The same model for Keras.
const CONFIG: &str = concat!(
    r#"{"module":"keras","class_name":"Sequential","config":{"name":"example","layers":["#,
    r#"{"module":"keras.layers","class_name":"InputLayer","config":{"name":"input_layer","#,
    r#""batch_shape":[null,3],"dtype":"float32"},"registered_name":null},"#,
    r#"{"module":"keras.layers","class_name":"Dense","config":{"name":"dense","units":4,"#,
    r#""activation":"relu"},"registered_name":null},"#,
    r#"{"module":"keras.layers","class_name":"Dense","config":{"name":"dense_1","units":2},"#,
    r#""registered_name":null}]},"registered_name":null}"#,
);

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
    let (value, output) = (output.value, output.place);
    Step { op, algorithm: Algorithm::General, repeat: 1, inputs: Borrowed(inputs), value, output }
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
    shard_len: 0,
    weights_len: 26,
    reduced_len: 0,
    workspace_len: WORKSPACE,
    activity_penalties: Borrowed(&[]),
    shard_gradients: Borrowed(&[]),
    gradient_parts: Borrowed(&[]),
    batch_steps: Borrowed(&[]),
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
    shard_len: 0,
    weights_len: 26,
    reduced_len: 26,
    workspace_len: WORKSPACE,
    activity_penalties: Borrowed(&[]),
    shard_gradients: Borrowed(&[GradientPart { from: 0, to: 0, len: 26 }]),
    gradient_parts: Borrowed(&[]),
    batch_steps: Borrowed(&[]),
    moving_averages: Borrowed(&[]),
    flops: 120,
};

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
            is_operation: false,
        },
        LayerInfo {
            name: Borrowed("dense_1"),
            class: Borrowed("Dense"),
            output_shape: Borrowed(&[2]),
            params: 10,
            connected_to: Borrowed(&[]),
            path: Borrowed("layers/dense_1"),
            is_operation: false,
        },
    ]),
    config: Borrowed(CONFIG),
    fingerprint: Example::FINGERPRINT,
};

impl Model for Example {
    const TRAIN_BYTES: usize = 76;

    fn description() -> &'static Description {
        &DESCRIPTION
    }

    fn inference() -> &'static Plan {
        &INFERENCE
    }

    fn training() -> &'static Plan {
        &TRAINING
    }
}
