//! What a model that runs step by step keeps between steps. Layers ask for their states here.

use super::{Graph, NodeId};
use crate::dtype::Dtype;
use crate::error::LayerError;
use crate::shape::Shape;

/// The states of a graph that computes one step of a sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Past {
    /// Before the step, as inputs of the graph, and behind it.
    pub(crate) states: Vec<[NodeId; 2]>,
}

impl Graph {
    /// A graph of one step of a sequence, whose first `inputs` inputs are those of the model.
    pub(crate) fn of_one_step(inputs: usize) -> Graph {
        let mut graph = Graph::new(super::Mode::Inference);
        graph.past = Some((inputs, Past::default()));
        graph
    }

    /// Whether it computes one step of a sequence.
    pub(crate) fn is_one_step(&self) -> bool {
        self.past.is_some()
    }

    /// A state of these extents as it was before the step; zeros before the first. It must be
    /// followed, in order, by [`Graph::keep`].
    pub(crate) fn state(&mut self, extents: &[usize]) -> Result<NodeId, LayerError> {
        let Some((inputs, past)) = &self.past else {
            return Err(LayerError::input("states are kept where a model runs step by step"));
        };
        let index = inputs + past.states.len();
        let node = self.input(index, Shape::new(extents), Dtype::Float32);
        if let Some((_, past)) = &mut self.past {
            past.states.push([node, node]);
        }
        Ok(node)
    }

    /// Says what a state is behind the step.
    pub(crate) fn keep(&mut self, before: NodeId, behind: NodeId) {
        let states = self.past.iter_mut().flat_map(|(_, past)| &mut past.states);
        states.filter(|state| state[0] == before).for_each(|state| state[1] = behind);
    }
}
