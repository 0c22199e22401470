//! `RMSNormalization`: each sample gets a mean square of 1.

use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::Case;
use crate::ops::ScaleAndCenter;
use crate::parameter::{Axes, Positive};
use crate::schema::{ParameterType, layer, layer_basics};

layer! {
    /// Normalizes along the last axes of each sample: `y = scale · x / √(mean(x²) + epsilon)`, with
    /// a learned `scale`.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`. Source: Zhang and Sennrich 2019.
    pub struct RMSNormalization {
        /// The axis, or the axes, over which the mean is taken: the last ones.
        axis: Axes = Axes::One(-1),
        /// Added to the mean of the squares.
        epsilon: Positive = Positive(1e-6),
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 5]], output: &[2, 5] },
    Case { arguments: "axis = [1, 2], epsilon = 0.01", inputs: &[&[2, 5]], output: &[2, 5] },
    Case { arguments: "axis = (3, 2)", inputs: &[&[4, 2, 3]], output: &[4, 2, 3] },
];

impl Layer for RMSNormalization {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let axes = graph.axes("RMSNormalization", x, &self.axis)?;
        let shape = graph.shape(x);
        let last = shape.rank() - axes.len();
        if !axes.iter().copied().eq(last..shape.rank()) {
            let found = self.axis.to_value();
            let message = format!(
                "`RMSNormalization` expects `axis` to be the last axes of {shape}, found \
                 `axis = {found}`"
            );
            return Err(LayerError::argument("axis", message)
                .help("its `scale` goes along the last axes: move them there with `Permute(..)`"));
        }
        let extents = shape.extents()[last..].to_vec();
        let gamma = Some(graph.weight("scale", &extents, Initializer::ONES)?);
        let y = graph.rms_normalized(x, &axes, self.epsilon.0)?;
        graph.scale_and_center(y, ScaleAndCenter { gamma, beta: None })
    }
}
