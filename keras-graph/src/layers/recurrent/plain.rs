//! The three cells whose steps are one op: their arguments, and how they are run.

use crate::activation::ActivationFunction;
use crate::call::{Call, CallKind, CallParameter, Lowered, TRAINING};
use crate::graph::{Graph, LayerError, NodeId, WeightId};
use crate::layer::{RecurrentCell, Run};
use crate::layers::NamedActivation;
use crate::op::{Cell, CellKind};
use crate::ops::{Recurred, Recurrence};
use crate::parameter::WeightArguments;

/// `states` of a call of a cell.
pub(crate) const STATES: CallParameter =
    CallParameter { name: "states", docs: "The states before the step.", kind: CallKind::Tensors };

/// The arguments of a call of a cell, in Keras' order.
pub(crate) const CELL_CALL: &[CallParameter] = &[STATES, TRAINING];

/// `use_cudnn`, which says nothing of what is computed.
#[derive(Clone, Debug, PartialEq)]
pub struct UseCudnn(crate::value::Value);

impl UseCudnn {
    /// The default.
    pub const AUTO: UseCudnn = UseCudnn(crate::value::Value::None);
}

impl crate::schema::ParameterType for UseCudnn {
    const IN_CONFIG: bool = false;

    fn from_value(value: &crate::value::Value) -> Result<Self, crate::schema::Mismatch> {
        use crate::value::Value;
        match value {
            Value::Bool(_) => Ok(UseCudnn(value.clone())),
            Value::Str(text) if text == "auto" => Ok(UseCudnn(value.clone())),
            _ => Err(crate::schema::Mismatch::expected("`\"auto\"`, `True` or `False`")),
        }
    }

    fn to_value(&self) -> crate::value::Value {
        self.0.clone()
    }
}

/// The arguments of a cell whose steps are one op.
pub(crate) struct Plain<'a> {
    pub(crate) class: &'static str,
    pub(crate) kind: CellKind,
    pub(crate) units: usize,
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

/// The weights of a cell.
struct Weights {
    kernel: WeightId,
    recurrent: WeightId,
    bias: Option<WeightId>,
}

impl Plain<'_> {
    /// The functions of state and gates.
    fn functions(&self) -> Result<[crate::activation::Activation; 2], LayerError> {
        let function = |name: &'static str, activation: &NamedActivation| match activation {
            NamedActivation::Name(_, ActivationFunction::ElementWise(f))
            | NamedActivation::Function(_, ActivationFunction::ElementWise(f))
                if f.derivative_from_output() =>
            {
                Ok(*f)
            }
            _ => {
                let class = self.class;
                let message = format!(
                    "`{class}` expects a function of each element whose slope follows from its \
                     result, such as `\"tanh\"`, `\"sigmoid\"` or `\"relu\"`, for `{name}`, found \
                     `{}`",
                    crate::schema::ParameterType::to_value(activation)
                );
                Err(LayerError::argument(name, message))
            }
        };
        Ok([
            function("activation", self.activation)?,
            function("recurrent_activation", self.recurrent_activation)?,
        ])
    }

    fn weights(&self, graph: &mut Graph, features: usize) -> Result<Weights, LayerError> {
        let columns = self.kind.gates() * self.units;
        let kernel = graph.weight("kernel", &[features, columns], self.kernel)?;
        let recurrent = graph.weight("recurrent_kernel", &[self.units, columns], self.recurrent)?;
        let rows = [2, columns];
        let extents = if self.kind == CellKind::Gru { &rows[..] } else { &rows[1..] };
        let bias = match self.use_bias {
            true => Some(graph.weight("bias", extents, &self.bias)?),
            false => None,
        };
        Ok(Weights { kernel, recurrent, bias })
    }

    /// The products of the inputs of all steps, with noise on the inputs while training.
    fn products(
        &self,
        graph: &mut Graph,
        x: NodeId,
        weights: &Weights,
        is_noisy: bool,
    ) -> Result<NodeId, LayerError> {
        let features = graph.extents(x)[1];
        let noise = |graph: &mut Graph| match is_noisy && self.dropout > 0.0 {
            true => {
                let mask = [1, features];
                drop(graph, x, self.dropout, Some(&mask), self.seed)
            }
            false => Ok(x),
        };
        let gates = self.kind.gates();
        // Keras draws noise for each gate where the state has noise too.
        let by_gate = is_noisy && self.dropout > 0.0 && self.recurrent_dropout > 0.0 && gates > 1;
        let z = if by_gate {
            let mut columns = Vec::with_capacity(gates);
            for gate in 0..gates {
                let x = noise(graph)?;
                let z = graph.gemm(x, weights.kernel)?;
                columns.push(graph.slice(z, 1, gate * self.units, self.units)?);
            }
            graph.concat(&columns, 1)?
        } else {
            let x = noise(graph)?;
            graph.gemm(x, weights.kernel)?
        };
        match weights.bias {
            // It has two, which the steps add.
            Some(bias) if self.kind != CellKind::Gru => graph.bias_add(z, bias),
            _ => Ok(z),
        }
    }
}

