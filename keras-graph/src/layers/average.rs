//! `Average`: the mean of tensors.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::layers::merge::{merge, merge_basics};
use crate::op::BinaryFunction;
use crate::schema::layer;

layer! {
    /// Takes the mean of tensors: `y = (a + b + ...) / n`.
    ///
    /// Called on a list: axes of extent 1 are repeated, missing axes inserted after the batch.
    /// Shapes: `[(batch, ...), (batch, ...), ...] -> (batch, ...)`.
    pub struct Average {}
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 3], &[2, 3]], output: &[2, 3] },
    Case { arguments: "", inputs: &[&[4, 2, 3], &[3], &[4, 1, 3]], output: &[4, 2, 3] },
];

impl Layer for Average {
    merge_basics!();

    fn lower_list(&self, graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
        let sum = merge("Average", graph, inputs, BinaryFunction::Add)?;
        match inputs.len() {
            1 => Ok(sum),
            count => graph.affine(sum, 1.0 / count as f32, 0.0),
        }
    }
}
