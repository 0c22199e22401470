//! What appends the gradient of an op: every op has a [`Differentiate`], in its family's file.

use crate::activation::Activation;
use crate::dtype::Dtype;
use crate::graph::{LayerError, Node, NodeId, NodeKind, Source};
use crate::op::{Binary, BinaryFunction, Op, PenaltyGrad, SumRows, UnaryGrad};
use crate::program::{Part, Program, reduce};

/// An op that is differentiated.
pub(crate) trait Differentiate {
    /// Appends the ops of the gradients by what the op reads. Errors: an op that has none, because
    /// it is one itself.
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError>;
}

/// Says that ops make integers, truth values or constants, through which no gradient goes.
macro_rules! not_differentiable {
    ($($name:ident),*) => {
        $(
            impl $crate::ops::gradient::Differentiate for $name {
                fn differentiate(
                    &self,
                    _: &mut $crate::ops::gradient::Gradients,
                    _: &$crate::ops::gradient::Made,
                ) -> Result<(), $crate::graph::LayerError> {
                    Ok(())
                }
            }
        )*
    };
}
pub(crate) use not_differentiable;

/// Says that ops have no gradient of their own.
macro_rules! no_gradient {
    ($($name:ident),*) => {
        $(
            impl $crate::ops::gradient::Differentiate for $name {
                fn differentiate(
                    &self,
                    _: &mut $crate::ops::gradient::Gradients,
                    _: &$crate::ops::gradient::Made,
                ) -> Result<(), $crate::graph::LayerError> {
                    $crate::ops::gradient::none(&$crate::op::Op::from(*self))
                }
            }
        )*
    };
}
pub(crate) use no_gradient;

/// The error of an op that is a gradient itself.
pub(crate) fn none(op: &Op) -> Result<(), LayerError> {
    Err(LayerError::input(format!("the op `{}` has no gradient of its own", op.name())))
}

macro_rules! all {
    ($($method:ident: $name:ident,)*) => {
        impl Differentiate for Op {
            fn differentiate(
                &self,
                gradients: &mut Gradients,
                made: &Made,
            ) -> Result<(), LayerError> {
                match self { $(Op::$name(op) => op.differentiate(gradients, made),)* }
            }
        }
    };
}
crate::for_each_op!(all);

/// The result of an op, its gradient, and what the op read.
pub(crate) struct Made<'a> {
    pub(crate) y: NodeId,
    pub(crate) d_y: Source,
    pub(crate) op: &'a Op,
    pub(crate) inputs: &'a [Source],
}

impl Made<'_> {
    /// All inputs. Errors: another number of them.
    pub(crate) fn inputs<const N: usize>(&self) -> Result<[Source; N], LayerError> {
        self.inputs.try_into().map_err(|_| self.wrong_number())
    }

    /// The inputs that the op always has, and the others.
    pub(crate) fn first_inputs<const N: usize>(
        &self,
    ) -> Result<([Source; N], &[Source]), LayerError> {
        let (first, others) = self.inputs.split_first_chunk().ok_or_else(|| self.wrong_number())?;
        Ok((*first, others))
    }

    fn wrong_number(&self) -> LayerError {
        let (name, found) = (self.op.name(), self.inputs.len());
        LayerError::input(format!("the op `{name}` cannot read {found} tensors"))
    }
}

/// The gradients that a walk over the ops has gathered so far.
pub(crate) struct Gradients<'a> {
    pub(crate) program: &'a mut Program,
    /// Of each forward node: whether somebody reads the gradient by it.
    pub(crate) wanted: Vec<bool>,
    /// The gradient by each forward node, as far as it is gathered.
    pub(crate) found: Vec<Option<NodeId>>,
}

