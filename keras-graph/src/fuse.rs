//! Ops joined into one: a bias, a normalization by given statistics, a tensor that is added and an activation are applied by the op
//! that makes their input. An activation's derivative is taken before a pooling's gradient rather than after it; a ReLU's, within
//! the gradients of the normalization before it. Zeros around an image are the padding of the convolutions that read it. Of what
//! is pooled in prediction, a convolution writes the largest cells alone.
//!
//! An op is joined only to the one reader of its result, so that nobody misses it. In training the gradient reads
//! the result before an activation only where it cannot work from the one after it; there nothing is joined.

use keras_target::target::Target;

use crate::activation::Activation;
use crate::graph::{NodeId, NodeKind, Source};
use crate::op::{
    BatchNorm, BiasAdd, Binary, BinaryFunction, ChannelNorm, Conv2D, ConvPool2D, Depthwise2D, Gemm,
    Normalize, Op, POOLED, Pad2D, Unary, UnaryGrad, Window,
};
use crate::program::Program;

/// Gives convolutions the zeros around their input as padding. It comes before the gradients, which then need no zeros either.
pub fn fold_padding(program: &mut Program) {
    for i in 0..program.graph.nodes.len() {
        let node = &program.graph.nodes[i];
        let (NodeKind::Sample(op), Some(&Source::Node(x))) = (&node.kind, node.inputs.first())
        else {
            continue;
        };
        let padded = &program.graph.nodes[x.0];
        let (&NodeKind::Sample(Op::Pad2D(pad)), &[image]) = (&padded.kind, &padded.inputs[..])
        else {
            continue;
        };
        let mut folded = *op;
        let (Op::Conv2D(Conv2D { rows, columns, .. })
        | Op::Depthwise2D(Depthwise2D { rows, columns, .. })) = &mut folded
        else {
            continue;
        };
        let Pad2D { h, w, top, left, .. } = pad;
        *rows = Window { input: h, pad: rows.pad + top, ..*rows };
        *columns = Window { input: w, pad: columns.pad + left, ..*columns };
        let node = &mut program.graph.nodes[i];
        node.kind = NodeKind::Sample(folded);
        node.inputs[0] = image;
    }
    program.remove_dead();
}

/// Joins biases, then normalizations, sums, activations and pools. The joined op stands where its last part stood.
pub fn fuse(program: &mut Program, target: &dyn Target) {
    rewrite(program, join_bias);
    rewrite(program, join_norm);
    join_sums(program);
    rewrite(program, join_activation);
    rewrite(program, |made, op| join_pool(target, made, op));
    swap_pool_gradients(program);
    join_derivatives(program);
}

/// Applies a rule to each node that is the only reader of its first input.
fn rewrite(program: &mut Program, rule: impl Fn(&Op, &Op) -> Option<Op>) {
    program.remove_dead();
    let uses = program.uses();
    for i in 0..program.graph.nodes.len() {
        let node = &program.graph.nodes[i];
        let (NodeKind::Sample(op), Some(&Source::Node(x))) = (&node.kind, node.inputs.first())
        else {
            continue;
        };
        // A node before the loss and one after it are different passes.
        if uses[x.0] != 1 || (x.0 < program.forward) != (i < program.forward) {
            continue;
        }
        let NodeKind::Sample(made) = &program.graph.nodes[x.0].kind else { continue };
        let Some(joined) = rule(made, op) else { continue };
        join(program, x, NodeId(i), joined);
    }
}

/// Makes `last` compute `joined` from what `first` read and what else `last` read.
fn join(program: &mut Program, first: NodeId, last: NodeId, joined: Op) {
    let mut inputs = program.graph.nodes[first.0].inputs.clone();
    inputs.extend_from_slice(&program.graph.nodes[last.0].inputs[1..]);
    let node = &mut program.graph.nodes[last.0];
    node.kind = NodeKind::Sample(joined);
    node.inputs = inputs;
}

