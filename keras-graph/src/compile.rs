//! From a model to its plan: the passes in their order.
//!
//! ```text
//! lower → verify → fold padding → differentiate → fuse → remove what is dead → recompute
//!       → schedule → place → plan
//! ```

mod gradients;

use keras_target::target::{Cpu, Target};

use self::gradients::{by_offset, shard_gradients, weight_offset};
pub use crate::describe::describe;
use crate::describe::{Layout, layout};
use crate::fuse::{fold_padding, fuse};
use crate::grad::differentiate;
use crate::graph::{Graph, LayerError, Mode, NodeId, NodeKind, Source};
use crate::literal::{List, Text};
use crate::needs;
use crate::network::Network;
use crate::plan::{
    GradientPart, Merge, MovingAverage, Operand, Place, Plan, Port, Reduction, Segment, Step,
    Storage, ValueId,
};
use crate::program::Program;
use crate::recompute::{LEAST_LEN, recompute};
use crate::schedule::{Schedule, schedule};
use crate::verify::verify;

/// The plan of a model in one mode, for a CPU.
///
/// Weights lie where [`describe`] says, in every mode. Errors: a layer that refuses its input, two
/// layers of one name, or two names that meet in one field.
pub fn compile(network: &Network, mode: Mode) -> Result<Plan, LayerError> {
    compile_for(&Cpu, network, mode)
}

/// The plan of a model for a target; see [`compile`].
pub fn compile_for(target: &dyn Target, network: &Network, mode: Mode) -> Result<Plan, LayerError> {
    plan_for(target, network, network.lower(mode)?, 0)
}

/// The plan of a graph of one step of a sequence, whose states are inputs and, in the same order,
/// the last outputs.
pub(crate) fn plan_of(network: &Network, graph: Graph, states: usize) -> Result<Plan, LayerError> {
    plan_for(&Cpu, network, graph, states)
}

fn plan_for(
    target: &dyn Target,
    network: &Network,
    graph: Graph,
    states: usize,
) -> Result<Plan, LayerError> {
    let layout = layout(network, &graph)?;
    let mut program = Program::new(graph);
    check(&program);
    fold_padding(&mut program);
    check(&program);
    differentiate(&mut program)?;
    check(&program);
    fuse(&mut program, target);
    check(&program);
    program.remove_dead();
    check(&program);
    recompute(&mut program, LEAST_LEN);
    check(&program);
    let schedule = schedule(&program);
    Ok(Planner::new(target, network, &program, &schedule, &layout, states).plan())
}

/// Verifies a program while the crate itself is developed: no user can make an illegal one.
fn check(program: &Program) {
    if cfg!(debug_assertions)
        && let Err(mistakes) = verify(program)
    {
        panic!("an illegal graph:\n{}", mistakes.join("\n"));
    }
}

/// Puts a plan together from what the passes found.
struct Planner<'a> {
    target: &'a dyn Target,
    network: &'a Network,
    program: &'a Program,
    schedule: &'a Schedule,
    layout: &'a Layout,
    /// For each weight whose gradient the shards sum, its offset in the reduced memory.
    summed: Vec<Option<usize>>,
    /// Offset of each reduced node in the reduced memory, or in the gradient if it is computed on
    /// the whole batch.
    reduced: Vec<usize>,
    reduced_len: usize,
    /// States that are inputs and outputs, behind those of the model.
    states: usize,
}

