//! `Softmax`: shares that sum to 1.

use crate::call::{Call, Lowered, MASK};
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::Axes;
use crate::schema::{layer, layer_basics};

layer! {
    /// `y = exp(x) / Σ exp(x)`, summed along the given axes.
    ///
    /// Called with `mask = m`, elements where `m` is false count as -1e9, and their shares are 0.
    /// Shapes: `(batch, ...) -> (batch, ...)`, `m` likewise, with extents of 1 repeated.
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

/// What stands in place of an element that does not count.
const MASKED: f32 = -1e9;

impl Layer for Softmax {
    layer_basics!(masking, [MASK]);

    /// Elements that do not count get no share, even where none of an axis counts.
    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let (x, mask) = (call.one("Softmax")?, call.mask());
        let Some(given) = mask else {
            return Ok(vec![Lowered { node: self.lower(graph, x)?, mask }]);
        };
        let (expected, found) = (graph.shape(x), graph.shape(given));
        let fits = |(mask, x): (&usize, &usize)| mask == x || *mask == 1;
        if expected.rank() != found.rank()
            || !found.extents().iter().zip(expected.extents()).all(fits)
        {
            let message = format!("`Softmax` expects `mask` of shape {expected}, found {found}");
            return Err(
                LayerError::argument("mask", message).help("axes of the mask may be of extent 1")
            );
        }
        let truth = graph.as_truth(given)?;
        let x = graph.masked(x, truth, MASKED)?;
        let shares = self.lower(graph, x)?;
        Ok(vec![Lowered { node: graph.masked(shares, truth, 0.0)?, mask }])
    }

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
