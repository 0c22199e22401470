//! Distributions along an axis.

use crate::graph::{Graph, LayerError, NodeId};
use crate::op::{LogSoftmax, LogSoftmaxGrad, Softmax, SoftmaxGrad, Sparsemax, SparsemaxGrad};
use crate::ops::gradient::{Differentiate, Gradients, Made, no_gradient};

impl Graph {
    /// `softmax` along an axis.
    pub fn softmax(&mut self, x: NodeId, axis: usize) -> Result<NodeId, LayerError> {
        self.along(x, axis, |outer, extent, inner| Softmax { outer, extent, inner })
    }

    /// `log_softmax` along an axis.
    pub fn log_softmax(&mut self, x: NodeId, axis: usize) -> Result<NodeId, LayerError> {
        self.along(x, axis, |outer, extent, inner| LogSoftmax { outer, extent, inner })
    }

    /// `sparsemax` along an axis.
    pub fn sparsemax(&mut self, x: NodeId, axis: usize) -> Result<NodeId, LayerError> {
        self.along(x, axis, |outer, extent, inner| Sparsemax { outer, extent, inner })
    }
}

impl Differentiate for Softmax {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], Softmax { outer, extent, inner }) = (made.inputs()?, *self);
        gradients.push(x, SoftmaxGrad { outer, extent, inner }, &[made.y.into(), made.d_y]);
        Ok(())
    }
}

impl Differentiate for LogSoftmax {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], LogSoftmax { outer, extent, inner }) = (made.inputs()?, *self);
        gradients.push(x, LogSoftmaxGrad { outer, extent, inner }, &[made.y.into(), made.d_y]);
        Ok(())
    }
}

impl Differentiate for Sparsemax {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], Sparsemax { outer, extent, inner }) = (made.inputs()?, *self);
        gradients.push(x, SparsemaxGrad { outer, extent, inner }, &[x, made.y.into(), made.d_y]);
        Ok(())
    }
}

no_gradient! { SoftmaxGrad, LogSoftmaxGrad, SparsemaxGrad }
