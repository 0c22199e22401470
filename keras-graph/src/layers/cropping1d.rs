//! `Cropping1D`: a sequence without its ends.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::layers::family::cropped;
use crate::parameter::Margins;
use crate::schema::{layer, layer_basics};

layer! {
    /// Cuts steps off sequences, in front and behind.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, steps - left - right, features)`.
    pub struct Cropping1D {
        /// `(left, right)`; one number stands for both.
        cropping: Margins<1> = Margins([[1, 1]]),
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[5, 2]], output: &[3, 2] },
    Case { arguments: "cropping = (0, 3)", inputs: &[&[7, 3]], output: &[4, 3] },
];

impl Layer for Cropping1D {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        cropped("Cropping1D", graph, x, self.cropping)
    }
}
