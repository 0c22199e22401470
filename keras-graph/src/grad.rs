//! Gradients: a walk over the ops in reverse that appends, for each, the ops of its gradient.
//!
//! ```text
//! gradient[output] = what the loss writes
//! for node in reverse, if some weight or input that wants one lies behind it:
//!     d_y = gradient[node];  append the op's gradient ops;  gradient[input] += d_x
//! ```
//!
//! Only what somebody reads is appended: nothing by frozen weights, nor by inputs unless they were asked for. Gradients by
//! one weight may come from several ops; the executor adds them up.

use crate::activation::Activation;
use crate::dtype::Dtype;
use crate::graph::{LayerError, Mode, Node, NodeId, NodeKind, Source};
use crate::op::*;
use crate::program::{Part, Program, reduce};

/// Appends the gradient ops to a program for training; leaves one for prediction as it is.
///
/// Errors: an op that has no gradient because it is one itself.
pub fn differentiate(program: &mut Program) -> Result<(), LayerError> {
    let Mode::Training { input_gradients } = program.graph.mode() else { return Ok(()) };
    let wanted = wanted(program, input_gradients);
    let mut walk = Walk { wanted, gradients: vec![None; program.forward], program };
    walk.start();
    for i in (0..walk.program.forward).rev() {
        if let (true, Some(d_y)) = (walk.wanted[i], walk.gradients[i]) {
            walk.step(NodeId(i), d_y)?;
        }
    }
    let Walk { wanted, gradients, program } = walk;
    let mut inputs: Vec<(usize, Option<NodeId>)> = Vec::new();
    for (i, node) in program.graph.nodes[..program.forward].iter().enumerate() {
        if let NodeKind::Input(index) = node.kind {
            inputs.push((index, gradients[i].filter(|_| wanted[i])));
        }
    }
    inputs.sort_by_key(|(index, _)| *index);
    program.input_gradients = inputs.into_iter().map(|(_, gradient)| gradient).collect();
    Ok(())
}

/// For each node, whether the gradient by it leads to a weight that is trained, or to an input that wants it.
fn wanted(program: &Program, input_gradients: bool) -> Vec<bool> {
    let mut wanted: Vec<bool> = Vec::with_capacity(program.forward);
    for node in &program.graph.nodes {
        let behind = node.inputs.iter().any(|source| match source {
            Source::Node(node) => wanted[node.0],
            Source::Weight(weight) => program.graph.weights[weight.0].trainable,
        });
        let is_input = matches!(node.kind, NodeKind::Input(_)) && node.dtype == Dtype::Float32;
        wanted.push(!node.is_reduced() && (behind || is_input && input_gradients));
    }
    wanted
}

struct Walk<'a> {
    program: &'a mut Program,
    wanted: Vec<bool>,
    /// The gradient by each forward node, as far as it is gathered.
    gradients: Vec<Option<NodeId>>,
}

