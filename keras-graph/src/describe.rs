//! What does not depend on the mode: weights in Keras' order with their places in the struct and in
//! files, and the rows of the summary.
//!
//! The weights of a layer are its trained ones, then the others, then those of the layers within
//! it. Groups of a weights file are named for the class, counted within each container. Source:
//! Keras 3.15 `layers/layer.py` (`weights`), `saving/saving_lib.py` (`_save_container_state`).

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::fingerprint::fingerprint;
use crate::fuse::fold_padding;
use crate::graph::{Graph, LayerError, Mode, WeightId};
use crate::literal::{List, Text};
use crate::names::{field_name, one_field, snake_case_within};
use crate::network::{Class, LayerId, LayerKind, Network};
use crate::order;
use crate::plan::{Description, LayerInfo, WeightInfo};
use crate::program::Program;

/// Weights, summary and configuration of a model. `config` is the `config.json` of a `.keras` file.
///
/// Errors: a layer that refuses its input, two layers of one name, or two names that meet in one
/// field.
pub fn describe(network: &Network, config: String) -> Result<Description, LayerError> {
    let graph = network.lower(Mode::Inference)?;
    let layout = layout(network, &graph)?;
    let mut program = Program::new(graph);
    fold_padding(&mut program);
    let fingerprint = fingerprint(&program, &layout.offsets);
    let Layout { weights, layers, .. } = layout;
    Ok(Description {
        name: Text::Owned(network.name.clone()),
        class: Text::Borrowed(network.class.name()),
        weights: List::Owned(weights),
        layers: List::Owned(layers),
        config: Text::Owned(config),
        fingerprint,
    })
}

/// Where weights lie, and the layers they belong to.
pub(crate) struct Layout {
    /// Weights in Keras' order.
    pub(crate) weights: Vec<WeightInfo>,
    /// Layers in Keras' order; those of a nested model follow it.
    layers: Vec<LayerInfo>,
    /// Offset of each weight of the graph; None for one that no output needs.
    pub(crate) offsets: Vec<Option<usize>>,
    /// Elements of all weights.
    pub(crate) len: usize,
    /// The graph's weights by the path of their layer.
    owners: BTreeMap<String, Vec<usize>>,
}

/// Orders and places the weights of a model that was lowered to `graph`, in either mode.
pub(crate) fn layout(network: &Network, graph: &Graph) -> Result<Layout, LayerError> {
    let mut owners: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, weight) in graph.weights.iter().enumerate() {
        owners.entry(weight.layer.clone()).or_default().push(i);
    }
    let mut layout = Layout {
        weights: Vec::new(),
        layers: Vec::new(),
        offsets: vec![None; graph.weights.len()],
        len: 0,
        owners,
    };
    layout.add_network(network, graph, "", "")?;
    Ok(layout)
}

impl Layout {
    /// Adds the layers of a model. `scope` and `group` are prefixes of layer paths and of file
    /// paths.
    fn add_network(
        &mut self,
        network: &Network,
        graph: &Graph,
        scope: &str,
        group: &str,
    ) -> Result<(), LayerError> {
        let mut used: HashMap<String, usize> = HashMap::new();
        let mut names = Names::default();
        let connections = Connections::new(network);
        for layer in order::layers(network).into_iter().filter(|&l| order::is_counted(network, l)) {
            let described = &network.layers[layer.0];
            let class = snake_case_within(described.class());
            let count = used.entry(class.clone()).or_default();
            let path = match *count {
                0 => format!("{group}layers/{class}"),
                count => format!("{group}layers/{class}_{count}"),
            };
            // Keras counts layers alone.
            *count += usize::from(!described.is_operation());
            let row = self.layers.len();
            self.layers.push(LayerInfo {
                name: Text::Owned(described.name.clone()),
                class: Text::Borrowed(described.class()),
                output_shape: output_shape(network, layer),
                params: 0,
                connected_to: connections.of(layer),
                path: Text::Owned(path.clone()),
                is_operation: described.is_operation(),
            });
            let before = self.len;
            let inner = format!("{scope}{}", described.name);
            match &described.kind {
                LayerKind::Input { .. } => {}
                LayerKind::Layer(_) => self.add_weights(graph, &inner, &path),
                LayerKind::Network(network) => {
                    let (scope, group) = (format!("{inner}/"), format!("{path}/"));
                    self.add_network(network, graph, &scope, &group)?;
                }
            }
            self.layers[row].params = self.len - before;
            let added = names.add(&described.name, self.len > before);
            added.map_err(|error| error.within(inner))?;
        }
        Ok(())
    }