impl Gradients<'_> {
    /// Adds the gradients that come from outside: the loss's and those of penalties on activations.
    pub(crate) fn start(&mut self) {
        for (index, output) in self.program.graph.outputs.clone().into_iter().enumerate() {
            let kind = NodeKind::OutputGradient(index);
            let described = self.program.graph.nodes[output.0].clone();
            let node = self.program.graph.add(Node { kind, inputs: vec![], ..described });
            self.program.output_gradients.push(node);
            self.add(output.into(), node);
        }
        for (node, penalty) in self.program.graph.activity.clone() {
            if self.wanted[node.0] {
                let (l1, l2) = (penalty.l1, penalty.l2);
                let op = PenaltyGrad { len: self.len(node.into()), l1, l2 };
                self.push(node.into(), op, &[node.into()]);
            }
        }
    }

    /// Elements of what an op reads.
    pub(crate) fn len(&self, source: Source) -> usize {
        self.program.graph.source_shape(source).len()
    }

    /// Whether anybody reads the gradient by what an op reads.
    pub(crate) fn wants(&self, source: Source) -> bool {
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
        let sum = match self.found[x.0] {
            None => d_x,
            Some(other) => {
                let op = Binary { len: self.len(x.into()), f: BinaryFunction::Add };
                self.push_like(x, op, &[other.into(), d_x.into()])
            }
        };
        self.found[x.0] = Some(sum);
    }

    /// Says that the gradient by `x` is that by `y`.
    pub(crate) fn pass(&mut self, x: Source, d_y: Source) {
        if let Source::Node(d_y) = d_y {
            self.add(x, d_y);
        }
    }

    /// Appends an op whose result is a gradient by the node `x`, if anybody reads it.
    pub(crate) fn push(&mut self, x: Source, op: impl Into<Op>, inputs: &[Source]) {
        if let (Source::Node(node), true) = (x, self.wants(x)) {
            let d_x = self.push_like(node, op, inputs);
            self.add(x, d_x);
        }
    }

    /// Appends an op whose result is as large and repeated as often as a node.
    fn push_like(&mut self, node: NodeId, op: impl Into<Op>, inputs: &[Source]) -> NodeId {
        let Node { shape, repeat, .. } = self.program.graph.nodes[node.0].clone();
        let (kind, dtype) = (NodeKind::Sample(op.into()), Dtype::Float32);
        self.program.graph.add(Node { kind, inputs: inputs.to_vec(), shape, dtype, repeat })
    }

    /// Appends an op whose result is a gradient by a weight, if it is trained.
    pub(crate) fn push_weight(&mut self, weight: Source, op: impl Into<Op>, inputs: &[Source]) {
        if let (Source::Weight(id), true) = (weight, self.wants(weight)) {
            let shape = self.program.graph.source_shape(weight).clone();
            self.program.graph.add(Node {
                kind: NodeKind::Gradient(op.into(), id),
                inputs: inputs.to_vec(),
                shape,
                dtype: Dtype::Float32,
                repeat: self.program.graph.repeat,
            });
        }
    }

    /// Appends an op whose result has the shape of `like`.
    pub(crate) fn made(&mut self, op: impl Into<Op>, inputs: &[Source], like: Source) -> Source {
        let shape = self.program.graph.source_shape(like).clone();
        self.program.graph.push(op, inputs, shape).into()
    }

    /// Appends the gradient by a bias, if there is one.
    pub(crate) fn push_bias(&mut self, bias: Option<&Source>, op: SumRows, d_y: Source) {
        if let Some(&bias) = bias {
            self.push_weight(bias, op, &[d_y]);
        }
    }

    /// Appends a sum over all samples, of `len` elements.
    pub(crate) fn reduce(&mut self, op: impl Into<Op>, inputs: &[Source], len: usize) -> NodeId {
        reduce(&mut self.program.graph, op, inputs, len)
    }

    /// Notes that a part of `sums`, from an element on, is the gradient by a weight, if it is
    /// trained.
    pub(crate) fn part_of(&mut self, sums: NodeId, from: usize, weight: Source) {
        if let (Source::Weight(id), true) = (weight, self.wants(weight)) {
            self.program.parts.push(Part { sums, from, weight: id });
        }
    }

    /// The gradient by what a fused activation was applied to, if the op carries one.
    pub(crate) fn before_activation(
        &mut self,
        f: Activation,
        made: &Made,
    ) -> Result<Source, LayerError> {
        if f == Activation::Linear {
            return Ok(made.d_y);
        }
        if !f.derivative_from_output() {
            let message =
                format!("the derivative of {f:?} needs the input, which a joined op does not keep");
            return Err(LayerError::input(message));
        }
        let op = UnaryGrad { len: self.len(made.y.into()), f };
        Ok(self.push_like(made.y, op, &[made.y.into(), made.d_y]).into())
    }
}
