//! Keras' order of a model's layers, which is also that of its weights and of the groups in a
//! weights file.
//!
//! A sequential model has its list. A functional one is sorted by depth, the number of calls
//! between a layer and the outputs; layers of one depth stand in the order in which a walk from the
//! outputs meets them. Source: Keras 3.15 `ops/function.py`, `map_graph` and `_build_map`.

use std::cmp::Reverse;

use crate::network::{Class, LayerId, LayerKind, Network, TensorId};

/// The layers of a model that lead to its outputs, its inputs among them, in Keras' order.
pub fn layers(network: &Network) -> Vec<LayerId> {
    match network.class {
        Class::Sequential => (0..network.layers.len()).map(LayerId).collect(),
        Class::Functional => by_depth(network),
    }
}

/// The calls that lead to the outputs, those that others read first.
pub fn live_calls(network: &Network) -> Vec<usize> {
    Walk::new(network).calls
}

fn by_depth(network: &Network) -> Vec<LayerId> {
    let walk = Walk::new(network);
    let mut call_depth = vec![0; network.calls.len()];
    let mut layer_depth: Vec<Option<usize>> = vec![None; network.layers.len()];
    for &call in walk.calls.iter().rev() {
        let layer = network.calls[call].layer.0;
        let depth = call_depth[call].max(layer_depth[layer].unwrap_or(0));
        call_depth[call] = depth;
        layer_depth[layer] = Some(depth);
        for tensor in network.calls[call].call.tensors() {
            let parent = network.tensors[tensor.0].call;
            call_depth[parent] = call_depth[parent].max(depth + 1);
        }
    }
    let mut layers: Vec<(Reverse<usize>, Option<usize>, LayerId)> = Vec::new();
    // Inputs that no output reads come first among those of depth 0: None is less than any index.
    for tensor in &network.inputs {
        let layer = network.calls[network.tensors[tensor.0].call].layer;
        if layer_depth[layer.0].is_none() {
            layers.push((Reverse(0), None, layer));
        }
    }
    for (i, depth) in layer_depth.iter().enumerate() {
        if let Some(depth) = *depth {
            layers.push((Reverse(depth), walk.first_met[i], LayerId(i)));
        }
    }
    layers.sort_by_key(|&(depth, met, _)| (depth, met));
    layers.into_iter().map(|(_, _, layer)| layer).collect()
}

/// A depth-first walk from the outputs to the inputs.
struct Walk {
    /// Calls, each after those that made its inputs.
    calls: Vec<usize>,
    /// For each layer, how many were met before it.
    first_met: Vec<Option<usize>>,
}

impl Walk {
    fn new(network: &Network) -> Walk {
        let mut walk = Walk { calls: Vec::new(), first_met: vec![None; network.layers.len()] };
        let mut seen = vec![false; network.calls.len()];
        let mut met = 0;
        // A stack of its own: models are deep, and a macro's thread has little.
        let mut stack: Vec<(usize, std::vec::IntoIter<TensorId>)> = Vec::new();
        for output in &network.outputs {
            let mut entered = Some(network.tensors[output.0].call);
            loop {
                if let Some(call) = entered.take()
                    && !seen[call]
                {
                    seen[call] = true;
                    let first = &mut walk.first_met[network.calls[call].layer.0];
                    if first.is_none() {
                        *first = Some(met);
                        met += 1;
                    }
                    stack.push((call, network.calls[call].call.tensors().into_iter()));
                }
                let Some((call, inputs)) = stack.last_mut() else { break };
                match inputs.next() {
                    Some(tensor) => {
                        entered = Some(network.tensors[tensor.0].call);
                    }
                    None => {
                        walk.calls.push(*call);
                        stack.pop();
                    }
                }
            }
        }
        walk
    }
}

/// Whether a container counts a layer among its own: a sequential model leaves its input out.
pub fn is_counted(network: &Network, layer: LayerId) -> bool {
    network.class == Class::Functional
        || !matches!(network.layers[layer.0].kind, LayerKind::Input { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;

    fn names(network: &Network) -> Vec<&str> {
        layers(network).into_iter().map(|l| network.layers[l.0].name.as_str()).collect()
    }

    // The expected orders are `[layer.name for layer in model.layers]` of Keras 3.15.1 for the same
    // models.

    #[test]
    fn branches_are_sorted_by_depth() {
        let expected = ["x", "long1", "long2", "short", "long3", "add", "head"];
        assert_eq!(names(&models::branches()), expected);
    }

    #[test]
    fn a_shared_layer_has_its_greatest_depth() {
        assert_eq!(names(&models::shared()), ["x", "shared", "mid", "late", "add"]);
        let mut n = Network::new("shallow_call_first", Class::Functional);
        let a = models::input(&mut n, "a", 3);
        let b = models::input(&mut n, "b", 3);
        let s = models::add_dense::<3>(&mut n, "s");
        let shallow = models::call(&mut n, s, &[a]);
        let deep = models::call(&mut n, s, &[b]);
        let deep = models::dense::<3>(&mut n, "m1", deep);
        let deep = models::dense::<3>(&mut n, "m2", deep);
        let y = models::add(&mut n, "add", &[shallow, deep]);
        n.finish(&[y]);
        assert_eq!(names(&n), ["a", "b", "s", "m1", "m2", "add"]);
    }

    #[test]
    fn unused_inputs_stand_first_among_the_last() {
        let expected = ["a", "b", "pa", "pb", "join", "deep", "unused", "o2", "o1"];
        assert_eq!(names(&models::ports()), expected);
    }

    #[test]
    fn models_are_layers_like_others() {
        assert_eq!(names(&models::nested()), ["x", "enc", "seq", "q", "add"]);
    }

    #[test]
    fn layers_of_one_depth_stand_as_a_walk_from_the_outputs_meets_them() {
        assert_eq!(names(&models::diamond()), ["x", "l", "r", "ll", "rr", "add"]);
    }
}
