//! `DepthwiseConv2D`: a convolution of each channel by itself.

use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::{Case, NamedActivation};
use crate::parameter::{ChannelsLast, Padding, Pair};
use crate::regularizer::Regularizer;
use crate::schema::{layer, layer_basics};
use crate::window::Sides;

layer! {
    /// Convolves each channel with kernels of its own: `y[i, j, c · depth_multiplier + m] =
    /// activation(Σ x[i + a, j + b, c] · kernel[a, b, c, m] + bias[..])`.
    ///
    /// Shapes:
    /// `(batch, height, width, channels) -> (batch, rows, columns, channels · depth_multiplier)`.
    pub struct DepthwiseConv2D {
        /// Height and width of the kernel.
        kernel_size: Pair,
        /// Steps between windows.
        strides: Pair = Pair([1, 1]),
        /// `"valid"`, or `"same"`: zeros around the image.
        padding: Padding = Padding::Valid,
        /// Output channels for each input channel.
        depth_multiplier: usize = 1,
        /// Order of the axes.
        data_format: ChannelsLast = ChannelsLast,
        /// Steps between the cells of one window.
        dilation_rate: Pair = Pair([1, 1]),
        /// Function of the result; none by default.
        activation: NamedActivation = NamedActivation::LINEAR,
        /// Whether a learned bias is added.
        use_bias: bool = true,
    }
    weights {
        /// the kernel `(height, width, channels, depth_multiplier)`
        depthwise = Initializer::GLOROT_UNIFORM,
        /// the bias
        bias = Initializer::ZEROS,
    }
    activity_regularizer: Option<Regularizer>;
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "3", inputs: &[&[6, 7, 2]], output: &[4, 5, 2] },
    Case {
        arguments: "kernel_size = (3, 2), strides = 2, padding = \"same\", depth_multiplier = 3, \
            activation = \"relu\"",
        inputs: &[&[7, 9, 2]],
        output: &[4, 5, 6],
    },
    Case {
        arguments: "(2, 3), dilation_rate = (3, 2), use_bias = False",
        inputs: &[&[5, 7, 4]],
        output: &[2, 3, 4],
    },
];

impl Layer for DepthwiseConv2D {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, [h, w, channels]) = graph.image("DepthwiseConv2D", x)?;
        let [kh, kw] = self.kernel_size.0;
        let sides = Sides {
            kernel: [kh, kw],
            strides: self.strides.0,
            dilation: self.dilation_rate.0,
            padding: self.padding,
        };
        let windows = sides.windows("DepthwiseConv2D", "kernel_size", [h, w])?;
        let extents = [kh, kw, channels, self.depth_multiplier];
        let kernel = graph.weight("kernel", &extents, &self.depthwise)?;
        let mut y = graph.depthwise2d(x, kernel, windows)?;
        if self.use_bias {
            let extents = [channels * self.depth_multiplier];
            let bias = graph.weight("bias", &extents, &self.bias)?;
            y = graph.bias_add(y, bias)?;
        }
        self.activation.lower(graph, y)
    }
}
