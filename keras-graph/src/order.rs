//! Keras' order of a model's layers, which is also that of its weights and of the groups in a
//! weights file.
//!
//! A sequential model has its list. A functional one is sorted by depth, the number of calls
//! between a layer and the outputs; layers of one depth stand in the order in which a walk from the
//! outputs meets them. The operations that make a mask count as calls where a layer is given the
//! mask. Source: Keras 3.15 `ops/function.py`, `map_graph` and `_build_map`; `layers/layer.py`,
//! where a call gets the masks of its inputs.

use std::cmp::Reverse;

use crate::call::MASK;
use crate::layer::MaskedRank;
use crate::network::{Class, LayerCall, LayerId, LayerKind, Network, TensorId};
use crate::shape::Shape;

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
    let mut masks = MaskDepths::new(network);
    for &call in walk.calls.iter().rev() {
        let layer = network.calls[call].layer.0;
        let depth = call_depth[call].max(layer_depth[layer].unwrap_or(0));
        call_depth[call] = depth;
        layer_depth[layer] = Some(depth);
        for tensor in network.calls[call].call.tensors() {
            let parent = network.tensors[tensor.0].call;
            call_depth[parent] = call_depth[parent].max(depth + 1);
        }
        masks.read_by(call, depth);
        masks.pass_on(call, &mut call_depth);
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

/// The depths of masks that no call is given by name: a tensor carries them.
struct MaskDepths<'a> {
    network: &'a Network,
    /// For each tensor the least depth of what makes its mask, if a call reads it.
    depths: Vec<Option<usize>>,
}

