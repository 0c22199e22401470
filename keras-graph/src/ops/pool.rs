//! The largest cell and the mean of windows, and of whole images.

use crate::graph::{Graph, LayerError, NodeId};
use crate::op::{
    AveragePool2D, AveragePool2DGrad, MaxPool2D, MaxPool2DGrad, MeanRows, MeanRowsGrad, Reduce,
    ReduceFunction, Window,
};
use crate::ops::gradient::{Differentiate, Gradients, Made, no_gradient};

impl Graph {
    /// The largest cell of each window.
    pub fn max_pool2d(
        &mut self,
        x: NodeId,
        [rows, columns]: [Window; 2],
    ) -> Result<NodeId, LayerError> {
        let [_, channels] = self.last_two(x.into());
        let extents = self.cells_like(x, [rows.output, columns.output], channels);
        self.emit(MaxPool2D { rows, columns, channels }, &[x.into()], extents)
    }

    /// The mean of the real cells of each window.
    pub fn average_pool2d(
        &mut self,
        x: NodeId,
        [rows, columns]: [Window; 2],
    ) -> Result<NodeId, LayerError> {
        let [_, channels] = self.last_two(x.into());
        let extents = self.cells_like(x, [rows.output, columns.output], channels);
        self.emit(AveragePool2D { rows, columns, channels }, &[x.into()], extents)
    }

    /// The mean over all axes but the last.
    pub fn mean_rows(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, extent, channels) = self.rows(x)?;
        self.emit(MeanRows { extent, channels }, &[x.into()], vec![channels])
    }

    /// The maximum over all axes but the last.
    pub fn max_rows(&mut self, x: NodeId) -> Result<NodeId, LayerError> {
        let (x, extent, channels) = self.rows(x)?;
        let op = Reduce { outer: 1, extent, inner: channels, f: ReduceFunction::Max };
        self.emit(op, &[x.into()], vec![channels])
    }

    fn rows(&mut self, x: NodeId) -> Result<(NodeId, usize, usize), LayerError> {
        let x = self.float(x)?;
        let channels = self.shape(x).extents().last().copied().unwrap_or(1);
        Ok((x, self.shape(x).len() / channels, channels))
    }
}

impl Differentiate for MaxPool2D {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], MaxPool2D { rows, columns, channels }) = (made.inputs()?, *self);
        gradients.push(x, MaxPool2DGrad { rows, columns, channels }, &[x, made.y.into(), made.d_y]);
        Ok(())
    }
}

impl Differentiate for AveragePool2D {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], AveragePool2D { rows, columns, channels }) = (made.inputs()?, *self);
        gradients.push(x, AveragePool2DGrad { rows, columns, channels }, &[made.d_y]);
        Ok(())
    }
}

impl Differentiate for MeanRows {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], MeanRows { extent, channels }) = (made.inputs()?, *self);
        gradients.push(x, MeanRowsGrad { extent, channels }, &[made.d_y]);
        Ok(())
    }
}

no_gradient! { MaxPool2DGrad, AveragePool2DGrad, MeanRowsGrad }