/// `unary_grad(x, max_pool2d_grad(x, y, d_y))` is `max_pool2d_grad(x, y, unary_grad(y, d_y))`: the one cell of a window that
/// gets a gradient holds what the window gives. So the derivative is that of fewer elements.
fn swap_pool_gradients(program: &mut Program) {
    let uses = program.uses();
    for i in 0..program.graph.nodes.len() {
        let node = &program.graph.nodes[i];
        let (&NodeKind::Sample(Op::UnaryGrad(UnaryGrad { f, .. })), &[kept, Source::Node(sent)]) =
            (&node.kind, &node.inputs[..])
        else {
            continue;
        };
        let before = &program.graph.nodes[sent.0];
        let (&NodeKind::Sample(pool @ Op::MaxPool2DGrad(_)), &[x, y, d_y]) =
            (&before.kind, &before.inputs[..])
        else {
            continue;
        };
        if uses[sent.0] != 1 || x != kept {
            continue;
        }
        let shape = program.graph.source_shape(y).clone();
        let before = &mut program.graph.nodes[sent.0];
        before.kind = NodeKind::Sample(UnaryGrad { len: shape.len(), f }.into());
        before.inputs = vec![y, d_y];
        before.shape = shape;
        let node = &mut program.graph.nodes[i];
        node.kind = NodeKind::Sample(pool);
        node.inputs = vec![x, y, sent.into()];
    }
}

/// `bias_add(gemm(x, w), b)` is `gemm(x, w, b)`; convolutions likewise.
fn join_bias(made: &Op, op: &Op) -> Option<Op> {
    let Op::BiasAdd(BiasAdd { rows, n }) = *op else { return None };
    let bias = true;
    match *made {
        Op::Gemm(g) if !g.bias && g.f == Activation::Linear && (g.m, g.n) == (rows, n) => {
            Some(Gemm { bias, ..g }.into())
        }
        Op::Conv2D(c) if !c.bias && c.f == Activation::Linear && c.filters == n => {
            Some(Conv2D { bias, ..c }.into())
        }
        Op::Depthwise2D(d)
            if !d.bias && d.f == Activation::Linear && d.channels * d.multiplier == n =>
        {
            Some(Depthwise2D { bias, ..d }.into())
        }
        _ => None,
    }
}

/// `channel_norm(conv2d(x, w), mean, variance, ..)` is `conv2d(x, w, mean, variance, ..)`.
fn join_norm(made: &Op, op: &Op) -> Option<Op> {
    let Op::ChannelNorm(ChannelNorm { channels, inner: 1, epsilon, scale, center, f, .. }) = *op
    else {
        return None;
    };
    let norm = Some(Normalize { epsilon, scale, center });
    match *made {
        Op::Conv2D(c) if c.norm.is_none() && c.f == Activation::Linear && c.filters == channels => {
            Some(Conv2D { norm, f, ..c }.into())
        }
        Op::Depthwise2D(d)
            if d.norm.is_none()
                && d.f == Activation::Linear
                && d.channels * d.multiplier == channels =>
        {
            Some(Depthwise2D { norm, f, ..d }.into())
        }
        _ => None,
    }
}

/// `binary(a, conv2d(..))`, a sum, is `conv2d(.., a)`.
fn join_sums(program: &mut Program) {
    program.remove_dead();
    let uses = program.uses();
    for i in 0..program.graph.nodes.len() {
        let node = &program.graph.nodes[i];
        let (&NodeKind::Sample(Op::Binary(Binary { f: BinaryFunction::Add, .. })), &[a, b]) =
            (&node.kind, &node.inputs[..])
        else {
            continue;
        };
        // The first that can: which one must not depend on the order of the nodes, which differs between a file and a source.
        let adds = |&(made, _): &(Source, Source)| {
            let Source::Node(made) = made else { return None };
            let NodeKind::Sample(op) = &program.graph.nodes[made.0].kind else { return None };
            let is_before = (made.0 < program.forward) == (i < program.forward);
            adding(op).filter(|_| uses[made.0] == 1 && is_before).map(|op| (made, op))
        };
        let pairs = [(a, b), (b, a)];
        // A normalization adds a branch where no convolution does, which has its sums at hand.
        let found = pairs.iter().find_map(|pair| {
            let (made, op) = adds(pair)?;
            matches!(op, Op::Conv2D(_)).then_some((made, op, pair.1))
        });
        let found = found.or_else(|| {
            pairs.iter().find_map(|pair| adds(pair).map(|(made, op)| (made, op, pair.1)))
        });
        let Some((made, op, skip)) = found else { continue };
        let mut inputs = program.graph.nodes[made.0].inputs.clone();
        inputs.push(skip);
        let node = &mut program.graph.nodes[i];
        node.kind = NodeKind::Sample(op);
        node.inputs = inputs;
    }
}

