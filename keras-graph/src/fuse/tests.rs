use super::*;
use crate::grad::differentiate;
use crate::graph::{Graph, LayerError, Mode, MovingStatistics, WeightId};
use crate::initializer::Initializer;
use crate::models;
use crate::network::{Class, Network};
use crate::op::{MaxPool2D, Window};
use crate::ops::ScaleAndCenter;
use crate::shape::Shape;
use keras_target::target::Cpu;

type Lowering = fn(&mut Graph, &[NodeId]) -> Result<NodeId, LayerError>;

fn fused(lowering: Lowering, mode: Mode) -> (String, String) {
    let mut network = Network::new("model", Class::Sequential);
    let x = models::input(&mut network, "x", 3);
    let y = models::other(&mut network, "layer", lowering, x);
    network.finish(&[y]);
    let mut program = Program::new(network.lower(mode).expect("a legal model"));
    fold_padding(&mut program);
    differentiate(&mut program).expect("every op has a gradient");
    let before = program.graph.to_string();
    fuse(&mut program, &Cpu);
    program.remove_dead();
    (before, program.graph.to_string())
}

#[test]
fn a_bias_and_an_activation_are_joined() {
    let (before, after) = fused(models::bias_and::<true>, Mode::Inference);
    assert_eq!(
        before,
        "%0 [3] = input 0 float32\n\
         %1 [5] = gemm { m: 1, k: 3, n: 5, bias: false, f: Linear } %0 layer/kernel\n\
         %2 [5] = bias_add { rows: 1, n: 5 } %1 layer/bias\n\
         %3 [5] = unary { len: 5, f: Gelu } %2\n\
         outputs %3\n"
    );
    assert_eq!(
        after,
        "%0 [3] = input 0 float32\n\
         %1 [5] = gemm { m: 1, k: 3, n: 5, bias: true, f: Gelu } %0 layer/kernel layer/bias\n\
         outputs %1\n"
    );
}

const TRAINING: Mode = Mode::Training { input_gradients: false };

#[test]
fn an_activation_is_joined_if_its_gradient_works_from_the_result() {
    let (_, after) = fused(models::bias_and::<false>, TRAINING);
    assert_eq!(after.matches("unary {").count(), 0, "{after}");
    assert!(after.contains("%3 [5] = unary_grad"), "{after}");
    assert!(after.contains(" %1 %2\n"), "{after}");
}

/// A dense layer with an activation whose outputs are pooled in pairs.
fn pooled(graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
    let x = models::bias_and::<false>(graph, inputs)?;
    let rows = Window { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0 };
    let columns = Window { input: 5, output: 2, kernel: 2, stride: 2, dilation: 1, pad: 0 };
    let pool = MaxPool2D { rows, columns, channels: 1 };
    Ok(graph.push(pool, &[x.into()], Shape::new([2])))
}

#[test]
fn a_derivative_is_taken_of_what_was_pooled() {
    let (before, after) = fused(pooled, TRAINING);
    assert!(before.contains("= unary_grad { len: 5"), "{before}");
    let derivative = after.find("[2] = unary_grad { len: 2").expect("a shorter derivative");
    let pool = after.find("[5] = max_pool2d_grad").expect("the pool's gradient");
    assert!(derivative < pool, "{after}");
    assert_eq!(after.matches("unary_grad").count(), 1, "{after}");
}

#[test]
fn an_activation_whose_gradient_needs_its_input_stays() {
    let (_, after) = fused(models::bias_and::<true>, TRAINING);
    assert_eq!(after.matches("unary {").count(), 1, "{after}");
    assert!(after.contains("bias: true, f: Linear"), "{after}");
}

/// A normalization by the batch's own moments.
fn batch_norm(
    graph: &mut Graph,
    x: NodeId,
    axis: usize,
    weights: ScaleAndCenter,
    [mean, variance]: [WeightId; 2],
) -> Result<NodeId, LayerError> {
    let moments = graph.moments(x, axis, None)?;
    graph.follow(MovingStatistics { moments, mean, variance, momentum: 0.9 });
    graph.batch_norm(x, moments, axis, 0.5, weights)
}

