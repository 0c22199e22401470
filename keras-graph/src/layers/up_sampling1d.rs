//! `UpSampling1D`: a longer sequence.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::op::Interpolation;
use crate::schema::{layer, layer_basics};

layer! {
    /// Repeats each step of a sequence.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, steps · size, features)`.
    pub struct UpSampling1D {
        /// How often each step stands in the result.
        size: usize = 2,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[3, 4]], output: &[6, 4] },
    Case { arguments: "size = 3", inputs: &[&[4, 2]], output: &[12, 2] },
];

impl Layer for UpSampling1D {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, _, _) = graph.cells::<1>("UpSampling1D", x)?;
        graph.upsample2d(x, [1, self.size], Interpolation::Nearest)
    }
}
