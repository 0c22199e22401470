//! `ZeroPadding2D`: zeros around an image.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::{ChannelsLast, Margins};
use crate::schema::{layer, layer_basics};

layer! {
    /// Puts zeros around images.
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, top + height + bottom, left + width +
    /// right, channels)`.
    pub struct ZeroPadding2D {
        /// `((top, bottom), (left, right))`; `(height, width)` or one number stand for equal sides.
        padding: Margins<2> = Margins([[1, 1], [1, 1]]),
        /// Order of the axes.
        data_format: ChannelsLast<2> = ChannelsLast,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[4, 5, 2]], output: &[6, 7, 2] },
    Case { arguments: "((1, 2), (0, 3))", inputs: &[&[4, 5, 2]], output: &[7, 8, 2] },
    Case { arguments: "padding = (2, 1)", inputs: &[&[4, 6, 3]], output: &[8, 8, 3] },
];

impl Layer for ZeroPadding2D {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, _, _) = graph.cells::<2>("ZeroPadding2D", x)?;
        graph.pad2d(x, self.padding.0)
    }
}
