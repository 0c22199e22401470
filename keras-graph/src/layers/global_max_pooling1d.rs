//! `GlobalMaxPooling1D`: the largest of each feature over the steps.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::ChannelsLast;
use crate::schema::{layer, layer_basics};

layer! {
    /// Takes the largest number of each feature over all steps; it takes no note of masks, as in
    /// Keras.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, features)`, or `(batch, 1, features)` with
    /// `keepdims`.
    pub struct GlobalMaxPooling1D {
        /// Order of the axes.
        data_format: ChannelsLast<1> = ChannelsLast,
        /// Whether the steps stay, as an axis of extent 1.
        keepdims: bool = false,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[5, 3]], output: &[3] },
    Case { arguments: "keepdims = True", inputs: &[&[2, 4]], output: &[1, 4] },
];

impl Layer for GlobalMaxPooling1D {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let [_, features] = graph.sequence("GlobalMaxPooling1D", x)?;
        let y = graph.max_rows(x)?;
        if self.keepdims { graph.reshape(y, &[1, features]) } else { Ok(y) }
    }
}
