//! `ReLU`: negative values become 0.

use crate::activation::Activation;
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::{Bound, NonNegative};
use crate::schema::{layer, layer_basics};

layer! {
    /// `y = x` where `x > threshold`, else `negative_slope · (x - threshold)`; then at most
    /// `max_value`.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`.
    pub struct ReLU {
        /// Largest output; no bound by default.
        max_value: Option<Bound> = None,
        /// Slope below the threshold.
        negative_slope: NonNegative = NonNegative(0.0),
        /// Where the slope changes.
        threshold: NonNegative = NonNegative(0.0),
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 3]], output: &[2, 3] },
    Case {
        arguments: "max_value = 0.75, negative_slope = 0.25, threshold = 0.5",
        inputs: &[&[2, 7]],
        output: &[2, 7],
    },
];

impl Layer for ReLU {
    layer_basics!(masking);

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let f = Activation::Relu {
            negative_slope: self.negative_slope.0,
            max_value: self.max_value.map_or(f32::INFINITY, |max_value| max_value.0),
            threshold: self.threshold.0,
        };
        graph.unary(x, f)
    }
}
