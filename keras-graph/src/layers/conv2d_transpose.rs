//! `Conv2DTranspose`: a convolution turned round.

use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::conv2d::check_strides;
use crate::layers::{Case, NamedActivation};
use crate::parameter::{ChannelsLast, Padding, Pair, ZeroPair};
use crate::regularizer::Regularizer;
use crate::schema::{layer, layer_basics};
use crate::window::Sides;

layer! {
    /// Adds a scaled kernel to the output for each cell of the input: what takes gradients back
    /// through a [`Conv2D`](super::Conv2D).
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, rows, columns, filters)`; with
    /// `padding = "same"` there are `height · strides[0]` rows.
    pub struct Conv2DTranspose {
        /// Extent of the output's last axis.
        filters: usize,
        /// Height and width of the kernel.
        kernel_size: Pair,
        /// Steps between the kernel's places in the output.
        strides: Pair = Pair([1, 1]),
        /// `"valid"`: all that the kernel reaches is kept; `"same"`: the edges are cut.
        padding: Padding = Padding::Valid,
        /// Rows and columns added at the end; fewer than the strides.
        output_padding: Option<ZeroPair> = None,
        /// Order of the axes.
        data_format: ChannelsLast = ChannelsLast,
        /// Steps between the cells of the kernel.
        dilation_rate: Pair = Pair([1, 1]),
        /// Function of the result; none by default.
        activation: NamedActivation = NamedActivation::LINEAR,
        /// Whether a learned bias is added.
        use_bias: bool = true,
    }
    weights {
        /// the kernel `(height, width, filters, channels)`
        kernel = Initializer::GLOROT_UNIFORM,
        /// the bias `(filters,)`
        bias = Initializer::ZEROS,
    }
    activity_regularizer: Option<Regularizer>;
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "4, 3", inputs: &[&[5, 6, 2]], output: &[7, 8, 4] },
    Case {
        arguments: "filters = 4, kernel_size = 3, strides = 2, padding = \"same\", \
            activation = \"relu\"",
        inputs: &[&[3, 5, 2]],
        output: &[6, 10, 4],
    },
    Case {
        arguments: "3, (2, 4), strides = (3, 2), output_padding = (2, 1), use_bias = False",
        inputs: &[&[4, 5, 2]],
        output: &[13, 13, 3],
    },
    Case { arguments: "3, 2, dilation_rate = (2, 3)", inputs: &[&[4, 5, 2]], output: &[6, 8, 3] },
];

impl Layer for Conv2DTranspose {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, [h, w, channels]) = graph.image("Conv2DTranspose", x)?;
        check_strides("Conv2DTranspose", self.strides, self.dilation_rate)?;
        if let Some(ZeroPair(added)) = self.output_padding
            && added.iter().zip(self.strides.0).any(|(&added, stride)| added >= stride)
        {
            let ([rows, columns], [down, across]) = (added, self.strides.0);
            let message = format!(
                "`Conv2DTranspose` expects `output_padding` below `strides` = ({down}, {across}), \
                 found ({rows}, {columns})"
            );
            return Err(LayerError::argument("output_padding", message));
        }
        let [kh, kw] = self.kernel_size.0;
        let sides = Sides {
            kernel: [kh, kw],
            strides: self.strides.0,
            dilation: self.dilation_rate.0,
            padding: self.padding,
        };
        let windows = sides.transposed([h, w], self.output_padding.map(|added| added.0));
        let extents = [kh, kw, self.filters, channels];
        let kernel = graph.weight("kernel", &extents, &self.kernel)?;
        let mut y = graph.conv2d_transpose(x, kernel, windows)?;
        if self.use_bias {
            let bias = graph.weight("bias", &[self.filters], &self.bias)?;
            y = graph.bias_add(y, bias)?;
        }
        self.activation.lower(graph, y)
    }
}
