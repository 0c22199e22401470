//! The graph of ops that layers are lowered to. A node is one op on whole tensors; adding one
//! computes its shape.

mod node;
mod past;
mod weight;

use std::collections::HashMap;

use crate::dtype::Dtype;
pub use crate::error::LayerError;
use crate::op::Op;
use crate::regularizer::Regularizer;
use crate::shape::Shape;

pub use node::{Node, NodeId, NodeKind, Source, WeightId};
pub use weight::Weight;

/// What the graph is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Predictions: dropout does nothing, batch normalization uses its moving statistics.
    Inference,
    /// Training: forward, and gradients by the trainable weights.
    Training {
        /// Whether gradients by the inputs are wanted too.
        input_gradients: bool,
    },
}

/// A moving statistic to update at the end of a training step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MovingStatistics {
    /// The batch's moments.
    pub moments: NodeId,
    /// The moving mean.
    pub mean: WeightId,
    /// The moving variance.
    pub variance: WeightId,
    /// Share of the old value.
    pub momentum: f32,
}

/// A graph of ops.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    mode: Mode,
    /// Path of the layer that is being lowered.
    scope: Vec<String>,
    /// The attributes by which layers hold those within them, as far as the scope is of such.
    attributes: Vec<String>,
    frozen: usize,
    /// The argument `training` of the innermost call that has one.
    training: Option<bool>,
    dropouts: u32,
    /// How often the ops that are appended run for each sample.
    pub(crate) repeat: usize,
    pub(crate) nodes: Vec<Node>,
    pub(crate) weights: Vec<Weight>,
    /// The weights by their layers' paths and their names.
    by_name: HashMap<(String, &'static str), WeightId>,
    pub(crate) outputs: Vec<NodeId>,
    /// Of a graph of one step of a sequence: its inputs beside the states, and the states.
    pub(crate) past: Option<(usize, past::Past)>,
    pub(crate) moving: Vec<MovingStatistics>,
    /// Penalties on activations, and the nodes that they are on.
    pub(crate) activity: Vec<(NodeId, Regularizer)>,
}

impl Graph {
    /// An empty graph.
    pub fn new(mode: Mode) -> Graph {
        Graph {
            mode,
            scope: Vec::new(),
            attributes: Vec::new(),
            frozen: 0,
            training: None,
            dropouts: 0,
            repeat: 1,
            nodes: Vec::new(),
            weights: Vec::new(),
            by_name: HashMap::new(),
            outputs: Vec::new(),
            past: None,
            moving: Vec::new(),
            activity: Vec::new(),
        }
    }

    /// Whether a layer works as in training: in a graph for training, unless a call around it has
    /// `training = False`.
    ///
    /// Errors: a call with `training = True` in a graph for predictions, where the layer, of this
    /// class, would differ.
    pub fn is_training(&self, class: &str) -> Result<bool, LayerError> {
        match (self.training, self.mode) {
            (Some(false), _) | (None, Mode::Inference) => Ok(false),
            (_, Mode::Training { .. }) => Ok(true),
            (Some(true), Mode::Inference) => {
                let message = format!("`{class}` cannot work as in training while it predicts");
                Err(LayerError::argument("training", message)
                    .help("leave out `training = True`: `fit` trains and `predict` predicts"))
            }
        }
    }

    /// Runs `lower` within a call whose argument `training` this is; None leaves that of the call
    /// around it.
    pub fn in_call<T>(&mut self, training: Option<bool>, lower: impl FnOnce(&mut Graph) -> T) -> T {
        let outside = self.training;
        self.training = training.or(outside);
        let result = lower(self);
        self.training = outside;
        result
    }

    /// What the graph is for.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the layer that is being lowered, or a model around it, has `trainable = False`.
    pub fn is_frozen(&self) -> bool {
        self.frozen > 0
    }

    /// The nodes, in an order in which each stands after its inputs.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The weights, in the order of their making.
    pub fn weights(&self) -> &[Weight] {
        &self.weights
    }

    /// The outputs of the model.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// Runs `lower` within the scope of a layer.
    pub fn in_layer<T>(
        &mut self,
        name: &str,
        trainable: bool,
        lower: impl FnOnce(&mut Graph) -> T,
    ) -> T {
        self.scope.push(name.to_string());
        self.frozen += usize::from(!trainable);
        let result = lower(self);
        self.frozen -= usize::from(!trainable);
        self.scope.pop();
        result
    }

    /// Runs `lower` within the scope of a layer that the current layer holds as an attribute of
    /// this name.
    pub fn in_inner<T>(
        &mut self,
        attribute: &str,
        name: &str,
        trainable: bool,
        lower: impl FnOnce(&mut Graph) -> T,
    ) -> T {
        self.attributes.push(attribute.to_string());
        let result = self.in_layer(name, trainable, lower);
        self.attributes.pop();
        result
    }

    /// Extents of a node, per sample.
    pub fn shape(&self, node: NodeId) -> &Shape {
        &self.nodes[node.0].shape
    }

    /// Element type of a node.
    pub fn dtype(&self, node: NodeId) -> Dtype {
        self.nodes[node.0].dtype
    }

    /// Says what the elements of a node are.
    pub(crate) fn set_dtype(&mut self, node: NodeId, dtype: Dtype) {
        self.nodes[node.0].dtype = dtype;
    }

    /// Extents of whatever an op reads.
    pub fn source_shape(&self, source: Source) -> &Shape {
        match source {
            Source::Node(node) => self.shape(node),
            Source::Weight(weight) => &self.weights[weight.0].shape,
        }
    }

    /// An input of the model.
    pub fn input(&mut self, index: usize, shape: Shape, dtype: Dtype) -> NodeId {
        self.add(Node { kind: NodeKind::Input(index), inputs: vec![], shape, dtype, repeat: 1 })
    }

    /// Appends an op whose result is a tensor for each sample.
    pub fn push(&mut self, op: impl Into<Op>, inputs: &[Source], shape: Shape) -> NodeId {
        let (op, repeat) = (op.into(), self.repeat);
        let dtype = self.dtype_made(&op, inputs);
        let kind = NodeKind::Sample(op);
        self.add(Node { kind, inputs: inputs.to_vec(), shape, dtype, repeat })
    }

    /// Appends any node.
    pub fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    /// A number that no other dropout of the graph has.
    pub fn next_dropout_key(&mut self) -> u32 {
        self.dropouts += 1;
        self.dropouts - 1
    }

    /// Notes that moving statistics follow the moments of each training batch.
    pub fn follow(&mut self, statistics: MovingStatistics) {
        self.moving.push(statistics);
    }

    /// Notes a penalty on a layer's output.
    pub fn penalise_activity(&mut self, node: NodeId, regularizer: Regularizer) {
        self.activity.push((node, regularizer));
    }
}