/// A padded convolution, normalized, added to its input and cut off, as a residual block is.
fn residual(graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
    let x = graph.reshape(inputs[0], &[1, 3, 1])?;
    let padded = graph.pad2d(x, [[1, 1], [0, 2]])?;
    let window =
        |input, output| Window { input, output, kernel: 3, stride: 1, dilation: 1, pad: 0 };
    let kernel = graph.weight("kernel", &[3, 3, 1, 1], Initializer::ZEROS)?;
    let y = graph.conv2d(padded, kernel, [window(3, 1), window(5, 3)], 1)?;
    let weights =
        ScaleAndCenter { gamma: None, beta: Some(graph.weight("beta", &[1], Initializer::ZEROS)?) };
    let mean = graph.statistic("moving_mean", &[1], Initializer::ZEROS)?;
    let variance = graph.statistic("moving_variance", &[1], Initializer::ONES)?;
    let y = match graph.is_training("BatchNormalization")? {
        true => batch_norm(graph, y, 2, weights, [mean, variance])?,
        false => graph.channel_norm(y, 2, 0.5, weights, [mean, variance])?,
    };
    let y = graph.binary(x, y, BinaryFunction::Add)?;
    graph.unary(y, Activation::RELU)
}

#[test]
fn a_residual_block_is_one_op() {
    let (before, after) = fused(residual, Mode::Inference);
    assert!(before.contains("%4 [1, 3, 1] = binary"), "{before}");
    assert_eq!(
        after,
        "%0 [3] = input 0 float32\n\
         %1 [1, 3, 1] = reshape { len: 3 } %0\n\
         %2 [1, 3, 1] = conv2d { \
         rows: Window { input: 1, output: 1, kernel: 3, stride: 1, dilation: 1, pad: 1 }, \
         columns: Window { input: 3, output: 3, kernel: 3, stride: 1, dilation: 1, pad: 0 }, \
         channels: 1, filters: 1, groups: 1, bias: false, \
         norm: Some(Normalize { epsilon: 0.5, scale: false, center: true }), add: true, \
         f: Relu { negative_slope: 0.0, max_value: inf, threshold: 0.0 } } \
         %1 layer/kernel layer/moving_mean layer/moving_variance layer/beta %1\n\
         outputs %2\n"
    );
}

/// A convolution of 16 filters, cut off or bent, of whose 6 columns each two or three are pooled.
fn pooled_image<const CUT_OFF: bool, const KERNEL: usize>(
    graph: &mut Graph,
    inputs: &[NodeId],
) -> Result<NodeId, LayerError> {
    let x = graph.reshape(inputs[0], &[3, 1, 1])?;
    let padded = graph.pad2d(x, [[0, 0], [0, 5]])?;
    let window = |input, output, kernel, stride| Window {
        input,
        output,
        kernel,
        stride,
        dilation: 1,
        pad: 0,
    };
    let kernel = graph.weight("kernel", &[2, 1, 1, 16], Initializer::ZEROS)?;
    let y = graph.conv2d(padded, kernel, [window(3, 2, 2, 1), window(6, 6, 1, 1)], 1)?;
    let y = graph.unary(y, if CUT_OFF { Activation::RELU } else { Activation::Tanh })?;
    let (rows, columns) = (window(2, 1, 2, 2), window(6, 6 / KERNEL, KERNEL, KERNEL));
    let pool = MaxPool2D { rows, columns, channels: 16 };
    Ok(graph.push(pool, &[y.into()], Shape::new([1, 6 / KERNEL, 16])))
}

