//! `Attention`: each query takes a mean of values by its products with their keys.
//! Source: Keras 3.15 `layers/attention/attention.py`.

use crate::activation::Activation;
use crate::call::{Call, CallKind, CallParameter, Lowered, MASK, TRAINING};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId, WeightId};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::Case;
use crate::layers::heads::{CAUSAL, RETURN_SCORES};
use crate::op::BinaryFunction;
use crate::ops::contract::Labelled;
use crate::parameter::{Share, unknown_word, word};
use crate::schema::{Mismatch, ParameterType, layer, layer_basics};
use crate::value::Value;

layer! {
    /// Dot-product attention: `softmax(query · keyᵀ) · value`, without learned projections.
    ///
    /// Called on a list, `[query, value]` or `[query, value, key]`; a mask is a list too. Shapes:
    /// `[(batch, queries, dim), (batch, keys, features)] -> (batch, queries, features)`. Source:
    /// Luong et al. 2015.
    pub struct Attention {
        /// Whether scores are multiplied by a learned number.
        use_scale: bool = false,
        /// `"dot"`, or `"concat"`: the sum of `tanh(query + key)`, times a learned number.
        score_mode: ScoreMode = ScoreMode::Dot,
        /// Probability that a share is dropped in training.
        dropout: Share = Share(0.0),
        /// Seed of the dropout alone; else the model's seed decides.
        seed: Option<i64> = None,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[3, 4], &[5, 2], &[5, 4]], output: &[3, 2] },
    Case { arguments: "use_scale = True", inputs: &[&[3, 4], &[5, 4]], output: &[3, 4] },
    Case {
        arguments: "score_mode = \"concat\", dropout = 0.25, seed = 3",
        inputs: &[&[3, 4], &[5, 4]],
        output: &[3, 4],
    },
];

/// How a query is compared with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreMode {
    /// By their product.
    Dot,
    /// By a function of their sum.
    Concat,
}

impl ParameterType for ScoreMode {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match word(value) {
            Some("dot") => Ok(ScoreMode::Dot),
            Some("concat") => Ok(ScoreMode::Concat),
            _ => {
                let known = ["dot", "concat"].into_iter();
                Err(unknown_word(value, "`\"dot\"` or `\"concat\"`", known))
            }
        }
    }

    fn to_value(&self) -> Value {
        let name = match self {
            ScoreMode::Dot => "dot",
            ScoreMode::Concat => "concat",
        };
        Value::Str(name.to_string())
    }
}

/// The arguments of a call beside the list of tensors.
pub(super) const PARAMETERS: &[CallParameter] = &[
    CallParameter {
        name: MASK.name,
        docs: "Which steps count: a list of the query's mask and the value's, each of which may be \
            `None`; by default those that the tensors carry.",
        kind: CallKind::Tensors,
    },
    TRAINING,
    CallParameter {
        name: RETURN_SCORES,
        docs: "Whether the shares that queries give to keys are a second result.",
        kind: CallKind::Flag,
    },
    CallParameter {
        name: CAUSAL,
        docs: "Whether no step attends to a later one.",
        kind: CallKind::Flag,
    },
];

/// What is taken off the score of a key that does not count.
const MASKED: f32 = -1e9;

impl Layer for Attention {
    layer_basics!(masking);

    fn call_parameters(&self) -> &'static [CallParameter] {
        PARAMETERS
    }

    fn joins(&self) -> bool {
        true
    }

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let tensors = Tensors::of("Attention", graph, call)?;
        let number = |graph: &mut Graph, name| graph.weight(name, &[], Initializer::ONES);
        let scale = if self.use_scale { Some(number(graph, "scale")?) } else { None };
        let scores = match self.score_mode {
            ScoreMode::Dot => {
                let labelled =
                    |node, labels: &str| Labelled { node, labels: labels.chars().collect() };
                let (query, key) = (labelled(tensors.query, "qd"), labelled(tensors.key, "kd"));
                let products = graph.contract(query, key, &['q', 'k'])?;
                scaled(graph, products, scale)?
            }
            ScoreMode::Concat => {
                let weight = number(graph, "concat_score_weight")?;
                let sums = tensors.sums(graph)?;
                let sums = scaled(graph, sums, scale)?;
                let bent = graph.unary(sums, Activation::Tanh)?;
                let scores = graph.sum_axes(bent, &[2])?;
                scaled(graph, scores, Some(weight))?
            }
        };
        let seed = self.seed.map(i64::cast_unsigned);
        tensors.take(graph, scores, call, (self.dropout.0, seed))
    }
}

/// A tensor times a learned number, if there is one.
fn scaled(graph: &mut Graph, x: NodeId, number: Option<WeightId>) -> Result<NodeId, LayerError> {
    let Some(number) = number else { return Ok(x) };
    let number = graph.weight_tensor(number)?;
    let number = graph.broadcast(number, &graph.extents(x))?;
    graph.binary(x, number, BinaryFunction::Multiply)
}

