//! `Embedding`: a learned vector for each id.

use crate::call::{Call, Lowered};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layer::{Layer, MaskSource, MaskedRank};
use crate::layers::Case;
use crate::op::Comparison;
use crate::parameter::{CallOnly, OnlyNone};
use crate::regularizer::Regularizer;
use crate::schema::{layer, layer_basics};

layer! {
    /// Looks up a learned vector for each id.
    ///
    /// Shapes: ids `(batch, ...) -> (batch, ..., output_dim)`. Ids are from 0 to `input_dim - 1`;
    /// floats are cut off to integers.
    pub struct Embedding {
        /// Number of ids.
        input_dim: usize,
        /// Extent of a vector.
        output_dim: usize,
    }
    weights {
        /// the vectors `(input_dim, output_dim)`
        embeddings = Initializer::UNIFORM,
    }
    and {
        /// Whether the id 0 is padding: the result carries a mask of the other ids.
        mask_zero: bool = false,
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
    Case { arguments: "input_dim = 5, output_dim = 2", inputs: &[&[3, 4]], output: &[3, 4, 2] },
    Case { arguments: "5, 2, mask_zero = True", inputs: &[&[3]], output: &[3, 2] },
];

/// Which ids are no padding.
pub(super) fn mask_of_ids(graph: &mut Graph, ids: NodeId) -> Result<NodeId, LayerError> {
    graph.compare_with(ids, Comparison::NotEqual, 0.0)
}

impl Layer for Embedding {
    layer_basics!(masking);

    fn compute_mask(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Option<NodeId>, LayerError> {
        match call.inputs.first() {
            Some(ids) if self.mask_zero => mask_of_ids(graph, ids.node).map(Some),
            _ => Ok(None),
        }
    }

    fn mask_sources(&self, _: &[MaskedRank]) -> Vec<MaskSource> {
        vec![MaskSource { input: 0, is_mask: false, operations: 1 }]
    }

    fn input_dtype(&self) -> Dtype {
        Dtype::Int32
    }

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let x = graph.truncated(x)?;
        let extents = [self.input_dim, self.output_dim];
        let table = graph.weight("embeddings", &extents, &self.embeddings)?;
        graph.embedding(x, table)
    }
}