impl<'a> Planner<'a> {
    fn new(
        target: &'a dyn Target,
        network: &'a Network,
        program: &'a Program,
        schedule: &'a Schedule,
        layout: &'a Layout,
        states: usize,
    ) -> Planner<'a> {
        let graph = &program.graph;
        let (summed, mut reduced_len) = shard_gradients(program, schedule, layout);
        let mut reduced = vec![0; graph.nodes.len()];
        for (i, node) in graph.nodes.iter().enumerate() {
            match node.kind {
                NodeKind::Gradient(_, weight) => {
                    reduced[i] = match summed[weight.0] {
                        Some(from) => from,
                        // On the whole batch, straight to the gradient.
                        None => weight_offset(layout, weight.0),
                    };
                }
                NodeKind::Reduced(_) | NodeKind::Moments(_) => {
                    reduced[i] = reduced_len;
                    reduced_len += node.shape.len();
                }
                NodeKind::Input(_) | NodeKind::OutputGradient(_) | NodeKind::Sample(_) => {}
            }
        }
        Planner { target, network, program, schedule, layout, summed, reduced, reduced_len, states }
    }

    fn graph(&self) -> &'a Graph {
        &self.program.graph
    }

    fn place(&self, node: NodeId) -> Place {
        let described = &self.graph().nodes[node.0];
        if described.is_reduced() {
            let storage = match described.kind {
                NodeKind::Gradient(_, weight) if self.summed[weight.0].is_none() => {
                    Storage::Gradient
                }
                _ => Storage::Reduced,
            };
            return Place { storage, offset: self.reduced[node.0], len: described.shape.len() };
        }
        self.schedule.places[node.0].expect("a node that is read or computed has a buffer")
    }

    /// The value that a node holds. Nodes come first, then weights.
    fn value(&self, node: NodeId) -> ValueId {
        ValueId(self.schedule.owner[node.0])
    }

    fn operand(&self, node: NodeId) -> Operand {
        Operand { value: self.value(node), place: self.place(node) }
    }

    fn source(&self, source: Source) -> Operand {
        match source {
            Source::Node(node) => self.operand(node),
            Source::Weight(weight) => {
                let value = ValueId(self.graph().nodes.len() + weight.0);
                let offset = weight_offset(self.layout, weight.0);
                let len = self.graph().weights[weight.0].shape.len();
                Operand { value, place: Place { storage: Storage::Weights, offset, len } }
            }
        }
    }

    fn plan(&self) -> Plan {
        let steps = self.steps(&self.schedule.steps);
        let batch_steps = self.steps(&self.schedule.batch_steps);
        let forward = &steps[..self.schedule.forward];
        let workspaces = steps
            .iter()
            .chain(&batch_steps)
            .map(|step| needs::workspace_len(&step.op, step.algorithm));
        Plan {
            flops: forward.iter().map(Step::flops).fold(0, u64::saturating_add),
            workspace_len: workspaces.max().unwrap_or(0),
            forward: forward.len(),
            segments: List::Owned(self.segments()),
            inputs: List::Owned(self.inputs()),
            outputs: List::Owned(self.outputs()),
            block_len: self.schedule.block_len,
            shard_len: self.schedule.shard_len,
            weights_len: self.layout.len,
            reduced_len: self.reduced_len,
            activity_penalties: List::Owned(
                self.program.penalties.iter().map(|node| self.reduced[node.0]).collect(),
            ),
            shard_gradients: List::Owned(self.shard_gradients()),
            gradient_parts: List::Owned(self.gradient_parts()),
            batch_steps: List::Owned(batch_steps),
            moving_averages: List::Owned(self.moving_averages()),
            steps: List::Owned(steps),
        }
    }

    fn steps(&self, nodes: &[NodeId]) -> Vec<Step> {
        let step = |&node: &NodeId| {
            let described = &self.graph().nodes[node.0];
            let op = *described.op().expect("a step has an op");
            Step {
                op,
                algorithm: self.target.algorithm(&op),
                repeat: described.repeat,
                inputs: described.inputs.iter().map(|&source| self.source(source)).collect(),
                value: self.value(node),
                output: self.place(node),
            }
        };
        nodes.iter().map(step).collect()
    }

    fn segments(&self) -> Vec<Segment> {
        let mut from = 0;
        let mut segments = Vec::new();
        for &to in &self.schedule.ends {
            let nodes = &self.schedule.steps[from..to];
            let merges = nodes.iter().filter_map(|&node| self.reduction(node)).collect();
            segments.push(Segment { from, to, merges });
            from = to;
        }
        segments
    }

    fn reduction(&self, node: NodeId) -> Option<Reduction> {
        let described = &self.graph().nodes[node.0];
        let merge = match described.kind {
            NodeKind::Reduced(_) => Merge::Sum,
            NodeKind::Moments(_) => Merge::Moments,
            NodeKind::Input(_)
            | NodeKind::OutputGradient(_)
            | NodeKind::Sample(_)
            | NodeKind::Gradient(..) => return None,
        };
        Some(Reduction { offset: self.reduced[node.0], len: described.shape.len(), merge })
    }

    fn inputs(&self) -> Vec<Port> {
        let mut ports = Vec::new();
        for (i, &tensor) in self.network.inputs.iter().enumerate() {
            let node = self.input(i);
            let call = self.network.tensors[tensor.0].call;
            let layer = self.network.calls[call].layer;
            let name = &self.network.layers[layer.0].name;
            let gradient = self.program.input_gradients.get(i).copied().flatten();
            ports.push(self.port(name, node, gradient));
        }
        for state in 0..self.states {
            let node = self.input(self.network.inputs.len() + state);
            ports.push(self.port(&state_name(state), node, None));
        }
        ports
    }

    fn input(&self, index: usize) -> NodeId {
        let nodes = &self.graph().nodes;
        let found = nodes.iter().position(|node| node.kind == NodeKind::Input(index));
        NodeId(found.expect("every input has a node"))
    }

    fn outputs(&self) -> Vec<Port> {
        let states = (0..self.states).map(state_name);
        let names = self.network.output_names.iter().cloned().chain(states);
        let outputs = self.graph().outputs.iter().zip(names).enumerate();
        outputs
            .map(|(i, (&node, name))| {
                self.port(&name, node, self.program.output_gradients.get(i).copied())
            })
            .collect()
    }

    fn port(&self, name: &str, node: NodeId, gradient: Option<NodeId>) -> Port {
        Port {
            name: Text::Owned(name.to_string()),
            shape: self.graph().shape(node).list(),
            dtype: self.graph().dtype(node),
            value: self.value(node),
            place: self.place(node),
            gradient: gradient.map(|node| self.operand(node)),
        }
    }

    /// Neighbours are one part.
    fn shard_gradients(&self) -> Vec<GradientPart> {
        let mut parts: Vec<GradientPart> = Vec::new();
        for weight in by_offset(self.layout) {
            let Some(from) = self.summed[weight] else { continue };
            let to = weight_offset(self.layout, weight);
            let len = self.graph().weights[weight].shape.len();
            match parts.last_mut() {
                Some(last) if (last.from + last.len, last.to + last.len) == (from, to) => {
                    last.len += len;
                }
                _ => parts.push(GradientPart { from, to, len }),
            }
        }
        parts
    }

    fn gradient_parts(&self) -> Vec<GradientPart> {
        let part = |part: &crate::program::Part| GradientPart {
            from: self.reduced[part.sums.0] + part.from,
            to: weight_offset(self.layout, part.weight.0),
            len: self.graph().weights[part.weight.0].shape.len(),
        };
        self.program.parts.iter().map(part).collect()
    }

    fn moving_averages(&self) -> Vec<MovingAverage> {
        if self.graph().mode() == Mode::Inference {
            return Vec::new();
        }
        let average = |statistics: &crate::graph::MovingStatistics| MovingAverage {
            moments: self.reduced[statistics.moments.0],
            channels: self.graph().weights[statistics.mean.0].shape.len(),
            mean: weight_offset(self.layout, statistics.mean.0),
            variance: weight_offset(self.layout, statistics.variance.0),
            momentum: statistics.momentum,
        };
        self.graph().moving.iter().map(average).collect()
    }
}

/// The name of a state's port.
fn state_name(i: usize) -> String {
    format!("state_{i}")
}

#[cfg(test)]
mod tests;
