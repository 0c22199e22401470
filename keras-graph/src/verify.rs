//! What makes a graph legal. Each pass is followed by a check in debug builds.

use crate::cost::pooled_len;
use crate::dtype::Dtype;
use crate::graph::{Node, NodeKind, Source};
use crate::op::*;
use crate::program::Program;

/// Checks every rule; tells each one that is broken, and where.
pub fn verify(program: &Program) -> Result<(), Vec<String>> {
    let mut mistakes = Vec::new();
    for (i, node) in program.graph.nodes.iter().enumerate() {
        // The others look at what is read.
        let broken = match reads_earlier_nodes(program, i, node) {
            Err(message) => vec![message],
            Ok(()) => RULES.iter().filter_map(|rule| rule(program, i, node).err()).collect(),
        };
        let name = node.op().map_or("input", Op::name);
        mistakes.extend(broken.iter().map(|message| format!("node {i} `{name}`: {message}")));
    }
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

type Rule = fn(&Program, usize, &Node) -> Result<(), String>;

const RULES: &[Rule] = &[
    has_no_empty_axis,
    reads_what_its_op_reads,
    makes_what_its_op_makes,
    reads_floats_but_for_indices,
    does_not_cross_the_loss,
];

/// Every node stands after those it reads, and the weights it reads exist.
fn reads_earlier_nodes(program: &Program, i: usize, node: &Node) -> Result<(), String> {
    let exists = |source: &Source| match source {
        Source::Node(x) => x.0 < i,
        Source::Weight(weight) => weight.0 < program.graph.weights.len(),
    };
    match node.inputs.iter().find(|source| !exists(source)) {
        None => Ok(()),
        Some(source) => Err(format!("reads {source:?}, which does not stand before it")),
    }
}

/// Every extent is at least 1.
fn has_no_empty_axis(_: &Program, _: usize, node: &Node) -> Result<(), String> {
    if node.shape.is_empty() { Err(format!("has the shape {}", node.shape)) } else { Ok(()) }
}

/// What a node reads is of the kind and the length that its op expects: reductions are read only as merged ones.
fn reads_what_its_op_reads(program: &Program, _: usize, node: &Node) -> Result<(), String> {
    let Some(op) = node.op() else {
        return if node.inputs.is_empty() { Ok(()) } else { Err("reads something".to_string()) };
    };
    let read = |source: &Source| {
        let len = program.graph.source_shape(*source).len();
        match source {
            Source::Weight(_) => Tensor::Weight(len),
            Source::Node(x) => match program.graph.nodes[x.0].kind {
                NodeKind::Input(_) | NodeKind::OutputGradient(_) | NodeKind::Sample(_) => {
                    Tensor::Sample(len)
                }
                NodeKind::Reduced(_) => Tensor::Sum(len),
                NodeKind::Moments(_) => Tensor::Moments(len),
                NodeKind::Gradient(..) => Tensor::Gradient(len),
            },
        }
    };
    let found: Vec<Tensor> = node.inputs.iter().map(read).collect();
    if let Op::Concat(Concat { outer, extent, inner }) = *op {
        let fits = |t: &Tensor| matches!(t, Tensor::Sample(len) if len % (outer * inner) == 0);
        let total: usize = node.inputs.iter().map(|s| program.graph.source_shape(*s).len()).sum();
        return if found.iter().all(fits) && total == outer * extent * inner {
            Ok(())
        } else {
            Err(format!("expects parts of {}, reads {found:?}", outer * extent * inner))
        };
    }
    let expected = signature(op).0;
    if found == expected { Ok(()) } else { Err(format!("expects {expected:?}, reads {found:?}")) }
}

/// A node is of the kind and the length that its op makes.
fn makes_what_its_op_makes(program: &Program, _: usize, node: &Node) -> Result<(), String> {
    let Some(op) = node.op() else { return Ok(()) };
    let len = node.shape.len();
    let found = match node.kind {
        NodeKind::Input(_) | NodeKind::OutputGradient(_) | NodeKind::Sample(_) => {
            Tensor::Sample(len)
        }
        NodeKind::Reduced(_) => Tensor::Sum(len),
        NodeKind::Moments(_) => Tensor::Moments(len),
        NodeKind::Gradient(_, weight) => {
            let weight = &program.graph.weights[weight.0];
            if weight.shape.len() != len {
                return Err(format!("is a gradient of {len} elements by {}", weight.shape));
            }
            Tensor::Sum(len)
        }
    };
    let expected = signature(op).1;
    if found == expected { Ok(()) } else { Err(format!("makes {expected:?}, is {found:?}")) }
}

/// Integers are read by the ops that take indices, or move elements as they are.
fn reads_floats_but_for_indices(program: &Program, _: usize, node: &Node) -> Result<(), String> {
    let takes_integers = matches!(
        node.op(),
        Some(Op::Embedding(_) | Op::EmbeddingGrad(_) | Op::CastFloat(_) | Op::Reshape(_))
    );
    for (slot, x) in node.inputs.iter().enumerate() {
        let Source::Node(x) = x else { continue };
        if program.graph.dtype(*x) == Dtype::Int32 && !(takes_integers && slot == 0) {
            return Err(format!("reads integers from node {}", x.0));
        }
    }
    Ok(())
}

/// Gradients stand after the loss, and nothing else does.
fn does_not_cross_the_loss(program: &Program, i: usize, node: &Node) -> Result<(), String> {
    let after = i >= program.forward;
    let fits = match node.kind {
        NodeKind::Input(_) | NodeKind::Moments(_) => !after,
        NodeKind::OutputGradient(_) | NodeKind::Gradient(..) => after,
        NodeKind::Sample(_) | NodeKind::Reduced(_) => true,
    };
    if fits { Ok(()) } else { Err("stands on the wrong side of the loss".to_string()) }
}

/// A kind of tensor and its number of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tensor {
    /// One for each sample.
    Sample(usize),
    Weight(usize),
    /// A merged sum.
    Sum(usize),
    /// Merged moments.
    Moments(usize),
    /// A weight's gradient, which only the optimizer reads.
    Gradient(usize),
}

