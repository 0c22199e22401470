//! The graph of ops that layers are lowered to. A node is one op on whole tensors; adding one
//! computes its shape.

use std::collections::HashMap;

use crate::constraint::{self, Constraint};
use crate::dtype::Dtype;
pub use crate::error::LayerError;
use crate::initializer::{Initializer, Rule};
use crate::op::Op;
use crate::parameter::WeightArguments;
use crate::regularizer::Regularizer;
use crate::schema::ParameterType;
use crate::shape::{MAX_LEN, Shape};

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

/// A tensor that an op made, or an input of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// A weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WeightId(pub usize);

/// Where an op's input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Another node's result.
    Node(NodeId),
    /// A weight.
    Weight(WeightId),
}

impl From<NodeId> for Source {
    fn from(node: NodeId) -> Source {
        Source::Node(node)
    }
}

impl From<WeightId> for Source {
    fn from(weight: WeightId) -> Source {
        Source::Weight(weight)
    }
}

/// What a node holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NodeKind {
    /// The model's input number so-and-so.
    Input(usize),
    /// The gradient of the loss by the model's output number so-and-so: the loss writes it.
    OutputGradient(usize),
    /// The op's result, for each sample.
    Sample(Op),
    /// The op's result, summed over the samples of a batch. It has no batch axis.
    Reduced(Op),
    /// Like `Reduced`, merged as moments are.
    Moments(Op),
    /// Like `Reduced`, and added to the gradient by this weight.
    Gradient(Op, WeightId),
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it holds.
    pub kind: NodeKind,
    /// What the op reads.
    pub inputs: Vec<Source>,
    /// Extents, of one repetition of a sample unless the node is reduced.
    pub shape: Shape,
    /// Element type.
    pub dtype: Dtype,
    /// On how many parts of each sample the op runs, as on so many samples. The parts of a result
    /// follow one another.
    pub repeat: usize,
}

impl Node {
    /// Elements per sample, those of all repetitions, unless the node is reduced.
    pub fn elements(&self) -> usize {
        if self.is_reduced() { self.shape.len() } else { self.shape.len() * self.repeat }
    }
}

/// A weight of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Layer path, names joined by `/`.
    pub layer: String,
    /// Name within the layer, e.g. `kernel`.
    pub name: &'static str,
    /// Of a weight of a layer within a layer: its path in a weights file from the outer layer on,
    /// made of the names of attributes, such as `layer`. Else empty.
    pub group: String,
    /// Extents.
    pub shape: Shape,
    /// Whether an optimizer changes it.
    pub trainable: bool,
    /// How it starts.
    pub initializer: Initializer,
    /// Penalty on it.
    pub regularizer: Option<Regularizer>,
    /// What it is projected to after each step of an optimizer.
    pub constraint: Option<constraint::Resolved>,
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
    attributes: Vec<&'static str>,
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
        attribute: &'static str,
        name: &str,
        trainable: bool,
        lower: impl FnOnce(&mut Graph) -> T,
    ) -> T {
        self.attributes.push(attribute);
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

    /// A weight of the current layer. A layer that is called again gets the one that it made
    /// before.
    pub fn weight(
        &mut self,
        name: &'static str,
        extents: &[usize],
        arguments: impl Into<WeightArguments>,
    ) -> Result<WeightId, LayerError> {
        self.add_weight(name, extents, arguments.into(), !self.is_frozen())
    }

    /// A weight that no optimizer changes, such as a moving statistic.
    pub fn statistic(
        &mut self,
        name: &'static str,
        extents: &[usize],
        initializer: Initializer,
    ) -> Result<WeightId, LayerError> {
        self.add_weight(name, extents, initializer.into(), false)
    }

    fn add_weight(
        &mut self,
        name: &'static str,
        extents: &[usize],
        arguments: WeightArguments,
        trainable: bool,
    ) -> Result<WeightId, LayerError> {
        let layer = self.scope.join("/");
        let shape = Shape::new(extents);
        let WeightArguments { initializer, regularizer, constraint } = arguments;
        check_weight(name, extents, initializer)?;
        let id = WeightId(self.weights.len());
        let key = (layer.clone(), name);
        if let Some(&known) = self.by_name.get(&key) {
            let built = &self.weights[known.0].shape;
            if *built != shape {
                return Err(LayerError::input(format!(
                    "`{layer}` was called before with an input that made its `{name}` {:?}; \
                     this input asks for {:?}",
                    built.extents(),
                    extents,
                ))
                .help(
                    "a layer that is called twice shares its weights: \
                     make a second layer for other shapes",
                ));
            }
            return Ok(known);
        }
        let constraint = constraint.map(|constraint| resolved(name, extents, &constraint));
        let constraint = constraint.transpose()?;
        let group = self.attributes.join("/");
        self.weights.push(Weight {
            layer,
            name,
            group,
            shape,
            trainable,
            initializer,
            regularizer,
            constraint,
        });
        self.by_name.insert(key, id);
        Ok(id)
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

/// A constraint on a weight of these extents.
fn resolved(
    name: &str,
    extents: &[usize],
    constraint: &Constraint,
) -> Result<constraint::Resolved, LayerError> {
    constraint.resolve(extents).ok_or_else(|| {
        LayerError::input(format!(
            "`axis` of `{}` expects different axes of the weight `{name}`, which has the extents \
             {extents:?}, found `{}`",
            constraint.class(),
            constraint.to_value(),
        ))
        .help("write `axis = 0` for the first of them")
    })
}

/// Refuses weights of too many elements and shapes that an initializer has no values for.
fn check_weight(name: &str, extents: &[usize], initializer: Initializer) -> Result<(), LayerError> {
    let len = extents.iter().try_fold(1usize, |len, &extent| len.checked_mul(extent));
    if len.is_none_or(|len| len > MAX_LEN) {
        return Err(LayerError::input(format!(
            "the weight `{name}` would have the extents {extents:?}, more than {MAX_LEN} elements"
        )));
    }
    let needs = match initializer.rule {
        Rule::Orthogonal { .. } if extents.len() < 2 => "two axes or more",
        Rule::Identity { .. } if extents.len() != 2 => "two axes",
        _ => return Ok(()),
    };
    Err(LayerError::input(format!(
        "the initializer `{}` needs a weight of {needs}, but `{name}` has the extents {extents:?}",
        initializer.class
    )))
}