    /// Adds the weights of one layer, and those of layers within it.
    fn add_weights(&mut self, graph: &Graph, layer: &str, path: &str) {
        let inside = format!("{layer}/");
        let mut owners: Vec<(String, Vec<usize>)> = self
            .owners
            .range(inside.clone()..)
            .take_while(|(owner, _)| owner.starts_with(&inside))
            .map(|(owner, own)| (owner.clone(), own.clone()))
            .collect();
        // In the order of their making.
        owners.sort_by_key(|(_, own)| own[0]);
        if let Some(own) = self.owners.get(layer) {
            owners.insert(0, (layer.to_string(), own.clone()));
        }
        for (_, mut own) in owners {
            own.sort_by_key(|&i| !graph.weights[i].trainable);
            for (index, i) in own.into_iter().enumerate() {
                let group = &graph.weights[i].group;
                let inner = if group.is_empty() { String::new() } else { format!("/{group}") };
                let path = format!("{path}{inner}/vars/{index}");
                self.add_weight(graph, WeightId(i), path);
            }
        }
    }

    fn add_weight(&mut self, graph: &Graph, id: WeightId, path: String) {
        let weight = &graph.weights[id.0];
        let (l1, l2) = weight.regularizer.map_or((0.0, 0.0), |penalty| (penalty.l1, penalty.l2));
        let layer: Vec<String> = weight.layer.split('/').map(field_name).collect();
        self.offsets[id.0] = Some(self.len);
        self.weights.push(WeightInfo {
            field: Text::Owned(format!("{}.{}", layer.join("."), weight.name)),
            layer: Text::Owned(weight.layer.clone()),
            name: Text::Borrowed(weight.name),
            path: Text::Owned(path),
            shape: weight.shape.list(),
            offset: self.len,
            trainable: weight.trainable,
            initializer: weight.initializer,
            l1,
            l2,
            constraint: weight.constraint.clone(),
        });
        self.len += weight.shape.len();
    }
}

/// Extents of what a layer returned last.
fn output_shape(network: &Network, layer: LayerId) -> List<usize> {
    let call = network.calls.iter().rfind(|call| call.layer == layer);
    match call.and_then(|call| call.outputs.first()) {
        Some(&tensor) => network.shape(tensor).list(),
        None => List::Borrowed(&[]),
    }
}

/// The names in one container, and the fields of the layers that have weights.
#[derive(Default)]
struct Names {
    names: HashSet<String>,
    fields: HashMap<String, String>,
}

impl Names {
    fn add(&mut self, name: &str, has_field: bool) -> Result<(), LayerError> {
        if !self.names.insert(name.to_string()) {
            return Err(LayerError::argument("name", format!("two layers are called `{name}`"))
                .help("give each layer a name of its own"));
        }
        if !has_field {
            return Ok(());
        }
        match self.fields.insert(field_name(name), name.to_string()) {
            None => Ok(()),
            Some(other) => {
                let (message, help) = one_field("layers", [&other, name]);
                Err(LayerError::argument("name", message).help(help))
            }
        }
    }
}

/// Which layers each layer of a functional model reads, as `dense[0][0]`: the layer, which of its
/// calls, which of its results.
struct Connections {
    of: Vec<Vec<Text>>,
}

