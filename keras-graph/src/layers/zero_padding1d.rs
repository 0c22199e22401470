//! `ZeroPadding1D`: zeros at the ends of a sequence.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::{ChannelsLast, Margins};
use crate::schema::{layer, layer_basics};

layer! {
    /// Puts zeros in front of sequences and behind them.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, left + steps + right, features)`.
    pub struct ZeroPadding1D {
        /// `(left, right)`; one number stands for both.
        padding: Margins<1> = Margins([[1, 1]]),
        /// Order of the axes.
        data_format: ChannelsLast<1> = ChannelsLast,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[4, 2]], output: &[6, 2] },
    Case { arguments: "(0, 3)", inputs: &[&[5, 2]], output: &[8, 2] },
    Case { arguments: "padding = 2", inputs: &[&[4, 3]], output: &[8, 3] },
];

impl Layer for ZeroPadding1D {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, _, _) = graph.cells::<1>("ZeroPadding1D", x)?;
        let [ends] = self.padding.0;
        graph.pad2d(x, [[0, 0], ends])
    }
}
