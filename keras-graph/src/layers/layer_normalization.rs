//! `LayerNormalization`: each sample gets mean 0 and variance 1.

use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::Case;
use crate::ops::ScaleAndCenter;
use crate::parameter::{Axes, OnlyFalse, Positive};
use crate::schema::{layer, layer_basics};

layer! {
    /// Normalizes along axes of each sample:
    /// `y = gamma · (x - mean) / √(variance + epsilon) + beta`.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`. Source: Ba et al. 2016.
    pub struct LayerNormalization {
        /// The axis, or the axes, over which mean and variance are taken.
        axis: Axes = Axes::One(-1),
        /// Added to the variance.
        epsilon: Positive = Positive(0.001),
        /// Whether a learned `beta` is added.
        center: bool = true,
        /// Whether the result is multiplied by a learned `gamma`.
        scale: bool = true,
    }
    weights {
        /// `beta`
        beta = Initializer::ZEROS,
        /// `gamma`
        gamma = Initializer::ONES,
    }
    and {
        /// Not supported: Keras has deprecated it.
        rms_scaling: OnlyFalse = OnlyFalse,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 5]], output: &[2, 5] },
    Case { arguments: "axis = [1, 2], epsilon = 0.01", inputs: &[&[2, 5]], output: &[2, 5] },
    Case { arguments: "axis = 1, center = False", inputs: &[&[4, 2, 3]], output: &[4, 2, 3] },
    Case { arguments: "axis = (3, 1), scale = False", inputs: &[&[4, 2, 3]], output: &[4, 2, 3] },
];

impl Layer for LayerNormalization {
    layer_basics!(masking);

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let axes = graph.axes("LayerNormalization", x, &self.axis)?;
        let extents: Vec<usize> = axes.iter().map(|&axis| graph.shape(x).extents()[axis]).collect();
        let mut weights = ScaleAndCenter::default();
        if self.scale {
            weights.gamma = Some(graph.weight("gamma", &extents, &self.gamma)?);
        }
        if self.center {
            weights.beta = Some(graph.weight("beta", &extents, &self.beta)?);
        }
        graph.with_axes_last(x, &axes, |graph, x| {
            graph.layer_norm(x, axes.len(), self.epsilon.0, weights)
        })
    }
}
