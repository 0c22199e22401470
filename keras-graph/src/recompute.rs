//! Normalized images that gradients compute anew, so that they need not be kept from the forward
//! pass.
//!
//! What a batch normalization makes is read right behind it, and again by the gradient of the next
//! kernel. In between it would wait in memory, for each sample of the batch. Where it is read
//! again, the normalization's own gradients read what it is made of; so to make it once more costs
//! a pass over numbers that are in the cache, and saves a way to memory and back. Source: Chen et
//! al. 2016, "Training Deep Nets with Sublinear Memory Cost", for the one op that is cheap enough.

use crate::graph::{NodeId, NodeKind, Source};
use crate::op::{BatchNorm, Op};
use crate::program::Program;
use crate::schedule::{computed_whole, segments};

/// Results of fewer elements are kept: a shard's stay in a cache.
pub(crate) const LEAST_LEN: usize = 4096;

/// Gives readers after the loss a normalization of their own, if it has `least_len` elements. The
/// same op is run on the same numbers.
pub(crate) fn recompute(program: &mut Program, least_len: usize) {
    let mut copies = copies(program, least_len);
    copies.sort_by_key(|copy| copy.readers[0]);
    let nodes = &program.graph.nodes;
    let inserted =
        copies.iter().map(|copy| (copy.readers[0], nodes[copy.node.0].clone())).collect();
    let (places, new) = program.insert_behind_loss(inserted);
    for (copy, place) in copies.iter().zip(places) {
        let kept = Source::Node(new[copy.node.0]);
        for reader in &copy.readers {
            let sources = &mut program.graph.nodes[new[reader.0].0].inputs;
            sources.iter_mut().filter(|source| **source == kept).for_each(|x| *x = place.into());
        }
    }
}

/// One more computation of a node, for the readers in one segment.
struct Copy {
    node: NodeId,
    readers: Vec<NodeId>,
}

/// The computations to add: one for each segment after the loss in which a normalization is read
/// that need not be kept.
fn copies(program: &Program, least_len: usize) -> Vec<Copy> {
    let nodes = &program.graph.nodes;
    let (segment, is_whole) = (segments(program), computed_whole(program));
    let mut readers = vec![Vec::new(); nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        node.nodes_read().for_each(|x| readers[x.0].push(NodeId(i)));
    }
    let is_behind = |reader: &NodeId| reader.0 >= program.forward;
    let mut copies: Vec<Copy> = Vec::new();
    for (i, node) in nodes[..program.forward].iter().enumerate() {
        // What is added would have to be there again.
        let NodeKind::Sample(Op::BatchNorm(BatchNorm { add: false, .. })) = node.kind else {
            continue;
        };
        let is_kept = |reader: &NodeId| {
            let is_here = segment[reader.0] == segment[i];
            // A reshape shares the buffer, with readers of its own.
            let is_reshape = matches!(nodes[reader.0].kind, NodeKind::Sample(Op::Reshape(_)));
            is_reshape || is_whole[reader.0] || is_here == is_behind(reader)
        };
        let len = node.elements();
        let has_x = node.nodes_read().any(|x| readers[x.0].iter().any(is_behind));
        if len < least_len
            || program.graph.outputs.contains(&NodeId(i))
            || readers[i].iter().any(is_kept)
            || !has_x
        {
            continue;
        }
        let first = copies.len();
        for &reader in readers[i].iter().filter(|reader| is_behind(reader)) {
            let same = |copy: &&mut Copy| segment[copy.readers[0].0] == segment[reader.0];
            match copies[first..].iter_mut().find(same) {
                Some(copy) => copy.readers.push(reader),
                None => copies.push(Copy { node: NodeId(i), readers: vec![reader] }),
            }
        }
    }
    copies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grad::differentiate;
    use crate::graph::Mode;
    use crate::models;
    use crate::network::{Class, Network};
    use crate::schedule::schedule;
    use crate::verify::verify;

    /// Dense layers with normalizations between: one that only the next layer reads, one that is
    /// also added to a later layer, one that is an output.
    fn network() -> Network {
        let mut n = Network::new("norms", Class::Functional);
        let x = models::input(&mut n, "x", 3);
        let a = models::dense::<5>(&mut n, "a", x);
        let a = models::other(&mut n, "norm_a", models::batch_norm, a);
        let b = models::dense::<7>(&mut n, "b", a);
        let b = models::other(&mut n, "norm_b", models::batch_norm, b);
        let c = models::dense::<7>(&mut n, "c", b);
        let c = models::other(&mut n, "norm_c", models::batch_norm, c);
        let d = models::dense::<7>(&mut n, "d", c);
        let d = models::add(&mut n, "add", &[d, b]);
        n.finish(&[d, c]);
        n
    }

    #[test]
    fn what_only_the_next_layer_reads_is_not_kept() {
        let mode = Mode::Training { input_gradients: false };
        let mut program = Program::new(network().lower(mode).expect("a legal model"));
        differentiate(&mut program).expect("every op has a gradient");
        program.remove_dead();
        let norms = |program: &Program| -> Vec<usize> {
            let nodes = program.graph.nodes.iter();
            let norms = nodes.filter(|node| matches!(node.op(), Some(Op::BatchNorm(_))));
            norms.map(|node| node.shape.len()).collect()
        };
        let (before, shard_len) = (norms(&program), schedule(&program).shard_len);
        recompute(&mut program, 6);
        assert_eq!(norms(&program), before, "none has six elements that only one layer reads");
        recompute(&mut program, 5);
        verify(&program).expect("a legal graph");
        assert_eq!((before, norms(&program)), (vec![5, 7, 7], vec![5, 7, 7, 5]));
        assert_eq!(schedule(&program).shard_len, shard_len - 5);
    }
}
