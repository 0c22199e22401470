//! Gradients: a walk over the ops in reverse that appends, for each, the ops of its gradient.
//!
//! ```text
//! gradient[output] = what the loss writes
//! for node in reverse, if some weight or input that wants one lies behind it:
//!     d_y = gradient[node];  append the op's gradient ops;  gradient[input] += d_x
//! ```
//!
//! Only what somebody reads is appended: nothing by frozen weights, nor by inputs unless they were
//! asked for. Gradients by one weight may come from several ops; the executor adds them up.

use crate::dtype::Dtype;
use crate::graph::{LayerError, Mode, Node, NodeId, NodeKind, Source};
use crate::ops::gradient::{Differentiate as _, Gradients, Made};
use crate::program::Program;

/// Appends the gradient ops to a program for training; leaves one for prediction as it is.
///
/// Errors: an op that has no gradient because it is one itself.
pub fn differentiate(program: &mut Program) -> Result<(), LayerError> {
    let Mode::Training { input_gradients } = program.graph.mode() else { return Ok(()) };
    let wanted = wanted(program, input_gradients);
    let mut gradients = Gradients { wanted, found: vec![None; program.forward], program };
    gradients.start();
    for i in (0..gradients.program.forward).rev() {
        let (true, Some(d_y)) = (gradients.wanted[i], gradients.found[i]) else { continue };
        let Node { kind, inputs, repeat, .. } = gradients.program.graph.nodes[i].clone();
        gradients.program.graph.repeat = repeat;
        if let NodeKind::Sample(op) = &kind {
            let made = Made { y: NodeId(i), d_y: d_y.into(), op, inputs: &inputs };
            op.differentiate(&mut gradients, &made)?;
        }
    }
    let Gradients { wanted, found, program } = gradients;
    program.graph.repeat = 1;
    let mut inputs: Vec<(usize, Option<NodeId>)> = Vec::new();
    for (i, node) in program.graph.nodes[..program.forward].iter().enumerate() {
        if let NodeKind::Input(index) = node.kind {
            inputs.push((index, found[i].filter(|_| wanted[i])));
        }
    }
    inputs.sort_by_key(|(index, _)| *index);
    program.input_gradients = inputs.into_iter().map(|(_, gradient)| gradient).collect();
    Ok(())
}

/// For each node, whether the gradient by it leads to a weight that is trained, or to an input that
/// wants it.
fn wanted(program: &Program, input_gradients: bool) -> Vec<bool> {
    let mut wanted: Vec<bool> = Vec::with_capacity(program.forward);
    for node in &program.graph.nodes {
        let behind = node.inputs.iter().any(|source| match source {
            Source::Node(node) => wanted[node.0],
            Source::Weight(weight) => program.graph.weights[weight.0].trainable,
        });
        // Integers and truth values have no gradient.
        let is_float = node.dtype == Dtype::Float32;
        let is_input = matches!(node.kind, NodeKind::Input(_));
        wanted.push(is_float && !node.is_reduced() && (behind || is_input && input_gradients));
    }
    wanted
}
