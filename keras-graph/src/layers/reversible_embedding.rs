//! `ReversibleEmbedding`: a learned vector for each id, and the way back.

use crate::activation::Activation;
use crate::call::{Call, CallKind, CallParameter, Lowered};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId, WeightId};
use crate::initializer::Initializer;
use crate::layer::{Layer, MaskSource, MaskedRank};
use crate::layers::Case;
use crate::layers::embedding::mask_of_ids;
use crate::parameter::{CallOnly, OnlyNone, Positive};
use crate::regularizer::Regularizer;
use crate::schema::{layer, layer_basics};

layer! {
    /// Looks up a learned vector for each id; called with `reverse = True` on vectors, returns a
    /// score for each id: the products of its vector with them.
    ///
    /// Shapes: ids `(batch, ...) -> (batch, ..., output_dim)`, and in reverse
    /// `(batch, ..., output_dim) -> (batch, ..., input_dim)`. Source: Press and Wolf 2016.
    pub struct ReversibleEmbedding {
        /// Number of ids.
        input_dim: usize,
        /// Extent of a vector.
        output_dim: usize,
        /// Whether the way back uses the same vectors; else it has a matrix of its own.
        tie_weights: bool = true,
    }
    weights {
        /// the vectors `(input_dim, output_dim)`
        embeddings = Initializer::UNIFORM,
    }
    and {
        /// Whether the id 0 is padding: the vectors carry a mask of the other ids.
        mask_zero: bool = false,
        /// Not supported yet.
        reverse_dtype: OnlyNone = OnlyNone,
        /// Bound of the scores: `cap · tanh(scores / cap)`.
        logit_soft_cap: Option<Positive> = None,
        /// Not supported yet.
        weights: CallOnly<OnlyNone> = CallOnly(OnlyNone),
        /// Not supported yet.
        lora_rank: CallOnly<OnlyNone> = CallOnly(OnlyNone),
        /// Not supported yet.
        lora_alpha: CallOnly<OnlyNone> = CallOnly(OnlyNone),
        /// Not supported yet.
        quantization_config: OnlyNone = OnlyNone,
        /// Penalty on the output.
        activity_regularizer: Option<Regularizer> = None,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "7, 3", inputs: &[&[4]], output: &[4, 3] },
    Case {
        arguments: "input_dim = 5, output_dim = 2, mask_zero = True",
        inputs: &[&[3, 4]],
        output: &[3, 4, 2],
    },
];

/// `reverse`: whether vectors become scores.
const REVERSE: CallParameter = CallParameter {
    name: "reverse",
    docs: "Whether the call is the way back, from vectors to a score for each id.",
    kind: CallKind::Flag,
};

impl ReversibleEmbedding {
    /// The scores of vectors.
    fn scores(
        &self,
        graph: &mut Graph,
        x: NodeId,
        table: WeightId,
        back: Option<WeightId>,
    ) -> Result<NodeId, LayerError> {
        let mut extents = graph.extents(x);
        let cells = graph.shape(x).len() / self.output_dim;
        match extents.last_mut() {
            Some(last) if *last == self.output_dim => *last = self.input_dim,
            _ => {
                let found = graph.shape(x);
                return Err(LayerError::input(format!(
                    "`ReversibleEmbedding` with `reverse = True` expects (batch, ..., {}), \
                     found {found}",
                    self.output_dim
                ))
                .help("in reverse it is called on vectors as long as its own, `output_dim`"));
            }
        }
        let (matrix, straight) = back.map_or((table, false), |back| (back, true));
        let product = [cells, self.output_dim, self.input_dim];
        let scores = graph.matrix_product(x, matrix, product, straight, extents)?;
        let Some(Positive(cap)) = self.logit_soft_cap else { return Ok(scores) };
        let scores = graph.affine(scores, 1.0 / cap, 0.0)?;
        let scores = graph.unary(scores, Activation::Tanh)?;
        graph.affine(scores, cap, 0.0)
    }
}

impl Layer for ReversibleEmbedding {
    layer_basics!();

    fn call_parameters(&self) -> &'static [CallParameter] {
        &[REVERSE]
    }

    fn supports_masking(&self) -> bool {
        self.mask_zero
    }

    /// Keras makes the mask while it computes, by no operation of the model.
    fn mask_sources(&self, _: &[MaskedRank]) -> Vec<MaskSource> {
        Vec::new()
    }

    fn input_dtype(&self) -> Dtype {
        Dtype::Int32
    }

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let x = call.one("ReversibleEmbedding")?;
        let extents = [self.input_dim, self.output_dim];
        let table = graph.weight("embeddings", &extents, &self.embeddings)?;
        let back = if self.tie_weights {
            None
        } else {
            let extents = [self.output_dim, self.input_dim];
            let initializer = self.embeddings.initializer;
            Some(graph.weight("reverse_embeddings", &extents, initializer)?)
        };
        if call.flag(REVERSE.name) == Some(true) {
            return Ok(vec![Lowered::unmasked(self.scores(graph, x, table, back)?)]);
        }
        let ids = graph.truncated(x)?;
        let node = graph.embedding(ids, table)?;
        let mask = if self.mask_zero { Some(mask_of_ids(graph, x)?) } else { None };
        Ok(vec![Lowered { node, mask }])
    }
}
