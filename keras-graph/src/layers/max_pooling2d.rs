//! `MaxPooling2D`: the largest cell of each window.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::{CallOnly, ChannelsLast, LayerName, Padding, Pair};
use crate::schema::{layer, layer_basics};
use crate::value::Value;
use crate::window::Sides;

layer! {
    /// Takes the largest cell of each window, by channel.
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, rows, columns, channels)`.
    pub struct MaxPooling2D {
        /// Height and width of a window.
        pool_size: Pair = Pair([2, 2]),
        /// Steps between windows; `pool_size` by default.
        strides: Option<Pair> = None,
        /// `"valid"`, or `"same"`: windows may reach beyond the edge, where nothing counts.
        padding: Padding = Padding::Valid,
        /// Order of the axes.
        data_format: ChannelsLast = ChannelsLast,
        /// The layer's name.
        name: CallOnly<Option<LayerName>> = CallOnly(None),
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[6, 9, 2]], output: &[3, 4, 2] },
    Case { arguments: "(2, 3), padding = \"same\"", inputs: &[&[7, 8, 3]], output: &[4, 3, 3] },
    Case {
        arguments: "pool_size = 3, strides = (1, 2)",
        inputs: &[&[6, 8, 2]],
        output: &[4, 3, 2],
    },
];

/// The configuration with the strides that `None` stands for.
pub(super) fn with_strides(mut values: Vec<(&'static str, Value)>) -> Vec<(&'static str, Value)> {
    let pool_size =
        values.iter().find(|(name, _)| *name == "pool_size").map(|(_, value)| value.clone());
    for (name, value) in &mut values {
        if let (&mut "strides", Value::None, Some(pool_size)) = (name, &*value, &pool_size) {
            *value = pool_size.clone();
        }
    }
    values
}

impl Layer for MaxPooling2D {
    layer_basics!(no config);

    fn config(&self) -> Vec<(&'static str, Value)> {
        with_strides(self.config_values())
    }

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, [h, w, _]) = graph.image("MaxPooling2D", x)?;
        let kernel = self.pool_size.0;
        let strides = self.strides.map_or(kernel, |strides| strides.0);
        let sides = Sides { kernel, strides, dilation: [1, 1], padding: self.padding };
        let windows = sides.windows("MaxPooling2D", "pool_size", [h, w])?;
        graph.max_pool2d(x, windows)
    }
}
