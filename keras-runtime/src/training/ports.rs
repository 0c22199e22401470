//! Inputs, outputs and a batch of data, as checks, losses and metrics see them.

use keras_graph::op::Op;
use keras_graph::plan::{Plan, Port};

use crate::sample::Samples;

/// Inputs and targets, and what each sample counts.
#[derive(Clone, Copy)]
pub(crate) struct Supervised<'a> {
    pub(crate) x: &'a dyn Samples,
    pub(crate) y: &'a dyn Samples,
    /// A weight for each row; 1 if there are none.
    pub(crate) sample_weight: Option<&'a [f32]>,
}

/// An output, as its loss and its metrics see it.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) name: String,
    /// Extent of the last axis.
    pub(super) extent: usize,
    /// Rows of a sample.
    pub(super) rows: usize,
    /// Factor of its loss in the sum of all.
    pub(super) loss_weight: f32,
    /// Factor of the sum of a batch's losses; depends on the batch.
    pub(super) scale: f32,
}

impl Output {
    pub(super) fn all(plan: &Plan) -> Vec<Output> {
        let output = |port: &Port| {
            let extent = port.shape.last().copied().unwrap_or(1).max(1);
            let rows = port.place.len / extent;
            Output { name: port.name.to_string(), extent, rows, loss_weight: 1.0, scale: 1.0 }
        };
        plan.outputs.iter().map(output).collect()
    }
}

/// An input, as its samples are checked.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) name: String,
    /// Rows of the smallest table that is looked up with it: its indices are below that.
    pub(super) indices: Option<usize>,
}

impl Input {
    pub(super) fn all(plan: &Plan) -> Vec<Input> {
        let looked_up = |port: &Port| {
            let tables = plan.steps.iter().filter_map(|step| match step.op {
                Op::Embedding(op) if step.inputs[0].value == port.value => Some(op.rows),
                _ => None,
            });
            tables.min()
        };
        let input = |port: &Port| Input { name: port.name.to_string(), indices: looked_up(port) };
        plan.inputs.iter().map(input).collect()
    }
}