/// The op with a tensor that is added to its result, if it can.
fn adding(op: &Op) -> Option<Op> {
    match *op {
        Op::Conv2D(conv) if !conv.add && conv.f == Activation::Linear => {
            Some(Conv2D { add: true, ..conv }.into())
        }
        Op::BatchNorm(norm) if !norm.add && norm.f == Activation::Linear => {
            Some(BatchNorm { add: true, ..norm }.into())
        }
        _ => None,
    }
}

/// The gradients of a normalization take the derivative of the ReLU behind it themselves: where it is cut off follows from what
/// they read anyway.
fn join_derivatives(program: &mut Program) {
    for i in 0..program.graph.nodes.len() {
        let node = &program.graph.nodes[i];
        let (mut joined, at) = match &node.kind {
            NodeKind::Reduced(op @ Op::BatchNormGradSums(_)) => (*op, 2),
            NodeKind::Sample(op @ Op::BatchNormGradX(_)) => (*op, 3),
            _ => continue,
        };
        let Source::Node(sent) = node.inputs[at] else { continue };
        let (&NodeKind::Sample(Op::UnaryGrad(UnaryGrad { f, .. })), &[Source::Node(y), d_y]) =
            (&program.graph.nodes[sent.0].kind, &program.graph.nodes[sent.0].inputs[..])
        else {
            continue;
        };
        let made = &program.graph.nodes[y.0];
        let NodeKind::Sample(Op::BatchNorm(norm)) = made.kind else { continue };
        if norm.f != f || norm.add || !is_relu(f) || made.inputs[..2] != node.inputs[..2] {
            continue;
        }
        match &mut joined {
            Op::BatchNormGradSums(op) => {
                (op.scale, op.center, op.f) = (norm.scale, norm.center, f);
            }
            Op::BatchNormGradX(op) => (op.center, op.f) = (norm.center, f),
            _ => continue,
        }
        let mut inputs = node.inputs[..at].to_vec();
        inputs.push(d_y);
        inputs.extend_from_slice(&made.inputs[2..]);
        let kind = match node.kind {
            NodeKind::Reduced(_) => NodeKind::Reduced(joined),
            _ => NodeKind::Sample(joined),
        };
        let node = &mut program.graph.nodes[i];
        (node.kind, node.inputs) = (kind, inputs);
    }
}

/// Whether an activation cuts off at 0 and perhaps at some number above, and does nothing else.
fn is_relu(f: Activation) -> bool {
    match f {
        Activation::Relu { negative_slope, max_value, threshold } => {
            negative_slope == 0.0 && threshold == 0.0 && max_value > 0.0
        }
        _ => false,
    }
}

/// `unary(op(..))` is `op(..)` with that activation, for ops that carry one.
fn join_activation(made: &Op, op: &Op) -> Option<Op> {
    let Op::Unary(Unary { f: activation, .. }) = *op else { return None };
    let mut joined = *made;
    let f = match &mut joined {
        Op::Gemm(op) => &mut op.f,
        Op::Conv2D(op) => &mut op.f,
        Op::Depthwise2D(op) => &mut op.f,
        Op::BatchNorm(op) => &mut op.f,
        Op::ChannelNorm(op) => &mut op.f,
        _ => return None,
    };
    if *f != Activation::Linear {
        return None;
    }
    *f = activation;
    Some(joined)
}

