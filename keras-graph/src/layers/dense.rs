//! `Dense`: a product with a matrix.

use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::{Case, NamedActivation};
use crate::parameter::{CallOnly, OnlyNone};
use crate::regularizer::Regularizer;
use crate::schema::{layer, layer_basics};

layer! {
    /// Fully connected layer: `y = activation(x · kernel + bias)`.
    ///
    /// Shapes: `(batch, ..., features) -> (batch, ..., units)`.
    pub struct Dense {
        /// Extent of the output's last axis.
        units: usize,
        /// Function of the result; none by default.
        activation: NamedActivation = NamedActivation::LINEAR,
        /// Whether a learned bias is added.
        use_bias: bool = true,
    }
    weights {
        /// the kernel `(features, units)`
        kernel = Initializer::GLOROT_UNIFORM,
        /// the bias `(units,)`
        bias = Initializer::ZEROS,
    }
    activity_regularizer: CallOnly<Option<Regularizer>>;
    and {
        /// Not supported yet.
        lora_rank: CallOnly<OnlyNone> = CallOnly(OnlyNone),
        /// Not supported yet.
        lora_alpha: CallOnly<OnlyNone> = CallOnly(OnlyNone),
        /// Not supported yet.
        quantization_config: OnlyNone = OnlyNone,
    }
}

pub(super) const CASES: &[Case] = &[
    Case {
        arguments: "3, activation = PReLU(alpha_initializer = RandomUniform(0.1, 0.5))",
        inputs: &[&[2, 4]],
        output: &[2, 3],
    },
    Case { arguments: "units = 5", inputs: &[&[3]], output: &[5] },
    Case { arguments: "5, activation = \"gelu\"", inputs: &[&[2, 3]], output: &[2, 5] },
    Case { arguments: "units = 4, use_bias = False", inputs: &[&[6]], output: &[4] },
    Case { arguments: "units = 4, activation = \"softmax\"", inputs: &[&[3]], output: &[4] },
];

impl Layer for Dense {
    layer_basics!(masking);

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let Some(&features) = graph.shape(x).extents().last() else {
            return Err(LayerError::input("`Dense` expects (batch, ..., features), found (batch)")
                .help("write `Input(shape = (features,))`"));
        };
        let kernel = graph.weight("kernel", &[features, self.units], &self.kernel)?;
        let mut y = graph.gemm(x, kernel)?;
        if self.use_bias {
            let bias = graph.weight("bias", &[self.units], &self.bias)?;
            y = graph.bias_add(y, bias)?;
        }
        self.activation.lower(graph, y)
    }
}
