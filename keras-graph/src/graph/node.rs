//! What a graph is made of: nodes, what they hold and what they read.

use crate::dtype::Dtype;
use crate::op::Op;
use crate::shape::Shape;

/// A tensor that an op made, or an input of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// A weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WeightId(pub usize);

/// Where an op's input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Another node's result.
    Node(NodeId),
    /// A weight.
    Weight(WeightId),
}

impl From<NodeId> for Source {
    fn from(node: NodeId) -> Source {
        Source::Node(node)
    }
}

impl From<WeightId> for Source {
    fn from(weight: WeightId) -> Source {
        Source::Weight(weight)
    }
}

/// What a node holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NodeKind {
    /// The model's input number so-and-so.
    Input(usize),
    /// The gradient of the loss by the model's output number so-and-so: the loss writes it.
    OutputGradient(usize),
    /// The op's result, for each sample.
    Sample(Op),
    /// The op's result, summed over the samples of a batch. It has no batch axis.
    Reduced(Op),
    /// Like `Reduced`, merged as moments are.
    Moments(Op),
    /// Like `Reduced`, and added to the gradient by this weight.
    Gradient(Op, WeightId),
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it holds.
    pub kind: NodeKind,
    /// What the op reads.
    pub inputs: Vec<Source>,
    /// Extents, of one repetition of a sample unless the node is reduced.
    pub shape: Shape,
    /// Element type.
    pub dtype: Dtype,
    /// On how many parts of each sample the op runs, as on so many samples. The parts of a result
    /// follow one another.
    pub repeat: usize,
}

impl Node {
    /// Elements per sample, those of all repetitions, unless the node is reduced.
    pub fn elements(&self) -> usize {
        if self.is_reduced() { self.shape.len() } else { self.shape.len() * self.repeat }
    }
}
