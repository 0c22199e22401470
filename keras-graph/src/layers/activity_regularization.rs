//! `ActivityRegularization`: a penalty on what passes.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::NonNegative;
use crate::regularizer::Regularizer;
use crate::schema::{layer, layer_basics};

layer! {
    /// Returns its input and adds `(l1 · Σ|x| + l2 · Σx²) / batch` to the loss.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`.
    pub struct ActivityRegularization {
        /// Weight of the sum of magnitudes.
        l1: NonNegative = NonNegative(0.0),
        /// Weight of the sum of squares.
        l2: NonNegative = NonNegative(0.0),
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "l1 = 0.25, l2 = 0.5", inputs: &[&[2, 3]], output: &[2, 3] },
    Case { arguments: "", inputs: &[&[5]], output: &[5] },
];

impl Layer for ActivityRegularization {
    layer_basics!(masking);

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (l1, l2) = (self.l1.0, self.l2.0);
        let x = graph.float(x)?;
        if l1 > 0.0 || l2 > 0.0 {
            graph.penalise_activity(x, Regularizer { class: "L1L2", l1, l2 });
        }
        Ok(x)
    }
}
