//! `Permute`: axes in another order.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::Counts;
use crate::schema::{ParameterType, layer, layer_basics};

layer! {
    /// Puts the axes of each sample in another order: axis `i` of the result is axis `dims[i]` of
    /// the input.
    ///
    /// Shapes: `(batch, a, b) -> (batch, b, a)` for `dims = (2, 1)`.
    pub struct Permute {
        /// The axes in their new order; 1 is the first behind the batch.
        dims: Counts,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "(2, 1)", inputs: &[&[2, 3]], output: &[3, 2] },
    Case { arguments: "dims = (3, 1, 2)", inputs: &[&[2, 3, 4]], output: &[4, 2, 3] },
];

impl Layer for Permute {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let rank = graph.shape(x).rank();
        let mut sorted = self.dims.0.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(1..=rank) {
            let message = format!(
                "`Permute` expects `dims` to hold each axis of {} once, 1 to {rank}, found {}",
                graph.shape(x),
                self.dims.to_value(),
            );
            return Err(LayerError::argument("dims", message));
        }
        let axes: Vec<usize> = self.dims.0.iter().map(|axis| axis - 1).collect();
        graph.transpose(x, &axes)
    }
}
