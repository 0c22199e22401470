//! `LeakyReLU`: negative values shrink.

use crate::activation::Activation;
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::NonNegative;
use crate::schema::{layer, layer_basics};

layer! {
    /// `y = x` where `x >= 0`, else `negative_slope · x`.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`.
    pub struct LeakyReLU {
        /// Slope of the negative part. The activation `"leaky_relu"` has 0.2.
        negative_slope: NonNegative = NonNegative(0.3),
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 3]], output: &[2, 3] },
    Case { arguments: "0.5", inputs: &[&[5]], output: &[5] },
];

impl Layer for LeakyReLU {
    layer_basics!(masking);

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        graph.unary(x, Activation::LeakyRelu { negative_slope: self.negative_slope.0 })
    }
}