/// The tensors of a call, `(steps, features)` each, and the masks of their steps.
pub(super) struct Tensors {
    pub(super) query: NodeId,
    pub(super) key: NodeId,
    value: NodeId,
    query_mask: Option<NodeId>,
    value_mask: Option<NodeId>,
    /// The mask of the result: as it was given.
    passed: Option<NodeId>,
}

impl Tensors {
    /// Errors: another number of tensors or masks than Keras takes, shapes that do not fit.
    pub(super) fn of(
        class: &'static str,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Tensors, LayerError> {
        let (query, value, key) = match call.inputs[..] {
            [query, value] => (query, value, value),
            [query, value, key] => (query, value, key),
            _ => {
                let found = call.inputs.len();
                let message = format!(
                    "`{class}` expects a list of 2 or 3 tensors, `[query, value]` or \
                     `[query, value, key]`, found {found}"
                );
                return Err(LayerError::input(message));
            }
        };
        for (name, tensor) in [("query", query), ("value", value), ("key", key)] {
            let shape = graph.shape(tensor.node);
            if shape.rank() != 2 {
                let message =
                    format!("`{class}` expects a {name} (batch, time, features), found {shape}");
                return Err(LayerError::input(message));
            }
        }
        let [q, v, k] = [query, value, key].map(|tensor| graph.shape(tensor.node));
        if q.extents()[1] != k.extents()[1] {
            let message = format!(
                "`{class}` expects query and key with the same features, found {q} and {k}"
            );
            return Err(LayerError::input(message)
                .help("put `Dense` of one size before both, or use `MultiHeadAttention`"));
        }
        if v.extents()[0] != k.extents()[0] {
            let message =
                format!("`{class}` expects value and key with the same steps, found {v} and {k}");
            return Err(LayerError::input(message));
        }
        let masks = match call.list(MASK.name) {
            Some(given) if given.len() < 2 || given.len() > 3 => {
                let found = given.len();
                let message = format!(
                    "`{class}` expects `mask` to be a list of the query's and the value's mask, \
                     found {found}"
                );
                return Err(LayerError::argument(MASK.name, message)
                    .help("write `mask = [query_mask, None]` if one is missing"));
            }
            Some(given) => [given[0], given[1]].map(|mask| mask.map(|mask| mask.node)),
            None => [query.mask, value.mask],
        };
        let (query, value, key) = (query.node, value.node, key.node);
        let mut checked = [None; 2];
        for ((checked, mask), owner) in checked.iter_mut().zip(masks).zip([query, value]) {
            let Some(mask) = mask else { continue };
            graph.expect_mask_of_steps(class, owner, mask)?;
            *checked = Some(graph.cast(mask, Dtype::Bool)?);
        }
        let [query_mask, value_mask] = checked;
        Ok(Tensors { query, key, value, query_mask, value_mask, passed: masks[0] })
    }

    /// Each query plus each key, `(queries, keys, features)`.
    pub(super) fn sums(&self, graph: &mut Graph) -> Result<NodeId, LayerError> {
        let [q, k] = [self.query, self.key].map(|node| graph.extents(node));
        let to = [q[0], k[0], q[1]];
        let query = graph.reshape(self.query, &[q[0], 1, q[1]])?;
        let key = graph.reshape(self.key, &[1, k[0], k[1]])?;
        let (query, key) = (graph.broadcast(query, &to)?, graph.broadcast(key, &to)?);
        graph.binary(query, key, BinaryFunction::Add)
    }

    /// What the queries take by these scores, `(queries, keys)`; the shares too if the call asks.
    pub(super) fn take(
        &self,
        graph: &mut Graph,
        scores: NodeId,
        call: &Call<Lowered>,
        (dropout, seed): (f32, Option<u64>),
    ) -> Result<Vec<Lowered>, LayerError> {
        let extents = graph.extents(scores);
        let mut masks = Vec::new();
        if let Some(mask) = self.value_mask {
            masks.push(graph.reshape(mask, &[1, extents[1]])?);
        }
        if call.flag(CAUSAL) == Some(true) {
            masks.extend(graph.near_keys([extents[0], extents[1]], true, None)?);
        }
        let mut scores = scores;
        if let Some(mask) = graph.all_of(&masks)? {
            // Taken off, not put in place: shares of a query without any key are even, and have
            // gradients.
            let zeros = graph.ramp(&extents, 0.0, 0.0)?;
            let off = graph.masked(zeros, mask, MASKED)?;
            scores = graph.binary(scores, off, BinaryFunction::Add)?;
        }
        let shares = graph.softmax(scores, 1)?;
        let kept = graph.dropped(shares, dropout, seed)?;
        let labelled = |node, labels: &str| Labelled { node, labels: labels.chars().collect() };
        let value = labelled(self.value, "kd");
        let mut y = graph.contract(labelled(kept, "qk"), value, &['q', 'd'])?;
        if let Some(mask) = self.query_mask {
            y = graph.masked(y, mask, 0.0)?;
        }
        let mut results = vec![Lowered { node: y, mask: self.passed }];
        if call.flag(RETURN_SCORES) == Some(true) {
            // Keras returns what is left of the shares after the dropout.
            results.push(Lowered::unmasked(kept));
        }
        Ok(results)
    }
}
