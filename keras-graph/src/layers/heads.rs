//! What the layers of attention with several heads have in common: projections of query, key and
//! value, masks, and the projection of what the heads took. Source: Keras 3.15
//! `layers/attention/multi_head_attention.py` and `grouped_query_attention.py`.

mod masks;

use crate::activation::Activation;
use crate::call::{Call, CallKind, CallParameter, Lowered, TRAINING};
use crate::graph::{Graph, LayerError, NodeId};
use crate::layers::Held;
use crate::layers::einsum_dense::with_fans;
use crate::op::BinaryFunction;
use crate::ops::{Attended, Attending, Unmatched};
use crate::parameter::{Axes, WeightArguments};
use crate::regularizer::Regularizer;
use crate::schema::ParameterType;
use crate::shape::Shape;

/// The arguments of a call beside the query.
pub(super) const PARAMETERS: &[CallParameter] = &[
    CallParameter {
        name: VALUE,
        docs: "What the queries take from, `(batch, ..., features)`.",
        kind: CallKind::Needed,
    },
    CallParameter {
        name: KEY,
        docs: "What the queries are compared with; by default the value.",
        kind: CallKind::Tensor,
    },
    CallParameter {
        name: QUERY_MASK,
        docs: "Which steps of the query count; by default the mask that it carries.",
        kind: CallKind::Tensor,
    },
    CallParameter {
        name: VALUE_MASK,
        docs: "Which steps of the value count; by default the mask that it carries.",
        kind: CallKind::Tensor,
    },
    CallParameter {
        name: KEY_MASK,
        docs: "Which steps of the key count; by default the mask that it carries.",
        kind: CallKind::Tensor,
    },
    CallParameter {
        name: ATTENTION_MASK,
        docs: "Which keys each query may attend to, `(batch, queries, keys)`, or with an axis of \
            heads behind the batch.",
        kind: CallKind::Tensor,
    },
    CallParameter {
        name: RETURN_SCORES,
        docs: "Whether the shares that queries give to keys are a second result.",
        kind: CallKind::Flag,
    },
    TRAINING,
    CallParameter {
        name: CAUSAL,
        docs: "Whether no step attends to a later one.",
        kind: CallKind::Flag,
    },
];

const VALUE: &str = "value";
const KEY: &str = "key";
const QUERY_MASK: &str = "query_mask";
const VALUE_MASK: &str = "value_mask";
const KEY_MASK: &str = "key_mask";
const ATTENTION_MASK: &str = "attention_mask";
pub(super) const RETURN_SCORES: &str = "return_attention_scores";
pub(super) const CAUSAL: &str = "use_causal_mask";

/// A layer of attention with several heads.
pub(super) struct Heads<'a> {
    pub(super) class: &'static str,
    /// The layers that it holds, for query, key, gate, value and output.
    pub(super) held: [Held; 5],
    pub(super) query_heads: usize,
    pub(super) key_heads: usize,
    pub(super) key_dim: usize,
    pub(super) value_dim: usize,
    /// Extents behind the steps of the result; by default the query's.
    pub(super) output: Option<&'a [usize]>,
    /// The axes of steps along which every query meets every key; by default all.
    pub(super) axes: Option<&'a Axes>,
    pub(super) dropout: f32,
    pub(super) seed: Option<i64>,
    pub(super) use_bias: bool,
    pub(super) use_gate: bool,
    pub(super) window: Option<usize>,
    /// Whether it asks for Keras' flash attention.
    pub(super) flash: bool,
    pub(super) kernel: &'a WeightArguments,
    pub(super) bias: &'a WeightArguments,
    /// Penalty on what each projection makes.
    pub(super) penalty: Option<Regularizer>,
    /// Whether the argument `query_mask` of a call counts.
    pub(super) takes_query_mask: bool,
}

/// The tensors that a call attends with, and the extents that they have in common.
struct Tensors {
    query: Lowered,
    value: Lowered,
    key: Lowered,
    /// Whether the key is given by itself.
    has_key: bool,
    /// The axes of steps along which every query meets every key.
    axes: Vec<usize>,
}

