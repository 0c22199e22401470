//! Where gradients by weights lie.

use crate::describe::Layout;
use crate::graph::NodeKind;
use crate::program::Program;
use crate::schedule::Schedule;

/// For each weight whose gradient the shards sum, where in the reduced memory: in the order of the
/// weights, from 0 on. And the elements that they take up together.
pub(super) fn shard_gradients(
    program: &Program,
    schedule: &Schedule,
    layout: &Layout,
) -> (Vec<Option<usize>>, usize) {
    let mut is_summed = vec![false; program.graph.weights.len()];
    for node in &schedule.steps {
        if let NodeKind::Gradient(_, weight) = program.graph.nodes[node.0].kind {
            is_summed[weight.0] = true;
        }
    }
    let mut summed = vec![None; is_summed.len()];
    let mut len = 0;
    for weight in by_offset(layout).filter(|&weight| is_summed[weight]) {
        summed[weight] = Some(len);
        len += program.graph.weights[weight].shape.len();
    }
    (summed, len)
}

/// The weights that belong to a layer, in the order in which they lie.
pub(super) fn by_offset(layout: &Layout) -> impl Iterator<Item = usize> {
    let mut weights: Vec<usize> =
        (0..layout.offsets.len()).filter(|&weight| layout.offsets[weight].is_some()).collect();
    weights.sort_by_key(|&weight| layout.offsets[weight]);
    weights.into_iter()
}

pub(super) fn weight_offset(layout: &Layout, weight: usize) -> usize {
    layout.offsets[weight].expect("a weight that an op reads belongs to a layer of the model")
}
