//! A graph with what the passes note about it: where the loss stands, and which nodes the outside
//! reads.

use crate::dtype::Dtype;
use crate::graph::{Graph, Node, NodeId, NodeKind, Source, WeightId};
use crate::op::{Op, Penalty, Reshape};
use crate::shape::Shape;

/// A part of a merged reduction that is a weight's gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The reduction.
    pub sums: NodeId,
    /// First element of it.
    pub from: usize,
    /// The weight.
    pub weight: WeightId,
}

/// A graph on its way to a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The ops: those before the loss, then those after it.
    pub graph: Graph,
    /// How many nodes come before the loss.
    pub forward: usize,
    /// Penalties on activations, one number each.
    pub penalties: Vec<NodeId>,
    /// For each output, where the loss writes its gradient; empty for prediction.
    pub output_gradients: Vec<NodeId>,
    /// For each input, the gradient by it, if it was asked for.
    pub input_gradients: Vec<Option<NodeId>>,
    /// Gradients that are parts of reductions.
    pub parts: Vec<Part>,
}

impl Program {
    /// The forward pass of a lowered model, penalties on activations included.
    pub fn new(mut graph: Graph) -> Program {
        for i in 0..graph.outputs.len() {
            let output = graph.outputs[i];
            // A place of its own, since the outside fills an input's buffer and reads an output's,
            // and a loss writes the gradient of each output.
            let is_input = matches!(graph.nodes[output.0].kind, NodeKind::Input(_));
            if is_input || graph.outputs[..i].contains(&output) {
                let kind = NodeKind::Sample(Reshape { len: graph.shape(output).len() }.into());
                let described = graph.nodes[output.0].clone();
                let copy = Node { kind, inputs: vec![output.into()], ..described };
                graph.outputs[i] = graph.add(copy);
            }
        }
        let mut penalties = Vec::new();
        for (node, penalty) in graph.activity.clone() {
            // Of each repetition, and in the end of all of them.
            graph.repeat = graph.nodes[node.0].repeat;
            let op = Penalty { len: graph.shape(node).len(), l1: penalty.l1, l2: penalty.l2 };
            penalties.push(reduce(&mut graph, op, &[node.into()], 1));
        }
        graph.repeat = 1;
        Program {
            forward: graph.nodes.len(),
            graph,
            penalties,
            output_gradients: Vec::new(),
            input_gradients: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// The nodes that are read from outside of the graph; several times if several read them.
    fn roots(&self) -> Vec<NodeId> {
        let mut roots = self.graph.outputs.clone();
        roots.extend(self.graph.moving.iter().map(|statistics| statistics.moments));
        roots.extend(&self.penalties);
        roots.extend(&self.output_gradients);
        roots.extend(self.input_gradients.iter().flatten());
        roots.extend(self.parts.iter().map(|part| part.sums));
        for (i, node) in self.graph.nodes.iter().enumerate() {
            if matches!(node.kind, NodeKind::Gradient(..) | NodeKind::Input(_)) {
                roots.push(NodeId(i));
            }
        }
        roots
    }

    /// How often each node is read, from within or from outside.
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.graph.nodes.len()];
        for root in self.roots() {
            uses[root.0] += 1;
        }
        for node in self.graph.nodes.iter().flat_map(Node::nodes_read) {
            uses[node.0] += 1;
        }
        uses
    }

    /// Removes the nodes that nobody reads.
    pub fn remove_dead(&mut self) {
        let mut live = vec![false; self.graph.nodes.len()];
        for root in self.roots() {
            live[root.0] = true;
        }
        for i in (0..live.len()).rev() {
            if live[i] {
                for node in self.graph.nodes[i].nodes_read() {
                    live[node.0] = true;
                }
            }
        }
        let mut next = 0;
        let new: Vec<NodeId> = live
            .iter()
            .map(|&live| {
                next += usize::from(live);
                NodeId(next - usize::from(live))
            })
            .collect();
        let forward = live[..self.forward].iter().filter(|&&live| live).count();
        let mut live = live.into_iter();
        self.graph.nodes.retain(|_| live.next() == Some(true));
        self.forward = forward;
        self.renumber(&new);
    }

    /// Puts nodes before others that stand behind the loss, in the order of these. Returns where
    /// the new nodes are, and where the old ones are now.
    pub(crate) fn insert_behind_loss(
        &mut self,
        inserted: Vec<(NodeId, Node)>,
    ) -> (Vec<NodeId>, Vec<NodeId>) {
        let (mut nodes, mut places, mut new) = (Vec::new(), Vec::new(), Vec::new());
        let mut inserted = inserted.into_iter().peekable();
        for (i, node) in core::mem::take(&mut self.graph.nodes).into_iter().enumerate() {
            while let Some((_, node)) = inserted.next_if(|(before, _)| before.0 == i) {
                places.push(NodeId(nodes.len()));
                nodes.push(node);
            }
            new.push(NodeId(nodes.len()));
            nodes.push(node);
        }
        self.graph.nodes = nodes;
        self.renumber(&new);
        (places, new)
    }

    fn renumber(&mut self, new: &[NodeId]) {
        let renumber = |node: &mut NodeId| *node = new[node.0];
        for source in self.graph.nodes.iter_mut().flat_map(|node| &mut node.inputs) {
            if let Source::Node(node) = source {
                renumber(node);
            }
        }
        self.graph.outputs.iter_mut().for_each(renumber);
        self.graph.moving.iter_mut().for_each(|statistics| renumber(&mut statistics.moments));
        self.graph.activity.iter_mut().for_each(|(node, _)| renumber(node));
        self.penalties.iter_mut().for_each(renumber);
        self.output_gradients.iter_mut().for_each(renumber);
        self.input_gradients.iter_mut().flatten().for_each(renumber);
        self.parts.iter_mut().for_each(|part| renumber(&mut part.sums));
    }
}

/// Appends a sum over all samples.
pub(crate) fn reduce(
    graph: &mut Graph,
    op: impl Into<Op>,
    inputs: &[Source],
    len: usize,
) -> NodeId {
    let (kind, shape) = (NodeKind::Reduced(op.into()), Shape::new([len]));
    let (dtype, repeat) = (Dtype::Float32, graph.repeat);
    graph.add(Node { kind, inputs: inputs.to_vec(), shape, dtype, repeat })
}

impl Node {
    /// The op, if the node is not filled from outside.
    pub fn op(&self) -> Option<&Op> {
        match &self.kind {
            NodeKind::Input(_) | NodeKind::OutputGradient(_) => None,
            NodeKind::Sample(op)
            | NodeKind::Reduced(op)
            | NodeKind::Moments(op)
            | NodeKind::Gradient(op, _) => Some(op),
        }
    }

    /// The nodes among the inputs.
    pub fn nodes_read(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.inputs.iter().filter_map(|source| match source {
            Source::Node(node) => Some(*node),
            Source::Weight(_) => None,
        })
    }

    /// Whether the node has one value for the whole batch.
    pub fn is_reduced(&self) -> bool {
        match self.kind {
            NodeKind::Input(_) | NodeKind::OutputGradient(_) | NodeKind::Sample(_) => false,
            NodeKind::Reduced(_) | NodeKind::Moments(_) | NodeKind::Gradient(..) => true,
        }
    }
}