impl MaskDepths<'_> {
    fn new(network: &Network) -> MaskDepths<'_> {
        MaskDepths { network, depths: vec![None; network.tensors.len()] }
    }

    fn deepen(&mut self, tensor: TensorId, depth: usize) {
        let known = &mut self.depths[tensor.0];
        *known = Some(known.map_or(depth, |known| known.max(depth)));
    }

    /// Notes the masks that a call of this depth gets from the tensors that it is called on.
    fn read_by(&mut self, call: usize, depth: usize) {
        let LayerCall { layer, call, .. } = &self.network.calls[call];
        let (_, parameters) = self.network.call_parameters(*layer);
        let takes_mask = parameters.iter().any(|parameter| parameter.name == MASK.name);
        // A layer that is called on several tensors gets their masks as well, but Keras counts no
        // call for that.
        let [_] = call.inputs[..] else { return };
        if !takes_mask || call.argument(MASK.name).is_some() {
            return;
        }
        for &input in &call.inputs {
            if self.network.tensors[input.0].mask_while_building.is_some() {
                self.deepen(input, depth + 1);
            }
        }
    }

    /// Hands the depths of the masks of a call's results on to what they are made from.
    fn pass_on(&mut self, call: usize, call_depth: &mut [usize]) {
        let LayerCall { layer, call, outputs } = &self.network.calls[call];
        // The results of a model within a model have no masks while Keras builds the outer one.
        let LayerKind::Layer(layer) = &self.network.layers[layer.0].kind else { return };
        let Some(depth) = outputs.iter().filter_map(|y| self.depths[y.0]).max() else { return };
        let maker = |tensor: TensorId| self.network.tensors[tensor.0].call;
        if let Some(given) = call.tensor(MASK.name) {
            call_depth[maker(given)] = call_depth[maker(given)].max(depth);
            return;
        }
        let ranks = call.inputs.iter().map(|&input| {
            let tensor = &self.network.tensors[input.0];
            let mask = tensor.mask_while_building.as_ref().map(Shape::rank);
            MaskedRank { rank: tensor.shape.rank(), mask }
        });
        for source in layer.mask_sources(&ranks.collect::<Vec<MaskedRank>>()) {
            let Some(&input) = call.inputs.get(source.input) else { continue };
            let depth = depth + source.operations;
            if source.is_mask {
                self.deepen(input, depth);
            } else {
                let parent = maker(input);
                call_depth[parent] = call_depth[parent].max(depth);
            }
        }
    }
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
    mod nested;

    use super::*;
    use crate::dtype::Dtype;
    use crate::layers::Entry;
    use crate::models;
    use crate::value::{Argument, Value};

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

    /// Calls a layer of the catalogue with one plain argument, or none.
    fn layer(
        n: &mut Network,
        class: &str,
        name: &str,
        argument: Option<i64>,
        inputs: &[TensorId],
    ) -> TensorId {
        let value = argument.map(|value| Argument { name: None, value: Value::Int(value) });
        let arguments: Vec<Argument> = value.into_iter().collect();
        let entry = Entry::by_class(class).expect("a class");
        let layer = entry.build(&arguments, || name.to_string()).expect("legal arguments");
        let layer = n.add_layer(layer);
        models::call(n, layer, inputs)
    }

    /// A model in which a chain of dense layers stands beside a branch with masks.
    fn beside(
        len: usize,
        masked: fn(&mut Network, TensorId) -> TensorId,
        ends: [Option<&str>; 2],
    ) -> Network {
        let mut n = Network::new("masks", Class::Functional);
        let x = n.add_input("x", Shape::new([4, 3]), Dtype::Float32);
        let mut y = x;
        for i in 0..len {
            y = layer(&mut n, "Dense", &format!("q{i}"), Some(3), &[y]);
        }
        let mut branches = [y, masked(&mut n, x)];
        for (branch, (class, name)) in branches.iter_mut().zip(ends.into_iter().zip(["g", "p"])) {
            if let Some(class) = class {
                *branch = layer(&mut n, class, name, None, &[*branch]);
            }
        }
        let sum = layer(&mut n, "Add", "add", None, &branches);
        n.finish(&[sum]);
        n
    }

    /// A masked dense layer.
    fn mask(n: &mut Network, x: TensorId, names: [&str; 2]) -> TensorId {
        let x = layer(n, "Dense", names[0], Some(3), &[x]);
        layer(n, "Masking", names[1], None, &[x])
    }

    #[test]
    fn operations_that_make_masks_count_where_a_mask_is_read() {
        let normalized: fn(&mut Network, TensorId) -> TensorId = |n, x| {
            let masked = mask(n, x, ["d1", "m"]);
            layer(n, "BatchNormalization", "bn", None, &[masked])
        };
        for (len, expected) in [
            (2, "x d1 q0 m q1 bn add"),
            (3, "x d1 q0 q1 m q2 bn add"),
            (4, "x q0 d1 q1 q2 m q3 bn add"),
        ] {
            assert_eq!(names(&beside(len, normalized, [None, None])).join(" "), expected);
        }
        let pools = [Some("GlobalMaxPooling1D"), Some("GlobalAveragePooling1D")];
        let joined: fn(&mut Network, TensorId) -> TensorId = |n, x| {
            let both = [["da", "ma"], ["db", "mb"]].map(|names| mask(n, x, names));
            layer(n, "Concatenate", "c", Some(1), &both)
        };
        for (len, expected) in [
            (2, "x da db ma mb q0 q1 c g p add"),
            (6, "x da db q0 q1 ma mb q2 q3 q4 q5 c g p add"),
            (8, "x q0 q1 da db q2 q3 ma mb q4 q5 q6 q7 c g p add"),
        ] {
            assert_eq!(names(&beside(len, joined, pools)).join(" "), expected);
        }
        let summed: fn(&mut Network, TensorId) -> TensorId = |n, x| {
            let parts = [["d0", "m0"], ["d1", "m1"], ["d2", "m2"]].map(|names| mask(n, x, names));
            let sum = layer(n, "Add", "sum", None, &parts);
            layer(n, "Identity", "drop", None, &[sum])
        };
        for (len, expected) in [
            (3, "x d0 d1 d2 q0 m0 m1 m2 q1 sum q2 drop g p add"),
            (5, "x q0 d0 d1 q1 d2 q2 m0 m1 m2 q3 sum q4 drop g p add"),
        ] {
            assert_eq!(names(&beside(len, summed, pools)).join(" "), expected);
        }
    }

    #[test]
    fn masks_of_several_tensors_count_for_nothing() {
        let attended: fn(&mut Network, TensorId) -> TensorId = |n, x| {
            let masked = mask(n, x, ["d1", "m"]);
            layer(n, "Attention", "a", None, &[masked, masked])
        };
        for (len, expected) in [
            (2, "x d1 q0 m q1 a add"),
            (3, "x q0 d1 q1 m q2 a add"),
            (4, "x q0 q1 d1 q2 m q3 a add"),
        ] {
            assert_eq!(names(&beside(len, attended, [None, None])).join(" "), expected);
        }
    }
}
