//! `Dot`: products of two tensors along one axis of each. Source: Keras 3.15
//! `layers/merging/dot.py`.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::ops::contract::{Label, Labelled};
use crate::parameter::AxisPair;
use crate::schema::{layer, layer_basics};

/// Keras' `epsilon()`, below which a norm is not divided by.
const LEAST_NORM: f32 = 1e-7;

layer! {
    /// Sums products of two tensors over one axis of each:
    /// `y[.., i.., j..] = Σ_k a[i.., k] · b[k, j..]`.
    ///
    /// Called on a list of two. Shapes: `[(batch, a, k), (batch, k, b)] -> (batch, a, b)`; what has
    /// no other axis becomes `(batch, 1)`.
    pub struct Dot {
        /// The axis of both tensors that is summed over, or one for each, where 0 is the batch.
        axes: AxisPair,
        /// Whether the vectors along the axis are made of length 1 first: the result is then their
        /// cosine.
        normalize: bool = false,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "axes = 1", inputs: &[&[5], &[5]], output: &[1] },
    Case { arguments: "axes = (2, 1)", inputs: &[&[3, 4], &[4, 2]], output: &[3, 2] },
    Case { arguments: "-1, normalize = True", inputs: &[&[3, 4], &[5, 2, 4]], output: &[3, 5, 2] },
    Case { arguments: "(1, -2)", inputs: &[&[4, 3], &[2, 4, 7]], output: &[3, 2, 7] },
];

impl Layer for Dot {
    layer_basics!();

    fn lower_list(&self, graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
        let &[a, b] = inputs else {
            let message = format!("`Dot` expects a list of two tensors, found {}", inputs.len());
            return Err(LayerError::input(message).help("write `Dot(axes = 1)([a, b])`"));
        };
        let [axis_a, axis_b] = self.axes.of_both();
        let (axis_a, axis_b) = (self.axis(graph, a, axis_a)?, self.axis(graph, b, axis_b)?);
        let (shape_a, shape_b) = (graph.shape(a), graph.shape(b));
        let extents = [shape_a.extents()[axis_a], shape_b.extents()[axis_b]];
        if extents[0] != extents[1] {
            let message = format!(
                "`Dot` expects equal extents to sum over, found {} in axis {} of {shape_a} and {} \
                 in axis {} of {shape_b}",
                extents[0],
                axis_a + 1,
                extents[1],
                axis_b + 1,
            );
            return Err(LayerError::argument("axes", message));
        }
        let (a, b) = match self.normalize {
            true => (
                graph.l2_normalized(a, &[axis_a], LEAST_NORM)?,
                graph.l2_normalized(b, &[axis_b], LEAST_NORM)?,
            ),
            false => (a, b),
        };
        // Every axis has a label of its own, but those that are summed over.
        let ranks = [graph.shape(a).rank(), graph.shape(b).rank()];
        let mut labels = ('a'..).take(ranks[0] + ranks[1]).collect::<Vec<Label>>();
        let mut labels_b = labels.split_off(ranks[0]);
        labels_b[axis_b] = labels[axis_a];
        let both = labels.iter().chain(&labels_b).copied();
        let result: Vec<Label> = both.filter(|label| *label != labels[axis_a]).collect();
        let a = Labelled { node: a, labels };
        let b = Labelled { node: b, labels: labels_b };
        let y = graph.contract(a, b, &result)?;
        if result.is_empty() { graph.reshape(y, &[1]) } else { Ok(y) }
    }

    fn joins(&self) -> bool {
        true
    }
}

impl Dot {
    fn axis(&self, graph: &Graph, x: NodeId, axis: i64) -> Result<usize, LayerError> {
        let shape = graph.shape(x);
        shape.axis(axis).ok_or_else(|| {
            let message = format!(
                "`Dot` expects `axes` to be among the axes of {shape} but the batch, found {axis}"
            );
            LayerError::argument("axes", message)
        })
    }
}
