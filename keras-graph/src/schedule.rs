//! The order of steps, their segments, and how long each buffer is in use.
//!
//! An op that reads a reduction needs it merged over the whole batch, so it stands in a later
//! segment than the one that reduces. Nothing after the loss stands in an earlier segment than the
//! loss. Within a segment the order is the graph's.
//!
//! The gradient of a large weight stands in no segment: it is computed at the end, on the whole
//! batch at once.
//!
//! A reshape is no step: its result is its input's buffer.

use crate::graph::{Node, NodeId, NodeKind};
use crate::memory::{Buffer, place};
use crate::op::Op;
use crate::plan::{Place, Storage};
use crate::program::Program;

/// The steps and buffers of a program.
pub(crate) struct Schedule {
    /// The node that each step computes.
    pub(crate) steps: Vec<NodeId>,
    /// For each segment, one past its last step.
    pub(crate) ends: Vec<usize>,
    /// The nodes computed on the whole batch after all steps.
    pub(crate) batch_steps: Vec<NodeId>,
    /// How many steps come before the loss.
    pub(crate) forward: usize,
    /// The segment of each node.
    pub(crate) segment: Vec<usize>,
    /// For each node the one whose value it holds; itself unless it is a reshape.
    pub(crate) owner: Vec<usize>,
    /// Where each node with a value per sample lies.
    pub(crate) places: Vec<Option<Place>>,
    /// Elements per sample of a block's buffer.
    pub(crate) block_len: usize,
    /// Elements per sample of a shard's buffer.
    pub(crate) shard_len: usize,
}

/// Orders the ops of a program and places their results.
pub(crate) fn schedule(program: &Program) -> Schedule {
    let owner = owners(program);
    let segment = segments(program);
    let is_whole = computed_whole(program);
    let (batch_steps, mut steps): (Vec<NodeId>, Vec<NodeId>) = (0..program.graph.nodes.len())
        .filter(|&i| owner[i] == i && program.graph.nodes[i].op().is_some())
        .map(NodeId)
        .partition(|node| is_whole[node.0]);
    steps.sort_by_key(|node| segment[node.0]);
    let segments = segment.iter().max().map_or(1, |last| last + 1);
    let ends = (0..segments).map(|s| steps.partition_point(|node| segment[node.0] <= s)).collect();
    let forward = steps.iter().filter(|node| node.0 < program.forward).count();
    let mut schedule = Schedule {
        steps,
        batch_steps,
        ends,
        forward,
        segment,
        owner,
        places: vec![None; program.graph.nodes.len()],
        block_len: 0,
        shard_len: 0,
    };
    let uses = schedule.uses(program);
    schedule.place_buffers(program, &uses);
    schedule
}

/// Fewer elements than this are summed shard by shard.
const LEAST_WHOLE_LEN: usize = 8 * 1024;

/// For each node whether it is computed on the whole batch at once: the gradient of a weight so
/// large that a copy for each shard would cost more than keeping what it is made of.
pub(crate) fn computed_whole(program: &Program) -> Vec<bool> {
    let nodes = &program.graph.nodes;
    let mut is_split = vec![true; program.graph.weights.len()];
    for node in nodes {
        if let NodeKind::Gradient(op, weight) = node.kind {
            is_split[weight.0] &= matches!(op, Op::GemmGradW(_) | Op::EmbeddingGrad(_));
        }
    }
    let is_whole = |node: &Node| match node.kind {
        NodeKind::Gradient(_, weight) => is_split[weight.0] && node.shape.len() >= LEAST_WHOLE_LEN,
        _ => false,
    };
    nodes.iter().map(is_whole).collect()
}

/// For each node the one whose buffer it shares; itself unless it is a reshape.
fn owners(program: &Program) -> Vec<usize> {
    let nodes = &program.graph.nodes;
    let mut owner: Vec<usize> = (0..nodes.len()).collect();
    for (i, node) in nodes.iter().enumerate() {
        if let (NodeKind::Sample(Op::Reshape(_)), Some(x)) = (&node.kind, node.nodes_read().next())
        {
            let of_input = matches!(nodes[owner[x.0]].kind, NodeKind::Input(_));
            // An output has a buffer of its own, since the outside fills an input's.
            if !(of_input && program.graph.outputs.contains(&NodeId(i))) {
                owner[i] = owner[x.0];
            }
        }
    }
    owner
}

