//! How `ConvLSTM1D` and `ConvLSTM2D` run: LSTMs whose products are convolutions.
//!
//! The inputs of all steps are convolved by one repeated op. The steps are ops of their own, one
//! behind the other: each is a convolution of the state and some functions of its result, large
//! enough that a loop within one op would save nothing. Source: Keras 3.15
//! `layers/rnn/conv_lstm.py`.

use crate::graph::{Graph, LayerError, NodeId, WeightId};
use crate::layer::Run;
use crate::layers::NamedActivation;
use crate::op::{BinaryFunction, Window};
use crate::ops::Recurred;
use crate::parameter::{Padding, WeightArguments};
use crate::shape::Shape;
use crate::window::{AXES, Sides};

/// Columns of the kernels, one for each gate and one for the new memory.
const GATES: usize = 4;

/// What is run, over `N` axes beside steps and channels.
pub(crate) struct ConvLstm<'a, const N: usize> {
    pub(crate) class: &'static str,
    pub(crate) filters: usize,
    pub(crate) sides: Sides<N>,
    pub(crate) activation: &'a NamedActivation,
    pub(crate) recurrent_activation: &'a NamedActivation,
    pub(crate) use_bias: bool,
    pub(crate) kernel: &'a WeightArguments,
    pub(crate) recurrent: &'a WeightArguments,
    pub(crate) bias: WeightArguments,
    pub(crate) dropout: f32,
    pub(crate) recurrent_dropout: f32,
    pub(crate) seed: Option<i64>,
}

/// What is known of the steps.
struct Steps<const N: usize> {
    /// Cells along each axis of a state.
    cells: [usize; N],
    /// Of the convolution of the inputs.
    windows: [Window; 2],
    /// Channels of the input.
    channels: usize,
}

/// The weights of a cell.
struct Weights {
    kernel: WeightId,
    recurrent: WeightId,
    bias: Option<WeightId>,
}

