//! `Activation`: a function by name.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::{Case, NamedActivation};
use crate::schema::{layer, layer_basics};

layer! {
    /// Applies an activation function.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`; `glu` halves the last axis.
    pub struct Activation {
        /// The function's name, such as `"relu"`.
        activation: NamedActivation,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "\"relu\"", inputs: &[&[2, 3]], output: &[2, 3] },
    Case { arguments: "\"silu\"", inputs: &[&[2, 3]], output: &[2, 3] },
    Case { arguments: "\"softmax\"", inputs: &[&[2, 5]], output: &[2, 5] },
    Case { arguments: "\"log_softmax\"", inputs: &[&[2, 5]], output: &[2, 5] },
    Case { arguments: "\"glu\"", inputs: &[&[2, 6]], output: &[2, 3] },
];

impl Layer for Activation {
    layer_basics!(masking);

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        self.activation.lower(graph, x)
    }
}