/// What an op reads and what it makes; nothing is said of what [`Concat`] reads.
#[rustfmt::skip]
fn signature(op: &Op) -> (Vec<Tensor>, Tensor) {
    use Tensor::{Moments, Sample, Sum, Weight};
    let product = |extents: &[usize]| extents.iter().product::<usize>();
    // Weights that an op reads only if it is told so.
    let with = |first: Vec<Tensor>, optional: &[(bool, usize)]| {
        let present = optional.iter().filter(|(present, _)| *present).map(|(_, len)| Weight(*len));
        first.into_iter().chain(present).collect::<Vec<_>>()
    };
    let image = |rows: &Window, columns: &Window, channels: usize| rows.input * columns.input * channels;
    let result = |rows: &Window, columns: &Window, channels: usize| rows.output * columns.output * channels;
    match op {
        Op::Unary(Unary { len, .. }) | Op::Affine(Affine { len, .. }) | Op::Reshape(Reshape { len })
        | Op::CastFloat(CastFloat { len }) | Op::PenaltyGrad(PenaltyGrad { len, .. }) => (vec![Sample(*len)], Sample(*len)),
        Op::UnaryGrad(UnaryGrad { len, .. }) | Op::Binary(Binary { len, .. }) => (vec![Sample(*len); 2], Sample(*len)),
        Op::SelectGrad(op) => (vec![Sample(op.len); 3], Sample(op.len)),
        Op::Broadcast(Broadcast { rank, from, to }) | Op::SumTo(SumTo { rank, from, to }) => {
            (vec![Sample(product(&from[..*rank]))], Sample(product(&to[..*rank])))
        }
        Op::Transpose(op) => (vec![Sample(product(&op.from[..op.rank]))], Sample(product(&op.from[..op.rank]))),
        Op::Concat(op) => (vec![], Sample(op.outer * op.extent * op.inner)),
        Op::Slice(op) => (vec![Sample(op.outer * op.extent * op.inner)], Sample(op.outer * op.len * op.inner)),
        Op::Pad2D(Pad2D { h, w, c, top, bottom, left, right }) => {
            (vec![Sample(h * w * c)], Sample((h + top + bottom) * (w + left + right) * c))
        }
        Op::Crop2D(Crop2D { h, w, c, top, bottom, left, right }) => {
            (vec![Sample((h + top + bottom) * (w + left + right) * c)], Sample(h * w * c))
        }
        Op::Upsample2D(op) => (vec![Sample(op.h * op.w * op.c)], Sample(op.h * op.rows * op.w * op.columns * op.c)),
        Op::Upsample2DGrad(op) => (vec![Sample(op.h * op.rows * op.w * op.columns * op.c)], Sample(op.h * op.w * op.c)),
        Op::Gemm(Gemm { m, k, n, bias, .. }) => (with(vec![Sample(m * k), Weight(k * n)], &[(*bias, *n)]), Sample(m * n)),
        Op::GemmGradX(GemmGradX { m, k, n }) => (vec![Sample(m * n), Weight(k * n)], Sample(m * k)),
        Op::GemmGradW(GemmGradW { m, k, n, count, .. }) => (vec![Sample(m * k), Sample(m * n)], Sum(count * n)),
        Op::BiasAdd(BiasAdd { rows, n }) => (vec![Sample(rows * n), Weight(*n)], Sample(rows * n)),
        Op::SumRows(SumRows { rows, n }) => (vec![Sample(rows * n)], Sum(*n)),
        Op::Conv2D(Conv2D { rows, columns, channels, filters, groups, bias, norm, add, .. }) => {
            let kernel = Weight(rows.kernel * columns.kernel * channels / groups * filters);
            let y = Sample(result(rows, columns, *filters));
            let mut read = with(vec![Sample(image(rows, columns, *channels)), kernel], &[(*bias, *filters)]);
            read.extend(vec![Weight(*filters); norm.map_or(0, |norm| norm.inputs())]);
            read.extend(add.then_some(y));
            (read, y)
        }
        Op::ConvPool2D(ConvPool2D { conv }) => {
            let (read, _) = signature(&(*conv).into());
            (read, Sample(pooled_len(conv)))
        }
        Op::Conv2DGradX(Conv2DGradX { rows, columns, channels, filters, groups }) => {
            let kernel = Weight(rows.kernel * columns.kernel * channels / groups * filters);
            (vec![Sample(result(rows, columns, *filters)), kernel], Sample(image(rows, columns, *channels)))
        }
        Op::Conv2DGradW(Conv2DGradW { rows, columns, channels, filters, groups }) => {
            let kernel = rows.kernel * columns.kernel * channels / groups * filters;
            (vec![Sample(image(rows, columns, *channels)), Sample(result(rows, columns, *filters))], Sum(kernel))
        }
        Op::Depthwise2D(Depthwise2D { rows, columns, channels, multiplier, bias, norm, .. }) => {
            let n = channels * multiplier;
            let kernel = Weight(rows.kernel * columns.kernel * n);
            let mut read = with(vec![Sample(image(rows, columns, *channels)), kernel], &[(*bias, n)]);
            read.extend(vec![Weight(n); norm.map_or(0, |norm| norm.inputs())]);
            (read, Sample(result(rows, columns, n)))
        }
        Op::Depthwise2DGradX(Depthwise2DGradX { rows, columns, channels, multiplier }) => {
            let n = channels * multiplier;
            (vec![Sample(result(rows, columns, n)), Weight(rows.kernel * columns.kernel * n)], Sample(image(rows, columns, *channels)))
        }
        Op::Depthwise2DGradW(Depthwise2DGradW { rows, columns, channels, multiplier }) => {
            let n = channels * multiplier;
            (vec![Sample(image(rows, columns, *channels)), Sample(result(rows, columns, n))], Sum(rows.kernel * columns.kernel * n))
        }
        Op::MaxPool2D(MaxPool2D { rows, columns, channels }) | Op::AveragePool2D(AveragePool2D { rows, columns, channels }) => {
            (vec![Sample(image(rows, columns, *channels))], Sample(result(rows, columns, *channels)))
        }
        Op::MaxPool2DGrad(MaxPool2DGrad { rows, columns, channels }) => {
            let (x, y) = (Sample(image(rows, columns, *channels)), Sample(result(rows, columns, *channels)));
            (vec![x, y, y], x)
        }
        Op::AveragePool2DGrad(AveragePool2DGrad { rows, columns, channels }) => {
            (vec![Sample(result(rows, columns, *channels))], Sample(image(rows, columns, *channels)))
        }
        Op::MeanRows(MeanRows { extent, channels }) | Op::MaxRows(MaxRows { extent, channels }) => {
            (vec![Sample(extent * channels)], Sample(*channels))
        }
        Op::MeanRowsGrad(op) => (vec![Sample(op.channels)], Sample(op.extent * op.channels)),
        Op::MaxRowsGrad(op) => {
            let (x, y) = (Sample(op.extent * op.channels), Sample(op.channels));
            (vec![x, y, y], x)
        }
        Op::Softmax(Softmax { outer, extent, inner }) | Op::LogSoftmax(LogSoftmax { outer, extent, inner })
        | Op::Sparsemax(Sparsemax { outer, extent, inner }) => (vec![Sample(outer * extent * inner)], Sample(outer * extent * inner)),
        Op::SoftmaxGrad(SoftmaxGrad { outer, extent, inner }) | Op::LogSoftmaxGrad(LogSoftmaxGrad { outer, extent, inner }) => {
            (vec![Sample(outer * extent * inner); 2], Sample(outer * extent * inner))
        }
        Op::SparsemaxGrad(op) => (vec![Sample(op.outer * op.extent * op.inner); 3], Sample(op.outer * op.extent * op.inner)),
        Op::Prelu(op) => {
            let (x, alpha) = (Sample(product(&op.to[..op.rank])), Weight(product(&op.from[..op.rank])));
            (vec![x, alpha], x)
        }
        Op::PreluGradX(op) => {
            let (x, alpha) = (Sample(product(&op.to[..op.rank])), Weight(product(&op.from[..op.rank])));
            (vec![x, alpha, x], x)
        }
        Op::PreluGradAlpha(op) => (vec![Sample(product(&op.to[..op.rank])); 2], Sum(product(&op.from[..op.rank]))),
        Op::Dropout(op) => (vec![Sample(product(&op.to[..op.rank]))], Sample(product(&op.to[..op.rank]))),
        Op::Moments(op) => (vec![Sample(op.outer * op.channels * op.inner)], Moments(3 * op.channels)),
        Op::BatchNorm(BatchNorm { outer, channels, inner, scale, center, add, .. }) => {
            let x = Sample(outer * channels * inner);
            let mut read = with(vec![x, Moments(3 * channels)], &[(*scale, *channels), (*center, *channels)]);
            read.extend(add.then_some(x));
            (read, x)
        }
        Op::BatchNormGradSums(BatchNormGradSums { outer, channels, inner, scale, center, .. }) => {
            let x = Sample(outer * channels * inner);
            (with(vec![x, Moments(3 * channels), x], &[(*scale, *channels), (*center, *channels)]), Sum(2 * channels))
        }
        Op::BatchNormGradX(BatchNormGradX { outer, channels, inner, scale, center, .. }) => {
            let x = Sample(outer * channels * inner);
            let first = vec![x, Moments(3 * channels), Sum(2 * channels), x];
            (with(first, &[(*scale, *channels), (*center, *channels)]), x)
        }
        Op::ChannelNorm(ChannelNorm { outer, channels, inner, scale, center, .. }) => {
            let (x, statistic) = (Sample(outer * channels * inner), Weight(*channels));
            (with(vec![x, statistic, statistic], &[(*scale, *channels), (*center, *channels)]), x)
        }
        Op::ChannelNormGradX(ChannelNormGradX { outer, channels, inner, scale, .. }) => {
            let x = Sample(outer * channels * inner);
            (with(vec![Weight(*channels), x], &[(*scale, *channels)]), x)
        }
        Op::ChannelNormGradSums(op) => {
            let (x, statistic) = (Sample(op.outer * op.channels * op.inner), Weight(op.channels));
            (vec![x, statistic, statistic, x], Sum(2 * op.channels))
        }
        Op::LayerNorm(LayerNorm { outer, extent, scale, center, .. }) => {
            let x = Sample(outer * extent);
            (with(vec![x], &[(*scale, *extent), (*center, *extent)]), x)
        }
        Op::LayerNormGradX(LayerNormGradX { outer, extent, scale, .. }) => {
            let x = Sample(outer * extent);
            (with(vec![x, x], &[(*scale, *extent)]), x)
        }
        Op::LayerNormGradGamma(op) => (vec![Sample(op.outer * op.extent); 2], Sum(op.extent)),
        Op::Embedding(op) => (vec![Sample(op.len), Weight(op.rows * op.columns)], Sample(op.len * op.columns)),
        Op::EmbeddingGrad(op) => (vec![Sample(op.len), Sample(op.len * op.columns)], Sum(op.count * op.columns)),
        Op::Penalty(op) => (vec![Sample(op.len)], Sum(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Mode, NodeId};
    use crate::models;
    use crate::shape::Shape;

    fn program() -> Program {
        Program::new(models::perceptron().lower(Mode::Inference).expect("a legal model"))
    }

    /// What is wrong after a change to the nodes: the input, and two products.
    fn mistakes(change: impl FnOnce(&mut [Node])) -> String {
        let mut program = program();
        change(&mut program.graph.nodes);
        verify(&program).expect_err("an illegal graph").join("\n")
    }

    #[test]
    fn a_lowered_model_is_legal() {
        assert_eq!(verify(&program()), Ok(()));
    }

    #[test]
    fn every_rule_finds_its_mistake() {
        let found = mistakes(|nodes| nodes[1].inputs[0] = NodeId(2).into());
        assert!(found.starts_with("node 1 `gemm`: reads Node(NodeId(2))"), "{found}");
        let found = mistakes(|nodes| nodes[0].shape = Shape::new([4]));
        assert!(found.contains("expects [Sample(3), Weight(15)], reads [Sample(4)"), "{found}");
        let found = mistakes(|nodes| nodes[2].inputs[1] = NodeId(0).into());
        assert!(found.contains("expects [Sample(5), Weight(10)]"), "{found}");
        let found = mistakes(|nodes| nodes[2].shape = Shape::new([3]));
        assert!(found.contains("makes Sample(2), is Sample(3)"), "{found}");
        let found = mistakes(|nodes| nodes[0].dtype = Dtype::Int32);
        assert!(found.contains("reads integers from node 0"), "{found}");
        let found = mistakes(|nodes| nodes[2].kind = NodeKind::OutputGradient(0));
        assert!(found.contains("wrong side of the loss"), "{found}");
    }
}
