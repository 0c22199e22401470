//! `Flatten`: all axes become one.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::ChannelsLast;
use crate::schema::{layer, layer_basics};

layer! {
    /// Makes one axis of all axes but the batch.
    ///
    /// Shapes: `(batch, a, b, ...) -> (batch, a · b · ...)`, `(batch) -> (batch, 1)`.
    pub struct Flatten {
        /// Order of the axes of an image.
        data_format: ChannelsLast<2> = ChannelsLast,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 3, 4]], output: &[24] },
    Case { arguments: "", inputs: &[&[5]], output: &[5] },
];

impl Layer for Flatten {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let len = crate::shape::checked_len(graph.shape(x).extents())?;
        graph.reshape(x, &[len])
    }
}
