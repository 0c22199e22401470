//! `Rescaling`: a fixed scale and offset.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layers::Case;
use crate::schema::{Layer, layer, layer_basics};

layer! {
    /// `y = scale · x + offset`, for example to bring pixels into 0 to 1.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`.
    pub struct Rescaling {
        /// The factor.
        scale: f32,
        /// The summand.
        offset: f32 = 0.0,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "0.25", inputs: &[&[2, 3]], output: &[2, 3] },
    Case { arguments: "scale = 2.0, offset = -1.0", inputs: &[&[5]], output: &[5] },
];

impl Layer for Rescaling {
    layer_basics!();

    fn supports_masking(&self) -> bool {
        true
    }

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        graph.affine(x, self.scale, self.offset)
    }
}
