//! `Subtract`: the difference of two tensors.

use crate::call::{Call, Lowered};
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::{Layer, MaskSource, MaskedRank};
use crate::layers::Case;
use crate::layers::merge::{merge, merged_mask, merged_mask_sources};
use crate::op::BinaryFunction;
use crate::schema::{layer, layer_basics};

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
    layer_basics!();

    fn lower_list(&self, graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
        if inputs.len() != 2 {
            let message = format!("`Subtract` expects a list of 2 tensors, found {}", inputs.len());
            return Err(LayerError::input(message));
        }
        merge("Subtract", graph, inputs, BinaryFunction::Subtract)
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn compute_mask(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Option<NodeId>, LayerError> {
        merged_mask(graph, call)
    }

    fn mask_sources(&self, inputs: &[MaskedRank]) -> Vec<MaskSource> {
        merged_mask_sources(inputs)
    }

    fn joins(&self) -> bool {
        true
    }
}
