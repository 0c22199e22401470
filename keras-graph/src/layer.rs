//! What a layer is: arguments, calls, and their lowering to ops.

use crate::call::{Call, CallParameter, Lowered};
use crate::dtype::Dtype;
use crate::functions::operation::Operation;
use crate::graph::{Graph, LayerError, NodeId};
use crate::ops::Recurred;
use crate::schema::Schema;
use crate::value::Value;

/// Axes of a tensor that a layer is called on, and of its mask if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskedRank {
    /// Of the tensor.
    pub rank: usize,
    /// Of the mask.
    pub mask: Option<usize>,
}

/// What Keras makes the mask of a result from, and by how many operations, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskSource {
    /// Index of the tensor that the layer is called on.
    pub input: usize,
    /// Whether it is the mask of that tensor, and not the tensor itself.
    pub is_mask: bool,
    /// The operations between.
    pub operations: usize,
}

/// A layer: its arguments, what they demand of the input, and its lowering to ops.
pub trait Layer: std::fmt::Debug {
    /// What it accepts.
    fn schema(&self) -> &'static Schema;

    /// Its arguments, defaults included, in the order of the schema.
    fn config(&self) -> Vec<(&'static str, Value)>;

    /// The arguments that its calls take beside the tensors that it is called on, in Keras' order.
    fn call_parameters(&self) -> &'static [CallParameter] {
        &[]
    }

    /// Whether it takes note of masks, so that a mask is not lost at it.
    fn supports_masking(&self) -> bool {
        false
    }

    /// Appends the ops of a call. A layer whose calls take arguments, that has several results or
    /// makes a mask, overrides it.
    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let inputs: Vec<NodeId> = call.inputs.iter().map(|input| input.node).collect();
        let node = self.lower_list(graph, &inputs)?;
        let mask = if self.supports_masking() { self.compute_mask(graph, call)? } else { None };
        Ok(vec![Lowered { node, mask }])
    }

    /// The mask of its result, if it supports masking: that of its first input unless the layer
    /// overrides it.
    fn compute_mask(
        &self,
        _graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Option<NodeId>, LayerError> {
        Ok(call.mask())
    }

    /// What Keras makes the mask of its result from; it counts these operations when it orders the
    /// layers of a model. A layer that overrides `compute_mask` overrides this too.
    fn mask_sources(&self, _inputs: &[MaskedRank]) -> Vec<MaskSource> {
        vec![MaskSource { input: 0, is_mask: true, operations: 0 }]
    }

    /// Appends the ops of a call on one tensor; every layer overrides it, or `lower_list`, or
    /// `lower_call`.
    fn lower(&self, _graph: &mut Graph, _x: NodeId) -> Result<NodeId, LayerError> {
        let class = self.schema().class;
        Err(LayerError::input(format!("`{class}` is not called on one tensor")))
    }

    /// Appends the ops of a call on a list of tensors; layers that join tensors override it.
    fn lower_list(&self, graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
        let class = self.schema().class;
        match inputs {
            [x] => self.lower(graph, *x),
            _ => Err(LayerError::several_tensors(class, inputs.len())),
        }
    }

    /// Keras' module of its class.
    fn module(&self) -> &'static str {
        "keras.layers"
    }

    /// The function of `keras.ops` that it is a call of, if it is no layer but an operation.
    fn as_operation(&self) -> Option<&Operation> {
        None
    }

    /// The cell that it is, if it computes one step of a sequence.
    fn as_cell(&self) -> Option<&dyn RecurrentCell> {
        None
    }

    /// The recurrent layer that it is, if it runs a cell over a sequence.
    fn as_recurrent(&self) -> Option<&dyn RecurrentLayer> {
        None
    }

    /// Element type of the tensors that the layer reads.
    fn input_dtype(&self) -> Dtype {
        Dtype::Float32
    }

    /// Whether Keras writes its configuration without what all layers have: no `trainable`, which
    /// it refuses, and the name of a type for the policy.
    fn has_bare_config(&self) -> bool {
        false
    }

    /// Whether a penalty on its activity is one on each of its results; a layer that penalises what
    /// it makes on the way says no, and does it by itself.
    fn penalises_results(&self) -> bool {
        true
    }

    /// Whether the layer is called on a list of tensors.
    fn joins(&self) -> bool {
        false
    }

    /// A copy.
    fn boxed(&self) -> Box<dyn Layer>;
}

impl Clone for Box<dyn Layer> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// How a cell goes through a sequence.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Whether it begins with the last step.
    pub backward: bool,
    /// Whether the output of each step is wanted, and not that of the last alone.
    pub sequences: bool,
    /// Whether the states behind the last step are wanted.
    pub with_states: bool,
    /// The states to begin with; none for zeros.
    pub initial: Vec<NodeId>,
    /// Which steps count.
    pub mask: Option<NodeId>,
}

/// A layer that computes one step of a sequence, and knows how to run all of them.
pub trait RecurrentCell {
    /// Extents of its states.
    fn states(&self) -> Vec<Vec<usize>>;

    /// Appends the ops of all steps of `(steps, features)`, within the scope of the cell.
    fn run(&self, graph: &mut Graph, x: NodeId, run: &Run) -> Result<Recurred, LayerError>;
}

/// What a layer that runs a cell returns, and how it goes through a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// Whether it returns the output of each step.
    pub return_sequences: bool,
    /// Whether it returns the states behind the last step too.
    pub return_state: bool,
    /// Whether it begins with the last step.
    pub go_backwards: bool,
    /// Whether the output of a masked step is zero, and not that of the step before.
    pub zero_output_for_mask: bool,
}

/// A layer that runs a cell over the steps of a sequence.
pub trait RecurrentLayer: Layer {
    /// What it returns.
    fn flags(&self) -> Flags;

    /// Extents of the states, for sequences of these extents, the steps first. Errors: inputs that
    /// the cell does not take.
    fn states(&self, extents: &[usize]) -> Result<Vec<Vec<usize>>, LayerError>;

    /// Appends the ops of all steps. The output of each step stands at its own place, whichever
    /// way the layer goes.
    fn run(&self, graph: &mut Graph, x: NodeId, run: &Run) -> Result<Recurred, LayerError>;
}
