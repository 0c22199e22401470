//! `Embedding`: a learned vector for each id.

use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layers::Case;
use crate::parameter::{CallOnly, Counts, OnlyFalse, OnlyNone};
use crate::regularizer::Regularizer;
use crate::schema::{Layer, ParameterType, layer, layer_basics};

layer! {
    /// Looks up a learned vector for each id.
    ///
    /// Shapes: ids `(batch, ...) -> (batch, ..., output_dim)`. Ids are int32 from 0 to `input_dim - 1`.
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
        /// Not supported yet: masks are not passed on.
        mask_zero: OnlyFalse = OnlyFalse,
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
];

impl Layer for Embedding {
    layer_basics!();

    fn input_dtype(&self) -> Dtype {
        Dtype::Int32
    }

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        if graph.dtype(x) != Dtype::Int32 {
            let shape = Counts(graph.extents(x)).to_value();
            return Err(LayerError::input(format!(
                "`Embedding` expects ids of type int32, found {} of type {}",
                graph.shape(x),
                graph.dtype(x).name()
            ))
            .help(format!("write `Input(shape = {shape}, dtype = \"int32\")`")));
        }
        let extents = [self.input_dim, self.output_dim];
        let table = graph.weight("embeddings", &extents, &self.embeddings)?;
        graph.embedding(x, table)
    }
}
