//! `ELU`: negative values approach a bound.

use crate::activation::Activation;
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::schema::{layer, layer_basics};

layer! {
    /// `y = x` where `x >= 0`, else `alpha · (e^x - 1)`.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`. Source: Clevert et al. 2015.
    pub struct ELU {
        /// Scale of the negative part.
        alpha: f32 = 1.0,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 3]], output: &[2, 3] },
    Case { arguments: "alpha = 0.5", inputs: &[&[5]], output: &[5] },
];

impl Layer for ELU {
    layer_basics!(masking);

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        graph.unary(x, Activation::Elu { alpha: self.alpha })
    }
}