impl Walk<'_> {
    /// The gradients that come from outside: the loss's and those of penalties on activations.
    fn start(&mut self) {
        for (index, output) in self.program.graph.outputs.clone().into_iter().enumerate() {
            let Node { shape, dtype, .. } = self.program.graph.nodes[output.0].clone();
            let kind = NodeKind::OutputGradient(index);
            let node = self.program.graph.add(Node { kind, inputs: vec![], shape, dtype });
            self.program.output_gradients.push(node);
            self.add(output.into(), node);
        }
        for (node, penalty) in self.program.graph.activity.clone() {
            if self.wanted[node.0] {
                let op = PenaltyGrad { len: self.len(node), l1: penalty.l1, l2: penalty.l2 };
                self.push_to(node.into(), op, &[node.into()]);
            }
        }
    }

    fn len(&self, node: NodeId) -> usize {
        self.program.graph.shape(node).len()
    }

    /// Whether anybody reads the gradient by what an op reads.
    fn wants(&self, source: Source) -> bool {
        match source {
            Source::Node(node) => self.wanted[node.0],
            Source::Weight(weight) => self.program.graph.weights[weight.0].trainable,
        }
    }

    /// Adds `d_x` to the gradient by a node.
    fn add(&mut self, x: Source, d_x: NodeId) {
        let Source::Node(x) = x else { return };
        if !self.wanted[x.0] {
            return;
        }
        let sum = match self.gradients[x.0] {
            None => d_x,
            Some(other) => {
                let op = Binary { len: self.len(x), f: BinaryFunction::Add };
                let shape = self.program.graph.shape(x).clone();
                self.program.graph.push(op, &[other.into(), d_x.into()], shape)
            }
        };
        self.gradients[x.0] = Some(sum);
    }

    /// Appends an op whose result is a gradient by the node `x`, if anybody reads it.
    fn push_to(&mut self, x: Source, op: impl Into<Op>, inputs: &[Source]) {
        if let (Source::Node(_), true) = (x, self.wants(x)) {
            let shape = self.program.graph.source_shape(x).clone();
            let d_x = self.program.graph.push(op, inputs, shape);
            self.add(x, d_x);
        }
    }

    /// Appends an op whose result is a gradient by a weight, if it is trained.
    fn push_weight(&mut self, weight: Source, op: impl Into<Op>, inputs: &[Source]) {
        if let (Source::Weight(id), true) = (weight, self.wants(weight)) {
            let shape = self.program.graph.source_shape(weight).clone();
            self.program.graph.add(Node {
                kind: NodeKind::Gradient(op.into(), id),
                inputs: inputs.to_vec(),
                shape,
                dtype: Dtype::Float32,
            });
        }
    }

    /// The gradient by what a fused activation was applied to, if the op carries one.
    fn before_activation(
        &mut self,
        f: Activation,
        y: NodeId,
        d_y: Source,
    ) -> Result<Source, LayerError> {
        if f == Activation::Linear {
            return Ok(d_y);
        }
        if !f.derivative_from_output() {
            let message =
                format!("the derivative of {f:?} needs the input, which a joined op does not keep");
            return Err(LayerError::input(message));
        }
        let shape = self.program.graph.shape(y).clone();
        let op = UnaryGrad { len: shape.len(), f };
        Ok(self.program.graph.push(op, &[y.into(), d_y], shape).into())
    }

    /// Appends the gradient of one node.
    #[rustfmt::skip]
    fn step(&mut self, node: NodeId, d_y: NodeId) -> Result<(), LayerError> {
        let Node { kind: NodeKind::Sample(op), inputs, .. } = self.program.graph.nodes[node.0].clone() else {
            return Ok(());
        };
        let (y, d_y): (Source, Source) = (node.into(), d_y.into());
        match (op, inputs.as_slice()) {
            (Op::Unary(op), &[x]) => self.unary(op, x, node, d_y),
            (Op::Affine(op), &[x]) => self.push_to(x, Affine { offset: 0.0, ..op }, &[d_y]),
            (Op::Binary(op), &[a, b]) => self.binary(op, a, b, d_y),
            (Op::Broadcast(op), &[x]) => self.push_to(x, SumTo { rank: op.rank, from: op.to, to: op.from }, &[d_y]),
            (Op::SumTo(op), &[x]) => self.push_to(x, Broadcast { rank: op.rank, from: op.to, to: op.from }, &[d_y]),
            (Op::Transpose(op), &[x]) => self.push_to(x, inverse(op), &[d_y]),
            (Op::Reshape(op), &[x]) => self.push_to(x, op, &[d_y]),
            (Op::Concat(op), _) => self.concat(op, &inputs, d_y),
            (Op::Slice(op), &[x]) => self.push_to(x, around(op), &[d_y]),
            (Op::Pad2D(Pad2D { h, w, c, top, bottom, left, right }), &[x]) => {
                self.push_to(x, Crop2D { h, w, c, top, bottom, left, right }, &[d_y]);
            }
            (Op::Crop2D(Crop2D { h, w, c, top, bottom, left, right }), &[x]) => {
                self.push_to(x, Pad2D { h, w, c, top, bottom, left, right }, &[d_y]);
            }
            (Op::Upsample2D(Upsample2D { h, w, c, rows, columns, interpolation }), &[x]) => {
                self.push_to(x, Upsample2DGrad { h, w, c, rows, columns, interpolation }, &[d_y]);
            }
            (Op::Gemm(op), &[x, w, ..]) => {
                let Gemm { m, k, n, f, .. } = op;
                let d_y = self.before_activation(f, node, d_y)?;
                self.bias(inputs.get(2), SumRows { rows: m, n }, d_y);
                self.push_weight(w, GemmGradW { m, k, n, first: 0, count: k }, &[x, d_y]);
                self.push_to(x, GemmGradX { m, k, n }, &[d_y, w]);
            }
            (Op::BiasAdd(BiasAdd { rows, n }), &[x, bias]) => {
                self.bias(Some(&bias), SumRows { rows, n }, d_y);
                self.pass(x, d_y);
            }
            (Op::Conv2D(op), &[x, kernel, ..]) => {
                let Conv2D { rows, columns, channels, filters, groups, f, .. } = op;
                let d_y = self.before_activation(f, node, d_y)?;
                self.bias(inputs.get(2), SumRows { rows: rows.output * columns.output, n: filters }, d_y);
                self.push_weight(kernel, Conv2DGradW { rows, columns, channels, filters, groups }, &[x, d_y]);
                self.push_to(x, Conv2DGradX { rows, columns, channels, filters, groups }, &[d_y, kernel]);
            }
            // A transposed convolution: its fields, and so its gradients, are those of the convolution that it undoes.
            (Op::Conv2DGradX(Conv2DGradX { rows, columns, channels, filters, groups }), &[x, kernel]) => {
                self.push_weight(kernel, Conv2DGradW { rows, columns, channels, filters, groups }, &[d_y, x]);
                let f = Activation::Linear;
                self.push_to(x, Conv2D { rows, columns, channels, filters, groups, bias: false, norm: None, add: false, f }, &[d_y, kernel]);
            }
            (Op::Depthwise2D(op), &[x, kernel, ..]) => {
                let Depthwise2D { rows, columns, channels, multiplier, f, .. } = op;
                let d_y = self.before_activation(f, node, d_y)?;
                let n = channels * multiplier;
                self.bias(inputs.get(2), SumRows { rows: rows.output * columns.output, n }, d_y);
                self.push_weight(kernel, Depthwise2DGradW { rows, columns, channels, multiplier }, &[x, d_y]);
                self.push_to(x, Depthwise2DGradX { rows, columns, channels, multiplier }, &[d_y, kernel]);
            }
            (Op::MaxPool2D(MaxPool2D { rows, columns, channels }), &[x]) => {
                self.push_to(x, MaxPool2DGrad { rows, columns, channels }, &[x, y, d_y]);
            }
            (Op::AveragePool2D(AveragePool2D { rows, columns, channels }), &[x]) => {
                self.push_to(x, AveragePool2DGrad { rows, columns, channels }, &[d_y]);
            }
            (Op::MeanRows(MeanRows { extent, channels }), &[x]) => {
                self.push_to(x, MeanRowsGrad { extent, channels }, &[d_y]);
            }
            (Op::MaxRows(MaxRows { extent, channels }), &[x]) => {
                self.push_to(x, MaxRowsGrad { extent, channels }, &[x, y, d_y]);
            }
            (Op::Softmax(Softmax { outer, extent, inner }), &[x]) => {
                self.push_to(x, SoftmaxGrad { outer, extent, inner }, &[y, d_y]);
            }
            (Op::LogSoftmax(LogSoftmax { outer, extent, inner }), &[x]) => {
                self.push_to(x, LogSoftmaxGrad { outer, extent, inner }, &[y, d_y]);
            }
            (Op::Sparsemax(Sparsemax { outer, extent, inner }), &[x]) => {
                self.push_to(x, SparsemaxGrad { outer, extent, inner }, &[x, y, d_y]);
            }
            (Op::Prelu(Prelu { rank, from, to }), &[x, alpha]) => {
                self.push_weight(alpha, PreluGradAlpha { rank, from, to }, &[x, d_y]);
                self.push_to(x, PreluGradX { rank, from, to }, &[x, alpha, d_y]);
            }
            // The same mask, since it is a function of the key.
            (Op::Dropout(op), &[x]) => self.push_to(x, op, &[d_y]),
            (Op::BatchNorm(op), &[x, moments, ..]) => self.batch_norm(op, x, moments, &inputs[2..], node, d_y)?,
            (Op::ChannelNorm(op), &[x, mean, variance, ..]) => {
                self.channel_norm(op, [x, mean, variance], &inputs[3..], node, d_y)?;
            }
            (Op::LayerNorm(op), &[x, ..]) => self.layer_norm(op, x, &inputs[1..], d_y),
            (Op::Embedding(Embedding { len, rows, columns }), &[ids, table]) => {
                self.push_weight(table, EmbeddingGrad { len, rows, columns, first: 0, count: rows }, &[ids, d_y]);
            }
            // Integers have no gradient.
            (Op::CastFloat(_), _) => {}
            (
                Op::UnaryGrad(_) | Op::SelectGrad(_) | Op::Upsample2DGrad(_) | Op::GemmGradX(_) | Op::GemmGradW(_)
                | Op::SumRows(_) | Op::ConvPool2D(_) | Op::Conv2DGradW(_) | Op::Depthwise2DGradX(_) | Op::Depthwise2DGradW(_)
                | Op::MaxPool2DGrad(_) | Op::AveragePool2DGrad(_) | Op::MeanRowsGrad(_) | Op::MaxRowsGrad(_)
                | Op::SoftmaxGrad(_) | Op::LogSoftmaxGrad(_) | Op::SparsemaxGrad(_) | Op::PreluGradX(_)
                | Op::PreluGradAlpha(_) | Op::Moments(_) | Op::BatchNormGradSums(_) | Op::BatchNormGradX(_)
                | Op::ChannelNormGradX(_) | Op::ChannelNormGradSums(_) | Op::LayerNormGradX(_)
                | Op::LayerNormGradGamma(_) | Op::EmbeddingGrad(_) | Op::Penalty(_) | Op::PenaltyGrad(_),
                _,
            ) => return Err(LayerError::input(format!("the op `{}` has no gradient of its own", op.name()))),
            (
                Op::Unary(_) | Op::Affine(_) | Op::Binary(_) | Op::Broadcast(_) | Op::SumTo(_) | Op::Transpose(_)
                | Op::Reshape(_) | Op::Slice(_) | Op::Pad2D(_) | Op::Crop2D(_) | Op::Upsample2D(_) | Op::Gemm(_)
                | Op::BiasAdd(_) | Op::Conv2D(_) | Op::Conv2DGradX(_) | Op::Depthwise2D(_) | Op::MaxPool2D(_)
                | Op::AveragePool2D(_) | Op::MeanRows(_) | Op::MaxRows(_) | Op::Softmax(_) | Op::LogSoftmax(_)
                | Op::Sparsemax(_) | Op::Prelu(_) | Op::Dropout(_) | Op::BatchNorm(_) | Op::ChannelNorm(_)
                | Op::LayerNorm(_) | Op::Embedding(_),
                _,
            ) => return Err(LayerError::input(format!("the op `{}` cannot read {} tensors", op.name(), inputs.len()))),
        }
        Ok(())
    }

    /// The gradient by `x` is that by `y`.
    fn pass(&mut self, x: Source, d_y: Source) {
        if let Source::Node(d_y) = d_y {
            self.add(x, d_y);
        }
    }

    fn unary(&mut self, op: Unary, x: Source, y: NodeId, d_y: Source) {
        let Unary { len, f } = op;
        if f == Activation::Linear {
            return self.pass(x, d_y);
        }
        let kept = if f.derivative_from_output() { y.into() } else { x };
        self.push_to(x, UnaryGrad { len, f }, &[kept, d_y]);
    }

    fn binary(&mut self, op: Binary, a: Source, b: Source, d_y: Source) {
        let Binary { len, f } = op;
        match f {
            BinaryFunction::Add => {
                self.pass(a, d_y);
                self.pass(b, d_y);
            }
            BinaryFunction::Subtract => {
                self.pass(a, d_y);
                self.push_to(b, Affine { len, scale: -1.0, offset: 0.0 }, &[d_y]);
            }
            BinaryFunction::Multiply => {
                self.push_to(a, Binary { len, f }, &[d_y, b]);
                self.push_to(b, Binary { len, f }, &[d_y, a]);
            }
            BinaryFunction::Maximum | BinaryFunction::Minimum => {
                self.push_to(a, SelectGrad { len, f, second: false }, &[a, b, d_y]);
                self.push_to(b, SelectGrad { len, f, second: true }, &[a, b, d_y]);
            }
        }
    }

    fn concat(&mut self, op: Concat, inputs: &[Source], d_y: Source) {
        let Concat { outer, extent, inner } = op;
        let mut begin = 0;
        for &x in inputs {
            let len = self.program.graph.source_shape(x).len() / (outer * inner);
            self.push_to(x, Slice { outer, extent, inner, begin, len }, &[d_y]);
            begin += len;
        }
    }

    fn bias(&mut self, bias: Option<&Source>, op: SumRows, d_y: Source) {
        if let Some(&bias) = bias {
            self.push_weight(bias, op, &[d_y]);
        }
    }

    fn batch_norm(
        &mut self,
        op: BatchNorm,
        x: Source,
        moments: Source,
        weights: &[Source],
        y: NodeId,
        d_y: Source,
    ) -> Result<(), LayerError> {
        let BatchNorm { outer, channels, inner, epsilon, scale, center, f, .. } = op;
        let d_y = self.before_activation(f, y, d_y)?;
        let sums = BatchNormGradSums {
            outer,
            channels,
            inner,
            epsilon,
            scale: false,
            center: false,
            f: Activation::Linear,
        };
        let sums = reduce(&mut self.program.graph, sums, &[x, moments, d_y], 2 * channels);
        self.parts(sums, scale, center, channels, weights);
        let mut inputs = vec![x, moments, sums.into(), d_y];
        inputs.extend(weights.iter().take(usize::from(scale)));
        let (center, f) = (false, Activation::Linear);
        let grad_x = BatchNormGradX { outer, channels, inner, epsilon, scale, center, f };
        self.push_to(x, grad_x, &inputs);
        Ok(())
    }

    fn channel_norm(
        &mut self,
        op: ChannelNorm,
        [x, mean, variance]: [Source; 3],
        weights: &[Source],
        y: NodeId,
        d_y: Source,
    ) -> Result<(), LayerError> {
        let ChannelNorm { outer, channels, inner, epsilon, scale, center, f } = op;
        let d_y = self.before_activation(f, y, d_y)?;
        if weights.iter().any(|&weight| self.wants(weight)) {
            let sums = ChannelNormGradSums { outer, channels, inner, epsilon };
            let inputs = [x, mean, variance, d_y];
            let sums = reduce(&mut self.program.graph, sums, &inputs, 2 * channels);
            self.parts(sums, scale, center, channels, weights);
        }
        let mut inputs = vec![variance, d_y];
        inputs.extend(weights.iter().take(usize::from(scale)));
        self.push_to(x, ChannelNormGradX { outer, channels, inner, epsilon, scale }, &inputs);
        Ok(())
    }

    /// Notes that `sums` are the gradients by gamma, then by beta.
    fn parts(
        &mut self,
        sums: NodeId,
        scale: bool,
        center: bool,
        channels: usize,
        weights: &[Source],
    ) {
        let starts = [(scale, 0), (center, channels)].into_iter().filter(|(present, _)| *present);
        for ((_, from), &weight) in starts.zip(weights) {
            if let (Source::Weight(id), true) = (weight, self.wants(weight)) {
                self.program.parts.push(Part { sums, from, weight: id });
            }
        }
    }

    fn layer_norm(&mut self, op: LayerNorm, x: Source, weights: &[Source], d_y: Source) {
        let LayerNorm { outer, extent, epsilon, scale, center } = op;
        let (gamma, beta) = weights.split_at(usize::from(scale));
        for &gamma in gamma {
            self.push_weight(gamma, LayerNormGradGamma { outer, extent, epsilon }, &[x, d_y]);
        }
        for &beta in beta.iter().take(usize::from(center)) {
            self.push_weight(beta, SumRows { rows: outer, n: extent }, &[d_y]);
        }
        let inputs: Vec<Source> = [x, d_y].iter().chain(gamma).copied().collect();
        self.push_to(x, LayerNormGradX { outer, extent, epsilon, scale }, &inputs);
    }
}

/// The transpose that undoes another.
fn inverse(op: Transpose) -> Transpose {
    let (mut from, mut axes) = ([1; MAX_RANK], [0; MAX_RANK]);
    for (i, &axis) in op.axes[..op.rank].iter().enumerate() {
        from[i] = op.from[axis];
        axes[axis] = i;
    }
    for (i, axis) in axes.iter_mut().enumerate().skip(op.rank) {
        *axis = i;
    }
    Transpose { rank: op.rank, from, axes }
}

/// The adjoint of a slice: zeros before and behind it.
fn around(op: Slice) -> Pad2D {
    let Slice { outer, extent, inner, begin, len } = op;
    Pad2D {
        h: outer,
        w: len,
        c: inner,
        top: 0,
        bottom: 0,
        left: begin,
        right: extent - begin - len,
    }
}