/// Dropout at a rate of up to 1.
fn drop(
    graph: &mut Graph,
    x: NodeId,
    rate: f32,
    mask: Option<&[usize]>,
    seed: Option<i64>,
) -> Result<NodeId, LayerError> {
    if rate >= 1.0 {
        // Keras has no noise at a rate of 1.
        return Ok(x);
    }
    graph.dropout(x, rate, mask, seed.map(i64::cast_unsigned))
}

impl RecurrentCell for Plain<'_> {
    fn states(&self) -> Vec<Vec<usize>> {
        vec![vec![self.units]; self.kind.states()]
    }

    fn run(&self, graph: &mut Graph, x: NodeId, run: &Run) -> Result<Recurred, LayerError> {
        let [f, g] = self.functions()?;
        let &[steps, features] = &graph.extents(x)[..] else {
            let (class, found) = (self.class, graph.shape(x));
            return Err(LayerError::input(format!(
                "`{class}` expects (batch, steps, features), found {found}"
            ))
            .help("make one axis of features: put `TimeDistributed(Flatten())` before it"));
        };
        let has_noise = self.dropout > 0.0 || self.recurrent_dropout > 0.0;
        let is_noisy = has_noise && graph.is_training(self.class)?;
        let weights = self.weights(graph, features)?;
        let z = self.products(graph, x, &weights, is_noisy)?;
        let columns = self.kind.gates() * self.units;
        let noise = match is_noisy && self.recurrent_dropout > 0.0 {
            true => {
                let ones = graph.ramp(&[columns], 1.0, 0.0)?;
                Some(drop(graph, ones, self.recurrent_dropout, None, self.seed)?)
            }
            false => None,
        };
        let cell = Cell {
            kind: self.kind,
            steps,
            units: self.units,
            backward: run.backward,
            f,
            g,
            noise: noise.is_some(),
            mask: run.mask.is_some(),
        };
        let bias = weights.bias.filter(|_| self.kind == CellKind::Gru);
        let mask = run.mask.map(|mask| graph.float(mask)).transpose()?;
        let one_step = graph.is_one_step();
        let initial = match one_step {
            true => self.states().iter().map(|extents| graph.state(extents)).collect(),
            false => Ok(run.initial.clone()),
        }?;
        let recurrence = Recurrence {
            cell,
            kernel: weights.recurrent,
            bias,
            initial: initial.clone(),
            noise,
            mask,
        };
        let made = graph.recurrent(z, &recurrence, run.sequences, run.with_states || one_step)?;
        if one_step {
            initial.iter().zip(&made.states).for_each(|(&before, &behind)| {
                graph.keep(before, behind);
            });
        }
        Ok(made)
    }
}

/// Appends the ops of one step of a cell that is called as a layer: its output, then its states.
pub(crate) fn run_step(
    class: &str,
    cell: &dyn RecurrentCell,
    graph: &mut Graph,
    call: &Call<Lowered>,
) -> Result<Vec<Lowered>, LayerError> {
    let x = call.one(class)?;
    let x = graph.float(x)?;
    let extents = graph.extents(x);
    if extents.is_empty() {
        let found = graph.shape(x);
        return Err(LayerError::input(format!(
            "`{class}` expects (batch, features), found {found}"
        )));
    }
    let initial = super::states_of(class, graph, call, &STATES, &cell.states())?;
    if initial.is_empty() {
        let message = format!("a call of `{class}` needs the argument `states`");
        let help = "write `cell(x, [h, c])`, with the states before the step; over a sequence, \
                    write `RNN(cell)`";
        return Err(LayerError::argument(STATES.name, message).help(help));
    }
    let x = graph.reshape(x, &[&[1], &extents[..]].concat())?;
    let run = Run { with_states: true, initial, ..Run::default() };
    let Recurred { output, states } = cell.run(graph, x, &run)?;
    Ok([output].into_iter().chain(states).map(Lowered::unmasked).collect())
}
