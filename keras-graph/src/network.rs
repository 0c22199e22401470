//! A model as Keras sees it: layers, and calls of layers on symbolic tensors. Front ends build one call by call
//! (`model!` from tokens, the file reader from JSON); it checks each call's shapes at once and is then lowered to a
//! [`Graph`] for prediction and another for training.

use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, Mode, NodeId};
use crate::regularizer::Regularizer;
use crate::schema::Layer;
use crate::shape::Shape;

/// Most layers a model may have, those of nested models included.
pub const MAX_LAYERS: usize = 10_000;

/// Index of a layer in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayerId(pub usize);

/// Index of a symbolic tensor in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// How a model was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A list of layers.
    Sequential,
    /// Calls of layers on tensors.
    Functional,
}

impl Class {
    /// Keras' name of the class.
    pub fn name(self) -> &'static str {
        match self {
            Class::Sequential => "Sequential",
            Class::Functional => "Functional",
        }
    }
}

/// What a layer of a network is.
#[derive(Clone, Debug)]
pub enum LayerKind {
    /// An `Input`.
    Input {
        /// Extents per sample.
        shape: Shape,
        /// Element type.
        dtype: Dtype,
    },
    /// A layer of the catalogue.
    Layer(Box<dyn Layer>),
    /// A whole model used as a layer.
    Network(Box<Network>),
}

/// A layer of a network.
#[derive(Clone, Debug)]
pub struct NetworkLayer {
    /// Its name, unique in the network.
    pub name: String,
    /// What it is.
    pub kind: LayerKind,
    /// Whether an optimizer may change its weights.
    pub trainable: bool,
    /// Penalty on its output.
    pub activity_regularizer: Option<Regularizer>,
}

impl NetworkLayer {
    /// Keras' class of the layer.
    pub fn class(&self) -> &'static str {
        match &self.kind {
            LayerKind::Input { .. } => "InputLayer",
            LayerKind::Layer(layer) => layer.schema().class,
            LayerKind::Network(network) => network.class.name(),
        }
    }
}

/// A symbolic tensor: a result of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Extents per sample.
    pub shape: Shape,
    /// Element type.
    pub dtype: Dtype,
    /// Index of the call that made it.
    pub call: usize,
}

/// One call of a layer. An `Input` is a call without inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerCall {
    /// The layer.
    pub layer: LayerId,
    /// What it is called on.
    pub inputs: Vec<TensorId>,
    /// What it returns; more than one only for a model used as a layer.
    pub outputs: Vec<TensorId>,
}

/// A model.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// How it was written.
    pub class: Class,
    /// Layers in the order of their making.
    pub layers: Vec<NetworkLayer>,
    /// Calls in order; each stands after those that made its inputs.
    pub calls: Vec<LayerCall>,
    /// All tensors.
    pub tensors: Vec<Tensor>,
    /// The model's inputs.
    pub inputs: Vec<TensorId>,
    /// The model's outputs.
    pub outputs: Vec<TensorId>,
    /// The outputs' names, by which losses and metrics are given: Keras' name of the layer that made each.
    pub output_names: Vec<String>,
}

impl Network {
    /// A network without layers.
    pub fn new(name: impl Into<String>, class: Class) -> Network {
        Network {
            name: name.into(),
            class,
            layers: Vec::new(),
            calls: Vec::new(),
            tensors: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            output_names: Vec::new(),
        }
    }

    /// Adds a layer, not yet called.
    pub fn add_layer(&mut self, layer: NetworkLayer) -> LayerId {
        self.layers.push(layer);
        LayerId(self.layers.len() - 1)
    }

    /// Adds an input: a layer and its call. It becomes the model's next input.
    pub fn add_input(&mut self, name: impl Into<String>, shape: Shape, dtype: Dtype) -> TensorId {
        let layer = self.add_layer(NetworkLayer {
            name: name.into(),
            kind: LayerKind::Input { shape: shape.clone(), dtype },
            trainable: true,
            activity_regularizer: None,
        });
        let tensor = self.add_call(layer, &[], &[(shape, dtype)])[0];
        self.inputs.push(tensor);
        tensor
    }

    /// Calls a layer on tensors. The layer's errors name what was expected and what was found.
    pub fn call(
        &mut self,
        layer: LayerId,
        inputs: &[TensorId],
    ) -> Result<Vec<TensorId>, LayerError> {
        // Weights that the first call made must fit this one too, so that one is lowered again.
        let mut graph = Graph::new(Mode::Inference);
        if let Some(call) = self.calls.iter().find(|call| call.layer == layer) {
            self.lower_alone(&mut graph, layer, &call.inputs)?;
        }
        let outputs = self.lower_alone(&mut graph, layer, inputs)?;
        let described: Vec<_> =
            outputs.iter().map(|&node| (graph.shape(node).clone(), graph.dtype(node))).collect();
        Ok(self.add_call(layer, inputs, &described))
    }

