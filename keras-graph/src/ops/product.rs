//! Products of matrices, and biases.

use crate::activation::Activation;
use crate::graph::{Graph, LayerError, NodeId, WeightId};
use crate::op::{BiasAdd, Gemm, GemmGradW, GemmGradX, Matmul, SumRows};
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

    /// The product of `m` rows of `k` with a weight that is a matrix of `k` by `n`, or of `n` by
    /// `k` if it is not `straight`.
    pub(crate) fn matrix_product(
        &mut self,
        x: NodeId,
        w: WeightId,
        [m, k, n]: [usize; 3],
        straight: bool,
        extents: Vec<usize>,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        match straight {
            true => {
                let op = Gemm { m, k, n, bias: false, f: Activation::Linear };
                self.emit(op, &[x.into(), w.into()], extents)
            }
            false => self.emit(GemmGradX { m, k: n, n: k }, &[x.into(), w.into()], extents),
        }
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

/// A product with a transposed matrix.
impl Differentiate for GemmGradX {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x, w], d_y, GemmGradX { m, k, n }) = (made.inputs()?, made.d_y, *self);
        gradients.push_weight(w, GemmGradW { m, k, n, first: 0, count: k }, &[d_y, x]);
        let straight = Gemm { m, k, n, bias: false, f: Activation::Linear };
        gradients.push(x, straight, &[d_y, w]);
        Ok(())
    }
}

/// The gradients of a product of matrices are such products themselves.
impl Differentiate for Matmul {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([a, b], d_y) = (made.inputs()?, made.d_y);
        let Matmul { pairs, m, k, n, transposed_a, transposed_b } = *self;
        let op = |[m, k, n]: [usize; 3], transposed_a, transposed_b| Matmul {
            pairs,
            m,
            k,
            n,
            transposed_a,
            transposed_b,
        };
        match transposed_a {
            true => gradients.push(a, op([k, n, m], transposed_b, true), &[b, d_y]),
            false => gradients.push(a, op([m, n, k], false, !transposed_b), &[d_y, b]),
        }
        match transposed_b {
            true => gradients.push(b, op([n, m, k], true, transposed_a), &[d_y, a]),
            false => gradients.push(b, op([k, m, n], !transposed_a, false), &[a, d_y]),
        }
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

no_gradient! { GemmGradW, SumRows }