/// The segment of each node.
pub(crate) fn segments(program: &Program) -> Vec<usize> {
    let nodes = &program.graph.nodes;
    let mut segment: Vec<usize> = Vec::with_capacity(nodes.len());
    let mut loss = 0;
    for (i, node) in nodes.iter().enumerate() {
        if i == program.forward {
            loss = segment.iter().copied().max().unwrap_or(0);
        }
        let after = |x: NodeId| segment[x.0] + usize::from(nodes[x.0].is_reduced());
        segment.push(node.nodes_read().map(after).max().unwrap_or(0).max(loss));
    }
    // What is computed anew stands where it is read.
    for i in program.forward..nodes.len() {
        if let NodeKind::Sample(Op::BatchNorm(_)) = nodes[i].kind {
            let is_reader = |reader: &usize| nodes[*reader].nodes_read().any(|x| x.0 == i);
            let readers = (i..nodes.len()).filter(is_reader);
            segment[i] = readers.map(|reader| segment[reader]).min().unwrap_or(segment[i]);
        }
    }
    segment
}

/// When a buffer is in use: first and last segment, and moments within them.
#[derive(Clone, Copy)]
struct Use {
    segments: (usize, usize),
    moments: (usize, usize),
}

impl Use {
    fn extend(&mut self, segment: usize, moment: usize) {
        self.segments = (self.segments.0.min(segment), self.segments.1.max(segment));
        self.moments = (self.moments.0.min(moment), self.moments.1.max(moment));
    }
}

impl Schedule {
    /// The moment of a step; the loss has one of its own, after the forward steps.
    fn moment(&self, step: usize) -> usize {
        if step < self.forward { step } else { step + 1 }
    }

    /// When each buffer is in use; None for a node without one.
    fn uses(&self, program: &Program) -> Vec<Option<Use>> {
        let nodes = &program.graph.nodes;
        let mut uses: Vec<Option<Use>> = vec![None; nodes.len()];
        let mut touch = |node: NodeId, segment: usize, moment: usize| {
            if nodes[node.0].is_reduced() {
                return;
            }
            let first = Use { segments: (segment, segment), moments: (moment, moment) };
            uses[self.owner[node.0]].get_or_insert(first).extend(segment, moment);
        };
        for (step, &node) in self.steps.iter().enumerate() {
            let (segment, moment) = (self.segment[node.0], self.moment(step));
            touch(node, segment, moment);
            for x in nodes[node.0].nodes_read() {
                touch(x, segment, moment);
            }
        }
        for x in self.batch_steps.iter().flat_map(|node| nodes[node.0].nodes_read()) {
            touch(x, self.ends.len(), self.steps.len() + 1);
        }
        let loss = self.ends.partition_point(|&end| end < self.forward);
        for &node in program.graph.outputs.iter().chain(&program.output_gradients) {
            touch(node, loss, self.forward);
        }
        for (i, node) in nodes.iter().enumerate() {
            if let NodeKind::Input(_) = node.kind {
                touch(NodeId(i), 0, 0);
            }
        }
        let last = self.ends.len() - 1;
        for &node in program.input_gradients.iter().flatten() {
            touch(node, last, self.steps.len() + 1);
        }
        uses
    }

    fn place_buffers(&mut self, program: &Program, uses: &[Option<Use>]) {
        let len = |i: usize| program.graph.nodes[i].elements();
        let in_one = |i: &usize| uses[*i].is_some_and(|u| u.segments.0 == u.segments.1);
        let mut own: Vec<Option<Place>> = vec![None; uses.len()];
        for segment in 0..self.ends.len() {
            let here = |i: &usize| in_one(i) && uses[*i].is_some_and(|u| u.segments.0 == segment);
            let nodes: Vec<usize> = (0..uses.len()).filter(here).collect();
            let total =
                assign(&nodes, Storage::Block, len, |i| uses[i].map(|u| u.moments), &mut own);
            self.block_len = self.block_len.max(total);
        }
        let shards: Vec<usize> =
            (0..uses.len()).filter(|i| uses[*i].is_some() && !in_one(i)).collect();
        // A shard's samples pass through a segment block after block, so a buffer is in use for
        // whole segments.
        self.shard_len =
            assign(&shards, Storage::Shard, len, |i| uses[i].map(|u| u.segments), &mut own);
        for (i, place) in self.places.iter_mut().enumerate() {
            *place = own[self.owner[i]];
        }
    }
}

/// Places the buffers of some nodes; returns the elements they take up together.
fn assign(
    nodes: &[usize],
    storage: Storage,
    len: impl Fn(usize) -> usize,
    span: impl Fn(usize) -> Option<(usize, usize)>,
    own: &mut [Option<Place>],
) -> usize {
    let buffers: Vec<Buffer> = nodes
        .iter()
        .filter_map(|&i| span(i).map(|(from, to)| Buffer { len: len(i), from, to }))
        .collect();
    let (offsets, total) = place(&buffers);
    for (&i, offset) in nodes.iter().zip(offsets) {
        own[i] = Some(Place { storage, offset, len: len(i) });
    }
    total
}

#[cfg(test)]
mod tests;