impl Connections {
    fn new(network: &Network) -> Connections {
        let mut of: Vec<Vec<Text>> = vec![Vec::new(); network.layers.len()];
        if network.class == Class::Sequential {
            return Connections { of };
        }
        let mut live = order::live_calls(network);
        live.sort_unstable();
        let mut calls_of_layer = vec![0; network.layers.len()];
        let mut node_index = Vec::with_capacity(network.calls.len());
        for call in &network.calls {
            node_index.push(calls_of_layer[call.layer.0]);
            calls_of_layer[call.layer.0] += 1;
        }
        for call in live {
            for tensor in network.calls[call].call.tensors() {
                let parent = network.tensors[tensor.0].call;
                let made = &network.calls[parent];
                let result = made.outputs.iter().position(|&t| t == tensor).unwrap_or(0);
                let name = &network.layers[made.layer.0].name;
                let text = format!("{name}[{}][{result}]", node_index[parent]);
                of[network.calls[call].layer.0].push(Text::Owned(text));
            }
        }
        Connections { of }
    }

    fn of(&self, layer: LayerId) -> List<Text> {
        List::Owned(self.of[layer.0].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;

    fn weights(network: &Network) -> Vec<(String, String, Vec<usize>)> {
        let description = describe(network, String::new()).expect("a legal model");
        let weight = |w: &WeightInfo| (w.field.to_string(), w.path.to_string(), w.shape.to_vec());
        description.weights.iter().map(weight).collect()
    }

    fn expected(weights: &[(&str, &str, [usize; 2])]) -> Vec<(String, String, Vec<usize>)> {
        let weight = |(field, path, shape): &(&str, &str, [usize; 2])| {
            (format!("{field}.kernel"), format!("layers/{path}/vars/0"), shape.to_vec())
        };
        weights.iter().map(weight).collect()
    }

    // The paths are those of the files that Keras 3.15.1 writes for the same models.

    #[test]
    fn paths_count_along_keras_order() {
        assert_eq!(
            weights(&models::branches()),
            expected(&[
                ("long1", "dense", [3, 4]),
                ("long2", "dense_1", [4, 5]),
                ("short", "dense_2", [3, 6]),
                ("long3", "dense_3", [5, 6]),
                ("head", "dense_4", [6, 2]),
            ])
        );
    }

    #[test]
    fn nested_models_count_for_themselves() {
        assert_eq!(
            weights(&models::nested()),
            expected(&[
                ("enc.n1", "functional/layers/dense", [3, 4]),
                ("enc.n3", "functional/layers/dense_1", [3, 4]),
                ("enc.n2", "functional/layers/dense_2", [4, 4]),
                ("seq.s1", "sequential/layers/dense", [4, 5]),
                ("seq.s2", "sequential/layers/dense_1", [5, 6]),
                ("q", "dense", [3, 6]),
            ])
        );
        let description = describe(&models::nested(), String::new()).expect("a legal model");
        let groups: Vec<&str> = description.layers.iter().map(|layer| &*layer.path).collect();
        let expected = [
            "layers/input_layer",
            "layers/functional",
            "layers/functional/layers/input_layer",
            "layers/functional/layers/dense",
            "layers/functional/layers/dense_1",
            "layers/functional/layers/dense_2",
            "layers/functional/layers/add",
            "layers/sequential",
            "layers/sequential/layers/dense",
            "layers/sequential/layers/dense_1",
            "layers/dense",
            "layers/add",
        ];
        assert_eq!(groups, expected);
    }

    #[test]
    fn inputs_are_counted_by_class() {
        let description = describe(&models::ports(), String::new()).expect("a legal model");
        let inputs = description.layers.iter().filter(|layer| layer.class == "InputLayer");
        let inputs: Vec<_> = inputs.map(|layer| (&*layer.name, &*layer.path)).collect();
        let expected = [
            ("a", "layers/input_layer"),
            ("b", "layers/input_layer_1"),
            ("unused", "layers/input_layer_2"),
        ];
        assert_eq!(inputs, expected);
    }

    #[test]
    fn shared_weights_lie_once() {
        let description = describe(&models::shared(), String::new()).expect("a legal model");
        let offsets: Vec<_> = description.weights.iter().map(|w| (&*w.layer, w.offset)).collect();
        assert_eq!(offsets, [("shared", 0), ("mid", 9), ("late", 18)]);
        assert_eq!(description.layers[1].connected_to.join(", "), "x[0][0], mid[0][0]");
        assert_eq!(description.layers[4].connected_to.join(", "), "late[0][0], shared[1][0]");
    }
}
