//! Recurrent layers: all steps of a sequence in one kernel.
//!
//! Some samples go through all steps together, so that the product of a step is one of matrices.
//! Their states, and a packed copy of the recurrent kernel, stay in the nearer caches meanwhile.

mod backward;
mod forward;
mod functions;
mod reference;
#[cfg(test)]
mod tests;

use core::ops::Range;

use keras_ir::ops::{self as op, Cell, CellKind};

use self::backward::Backward;
use self::forward::Forward;
use super::{Call, Cpu, Reference};
use crate::simd::dispatch;

/// What the steps read.
#[derive(Clone, Copy)]
struct Inputs<'a> {
    cell: Cell,
    /// The products of the inputs, a row a step.
    z: &'a [f32],
    /// The recurrent kernel.
    w: &'a [f32],
    /// The biases of the inputs' and of the states' products.
    bias: Option<[&'a [f32]; 2]>,
    /// The states to begin with.
    initial: [Option<&'a [f32]>; 2],
    noise: Option<&'a [f32]>,
    mask: Option<&'a [f32]>,
}

impl<'a> Inputs<'a> {
    fn new(cell: Cell, bias: bool, initial: bool, inputs: &[&'a [f32]]) -> Inputs<'a> {
        let mut others = inputs[2..].iter().copied();
        let mut next = |is_there: bool| if is_there { others.next() } else { None };
        let bias = next(bias).map(|bias| bias.split_at(cell.noise_len()).into());
        let initial = [next(initial), next(initial && cell.kind.states() > 1)];
        let (noise, mask) = (next(cell.noise), next(cell.mask));
        Inputs { cell, z: inputs[0], w: inputs[1], bias, initial, noise, mask }
    }
}

/// What is written of the steps.
#[derive(Clone, Copy)]
enum Form {
    /// All that a gradient needs.
    Kept,
    /// The results alone.
    Results {
        /// Of each step, or of the last.
        sequences: bool,
        /// Whether the `c` of the last step is one.
        state: bool,
    },
}

/// The steps in the order in which the state goes through them.
fn steps(cell: &Cell) -> impl DoubleEndedIterator<Item = usize> + use<> {
    let (steps, backward) = (cell.steps, cell.backward);
    (0..steps).map(move |i| if backward { steps - 1 - i } else { i })
}

/// Where states lie in what is kept, in rows: before a step and behind it.
fn kept_rows(cell: &Cell, step: usize) -> [usize; 2] {
    if cell.backward { [step + 1, step] } else { [step, step + 1] }
}

impl Reference {
    pub(crate) fn recurrent(op: &op::Recurrent, call: Call<'_>) {
        let inputs = Inputs::new(op.cell, op.bias, op.initial, call.inputs);
        let form = Form::Results { sequences: op.sequences, state: op.state };
        reference::forward(inputs, call.samples, form, call.output, call.workspace);
    }

    pub(crate) fn recurrent_kept(op: &op::RecurrentKept, call: Call<'_>) {
        let inputs = Inputs::new(op.cell, op.bias, op.initial, call.inputs);
        reference::forward(inputs, call.samples, Form::Kept, call.output, call.workspace);
    }

    pub(crate) fn recurrent_results(op: &op::RecurrentResults, call: Call<'_>) {
        results(op, call);
    }

    pub(crate) fn recurrent_grad(op: &op::RecurrentGrad, call: Call<'_>) {
        reference::gradient(op, call);
    }
}

impl Cpu {
    pub(crate) fn recurrent(op: &op::Recurrent, call: Call<'_>) {
        let inputs = Inputs::new(op.cell, op.bias, op.initial, call.inputs);
        let form = Form::Results { sequences: op.sequences, state: op.state };
        let (samples, output, scratch) = (call.samples, call.output, call.workspace);
        dispatch(Forward { inputs, samples, form, output, scratch });
    }

    pub(crate) fn recurrent_kept(op: &op::RecurrentKept, call: Call<'_>) {
        let inputs = Inputs::new(op.cell, op.bias, op.initial, call.inputs);
        let (samples, output, scratch) = (call.samples, call.output, call.workspace);
        dispatch(Forward { inputs, samples, form: Form::Kept, output, scratch });
    }

    pub(crate) fn recurrent_results(op: &op::RecurrentResults, call: Call<'_>) {
        results(op, call);
    }

    pub(crate) fn recurrent_grad(op: &op::RecurrentGrad, call: Call<'_>) {
        dispatch(Backward::new(op, call));
    }
}

fn results(op: &op::RecurrentResults, call: Call<'_>) {
    let [kept] = call.inputs();
    let op::RecurrentResults { cell, sequences, state } = *op;
    let Cell { steps, units, backward, .. } = cell;
    let last = if backward { 0 } else { steps };
    let (first, outputs) = match sequences {
        true => (if backward { 0 } else { 1 }, steps),
        false => (last, 1),
    };
    let len = cell.results_len(sequences, state);
    for (kept, y) in kept.chunks_exact(cell.kept_len()).zip(call.output.chunks_exact_mut(len)) {
        let (outputs_to, states_to) = y.split_at_mut(outputs * units);
        outputs_to.copy_from_slice(&kept[first * units..][..outputs * units]);
        if state {
            states_to.copy_from_slice(&kept[(steps + 1 + last) * units..][..units]);
        }
    }
}

/// Groups of columns that are multiplied with states of their own, in multiples of the units.
fn groups(cell: &Cell) -> impl DoubleEndedIterator<Item = Range<usize>> + use<> {
    let ends: &'static [usize] = match (cell.kind, cell.noise) {
        (CellKind::Simple, _) => &[1],
        (CellKind::Lstm, false) => &[4],
        (CellKind::Lstm, true) => &[1, 2, 3, 4],
        (CellKind::Gru, false) => &[3],
        (CellKind::GruResetBefore, false) => &[2, 3],
        (CellKind::Gru | CellKind::GruResetBefore, true) => &[1, 2, 3],
    };
    (0..ends.len()).map(|i| if i == 0 { 0..ends[0] } else { ends[i - 1]..ends[i] })
}
