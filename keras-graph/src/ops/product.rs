//! Products of matrices, and biases.

use crate::activation::Activation;
use crate::graph::{Graph, LayerError, NodeId, WeightId};
use crate::op::{BiasAdd, Gemm, GemmGradW, GemmGradX, SumRows};
use crate::ops::gradient::{Differentiate, Gradients, Made, no_gradient};

impl Graph {
    /// `y[.., n] = Σ_k x[.., k] · w[k, n]`. The last axis of `x` must fit the first of `w`.
    pub fn gemm(&mut self, x: NodeId, w: WeightId) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let mut extents = self.extents(x);
        let (k, n) = match (self.source_shape(w.into()).extents(), extents.last()) {
            (&[k, n], Some(&found)) if k == found => (k, n),
            _ => return Err(LayerError::input(format!("a product cannot take {}", self.shape(x)))),
        };
        let m = self.shape(x).len() / k;
        if let Some(last) = extents.last_mut() {
            *last = n;
        }
        let op = Gemm { m, k, n, bias: false, f: Activation::Linear };
        self.emit(op, &[x.into(), w.into()], extents)
    }

    /// `y[.., n] = x[.., n] + bias[n]`.
    pub fn bias_add(&mut self, x: NodeId, bias: WeightId) -> Result<NodeId, LayerError> {
        let n = self.source_shape(bias.into()).len();
        let rows = self.shape(x).len() / n;
        self.emit(BiasAdd { rows, n }, &[x.into(), bias.into()], self.extents(x))
    }
}

impl Differentiate for Gemm {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let (([x, w], bias), Gemm { m, k, n, f, .. }) = (made.first_inputs()?, *self);
        let d_y = gradients.before_activation(f, made)?;
        gradients.push_bias(bias.first(), SumRows { rows: m, n }, d_y);
        gradients.push_weight(w, GemmGradW { m, k, n, first: 0, count: k }, &[x, d_y]);
        gradients.push(x, GemmGradX { m, k, n }, &[d_y, w]);
        Ok(())
    }
}

impl Differentiate for BiasAdd {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x, bias], BiasAdd { rows, n }) = (made.inputs()?, *self);
        gradients.push_bias(Some(&bias), SumRows { rows, n }, made.d_y);
        gradients.pass(x, made.d_y);
        Ok(())
    }
}

no_gradient! { GemmGradX, GemmGradW, SumRows }
