//! `Identity`: nothing.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::schema::{layer, layer_basics};

layer! {
    /// Returns its input.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`.
    pub struct Identity {}
}

pub(super) const CASES: &[Case] = &[Case { arguments: "", inputs: &[&[2, 3]], output: &[2, 3] }];

impl Layer for Identity {
    layer_basics!(masking);

    fn lower(&self, _graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        Ok(x)
    }
}
