//! What the layers that merge tensors element by element have in common. Source: Keras 3.15
//! `layers/merging/base_merge.py`.

use crate::call::{Call, Lowered};
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::{MaskSource, MaskedRank};
use crate::op::BinaryFunction;
use crate::shape::{self, Shape};

/// `f` over all inputs, from left to right; axes of extent 1 are repeated, missing axes inserted
/// after the batch.
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
    let extents: Vec<&[usize]> = inputs.iter().map(|&x| graph.shape(x).extents()).collect();
    shape::broadcast(&extents).ok_or_else(|| unequal(class, graph, inputs))
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

/// The mask of tensors that are merged: what counts in any of them, if all have a mask.
pub(super) fn merged_mask(
    graph: &mut Graph,
    call: &Call<Lowered>,
) -> Result<Option<NodeId>, LayerError> {
    let masks: Option<Vec<NodeId>> = call.inputs.iter().map(|input| input.mask).collect();
    graph.any_of(&masks.unwrap_or_default())
}

/// [`merge`] of tensors with masks. A product leaves masked steps out, and a maximum or a minimum
/// takes them from the other tensors; other functions do not look at masks. Source: Keras 3.15
/// `layers/merging/multiply.py` and `base_merge.py`.
pub(super) fn merge_masked(
    class: &str,
    graph: &mut Graph,
    call: &Call<Lowered>,
    f: BinaryFunction,
) -> Result<Vec<Lowered>, LayerError> {
    let nodes: Vec<NodeId> = call.inputs.iter().map(|input| input.node).collect();
    let mask = merged_mask(graph, call)?;
    let minds_masks =
        matches!(f, BinaryFunction::Multiply | BinaryFunction::Maximum | BinaryFunction::Minimum);
    if !minds_masks || call.inputs.iter().all(|input| input.mask.is_none()) {
        return Ok(vec![Lowered { node: merge(class, graph, &nodes, f)?, mask }]);
    }
    let to = merged_extents(class, graph, &nodes)?;
    let mut merged: Option<Lowered> = None;
    for input in &call.inputs {
        let has_rank = graph.shape(input.node).rank() == to.len();
        let mut x = graph.broadcast(input.node, &to)?;
        let of_x = match input.mask.filter(|_| has_rank) {
            Some(mask) => Some(graph.cover(mask, &to)?),
            None => None,
        };
        let Some(Lowered { node: mut y, mask: of_y }) = merged else {
            let node = match of_x {
                Some(mask) if f == BinaryFunction::Multiply => graph.masked(x, mask, 1.0)?,
                _ => x,
            };
            merged = Some(Lowered { node, mask: of_x });
            continue;
        };
        if f == BinaryFunction::Multiply {
            if let Some(mask) = of_x {
                x = graph.masked(x, mask, 1.0)?;
            }
        } else {
            if let Some(mask) = of_x {
                x = graph.choose(mask, x, y)?;
            }
            if let Some(mask) = of_y {
                y = graph.choose(mask, y, x)?;
            }
        }
        let both = match (of_x, of_y) {
            (Some(of_x), Some(of_y)) => graph.any_of(&[of_y, of_x])?,
            _ => None,
        };
        merged = Some(Lowered { node: graph.binary(y, x, f)?, mask: both });
    }
    let Some(Lowered { mut node, mask: of_all }) = merged else { return Ok(Vec::new()) };
    if let (Some(of_all), BinaryFunction::Multiply) = (of_all, f) {
        node = graph.masked(node, of_all, 0.0)?;
    }
    Ok(vec![Lowered { node, mask }])
}

/// What the mask of a merged tensor is made from: the masks are joined one after the other.
pub(super) fn merged_mask_sources(inputs: &[MaskedRank]) -> Vec<MaskSource> {
    let count = inputs.len();
    let source = |input: usize| {
        let operations = if input == 0 { count - 1 } else { count - input };
        MaskSource { input, is_mask: true, operations }
    };
    (0..count).map(source).collect()
}

/// The methods of [`Layer`](crate::layer::Layer) that are the same for every layer that merges.
macro_rules! merge_basics {
    () => {
        $crate::schema::layer_basics!(masking);

        fn compute_mask(
            &self,
            graph: &mut $crate::graph::Graph,
            call: &$crate::call::Call<$crate::call::Lowered>,
        ) -> Result<Option<$crate::graph::NodeId>, $crate::graph::LayerError> {
            $crate::layers::merge::merged_mask(graph, call)
        }

        fn mask_sources(
            &self,
            inputs: &[$crate::layer::MaskedRank],
        ) -> Vec<$crate::layer::MaskSource> {
            $crate::layers::merge::merged_mask_sources(inputs)
        }

        fn joins(&self) -> bool {
            true
        }
    };
}
pub(super) use merge_basics;

/// Declares a layer that merges by one function.
macro_rules! merge_layer {
    ($(#[doc = $docs:literal])* $name:ident, $f:ident) => {
        $crate::schema::layer! {
            $(#[doc = $docs])*
            ///
            /// Called on a list: axes of extent 1 are repeated, missing axes inserted after the
            /// batch. Shapes: `[(batch, ...), (batch, ...), ...] -> (batch, ...)`.
            pub struct $name {}
        }

        impl $crate::layer::Layer for $name {
            $crate::layers::merge::merge_basics!();

            fn lower_call(
                &self,
                graph: &mut $crate::graph::Graph,
                call: &$crate::call::Call<$crate::call::Lowered>,
            ) -> Result<Vec<$crate::call::Lowered>, $crate::graph::LayerError> {
                let f = $crate::op::BinaryFunction::$f;
                $crate::layers::merge::merge_masked(stringify!($name), graph, call, f)
            }
        }
    };
}
pub(super) use merge_layer;
