//! What `Cropping1D` and `Cropping2D` do.

use crate::graph::{Graph, LayerError, NodeId};
use crate::parameter::Margins;
use crate::schema::ParameterType;

/// A sequence (`N` = 1) or an image (2) without its ends or edges. Errors: nothing would be left.
pub(in crate::layers) fn cropped<const N: usize>(
    class: &str,
    graph: &mut Graph,
    x: NodeId,
    margins: Margins<N>,
) -> Result<NodeId, LayerError> {
    let (x, cells, _) = graph.cells::<N>(class, x)?;
    for (axis, &[front, behind]) in margins.0.iter().enumerate() {
        if front.saturating_add(behind) >= cells[axis] {
            let (found, shape) = (margins.to_value(), graph.shape(x));
            let message = format!(
                "`{class}` expects to leave some of axis {} of {shape}, {} long, found \
                 `cropping = {found}`",
                axis + 1,
                cells[axis]
            );
            return Err(LayerError::argument("cropping", message));
        }
    }
    let edges = match margins.0.as_slice() {
        [ends] => [[0, 0], *ends],
        edges => [edges[0], edges[1]],
    };
    graph.crop2d(x, edges)
}
