//! Recurrent layers over all steps of a sequence.

use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, Mode, Node, NodeId, NodeKind, Source, WeightId};
use crate::op::{
    Binary, BinaryFunction, Broadcast, Cell, CellKind, GemmGradW, Op, Pad2D, Recurrent,
    RecurrentGrad, RecurrentKept, RecurrentResults, Reshape, Slice, SumRows,
};
use crate::ops::gradient::{Differentiate, Gradients, Made, no_gradient};
use crate::ops::ranked;
use crate::shape::Shape;

/// What a recurrent layer reads beside the products of its inputs.
#[derive(Clone, Debug)]
pub struct Recurrence {
    /// What is computed.
    pub cell: Cell,
    /// The recurrent kernel.
    pub kernel: WeightId,
    /// The bias of both products of a [`CellKind::Gru`].
    pub bias: Option<WeightId>,
    /// The states to begin with, or none for zeros.
    pub initial: Vec<NodeId>,
    /// Factors of the states, if [`Cell::noise`] says so.
    pub noise: Option<NodeId>,
    /// Which steps count, if [`Cell::mask`] says so.
    pub mask: Option<NodeId>,
}

/// What a recurrent layer makes.
#[derive(Clone, Debug)]
pub struct Recurred {
    /// `h` of each step, or of the last.
    pub output: NodeId,
    /// The states behind the last step, if they were asked for.
    pub states: Vec<NodeId>,
}

impl Graph {
    /// Runs the steps of a recurrent layer on `z`, the products of their inputs.
    pub fn recurrent(
        &mut self,
        z: NodeId,
        recurrence: &Recurrence,
        sequences: bool,
        with_states: bool,
    ) -> Result<Recurred, LayerError> {
        let Recurrence { cell, kernel, bias, initial, noise, mask } = recurrence;
        let (cell, state) = (*cell, with_states && cell.kind.states() > 1);
        let nodes = initial.iter().chain(noise).chain(mask).copied().map(Source::from);
        let inputs: Vec<Source> = [z.into(), Source::from(*kernel)]
            .into_iter()
            .chain(bias.map(Source::from))
            .chain(nodes)
            .collect();
        let (bias, initial) = (bias.is_some(), !initial.is_empty());
        let len = cell.results_len(sequences, state);
        let results = match self.mode() {
            Mode::Inference => {
                let op = Recurrent { cell, bias, initial, sequences, state };
                self.emit(op, &inputs, vec![len])?
            }
            Mode::Training { .. } => {
                let op = RecurrentKept { cell, bias, initial };
                let kept = self.emit(op, &inputs, vec![cell.kept_len()])?;
                let op = RecurrentResults { cell, sequences, state };
                self.emit(op, &[kept.into()], vec![len])?
            }
        };
        let Cell { steps, units, backward, .. } = cell;
        let outputs = if sequences { steps * units } else { units };
        let output = if outputs == len { results } else { self.slice(results, 0, 0, outputs)? };
        let shape = if sequences { vec![steps, units] } else { vec![units] };
        let output = self.reshape(output, &shape)?;
        let mut states = Vec::new();
        if with_states && !sequences {
            states.push(output);
        } else if with_states {
            let last = if backward { 0 } else { outputs - units };
            states.push(self.slice(results, 0, last, units)?);
        }
        if state {
            states.push(self.slice(results, 0, outputs, units)?);
        }
        Ok(Recurred { output, states })
    }
}

/// Gradients are gathered by results, not by all that was kept: what a [`RecurrentKept`] gets as
/// the gradient by its result is that by what enters its steps.
impl Differentiate for RecurrentResults {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([kept], RecurrentResults { cell, sequences, state }) = (made.inputs()?, *self);
        let Source::Node(node) = kept else { return Ok(()) };
        if !gradients.wants(kept) {
            return Ok(());
        }
        let Node { kind, inputs, .. } = gradients.program.graph.nodes[node.0].clone();
        let NodeKind::Sample(Op::RecurrentKept(RecurrentKept { initial, .. })) = kind else {
            return Err(LayerError::input("`recurrent_results` reads what a training keeps"));
        };
        let others = usize::from(cell.noise) + usize::from(cell.mask);
        let others = &inputs[inputs.len() - others..];
        let inputs = [&[kept, made.d_y, inputs[1]], others].concat();
        let op = RecurrentGrad { cell, initial, sequences, state };
        let d_steps = add(gradients, op, &inputs, [cell.gradients_len(initial)]);
        gradients.found[node.0] = Some(d_steps);
        Ok(())
    }
}

