//! What an op moves as it is, whatever its type, and what that makes of the result's type.

use crate::dtype::Dtype;
use crate::graph::{Graph, NodeId, Source};
use crate::op::{Op, Operation as _, Reader, Tensor};

/// Notes which inputs an op moves.
struct Moved<'a> {
    /// The inputs that the op has not been asked about.
    rest: &'a [Source],
    nodes: Vec<NodeId>,
}

impl Reader for Moved<'_> {
    fn tensor(&mut self, _: &'static str, tensor: Tensor) {
        let Some((first, rest)) = self.rest.split_first() else { return };
        self.rest = rest;
        if let (Tensor::Any(_), Source::Node(node)) = (tensor, first) {
            self.nodes.push(*node);
        }
    }

    fn parts(&mut self, _: &'static str, _: usize, _: usize) {
        let nodes = std::mem::take(&mut self.rest).iter().filter_map(|source| match source {
            Source::Node(node) => Some(*node),
            Source::Weight(_) => None,
        });
        self.nodes.extend(nodes);
    }
}

/// The nodes among an op's inputs that it moves as they are; none if it computes its result.
pub(crate) fn moved(op: &Op, inputs: &[Source]) -> Vec<NodeId> {
    if !matches!(op.makes(), Tensor::Any(_)) {
        return Vec::new();
    }
    let mut moved = Moved { rest: inputs, nodes: Vec::new() };
    op.reads(&mut moved);
    moved.nodes
}

impl Graph {
    /// Element type of an op's result. What is moved keeps its type; truth values beside floats are
    /// floats.
    pub(crate) fn dtype_made(&self, op: &Op, inputs: &[Source]) -> Dtype {
        match op.makes() {
            Tensor::Ids(_) => Dtype::Int32,
            Tensor::Any(_) => {
                let dtypes = moved(op, inputs).into_iter().map(|x| self.dtype(x));
                let both = |a: Dtype, b: Dtype| if a == b { a } else { Dtype::Float32 };
                dtypes.reduce(both).unwrap_or(Dtype::Float32)
            }
            Tensor::Sample(_)
            | Tensor::Weight(_)
            | Tensor::Sum(_)
            | Tensor::Moments(_)
            | Tensor::Gradient(_) => Dtype::Float32,
        }
    }
}
