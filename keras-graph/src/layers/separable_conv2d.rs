//! `SeparableConv2D`: a convolution by channel, then one by cell.

use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::{Case, NamedActivation};
use crate::parameter::{ChannelsLast, Padding, Pair};
use crate::regularizer::Regularizer;
use crate::schema::{layer, layer_basics};
use crate::window::Sides;

layer! {
    /// Convolves each channel by itself, then mixes the channels of each cell.
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, rows, columns, filters)`. Source:
    /// Chollet 2016.
    pub struct SeparableConv2D {
        /// Extent of the output's last axis.
        filters: usize,
        /// Height and width of the kernel.
        kernel_size: Pair,
        /// Steps between windows.
        strides: Pair = Pair([1, 1]),
        /// `"valid"`, or `"same"`: zeros around the image.
        padding: Padding = Padding::Valid,
        /// Order of the axes.
        data_format: ChannelsLast = ChannelsLast,
        /// Steps between the cells of one window.
        dilation_rate: Pair = Pair([1, 1]),
        /// Channels made of each input channel before they are mixed.
        depth_multiplier: usize = 1,
        /// Function of the result; none by default.
        activation: NamedActivation = NamedActivation::LINEAR,
        /// Whether a learned bias is added.
        use_bias: bool = true,
    }
    weights {
        /// the first kernel `(height, width, channels, depth_multiplier)`
        depthwise = Initializer::GLOROT_UNIFORM,
        /// the second kernel `(1, 1, channels · depth_multiplier, filters)`
        pointwise = Initializer::GLOROT_UNIFORM,
        /// the bias `(filters,)`
        bias = Initializer::ZEROS,
    }
    activity_regularizer: Option<Regularizer>;
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "4, 3", inputs: &[&[6, 7, 2]], output: &[4, 5, 4] },
    Case {
        arguments: "filters = 5, kernel_size = (3, 2), strides = 2, padding = \"same\", \
            depth_multiplier = 3, activation = \"relu\"",
        inputs: &[&[7, 9, 2]],
        output: &[4, 5, 5],
    },
];

impl Layer for SeparableConv2D {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, [h, w, channels]) = graph.image("SeparableConv2D", x)?;
        let [kh, kw] = self.kernel_size.0;
        let sides = Sides {
            kernel: [kh, kw],
            strides: self.strides.0,
            dilation: self.dilation_rate.0,
            padding: self.padding,
        };
        let windows = sides.windows("SeparableConv2D", "kernel_size", [h, w])?;
        let extents = [kh, kw, channels, self.depth_multiplier];
        let depthwise = graph.weight("depthwise_kernel", &extents, &self.depthwise)?;
        let y = graph.depthwise2d(x, depthwise, windows)?;
        let extents = [1, 1, channels * self.depth_multiplier, self.filters];
        let pointwise = graph.weight("pointwise_kernel", &extents, &self.pointwise)?;
        let cells = windows.map(|window| window.output);
        let windows = Sides::POINT.windows("SeparableConv2D", "kernel_size", cells)?;
        let mut y = graph.conv2d(y, pointwise, windows, 1)?;
        if self.use_bias {
            let bias = graph.weight("bias", &[self.filters], &self.bias)?;
            y = graph.bias_add(y, bias)?;
        }
        self.activation.lower(graph, y)
    }
}
