//! `Subtract`: the difference of two tensors.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::layers::merge::{merge, merge_basics};
use crate::op::BinaryFunction;
use crate::schema::layer;

layer! {
    /// Subtracts the second tensor from the first: `y = a - b`.
    ///
    /// Called on a list of two: axes of extent 1 are repeated, missing axes inserted after the
    /// batch. Shapes: `[(batch, ...), (batch, ...)] -> (batch, ...)`.
    pub struct Subtract {}
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 3], &[2, 3]], output: &[2, 3] },
    Case { arguments: "", inputs: &[&[3], &[4, 2, 3]], output: &[4, 2, 3] },
];

impl Layer for Subtract {
    merge_basics!();

    fn lower_list(&self, graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
        if inputs.len() != 2 {
            let message = format!("`Subtract` expects a list of 2 tensors, found {}", inputs.len());
            return Err(LayerError::input(message));
        }
        merge("Subtract", graph, inputs, BinaryFunction::Subtract)
    }
}
