//! `Cropping2D`: an image without its edges.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::layers::family::cropped;
use crate::parameter::{ChannelsLast, Margins};
use crate::schema::{layer, layer_basics};

layer! {
    /// Cuts rows and columns off images, on all sides.
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, height - top - bottom, width - left -
    /// right, channels)`.
    pub struct Cropping2D {
        /// `((top, bottom), (left, right))`; `(height, width)` or one number stand for equal sides.
        cropping: Margins<2> = Margins([[0, 0], [0, 0]]),
        /// Order of the axes.
        data_format: ChannelsLast<2> = ChannelsLast,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[3, 4, 2]], output: &[3, 4, 2] },
    Case { arguments: "((1, 2), (0, 3))", inputs: &[&[7, 8, 2]], output: &[4, 5, 2] },
    Case { arguments: "cropping = (2, 1)", inputs: &[&[5, 6, 3]], output: &[1, 4, 3] },
];

impl Layer for Cropping2D {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        cropped("Cropping2D", graph, x, self.cropping)
    }
}
