//! `GroupQueryAttention`: attention in which several heads of queries share one of keys and values.

use crate::call::{Call, CallParameter, Lowered};
use crate::graph::{Graph, LayerError};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::heads::{self, Heads};
use crate::layers::{Case, Held};
use crate::parameter::{CallOnly, Share};
use crate::regularizer::Regularizer;
use crate::schema::{layer, layer_basics};

layer! {
    /// Attention by several heads as in `MultiHeadAttention`, where groups of heads of queries
    /// share the projections of key and value.
    ///
    /// Called as `layer(query, value)`, with `key = ` where keys are not the values; the arguments
    /// of a call say which keys count. Shapes: `(batch, queries, features)` and
    /// `(batch, keys, features) -> (batch, queries, features)`. Source: Ainslie et al. 2023.
    pub struct GroupQueryAttention {
        /// Features of a query, a key and a value in each head.
        head_dim: usize,
        /// Number of heads of queries.
        num_query_heads: usize,
        /// Number of heads of keys and values, of which `num_query_heads` is a multiple.
        num_key_value_heads: usize,
        /// Probability that a share is dropped in training.
        dropout: Share = Share(0.0),
        /// Whether each projection adds a learned bias.
        use_bias: bool = true,
        /// How many steps a query looks to either side, its own among them; by default all.
        sliding_window: Option<usize> = None,
        /// Has no effect: scores are computed a few queries at a time in any case.
        flash_attention: CallOnly<Option<bool>> = CallOnly(None),
    }
    weights {
        /// the kernels
        kernel = Initializer::GLOROT_UNIFORM,
        /// the biases
        bias = Initializer::ZEROS,
    }
    activity_regularizer: Option<Regularizer>;
    and {
        /// Whether a learned gate between 0 and 1, a function of the query, multiplies what each
        /// head takes.
        use_gate: bool = false,
        /// Seed of the dropout alone; else the model's seed decides.
        seed: Option<i64> = None,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "3, 4, 2", inputs: &[&[4, 5], &[6, 5], &[6, 7]], output: &[4, 5] },
    Case {
        arguments: "head_dim = 2, num_query_heads = 3, num_key_value_heads = 1, use_gate = True, \
            use_bias = False, sliding_window = 3",
        inputs: &[&[6, 5], &[4, 5]],
        output: &[6, 5],
    },
    Case { arguments: "2, 6, 3, dropout = 0.5", inputs: &[&[4, 5], &[6, 5]], output: &[4, 5] },
];

impl Layer for GroupQueryAttention {
    layer_basics!(masking);

    fn call_parameters(&self) -> &'static [CallParameter] {
        heads::PARAMETERS
    }

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let (queries, keys) = (self.num_query_heads, self.num_key_value_heads);
        if !queries.is_multiple_of(keys) {
            let message = format!(
                "`num_query_heads` of `GroupQueryAttention` must be a multiple of \
                 `num_key_value_heads`, found {queries} and {keys}"
            );
            return Err(LayerError::argument("num_query_heads", message));
        }
        let held = |attribute, name| Held { attribute, name };
        let heads = Heads {
            class: "GroupQueryAttention",
            held: [
                held("_query_dense", "query"),
                held("_key_dense", "key"),
                held("_gate_dense", "gate"),
                held("_value_dense", "value"),
                held("_output_dense", "attention_output"),
            ],
            query_heads: queries,
            key_heads: keys,
            key_dim: self.head_dim,
            value_dim: self.head_dim,
            output: None,
            axes: None,
            dropout: self.dropout.0,
            seed: self.seed,
            use_bias: self.use_bias,
            use_gate: self.use_gate,
            window: self.sliding_window,
            flash: self.flash_attention.0 == Some(true),
            kernel: &self.kernel,
            bias: &self.bias,
            penalty: self.activity_regularizer,
            takes_query_mask: true,
        };
        check_features(graph, call)?;
        heads.lower(graph, call)
    }
}

/// Refuses tensors of other ranks, and values of other features than the query's, as Keras does.
fn check_features(graph: &Graph, call: &Call<Lowered>) -> Result<(), LayerError> {
    let query = graph.shape(call.one("GroupQueryAttention")?);
    if query.rank() != 2 {
        let message =
            format!("`GroupQueryAttention` expects (batch, time, features), found {query}");
        return Err(LayerError::input(message));
    }
    let Some(value) = call.tensor("value") else { return Ok(()) };
    let value = graph.shape(value.node);
    if value.extents().last() != query.extents().last() {
        let message = format!(
            "`GroupQueryAttention` expects query and `value` with the same features, found {query} \
             and {value}"
        );
        return Err(LayerError::argument("value", message)
            .help("`MultiHeadAttention` takes values of other features"));
    }
    Ok(())
}
