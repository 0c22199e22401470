//! `RepeatVector`: the same features several times.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::schema::{layer, layer_basics};

layer! {
    /// Repeats the features of each sample along a new axis.
    ///
    /// Shapes: `(batch, features) -> (batch, n, features)`.
    pub struct RepeatVector {
        /// Extent of the new axis.
        n: usize,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "3", inputs: &[&[2]], output: &[3, 2] },
    Case { arguments: "n = 2", inputs: &[&[5]], output: &[2, 5] },
];

impl Layer for RepeatVector {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let &[features] = graph.shape(x).extents() else {
            let found = graph.shape(x);
            let message = format!("`RepeatVector` expects (batch, features), found {found}");
            return Err(LayerError::input(message).help("put `Flatten()` before it"));
        };
        graph.broadcast(x, &[self.n, features])
    }
}
