//! `AdditiveAttention`: each query takes a mean of values by its sums with their keys.
//! Source: Keras 3.15 `layers/attention/additive_attention.py`.

use crate::activation::Activation;
use crate::call::{Call, CallParameter, Lowered};
use crate::graph::{Graph, LayerError};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::Case;
use crate::layers::attention::{self, Tensors};
use crate::op::BinaryFunction;
use crate::parameter::Share;
use crate::schema::{layer, layer_basics};

layer! {
    /// Additive attention: `softmax(Σ scale · tanh(query + key)) · value`.
    ///
    /// Called on a list, `[query, value]` or `[query, value, key]`; a mask is a list too. Shapes:
    /// `[(batch, queries, dim), (batch, keys, features)] -> (batch, queries, features)`. Source:
    /// Bahdanau et al. 2014.
    pub struct AdditiveAttention {
        /// Whether each feature has a learned factor.
        use_scale: bool = true,
        /// Probability that a share is dropped in training.
        dropout: Share = Share(0.0),
        /// Seed of the dropout alone; else the model's seed decides.
        seed: Option<i64> = None,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[3, 4], &[5, 4]], output: &[3, 4] },
    Case {
        arguments: "use_scale = False, dropout = 0.5",
        inputs: &[&[3, 4], &[5, 2], &[5, 4]],
        output: &[3, 2],
    },
];

impl Layer for AdditiveAttention {
    layer_basics!(masking);

    fn call_parameters(&self) -> &'static [CallParameter] {
        attention::PARAMETERS
    }

    fn joins(&self) -> bool {
        true
    }

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let tensors = Tensors::of("AdditiveAttention", graph, call)?;
        let sums = tensors.sums(graph)?;
        let mut bent = graph.unary(sums, Activation::Tanh)?;
        if self.use_scale {
            let features = graph.extents(tensors.query)[1];
            let scale = graph.weight("scale", &[features], Initializer::GLOROT_UNIFORM)?;
            let scale = graph.weight_tensor(scale)?;
            let scale = graph.broadcast(scale, &graph.extents(bent))?;
            bent = graph.binary(bent, scale, BinaryFunction::Multiply)?;
        }
        let scores = graph.sum_axes(bent, &[2])?;
        let seed = self.seed.map(i64::cast_unsigned);
        tensors.take(graph, scores, call, (self.dropout.0, seed))
    }
}
