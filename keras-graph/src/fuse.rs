//! Ops joined into one: a bias, a normalization by given statistics, a tensor that is added and an
//! activation are applied by the op that makes their input. An activation's derivative is taken
//! before a pooling's gradient rather than after it; a ReLU's, within the gradients of the
//! normalization before it. Zeros around an image are the padding of the convolutions that read it.
//! Of what is pooled in prediction, a convolution writes the largest cells alone.
//!
//! An op is joined only to the one reader of its result, so that nobody misses it. In training the
//! gradient reads the result before an activation only where it cannot work from the one after it;
//! there nothing is joined.

use keras_target::target::Target;

use crate::activation::Activation;
use crate::graph::{NodeId, NodeKind, Source};
use crate::op::{
    BatchNorm, BiasAdd, Binary, BinaryFunction, ChannelNorm, Conv2D, ConvPool2D, Depthwise2D, Gemm,
    Normalize, Op, POOLED, Pad2D, Unary, UnaryGrad, Window,
};
use crate::program::Program;

/// Gives convolutions the zeros around their input as padding. It comes before the gradients, which
/// then need no zeros either.
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

/// Joins biases, then normalizations, sums, activations and pools. The joined op stands where its
/// last part stood.
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

/// `unary_grad(x, max_pool2d_grad(x, y, d_y))` is `max_pool2d_grad(x, y, unary_grad(y, d_y))`: the
/// one cell of a window that gets a gradient holds what the window gives. So the derivative is that
/// of fewer elements.
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
        // The first that can. A file and a source may name the two in another order: what is fused
        // is no part of the fingerprint.
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

/// The gradients of a normalization take the derivative of the ReLU behind it themselves: where it
/// is cut off follows from what they read anyway.
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
mod tests;