/// `max_pool2d(conv2d(..))`, two by two, is `conv_pool2d(..)`, where a target can do that.
fn join_pool(target: &dyn Target, made: &Op, op: &Op) -> Option<Op> {
    let (Op::Conv2D(conv), Op::MaxPool2D(pool)) = (*made, op) else { return None };
    let halves = |window: &Window| {
        (window.kernel, window.stride, window.dilation, window.pad) == (POOLED, POOLED, 1, 0)
            && window.output == window.input / POOLED
    };
    // Another activation is applied to a whole result, of cells that are all there.
    let is_kept = conv.f == Activation::Linear || is_relu(conv.f);
    (halves(&pool.rows) && halves(&pool.columns) && is_kept && target.fuses_pool(&conv))
        .then(|| ConvPool2D { conv }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grad::differentiate;
    use crate::graph::{Graph, LayerError, Mode};
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

    /// A padded convolution, normalized, added to its input and cut off, as a residual block is.
    fn residual(graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
        let x = graph.reshape(inputs[0], &[1, 3, 1])?;
        let padded = graph.pad2d("ZeroPadding2D", x, [[1, 1], [0, 2]])?;
        let window =
            |input, output| Window { input, output, kernel: 3, stride: 1, dilation: 1, pad: 0 };
        let kernel = graph.weight("kernel", &[3, 3, 1, 1], Initializer::ZEROS)?;
        let y = graph.conv2d(padded, kernel, [window(3, 1), window(5, 3)], 1)?;
        let weights = ScaleAndCenter {
            gamma: None,
            beta: Some(graph.weight("beta", &[1], Initializer::ZEROS)?),
        };
        let mean = graph.statistic("moving_mean", &[1], Initializer::ZEROS)?;
        let variance = graph.statistic("moving_variance", &[1], Initializer::ONES)?;
        let y = match graph.is_training("BatchNormalization")? {
            true => graph.batch_norm(y, 2, 0.5, weights, [mean, variance], 0.9)?,
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
        let padded = graph.pad2d("ZeroPadding2D", x, [[0, 0], [0, 5]])?;
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
        let window = |kernel| Window {
            input: 3,
            output: 3,
            kernel,
            stride: 1,
            dilation: 1,
            pad: kernel / 2,
        };
        let rows = Window { input: 1, output: 1, ..window(1) };
        let kernels = [1, 3].map(|width| {
            let kernel =
                graph.weight(["narrow", "wide"][width / 2], &[1, width, 1, 1], Initializer::ZEROS);
            (kernel, width)
        });
        let mut sums = Vec::new();
        for (kernel, width) in
            if SWAPPED { [kernels[1].clone(), kernels[0].clone()] } else { kernels }
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
            assert!(
                last.contains("kernel: 1, stride: 1, dilation: 1, pad: 0 }, channels"),
                "{after}"
            );
        }
    }

    /// A dense layer, normalized and cut off.
    fn normalized(graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
        let kernel = graph.weight("kernel", &[3, 3], Initializer::ZEROS)?;
        let y = graph.gemm(inputs[0], kernel)?;
        let weights = ScaleAndCenter {
            gamma: None,
            beta: Some(graph.weight("beta", &[3], Initializer::ZEROS)?),
        };
        let mean = graph.statistic("moving_mean", &[3], Initializer::ZEROS)?;
        let variance = graph.statistic("moving_variance", &[3], Initializer::ONES)?;
        let y = graph.batch_norm(y, 0, 0.5, weights, [mean, variance], 0.9)?;
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
        assert_eq!(
            before.matches("pad2d").count() + before.matches("crop2d").count(),
            0,
            "{before}"
        );
        assert_eq!(after.matches("norm: None, add: false").count(), 1, "{after}");
    }
}