impl Heads<'_> {
    /// Appends the ops of a call.
    pub(super) fn lower(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let returns_scores = call.flag(RETURN_SCORES) == Some(true);
        self.check_flash(returns_scores)?;
        let tensors = self.tensors(graph, call)?;
        let Tensors { query, value, key, .. } = tensors;
        let features = graph.extents(query.node).last().copied().unwrap_or(1);
        let mask = self.mask(graph, call, &tensors)?;
        const LINEAR: Activation = Activation::Linear;
        let [of_query, of_key, of_gate, of_value, of_output] = self.held;
        let queries = [self.query_heads, self.key_dim];
        let taken = [self.query_heads, self.value_dim];
        let (keys, values) = ([self.key_heads, self.key_dim], [self.key_heads, self.value_dim]);
        let q = self.project(graph, of_query, query.node, 1, &queries, LINEAR)?;
        let k = self.project(graph, of_key, key.node, 1, &keys, LINEAR)?;
        let gate = match self.use_gate {
            true => {
                Some(self.project(graph, of_gate, query.node, 1, &taken, Activation::Sigmoid)?)
            }
            false => None,
        };
        let v = self.project(graph, of_value, value.node, 1, &values, LINEAR)?;
        // Keras takes another way where it needs the shares, on which masks work differently.
        let has_one_axis = graph.shape(q).rank() == 3;
        let is_plain = self.dropout == 0.0 && !returns_scores && has_one_axis;
        let attending = Attending {
            axes: tensors.axes,
            scale: 1.0 / (self.key_dim as f32).sqrt(),
            causal: call.flag(CAUSAL) == Some(true),
            window: self.window,
            mask,
            unmatched: if is_plain { Unmatched::Even } else { Unmatched::Zero },
            dropout: self.dropout,
            seed: self.seed.map(i64::cast_unsigned),
        };
        let mut scores = None;
        let mut y = match has_one_axis && !returns_scores {
            true => graph.attend([q, k, v], &attending)?,
            false => {
                let Attended { taken, shares, mask } =
                    graph.attend_with_scores([q, k, v], &attending)?;
                scores = returns_scores.then_some(Lowered { node: shares, mask });
                taken
            }
        };
        if let Some(gate) = gate {
            y = graph.binary(y, gate, BinaryFunction::Multiply)?;
        }
        let features = [features];
        let output = self.output.unwrap_or(&features);
        let y = self.project(graph, of_output, y, 2, output, LINEAR)?;
        let y = Lowered { node: y, mask: call.inputs[0].mask };
        Ok([y].into_iter().chain(scores).collect())
    }

    fn check_flash(&self, returns_scores: bool) -> Result<(), LayerError> {
        let wrong = |argument: &'static str, what: String| {
            let message = format!("`{}` with `flash_attention = True` has no {what}", self.class);
            Err(LayerError::argument(argument, message).help("leave out `flash_attention = True`"))
        };
        if self.flash && self.dropout > 0.0 {
            return wrong("dropout", format!("dropout, found `dropout = {}`", self.dropout));
        }
        if self.flash && returns_scores {
            return wrong(RETURN_SCORES, "scores to return".to_string());
        }
        Ok(())
    }

    /// The tensors of a call, with the masks that count. Errors: shapes that do not fit.
    fn tensors(&self, graph: &Graph, call: &Call<Lowered>) -> Result<Tensors, LayerError> {
        let class = self.class;
        call.one(class)?;
        let mut query = call.inputs[0];
        let Some(mut value) = call.tensor(VALUE) else {
            return Err(LayerError::input(format!("a call of `{class}` needs the tensor `value`")));
        };
        let given_key = call.tensor(KEY);
        let mut key = given_key.unwrap_or(value);
        let given = |name: &str| call.tensor(name).map(|mask| mask.node);
        if self.takes_query_mask {
            query.mask = given(QUERY_MASK).or(query.mask);
        }
        value.mask = given(VALUE_MASK).or(value.mask);
        let carried = key.mask.filter(|_| given_key.is_some());
        key.mask = given(KEY_MASK).or(carried);
        let [q, v, k] = [query, value, key].map(|tensor| graph.shape(tensor.node));
        if q.rank() < 2 {
            let message = format!("`{class}` expects (batch, time, ..., features), found {q}");
            return Err(LayerError::input(message));
        }
        for (name, shape) in [(VALUE, v), (KEY, k)] {
            if shape.rank() != q.rank() {
                let message = format!(
                    "`{class}` expects `{name}` to have as many axes as the query {q}, \
                     found {shape}"
                );
                return Err(LayerError::argument(name, message));
            }
        }
        let steps = q.rank() - 1;
        if v.extents()[..steps] != k.extents()[..steps] {
            let message = format!(
                "`{class}` expects `key` and `value` with the same steps, found {k} and {v}"
            );
            return Err(LayerError::argument(KEY, message)
                .help("only the last axis, the features, may differ"));
        }
        let axes = self.axes(q)?;
        let differs = (0..steps)
            .find(|axis| !axes.contains(axis) && q.extents()[*axis] != v.extents()[*axis]);
        if let Some(axis) = differs {
            let message = format!(
                "`{class}` attends along other axes than axis {}, where it expects equal extents, \
                 found {q} and {v}",
                axis + 1
            );
            return Err(LayerError::argument(VALUE, message));
        }
        Ok(Tensors { query, value, key, has_key: given_key.is_some(), axes })
    }

    /// The axes of steps along which every query meets every key.
    fn axes(&self, query: &Shape) -> Result<Vec<usize>, LayerError> {
        let steps = query.rank() - 1;
        let Some(axes) = self.axes else { return Ok((0..steps).collect()) };
        let index = |&axis: &i64| query.axis(axis).filter(|axis| *axis < steps);
        let indices: Option<Vec<usize>> = axes.list().iter().map(index).collect();
        let is_set =
            |axes: &Vec<usize>| axes.iter().enumerate().all(|(i, axis)| !axes[..i].contains(axis));
        indices.filter(is_set).ok_or_else(|| {
            let message = format!(
                "`{}` expects `attention_axes` to be among the axes of {query} but the batch and \
                 the features, each once, found `attention_axes = {}`",
                self.class,
                axes.to_value()
            );
            LayerError::argument("attention_axes", message)
        })
    }

    /// Multiplies the last `summed` axes of `x` with a kernel that makes axes of these extents,
    /// and applies a function.
    fn project(
        &self,
        graph: &mut Graph,
        held: Held,
        x: NodeId,
        summed: usize,
        made: &[usize],
        f: Activation,
    ) -> Result<NodeId, LayerError> {
        graph.in_inner(held.attribute, held.name, true, |graph| {
            let extents = graph.extents(x);
            let (steps, inner) = extents.split_at(extents.len() - summed);
            let shape = [inner, made].concat();
            let fan = |extents: &[usize]| extents.iter().map(|&extent| extent as f64).product();
            let fans = [fan(inner), fan(made)];
            let initializer = with_fans(self.kernel.initializer, &shape, fans);
            let arguments = WeightArguments { initializer, ..self.kernel.clone() };
            let kernel = graph.weight("kernel", &shape, arguments)?;
            let [m, k, n] = [steps, inner, made].map(|extents| extents.iter().product());
            let made_extents = [steps, made].concat();
            let mut y = graph.matrix_product(x, kernel, [m, k, n], true, made_extents)?;
            if self.use_bias {
                let bias = graph.weight("bias", made, self.bias)?;
                y = graph.bias_add(y, bias)?;
            }
            let y = graph.unary(y, f)?;
            if let Some(penalty) = self.penalty {
                graph.penalise_activity(y, penalty);
            }
            Ok(y)
        })
    }
}
