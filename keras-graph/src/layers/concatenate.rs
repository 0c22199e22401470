//! `Concatenate`: tensors side by side.

use crate::call::{Call, Lowered};
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::{Layer, MaskSource, MaskedRank};
use crate::layers::Case;
use crate::schema::{layer, layer_basics};
use crate::shape::Shape;

layer! {
    /// Joins tensors along an axis.
    ///
    /// Called on a list. Shapes: `[(batch, a, b), (batch, a, c), ...] -> (batch, a, b + c + ...)`.
    pub struct Concatenate {
        /// The axis that may differ; the last by default.
        axis: i64 = -1,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 3], &[2, 4]], output: &[2, 7] },
    Case {
        arguments: "axis = 1",
        inputs: &[&[2, 4, 3], &[5, 4, 3], &[3, 4, 3]],
        output: &[10, 4, 3],
    },
];

impl Layer for Concatenate {
    layer_basics!(masking);

    fn lower_list(&self, graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
        let Some(&first) = inputs.first() else {
            return Err(LayerError::input(
                "`Concatenate` expects a list of tensors, found an empty one",
            ));
        };
        let shape = graph.shape(first);
        let Some(axis) = shape.axis(self.axis) else {
            let message = format!(
                "`Concatenate` expects `axis` to be one of {shape} but the batch, \
                 found `axis = {}`",
                self.axis
            );
            return Err(LayerError::argument("axis", message));
        };
        let but_axis = |shape: &Shape| {
            let mut extents = shape.extents().to_vec();
            if let Some(extent) = extents.get_mut(axis) {
                *extent = 1;
            }
            extents
        };
        if inputs.iter().any(|&x| but_axis(graph.shape(x)) != but_axis(shape)) {
            let found: Vec<String> = inputs.iter().map(|&x| graph.shape(x).to_string()).collect();
            let message = format!(
                "`Concatenate` expects shapes that differ in axis {} alone, found {}",
                axis + 1,
                found.join(" and ")
            );
            return Err(LayerError::input(message));
        }
        graph.concat(inputs, axis)
    }

    /// The masks side by side; along the last axis, what counts in any tensor. One without a mask
    /// counts everywhere.
    fn compute_mask(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Option<NodeId>, LayerError> {
        if call.inputs.iter().all(|input| input.mask.is_none()) {
            return Ok(None);
        }
        let mut masks = Vec::with_capacity(call.inputs.len());
        for input in &call.inputs {
            let extents = graph.extents(input.node);
            let mask = match input.mask {
                Some(mask) => mask,
                None => {
                    let ones = graph.ramp(&extents, 1.0, 0.0)?;
                    graph.as_truth(ones)?
                }
            };
            masks.push(graph.cover(mask, &extents)?);
        }
        let axis = graph.shape(call.inputs[0].node).axis(self.axis).unwrap_or_default();
        let side_by_side = graph.concat(&masks, axis)?;
        graph.any_last(side_by_side).map(Some)
    }

    /// The masks are joined and looked at along the last axis. One of fewer axes than its tensor
    /// gets another axis and is joined with zeros like the tensor; a missing one is ones like the
    /// tensor.
    fn mask_sources(&self, inputs: &[MaskedRank]) -> Vec<MaskSource> {
        let sources = |(input, of): (usize, &MaskedRank)| {
            let source = |is_mask, operations| MaskSource { input, is_mask, operations };
            match of.mask {
                None => vec![source(false, 3)],
                Some(rank) if rank < of.rank => vec![source(true, 4), source(false, 4)],
                Some(_) => vec![source(true, 2)],
            }
        };
        inputs.iter().enumerate().flat_map(sources).collect()
    }

    fn joins(&self) -> bool {
        true
    }
}
