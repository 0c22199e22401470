//! `UnitNormalization`: vectors of length 1.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::Axes;
use crate::schema::{layer, layer_basics};

/// The least length that is divided by, as in Keras: a vector of zeros stays one.
const LEAST: f32 = 1e-12;

layer! {
    /// Divides the vectors along axes of each sample by their length: `y = x / √Σ x²`.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`.
    pub struct UnitNormalization {
        /// The axis, or the axes, of a vector.
        axis: Axes = Axes::One(-1),
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 5]], output: &[2, 5] },
    Case { arguments: "axis = 1", inputs: &[&[4, 2, 3]], output: &[4, 2, 3] },
    Case { arguments: "axis = [3, 1]", inputs: &[&[4, 2, 3]], output: &[4, 2, 3] },
];

impl Layer for UnitNormalization {
    layer_basics!();

    fn supports_masking(&self) -> bool {
        true
    }

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let axes = graph.axes("UnitNormalization", x, &self.axis)?;
        graph.l2_normalized(x, &axes, LEAST)
    }
}