#[test]
fn a_convolution_pools_itself_where_nothing_else_reads_it() {
    let (before, after) = fused(pooled_image::<true, 2>, Mode::Inference);
    assert_eq!(before.matches("= max_pool2d").count(), 1, "{before}");
    assert_eq!(after.matches("= max_pool2d").count(), 0, "{after}");
    assert!(after.contains(" [1, 3, 16] = conv_pool2d { conv: Conv2D { rows"), "{after}");
    assert!(after.contains("} %1 layer/kernel\n"), "{after}");
    for (lowering, mode) in [
        // The gradient reads all cells; so does this activation; windows of three.
        (pooled_image::<true, 2> as Lowering, TRAINING),
        (pooled_image::<false, 2>, Mode::Inference),
        (pooled_image::<true, 3>, Mode::Inference),
    ] {
        let (_, after) = fused(lowering, mode);
        assert_eq!(after.matches("= max_pool2d {").count(), 1, "{after}");
        assert_eq!(after.matches("= conv_pool2d").count(), 0, "{after}");
    }
}

/// The sum of two convolutions, the second of which may stand before the first.
fn sum_of_two<const SWAPPED: bool>(
    graph: &mut Graph,
    inputs: &[NodeId],
) -> Result<NodeId, LayerError> {
    let x = graph.reshape(inputs[0], &[1, 3, 1])?;
    let window =
        |kernel| Window { input: 3, output: 3, kernel, stride: 1, dilation: 1, pad: kernel / 2 };
    let rows = Window { input: 1, output: 1, ..window(1) };
    let kernels = [1, 3].map(|width| {
        let kernel =
            graph.weight(["narrow", "wide"][width / 2], &[1, width, 1, 1], Initializer::ZEROS);
        (kernel, width)
    });
    let mut sums = Vec::new();
    for (kernel, width) in if SWAPPED { [kernels[1].clone(), kernels[0].clone()] } else { kernels }
    {
        sums.push(graph.conv2d(x, kernel?, [rows, window(width)], 1)?);
    }
    if SWAPPED {
        sums.reverse();
    }
    graph.binary(sums[0], sums[1], BinaryFunction::Add)
}

#[test]
fn what_adds_does_not_depend_on_the_order_of_the_nodes() {
    for after in [
        fused(sum_of_two::<false>, Mode::Inference).1,
        fused(sum_of_two::<true>, Mode::Inference).1,
    ] {
        let last = after.lines().find(|line| line.contains("add: true")).expect("a sum");
        assert!(last.contains("kernel: 1, stride: 1, dilation: 1, pad: 0 }, channels"), "{after}");
    }
}

/// A dense layer, normalized and cut off.
fn normalized(graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
    let kernel = graph.weight("kernel", &[3, 3], Initializer::ZEROS)?;
    let y = graph.gemm(inputs[0], kernel)?;
    let weights =
        ScaleAndCenter { gamma: None, beta: Some(graph.weight("beta", &[3], Initializer::ZEROS)?) };
    let mean = graph.statistic("moving_mean", &[3], Initializer::ZEROS)?;
    let variance = graph.statistic("moving_variance", &[3], Initializer::ONES)?;
    let y = batch_norm(graph, y, 0, weights, [mean, variance])?;
    graph.unary(y, Activation::RELU)
}

#[test]
fn a_derivative_is_taken_within_the_gradients_of_a_normalization() {
    let (before, after) = fused(normalized, TRAINING);
    assert_eq!(before.matches("= unary_grad").count(), 1, "{before}");
    assert_eq!(after.matches("= unary").count(), 0, "{after}");
    for op in ["batch_norm_grad_sums", "batch_norm_grad_x"] {
        let line = after.lines().find(|line| line.contains(op)).expect("a gradient");
        assert!(line.contains("center: true, f: Relu"), "{after}");
        assert!(line.ends_with(" layer/beta"), "{after}");
    }
}

#[test]
fn a_normalization_adds_a_branch_in_training() {
    let (_, after) = fused(residual, TRAINING);
    assert_eq!(after.matches("= binary").count(), 0, "{after}");
    assert!(after.contains("center: true, add: true, f: Relu"), "{after}");
    // Its result is not what was cut off.
    assert_eq!(after.matches("= unary_grad").count(), 1, "{after}");
}

#[test]
fn zeros_around_an_image_are_padding_in_training_too() {
    let (before, after) = fused(residual, TRAINING);
    assert_eq!(before.matches("pad2d").count() + before.matches("crop2d").count(), 0, "{before}");
    assert_eq!(after.matches("norm: None, add: false").count(), 1, "{after}");
}
