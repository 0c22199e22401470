//! `Reshape`: the same elements under another shape.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::parameter::TargetShape;
use crate::schema::{layer, layer_basics};
use crate::shape::Shape;

layer! {
    /// Gives the elements of each sample another shape.
    ///
    /// Shapes: `(batch, ...) -> (batch, *target_shape)`; the number of elements stays.
    pub struct Reshape {
        /// Extents without the batch. One may be -1: it follows from the others.
        target_shape: TargetShape,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "(3, 4)", inputs: &[&[2, 6]], output: &[3, 4] },
    Case { arguments: "target_shape = (2, -1, 3)", inputs: &[&[30]], output: &[2, 5, 3] },
];

impl Layer for Reshape {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let len = crate::shape::checked_len(graph.shape(x).extents())?;
        let Some(extents) = self.target_shape.of(len) else {
            let (known, open) = (self.target_shape.known(), self.target_shape.0.contains(&-1));
            let found = graph.shape(x);
            let target = display_target(&self.target_shape.0);
            let message = if open {
                format!(
                    "`Reshape` to {target} needs a multiple of {known} elements per sample, \
                     found {len} in {found}"
                )
            } else {
                format!(
                    "`Reshape` to {target} needs {known} elements per sample, \
                     found {len} in {found}"
                )
            };
            return Err(LayerError::argument("target_shape", message)
                .help("write -1 for an extent that follows from the others"));
        };
        graph.reshape(x, &extents)
    }
}

fn display_target(target: &[i64]) -> String {
    if target.contains(&-1) {
        let extents: Vec<String> = target.iter().map(i64::to_string).collect();
        return format!("(batch, {})", extents.join(", "));
    }
    let extents: Vec<usize> = target.iter().filter_map(|&e| usize::try_from(e).ok()).collect();
    Shape::new(extents).to_string()
}