    fn lower_alone(
        &self,
        graph: &mut Graph,
        layer: LayerId,
        inputs: &[TensorId],
    ) -> Result<Vec<NodeId>, LayerError> {
        let nodes: Vec<NodeId> = inputs
            .iter()
            .map(|&tensor| {
                let Tensor { shape, dtype, .. } = &self.tensors[tensor.0];
                graph.input(tensor.0, shape.clone(), *dtype)
            })
            .collect();
        self.lower_layer(graph, layer, &nodes)
    }

    fn add_call(
        &mut self,
        layer: LayerId,
        inputs: &[TensorId],
        outputs: &[(Shape, Dtype)],
    ) -> Vec<TensorId> {
        let call = self.calls.len();
        let first = self.tensors.len();
        self.tensors.extend(outputs.iter().map(|(shape, dtype)| Tensor {
            shape: shape.clone(),
            dtype: *dtype,
            call,
        }));
        let outputs: Vec<TensorId> = (first..self.tensors.len()).map(TensorId).collect();
        self.calls.push(LayerCall { layer, inputs: inputs.to_vec(), outputs: outputs.clone() });
        outputs
    }

    /// The shape of a tensor, per sample.
    pub fn shape(&self, tensor: TensorId) -> &Shape {
        &self.tensors[tensor.0].shape
    }

    /// Names the model's outputs; ends the building.
    pub fn finish(&mut self, outputs: &[TensorId]) {
        self.outputs = outputs.to_vec();
        self.output_names = outputs
            .iter()
            .map(|output| {
                let call = self.tensors[output.0].call;
                self.layers[self.calls[call].layer.0].name.clone()
            })
            .collect();
    }

    /// Number of layers, those of nested models included.
    pub fn layer_count(&self) -> usize {
        self.layers
            .iter()
            .map(|layer| match &layer.kind {
                LayerKind::Network(network) => 1 + network.layer_count(),
                LayerKind::Input { .. } | LayerKind::Layer(_) => 1,
            })
            .sum()
    }

    /// The graph of ops of the whole model. Its inputs are numbered in the order of [`Network::inputs`].
    pub fn lower(&self, mode: Mode) -> Result<Graph, LayerError> {
        let mut graph = Graph::new(mode);
        let inputs: Vec<NodeId> = self
            .inputs
            .iter()
            .enumerate()
            .map(|(i, &tensor)| {
                let Tensor { shape, dtype, .. } = &self.tensors[tensor.0];
                graph.input(i, shape.clone(), *dtype)
            })
            .collect();
        graph.outputs = self.lower_calls(&mut graph, &inputs)?;
        Ok(graph)
    }

    /// Lowers all calls that lead to the outputs.
    fn lower_calls(&self, graph: &mut Graph, inputs: &[NodeId]) -> Result<Vec<NodeId>, LayerError> {
        let mut nodes: Vec<Option<NodeId>> = vec![None; self.tensors.len()];
        for (&tensor, &node) in self.inputs.iter().zip(inputs) {
            nodes[tensor.0] = Some(node);
        }
        let node = |nodes: &[Option<NodeId>], tensor: TensorId| {
            nodes[tensor.0].expect("a call stands after those that made its inputs")
        };
        let mut live = crate::order::live_calls(self);
        live.sort_unstable();
        for call in live.into_iter().map(|call| &self.calls[call]) {
            if matches!(self.layers[call.layer.0].kind, LayerKind::Input { .. }) {
                continue;
            }
            let inputs: Vec<NodeId> = call.inputs.iter().map(|&t| node(&nodes, t)).collect();
            let outputs = self.lower_layer(graph, call.layer, &inputs)?;
            for (tensor, output) in call.outputs.iter().zip(outputs) {
                nodes[tensor.0] = Some(output);
            }
        }
        Ok(self.outputs.iter().map(|&tensor| node(&nodes, tensor)).collect())
    }

    fn lower_layer(
        &self,
        graph: &mut Graph,
        layer: LayerId,
        inputs: &[NodeId],
    ) -> Result<Vec<NodeId>, LayerError> {
        let NetworkLayer { name, kind, trainable, activity_regularizer } = &self.layers[layer.0];
        graph.in_layer(name, *trainable, |graph| match kind {
            LayerKind::Input { .. } => {
                Err(LayerError::input(format!("the input `{name}` cannot be called")))
            }
            LayerKind::Network(network) => network.lower_as_layer(graph, inputs),
            LayerKind::Layer(layer) => {
                let y = layer.lower_list(graph, inputs)?;
                if let Some(regularizer) = activity_regularizer {
                    graph.penalise_activity(y, *regularizer);
                }
                Ok(vec![y])
            }
        })
    }

    fn lower_as_layer(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
    ) -> Result<Vec<NodeId>, LayerError> {
        if inputs.len() != self.inputs.len() {
            return Err(LayerError::input(format!(
                "the model `{}` expects {} inputs, found {}",
                self.name,
                self.inputs.len(),
                inputs.len()
            )));
        }
        for (&expected, &found) in self.inputs.iter().zip(inputs) {
            let (expected, found) = (self.shape(expected), graph.shape(found));
            if expected != found {
                return Err(LayerError::input(format!(
                    "the model `{}` expects {expected}, found {found}",
                    self.name
                )));
            }
        }
        self.lower_calls(graph, inputs)
    }
}
