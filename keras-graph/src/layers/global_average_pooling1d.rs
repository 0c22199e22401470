//! `GlobalAveragePooling1D`: the mean of each feature over the steps.

use crate::call::{Call, Lowered, MASK};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::op::{BinaryFunction, Comparison};
use crate::parameter::ChannelsLast;
use crate::schema::{layer, layer_basics};

layer! {
    /// Takes the mean of each feature over the steps, or over those that count.
    ///
    /// A mask `(batch, steps)` is given by `mask = m`, or carried by the tensor. Where no step
    /// counts the mean is NaN, as in Keras. Shapes:
    /// `(batch, steps, features) -> (batch, features)`, or `(batch, 1, features)` with `keepdims`.
    pub struct GlobalAveragePooling1D {
        /// Order of the axes.
        data_format: ChannelsLast<1> = ChannelsLast,
        /// Whether the steps stay, as an axis of extent 1.
        keepdims: bool = false,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[5, 3]], output: &[3] },
    Case { arguments: "keepdims = True", inputs: &[&[2, 4]], output: &[1, 4] },
];

impl Layer for GlobalAveragePooling1D {
    // The steps are gone, and the mask with them.
    layer_basics!(masking, [MASK]);

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let class = "GlobalAveragePooling1D";
        let x = call.one(class)?;
        let Some(mask) = call.mask() else {
            return Ok(vec![Lowered::unmasked(self.lower(graph, x)?)]);
        };
        let [steps, features] = graph.sequence(class, x)?;
        graph.expect_mask_of_steps(class, x, mask)?;
        let mask = match graph.dtype(mask) {
            Dtype::Bool => mask,
            Dtype::Float32 | Dtype::Int32 => graph.compare_with(mask, Comparison::NotEqual, 0.0)?,
        };
        let counted = graph.masked(x, mask, 0.0)?;
        let mean = graph.mean_rows(counted)?;
        let column = graph.reshape(mask, &[steps, 1])?;
        let share = graph.mean_rows(column)?;
        let share = graph.broadcast(share, &[features])?;
        let y = graph.binary(mean, share, BinaryFunction::Divide)?;
        Ok(vec![Lowered::unmasked(if self.keepdims {
            graph.reshape(y, &[1, features])?
        } else {
            y
        })])
    }

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let [_, features] = graph.sequence("GlobalAveragePooling1D", x)?;
        let y = graph.mean_rows(x)?;
        if self.keepdims { graph.reshape(y, &[1, features]) } else { Ok(y) }
    }
}
