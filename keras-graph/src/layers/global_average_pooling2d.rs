//! `GlobalAveragePooling2D`: the mean of each channel.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::ChannelsLast;
use crate::schema::{layer, layer_basics};

layer! {
    /// Takes the mean of each channel over height and width.
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, channels)`, or `(batch, 1, 1,
    /// channels)` with `keepdims`.
    pub struct GlobalAveragePooling2D {
        /// Order of the axes.
        data_format: ChannelsLast<2> = ChannelsLast,
        /// Whether height and width stay, as axes of extent 1.
        keepdims: bool = false,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[4, 5, 3]], output: &[3] },
    Case { arguments: "keepdims = True", inputs: &[&[2, 3, 4]], output: &[1, 1, 4] },
];

impl Layer for GlobalAveragePooling2D {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, [_, _, channels]) = graph.image("GlobalAveragePooling2D", x)?;
        let y = graph.mean_rows(x)?;
        if self.keepdims { graph.reshape(y, &[1, 1, channels]) } else { Ok(y) }
    }
}
