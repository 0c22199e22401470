//! `AveragePooling2D`: the mean of each window.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::layers::max_pooling2d::with_strides;
use crate::parameter::{CallOnly, ChannelsLast, LayerName, Padding, Pair};
use crate::schema::{layer, layer_basics};
use crate::value::Value;
use crate::window::Sides;

layer! {
    /// Takes the mean of each window, by channel; cells beyond the edge do not count.
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, rows, columns, channels)`.
    pub struct AveragePooling2D {
        /// Height and width of a window.
        pool_size: Pair,
        /// Steps between windows; `pool_size` by default.
        strides: Option<Pair> = None,
        /// `"valid"`, or `"same"`: windows may reach beyond the edge.
        padding: Padding = Padding::Valid,
        /// Order of the axes.
        data_format: ChannelsLast = ChannelsLast,
        /// The layer's name.
        name: CallOnly<Option<LayerName>> = CallOnly(None),
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "2", inputs: &[&[6, 9, 2]], output: &[3, 4, 2] },
    Case { arguments: "(2, 3), padding = \"same\"", inputs: &[&[7, 8, 3]], output: &[4, 3, 3] },
    Case {
        arguments: "pool_size = 3, strides = (1, 2)",
        inputs: &[&[6, 8, 2]],
        output: &[4, 3, 2],
    },
];

impl Layer for AveragePooling2D {
    layer_basics!(no config);

    fn config(&self) -> Vec<(&'static str, Value)> {
        with_strides(self.config_values())
    }

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, [h, w, _]) = graph.image("AveragePooling2D", x)?;
        let kernel = self.pool_size.0;
        let strides = self.strides.map_or(kernel, |strides| strides.0);
        let sides = Sides { kernel, strides, dilation: [1, 1], padding: self.padding };
        let windows = sides.windows("AveragePooling2D", "pool_size", [h, w])?;
        graph.average_pool2d(x, windows)
    }
}
