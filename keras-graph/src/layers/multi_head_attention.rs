//! `MultiHeadAttention`: attention by several heads, each on projections of its own.

use crate::call::{Call, CallParameter, Lowered};
use crate::graph::{Graph, LayerError};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::heads::{self, Heads};
use crate::layers::{Case, Held};
use crate::parameter::{Axes, CallOnly, Extents, Share};
use crate::regularizer::Regularizer;
use crate::schema::{layer, layer_basics};

layer! {
    /// Attention by several heads: each projects query, key and value, and takes for every query
    /// `softmax(query · keyᵀ / √key_dim) · value`; a last projection joins what the heads took.
    ///
    /// Called as `layer(query, value)`, with `key = ` where keys are not the values; the arguments
    /// of a call say which keys count. Shapes: `(batch, queries, features)` and
    /// `(batch, keys, ...) -> (batch, queries, features)`. Source: Vaswani et al. 2017.
    pub struct MultiHeadAttention {
        /// Number of heads.
        num_heads: usize,
        /// Features of a query and of a key in each head.
        key_dim: usize,
        /// Features of a value in each head; by default as many.
        value_dim: Option<usize> = None,
        /// Probability that a share is dropped in training.
        dropout: Share = Share(0.0),
        /// Whether each projection adds a learned bias.
        use_bias: bool = true,
        /// Extents of the result behind the steps; by default the query's features.
        output_shape: Option<Extents> = None,
        /// The axes along which every query meets every key; by default all but the batch and the
        /// features.
        attention_axes: Option<Axes> = None,
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
    Case { arguments: "2, 3", inputs: &[&[4, 5], &[6, 7], &[6, 2]], output: &[4, 5] },
    Case {
        arguments: "num_heads = 3, key_dim = 2, value_dim = 4, use_gate = True, output_shape = 7, \
            use_bias = False",
        inputs: &[&[4, 5], &[6, 5]],
        output: &[4, 7],
    },
    Case {
        arguments: "2, 3, dropout = 0.25, sliding_window = 2",
        inputs: &[&[4, 5], &[6, 5]],
        output: &[4, 5],
    },
    Case {
        arguments: "2, 3, attention_axes = 2, output_shape = (2, 3)",
        inputs: &[&[2, 4, 5], &[2, 6, 5]],
        output: &[2, 4, 2, 3],
    },
    Case {
        arguments: "2, 3, attention_axes = (1, 2), dropout = 0.5",
        inputs: &[&[2, 4, 5], &[3, 2, 5]],
        output: &[2, 4, 5],
    },
];

impl Layer for MultiHeadAttention {
    layer_basics!(masking);

    fn call_parameters(&self) -> &'static [CallParameter] {
        heads::PARAMETERS
    }

    fn penalises_results(&self) -> bool {
        false
    }

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let held = |attribute, name| Held { attribute, name };
        let heads = Heads {
            class: "MultiHeadAttention",
            held: [
                held("query_dense", "query"),
                held("key_dense", "key"),
                held("_gate_dense", "gate"),
                held("value_dense", "value"),
                held("output_dense", "attention_output"),
            ],
            query_heads: self.num_heads,
            key_heads: self.num_heads,
            key_dim: self.key_dim,
            value_dim: self.value_dim.unwrap_or(self.key_dim),
            output: self.output_shape.as_ref().map(|Extents(extents)| extents.as_slice()),
            axes: self.attention_axes.as_ref(),
            dropout: self.dropout.0,
            seed: self.seed,
            use_bias: self.use_bias,
            use_gate: self.use_gate,
            window: self.sliding_window,
            flash: self.flash_attention.0 == Some(true),
            kernel: &self.kernel,
            bias: &self.bias,
            penalty: self.activity_regularizer,
            takes_query_mask: false,
        };
        heads.lower(graph, call)
    }
}
