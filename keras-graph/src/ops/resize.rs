//! Images of another size.

use crate::graph::{Graph, LayerError, NodeId};
use crate::op::{Interpolation, Upsample2D, Upsample2DGrad};
use crate::ops::gradient::{Differentiate, Gradients, Made, no_gradient};

impl Graph {
    /// An image with `rows` times as many rows and `columns` times as many columns, or a sequence,
    /// which has one row.
    pub fn upsample2d(
        &mut self,
        x: NodeId,
        [rows, columns]: [usize; 2],
        interpolation: Interpolation,
    ) -> Result<NodeId, LayerError> {
        let [h, w, c] = self.as_image(x);
        let extents = self.cells_like(x, [h.saturating_mul(rows), w.saturating_mul(columns)], c);
        self.emit(Upsample2D { h, w, c, rows, columns, interpolation }, &[x.into()], extents)
    }
}

impl Differentiate for Upsample2D {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], Upsample2D { h, w, c, rows, columns, interpolation }) = (made.inputs()?, *self);
        gradients.push(x, Upsample2DGrad { h, w, c, rows, columns, interpolation }, &[made.d_y]);
        Ok(())
    }
}

no_gradient! { Upsample2DGrad }