impl<const N: usize> ConvLstm<'_, N> {
    /// What sequences of these extents lead to. Errors: inputs that it does not take.
    fn steps(&self, extents: &[usize]) -> Result<Steps<N>, LayerError> {
        let class = self.class;
        let Sides { strides, dilation, .. } = self.sides;
        let wrong = || {
            let (axes, found) = (AXES[N - 1].join(", "), Shape::new(extents));
            let message =
                format!("`{class}` expects (batch, times, {axes}, channels), found {found}");
            let help = format!("write `Input(shape = (times, {axes}, channels))`");
            LayerError::input(message).help(help)
        };
        let [times, cells @ .., channels] = extents else { return Err(wrong()) };
        let cells: [usize; N] = cells.try_into().map_err(|_| wrong())?;
        crate::layers::family::check_strides(class, strides, dilation)?;
        let windows = self.sides.windows_of_each(class, "kernel_size", &[*times], cells)?;
        let made = windows.map(|window| window.output);
        let mut cells = [0; N];
        cells.copy_from_slice(&made[2 - N..]);
        Ok(Steps { cells, windows, channels: *channels })
    }

    /// Extents of the states.
    pub(crate) fn states(&self, extents: &[usize]) -> Result<Vec<Vec<usize>>, LayerError> {
        let Steps { cells, .. } = self.steps(extents)?;
        Ok(vec![[&cells[..], &[self.filters]].concat(); 2])
    }

    /// Refuses an activation with weights, which each gate and each step would share.
    fn check_activations(&self) -> Result<(), LayerError> {
        let both =
            [("activation", self.activation), ("recurrent_activation", self.recurrent_activation)];
        for (name, activation) in both {
            if let NamedActivation::Learned(layer) = activation {
                let (class, found) = (self.class, layer.layer.schema().class);
                let message =
                    format!("`{class}` expects a function without weights, found `{found}`");
                return Err(LayerError::argument(name, message)
                    .help("write the name of a function, such as `\"tanh\"`"));
            }
        }
        Ok(())
    }

    fn weights(&self, graph: &mut Graph, channels: usize) -> Result<Weights, LayerError> {
        let columns = GATES * self.filters;
        let extents = |channels| [&self.sides.kernel[..], &[channels, columns]].concat();
        let kernel = graph.weight("kernel", &extents(channels), self.kernel)?;
        let recurrent = extents(self.filters);
        let recurrent = graph.weight("recurrent_kernel", &recurrent, self.recurrent)?;
        let bias = match self.use_bias {
            true => Some(graph.weight("bias", &[columns], &self.bias)?),
            false => None,
        };
        Ok(Weights { kernel, recurrent, bias })
    }

    /// The convolution of the inputs of all steps. Noise on them is that of one step, for each
    /// gate.
    fn convolved(
        &self,
        graph: &mut Graph,
        mut x: NodeId,
        windows: [Window; 2],
        weights: &Weights,
        is_noisy: bool,
    ) -> Result<NodeId, LayerError> {
        let times = graph.extents(x)[0];
        let is_noisy = is_noisy && has_noise(self.dropout);
        if is_noisy {
            x = by_gate(graph, x)?;
            let mut mask = graph.extents(x);
            mask[0] = 1;
            let seed = self.seed.map(i64::cast_unsigned);
            x = graph.dropout(x, self.dropout, Some(&mask), seed)?;
        }
        let groups = if is_noisy { GATES } else { 1 };
        graph.repeated(&[x], times, |graph, step| {
            let z = graph.conv2d(step[0], weights.kernel, windows, groups)?;
            match weights.bias {
                Some(bias) => graph.bias_add(z, bias),
                None => Ok(z),
            }
        })
    }

    /// Factors of a state for each gate, the same in all steps.
    fn noise(&self, graph: &mut Graph, state: &[usize]) -> Result<NodeId, LayerError> {
        let ones = graph.ramp(state, 1.0, 0.0)?;
        let ones = by_gate(graph, ones)?;
        let seed = self.seed.map(i64::cast_unsigned);
        graph.dropout(ones, self.recurrent_dropout, None, seed)
    }

    /// Appends the ops of all steps of `(steps, .., channels)`, within the scope of the cell.
    pub(crate) fn run(
        &self,
        graph: &mut Graph,
        x: NodeId,
        run: &Run,
    ) -> Result<Recurred, LayerError> {
        self.check_activations()?;
        let extents = graph.extents(x);
        let Steps { cells, windows, channels } = self.steps(&extents)?;
        let noisy = has_noise(self.dropout) || has_noise(self.recurrent_dropout);
        let is_noisy = noisy && graph.is_training(self.class)?;
        let weights = self.weights(graph, channels)?;
        let z = self.convolved(graph, x, windows, &weights, is_noisy)?;
        let state = [&cells[..], &[self.filters]].concat();
        let noise = match is_noisy && has_noise(self.recurrent_dropout) {
            true => Some(self.noise(graph, &state)?),
            false => None,
        };
        let sides = Sides { kernel: self.sides.kernel, padding: Padding::Same, ..Sides::POINT };
        let windows = sides.windows(self.class, "kernel_size", cells)?;
        let zeros = graph.ramp(&state, 0.0, 0.0)?;
        let [mut h, mut c] = match run.initial[..] {
            [h, c] => [h, c],
            _ => [zeros; 2],
        };
        // The output of a masked step is that of the step before, and zero if there is none.
        let mut output = zeros;
        let times = extents[0];
        let mut outputs = Vec::with_capacity(times);
        for i in 0..times {
            let at = if run.backward { times - 1 - i } else { i };
            let mut sums = part(graph, z, at)?;
            // Zeros add nothing; but the kernel has a gradient even if there is one step only.
            if i > 0 || h != zeros || times == 1 {
                let product = convolved_state(graph, h, weights.recurrent, windows, noise)?;
                sums = graph.binary(sums, product, BinaryFunction::Add)?;
            }
            let new = self.gates(graph, sums, c)?;
            let Some(mask) = run.mask else {
                [h, c] = new;
                output = h;
                outputs.push(output);
                continue;
            };
            let mask = graph.slice(mask, 0, at, 1)?;
            let mask = graph.cover(mask, &state)?;
            let next = graph.choose(mask, new[0], h)?;
            output = if output == h { next } else { graph.choose(mask, new[0], output)? };
            [h, c] = [next, graph.choose(mask, new[1], c)?];
            outputs.push(output);
        }
        if run.sequences {
            output = joined(graph, outputs, run.backward)?;
        }
        let states = if run.with_states { vec![h, c] } else { Vec::new() };
        Ok(Recurred { output, states })
    }

    /// The states behind a step, of the sums of both convolutions and the memory before.
    fn gates(&self, graph: &mut Graph, sums: NodeId, c: NodeId) -> Result<[NodeId; 2], LayerError> {
        let (filters, gate) = (self.filters, self.recurrent_activation);
        let column = |graph: &mut Graph, i: usize, f: &NamedActivation| {
            let column = graph.slice(sums, N, i * filters, filters)?;
            f.lower(graph, column)
        };
        let input = column(graph, 0, gate)?;
        let forget = column(graph, 1, gate)?;
        let new = column(graph, 2, self.activation)?;
        let output = column(graph, 3, gate)?;
        let kept = graph.binary(forget, c, BinaryFunction::Multiply)?;
        let added = graph.binary(input, new, BinaryFunction::Multiply)?;
        let c = graph.binary(kept, added, BinaryFunction::Add)?;
        let shown = self.activation.lower(graph, c)?;
        let h = graph.binary(output, shown, BinaryFunction::Multiply)?;
        Ok([h, c])
    }
}

/// `x` once for each gate, along its channels; a convolution in as many groups reads them.
fn by_gate(graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
    let last = graph.shape(x).rank() - 1;
    graph.concat(&[x; GATES], last)
}

/// The convolution of a state, with noise for each gate if there is any.
fn convolved_state(
    graph: &mut Graph,
    h: NodeId,
    kernel: WeightId,
    windows: [Window; 2],
    noise: Option<NodeId>,
) -> Result<NodeId, LayerError> {
    let Some(noise) = noise else { return graph.conv2d(h, kernel, windows, 1) };
    let h = by_gate(graph, h)?;
    let h = graph.binary(h, noise, BinaryFunction::Multiply)?;
    graph.conv2d(h, kernel, windows, GATES)
}

/// Whether a rate of dropout does anything. Keras has no noise at a rate of 1.
fn has_noise(rate: f32) -> bool {
    rate > 0.0 && rate < 1.0
}

/// One part along the first axis.
fn part(graph: &mut Graph, x: NodeId, at: usize) -> Result<NodeId, LayerError> {
    let extents = graph.extents(x);
    let part = graph.slice(x, 0, at, 1)?;
    graph.reshape(part, &extents[1..])
}

/// The outputs of the steps, each at its own place.
fn joined(
    graph: &mut Graph,
    mut outputs: Vec<NodeId>,
    backward: bool,
) -> Result<NodeId, LayerError> {
    if backward {
        outputs.reverse();
    }
    for output in &mut outputs {
        let extents = [&[1], &graph.extents(*output)[..]].concat();
        *output = graph.reshape(*output, &extents)?;
    }
    graph.concat(&outputs, 0)
}