impl Differentiate for RecurrentKept {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([z, w], others) = made.first_inputs()?;
        let RecurrentKept { cell, bias, initial } = *self;
        let (bias, others) = others.split_at(usize::from(bias));
        let states = if initial { cell.kind.states() } else { 0 };
        let (initial, others) = others.split_at(states);
        let noise = others.first().copied().filter(|_| cell.noise);
        let Cell { kind, steps, units, .. } = cell;
        let (inputs, all) = (kind.gates() * units, kind.gradients() * units);
        let mut d_steps = made.d_y;
        for (i, &state) in initial.iter().enumerate() {
            let whole = cell.gradients_len(true);
            let op = Slice { outer: 1, extent: whole, inner: 1, begin: 0, len: units };
            gradients.push(state, Slice { begin: steps * all + i * units, ..op }, &[made.d_y]);
            if i == 0 {
                let op = Slice { len: steps * all, ..op };
                d_steps = add(gradients, op, &[made.d_y], [steps * all]).into();
            }
        }
        gradients.push_bias(bias.first(), SumRows { rows: steps, n: all }, d_steps);
        // The gradients by `z`, and by the products of the states, which are others if a bias
        // stands between them.
        let d_products = if all == inputs {
            gradients.push(z, Reshape { len: steps * inputs }, &[d_steps]);
            d_steps
        } else {
            let half = |begin| Slice { outer: steps, extent: all, inner: 1, begin, len: inputs };
            gradients.push(z, half(0), &[d_steps]);
            add(gradients, half(inputs), &[d_steps], [steps, inputs]).into()
        };
        if gradients.wants(w) {
            kernel_gradients(gradients, cell, w, made.y.into(), d_products, noise)?;
        }
        Ok(())
    }
}

/// Appends the gradient by the recurrent kernel, from that by the products of the states.
fn kernel_gradients(
    gradients: &mut Gradients,
    cell: Cell,
    w: Source,
    kept: Source,
    d_products: Source,
    noise: Option<Source>,
) -> Result<(), LayerError> {
    let Cell { kind, steps, units, backward, .. } = cell;
    let (gates, len, whole) = (kind.gates(), steps * units, cell.kept_len());
    let begin = if backward { units } else { 0 };
    let op = Slice { outer: 1, extent: whole, inner: 1, begin, len };
    let h = Source::from(add(gradients, op, &[kept], [steps, units]));
    let product = GemmGradW { m: steps, k: units, n: gates * units, first: 0, count: units };
    let resets = kind == CellKind::GruResetBefore;
    if noise.is_none() && !resets {
        gradients.push_weight(w, product, &[h, d_products]);
        return Ok(());
    }
    // The states that some of the columns were multiplied with, and which.
    let groups = match (noise, resets) {
        (None, _) => vec![0..2, 2..3],
        (Some(_), _) => (0..gates).map(|gate| gate..gate + 1).collect(),
    };
    for group in groups {
        let mut left = h;
        if resets && group.start == 2 {
            let begin = (steps + 1) * units;
            let extent = steps * kind.kept() * units;
            let op = Slice { outer: 1, extent: whole, inner: 1, begin, len: extent };
            let gate = add(gradients, op, &[kept], [extent]).into();
            let extent = kind.kept() * units;
            let op = Slice { outer: steps, extent, inner: 1, begin: units, len: units };
            let reset = add(gradients, op, &[gate], [steps, units]).into();
            left = product_of(gradients, left, reset, [steps, units]);
        }
        if let Some(noise) = noise {
            let extent = cell.noise_len();
            let op = Slice { outer: 1, extent, inner: 1, begin: group.start * units, len: units };
            let row = add(gradients, op, &[noise], [1, units]);
            let op =
                Broadcast { rank: 2, from: ranked(&[1, units])?, to: ranked(&[steps, units])? };
            let rows = add(gradients, op, &[row.into()], [steps, units]).into();
            left = product_of(gradients, left, rows, [steps, units]);
        }
        let (begin, n) = (group.start * units, group.len() * units);
        let op = Slice { outer: steps, extent: gates * units, inner: 1, begin, len: n };
        let columns = add(gradients, op, &[d_products], [steps, n]).into();
        let right = gates * units - begin - n;
        let op = Pad2D { h: steps, w: n, c: 1, top: 0, bottom: 0, left: begin, right };
        let columns = add(gradients, op, &[columns], [steps, gates * units]).into();
        gradients.push_weight(w, product, &[left, columns]);
    }
    Ok(())
}

/// Appends the product, element by element, of two tensors.
fn product_of(gradients: &mut Gradients, a: Source, b: Source, extents: [usize; 2]) -> Source {
    let op = Binary { len: extents[0] * extents[1], f: BinaryFunction::Multiply };
    add(gradients, op, &[a, b], extents).into()
}

/// Appends an op whose result has these extents, repeated as often as what is differentiated.
fn add<const N: usize>(
    gradients: &mut Gradients,
    op: impl Into<Op>,
    inputs: &[Source],
    extents: [usize; N],
) -> NodeId {
    let (kind, repeat) = (NodeKind::Sample(op.into()), gradients.program.graph.repeat);
    let (inputs, shape, dtype) = (inputs.to_vec(), Shape::new(extents), Dtype::Float32);
    gradients.program.graph.add(Node { kind, inputs, shape, dtype, repeat })
}

no_gradient! { Recurrent, RecurrentGrad }
