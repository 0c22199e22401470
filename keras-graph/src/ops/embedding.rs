//! Rows of a table, picked by their numbers.

use crate::graph::{Graph, LayerError, NodeId, WeightId};
use crate::op::{Embedding, EmbeddingGrad};
use crate::ops::gradient::{Differentiate, Gradients, Made, no_gradient};
use crate::shape::checked_len;

impl Graph {
    /// `y[.., :] = table[ids[..], :]`.
    pub fn embedding(&mut self, ids: NodeId, table: WeightId) -> Result<NodeId, LayerError> {
        let len = checked_len(self.shape(ids).extents())?;
        let (rows, columns, _) = self.source_shape(table.into()).around(1);
        let extents = [self.shape(ids).extents(), &[columns]].concat();
        self.emit(Embedding { len, rows, columns }, &[ids.into(), table.into()], extents)
    }
}

impl Differentiate for Embedding {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([ids, table], Embedding { len, rows, columns }) = (made.inputs()?, *self);
        let grad = EmbeddingGrad { len, rows, columns, first: 0, count: rows };
        gradients.push_weight(table, grad, &[ids, made.d_y]);
        Ok(())
    }
}

no_gradient! { EmbeddingGrad }
