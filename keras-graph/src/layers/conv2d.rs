//! `Conv2D`: a convolution over images.

use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::{Case, NamedActivation};
use crate::parameter::{CallOnly, ChannelsLast, OnlyNone, Padding, Pair};
use crate::regularizer::Regularizer;
use crate::schema::{layer, layer_basics};
use crate::window::Sides;

layer! {
    /// Convolution over images:
    /// `y[i, j, o] = activation(Σ x[i + a, j + b, c] · kernel[a, b, c, o] + bias[o])`.
    ///
    /// Shapes: `(batch, height, width, channels) -> (batch, rows, columns, filters)`.
    pub struct Conv2D {
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
        /// Parts that share out the input's and the output's channels.
        groups: usize = 1,
        /// Function of the result; none by default.
        activation: NamedActivation = NamedActivation::LINEAR,
        /// Whether a learned bias is added.
        use_bias: bool = true,
    }
    weights {
        /// the kernel `(height, width, channels / groups, filters)`
        kernel = Initializer::GLOROT_UNIFORM,
        /// the bias `(filters,)`
        bias = Initializer::ZEROS,
    }
    activity_regularizer: Option<Regularizer>;
    and {
        /// Not supported yet.
        lora_rank: CallOnly<OnlyNone> = CallOnly(OnlyNone),
        /// Not supported yet.
        lora_alpha: CallOnly<OnlyNone> = CallOnly(OnlyNone),
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "4, 3", inputs: &[&[6, 7, 2]], output: &[4, 5, 4] },
    Case {
        arguments: "filters = 4, kernel_size = (3, 2), strides = (2, 3), padding = \"same\", \
            activation = \"relu\"",
        inputs: &[&[7, 8, 3]],
        output: &[4, 3, 4],
    },
    Case {
        arguments: "filters = 6, kernel_size = 2, dilation_rate = (2, 3), groups = 2, \
            use_bias = False",
        inputs: &[&[5, 7, 4]],
        output: &[3, 4, 6],
    },
];

/// Refuses strides with dilation, as Keras does.
pub(super) fn check_strides(class: &str, strides: Pair, dilation: Pair) -> Result<(), LayerError> {
    if strides.0 == [1, 1] || dilation.0 == [1, 1] {
        return Ok(());
    }
    let ([a, b], [c, d]) = (strides.0, dilation.0);
    Err(LayerError::argument(
        "dilation_rate",
        format!(
            "`{class}` expects either strides or dilation of 1, found `strides = ({a}, {b})` and \
             `dilation_rate = ({c}, {d})`"
        ),
    ))
}

impl Conv2D {
    fn check_groups(&self, channels: usize) -> Result<(), LayerError> {
        let groups = self.groups;
        for (what, extent) in [("filters", self.filters), ("channels of its input", channels)] {
            if extent % groups != 0 {
                let message = format!(
                    "`Conv2D` expects `groups` to divide the {what}, found `groups = {groups}` and \
                     {extent}"
                );
                return Err(LayerError::argument("groups", message));
            }
        }
        Ok(())
    }
}

impl Layer for Conv2D {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, [h, w, channels]) = graph.image("Conv2D", x)?;
        check_strides("Conv2D", self.strides, self.dilation_rate)?;
        self.check_groups(channels)?;
        let sides = Sides {
            kernel: self.kernel_size.0,
            strides: self.strides.0,
            dilation: self.dilation_rate.0,
            padding: self.padding,
        };
        let windows = sides.windows("Conv2D", "kernel_size", [h, w])?;
        let [kh, kw] = self.kernel_size.0;
        let extents = [kh, kw, channels / self.groups, self.filters];
        let kernel = graph.weight("kernel", &extents, &self.kernel)?;
        let mut y = graph.conv2d(x, kernel, windows, self.groups)?;
        if self.use_bias {
            let bias = graph.weight("bias", &[self.filters], &self.bias)?;
            y = graph.bias_add(y, bias)?;
        }
        self.activation.lower(graph, y)
    }
}
