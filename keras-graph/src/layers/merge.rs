//! What the layers that merge tensors element by element have in common. Source: Keras 3.15 `layers/merging/base_merge.py`.

use crate::graph::{Graph, LayerError, NodeId};
use crate::op::BinaryFunction;
use crate::shape::Shape;

/// `f` over all inputs, from left to right; axes of extent 1 are repeated, missing axes inserted after the batch.
pub(super) fn merge(
    class: &str,
    graph: &mut Graph,
    inputs: &[NodeId],
    f: BinaryFunction,
) -> Result<NodeId, LayerError> {
    let to = merged_extents(class, graph, inputs)?;
    let mut parts = inputs.iter().copied();
    let Some(first) = parts.next() else {
        return Err(LayerError::input(format!(
            "`{class}` expects a list of tensors, found an empty one"
        )));
    };
    let mut y = graph.broadcast(first, &to)?;
    for part in parts {
        let part = graph.broadcast(part, &to)?;
        y = graph.binary(y, part, f)?;
    }
    Ok(y)
}

/// The extents that all inputs are repeated to.
fn merged_extents(class: &str, graph: &Graph, inputs: &[NodeId]) -> Result<Vec<usize>, LayerError> {
    let rank = inputs.iter().map(|&x| graph.shape(x).rank()).max().unwrap_or(0);
    let mut merged = vec![1; rank];
    for &x in inputs {
        let extents = graph.shape(x).extents();
        for (merged, &extent) in merged[rank - extents.len()..].iter_mut().zip(extents) {
            if extent != 1 && *merged != 1 && *merged != extent {
                return Err(unequal(class, graph, inputs));
            }
            *merged = (*merged).max(extent);
        }
    }
    Ok(merged)
}

fn unequal(class: &str, graph: &Graph, inputs: &[NodeId]) -> LayerError {
    let shapes: Vec<&Shape> = inputs.iter().map(|&x| graph.shape(x)).collect();
    let found: Vec<String> = shapes.iter().map(|shape| shape.to_string()).collect();
    let error =
        LayerError::input(format!("`{class}` expects equal shapes, found {}", found.join(" and ")));
    let split =
        |shape: &Shape| shape.extents().split_last().map(|(&last, front)| (last, front.to_vec()));
    match shapes.iter().map(|shape| split(shape)).collect::<Option<Vec<_>>>() {
        Some(parts) if parts.iter().all(|(_, front)| *front == parts[0].1) => {
            match parts[0].1.len() {
                0 => error.help(format!(
                    "put `Dense({})` before the others, or use `Concatenate()`",
                    parts[0].0
                )),
                2 => error.help(format!(
                    "put `Conv2D({}, kernel_size = 1)` before the others, or use `Concatenate()`",
                    parts[0].0
                )),
                _ => error.help("`Concatenate()` joins shapes that differ in the last axis alone"),
            }
        }
        _ => error,
    }
}

/// Declares a layer that merges by one function.
macro_rules! merge_layer {
    ($(#[doc = $docs:literal])* $name:ident, $f:ident) => {
        $crate::schema::layer! {
            $(#[doc = $docs])*
            ///
            /// Called on a list: axes of extent 1 are repeated, missing axes inserted after the batch.
            /// Shapes: `[(batch, ...), (batch, ...), ...] -> (batch, ...)`.
            pub struct $name {}
        }

        impl $crate::schema::Layer for $name {
            $crate::schema::layer_basics!();

            fn lower_list(
                &self,
                graph: &mut $crate::graph::Graph,
                inputs: &[$crate::graph::NodeId],
            ) -> Result<$crate::graph::NodeId, $crate::graph::LayerError> {
                let f = $crate::op::BinaryFunction::$f;
                $crate::layers::merge::merge(stringify!($name), graph, inputs, f)
            }

            fn joins(&self) -> bool {
                true
            }
        }
    };
}
pub(super) use merge_layer;
