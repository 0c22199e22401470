//! `Softmax`: shares that sum to 1.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layers::Case;
use crate::parameter::Axes;
use crate::schema::{Layer, layer, layer_basics};

layer! {
    /// `y = exp(x) / Σ exp(x)`, summed along the given axes.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`.
    pub struct Softmax {
        /// The axis, or the axes, along which the shares sum to 1.
        axis: Axes = Axes::One(-1),
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 5]], output: &[2, 5] },
    Case { arguments: "axis = 1", inputs: &[&[4, 2, 3]], output: &[4, 2, 3] },
    Case { arguments: "axis = [1, 3]", inputs: &[&[4, 2, 3]], output: &[4, 2, 3] },
];

impl Layer for Softmax {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let axes = graph.axes("Softmax", x, &self.axis)?;
        if let [axis] = axes[..] {
            return graph.softmax(x, axis);
        }
        graph.with_axes_last(x, &axes, |graph, x| {
            // Several axes are summed as one.
            let extents = graph.extents(x);
            let (outer, inner) = extents.split_at(extents.len() - axes.len());
            let y = graph.reshape(x, &[outer, &[inner.iter().product()]].concat())?;
            let y = graph.softmax(y, outer.len())?;
            graph.reshape(y, &extents)
        })
    }
}
