//! Functions of each element.

use crate::activation::{Activation, ActivationFunction};
use crate::graph::{Graph, LayerError, NodeId, Source, WeightId};
use crate::op::{
    Affine, Binary, BinaryFunction, CastFloat, Compare, Comparison, Prelu, PreluGradAlpha,
    PreluGradX, Ramp, Select, SelectGrad, Unary, UnaryGrad,
};
use crate::ops::gradient::{Differentiate, Gradients, Made, no_gradient, not_differentiable};
use crate::ops::ranked;

impl Graph {
    /// An activation function that Keras has by name.
    pub fn activation(
        &mut self,
        x: NodeId,
        function: ActivationFunction,
    ) -> Result<NodeId, LayerError> {
        if let ActivationFunction::ElementWise(f) = function {
            return self.unary(x, f);
        }
        let Some(last) = self.shape(x).rank().checked_sub(1) else {
            return Err(LayerError::input(
                "the activation expects (batch, ..., features), found (batch)",
            ));
        };
        match function {
            ActivationFunction::ElementWise(f) => self.unary(x, f),
            ActivationFunction::Softmax => self.softmax(x, last),
            ActivationFunction::LogSoftmax => self.log_softmax(x, last),
            ActivationFunction::Sparsemax => self.sparsemax(x, last),
            ActivationFunction::Glu => self.glu(x, last),
        }
    }

    /// `y = f(x)` for each element.
    pub fn unary(&mut self, x: NodeId, f: Activation) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        if f == Activation::Linear {
            return Ok(x);
        }
        let len = self.shape(x).len();
        self.emit(Unary { len, f }, &[x.into()], self.extents(x))
    }

    /// The first half along an axis times the sigmoid of the second. Errors: an odd extent.
    pub fn glu(&mut self, x: NodeId, axis: usize) -> Result<NodeId, LayerError> {
        let (_, extent, _) = self.shape(x).around(axis);
        if extent % 2 == 1 {
            let found = self.shape(x);
            return Err(LayerError::input(format!(
                "`glu` expects an even extent of the last axis, found {found}"
            )));
        }
        let value = self.slice(x, axis, 0, extent / 2)?;
        let gate = self.slice(x, axis, extent / 2, extent / 2)?;
        let gate = self.unary(gate, Activation::Sigmoid)?;
        self.binary(value, gate, BinaryFunction::Multiply)
    }

    /// `y = scale · x + offset`.
    pub fn affine(&mut self, x: NodeId, scale: f32, offset: f32) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let len = self.shape(x).len();
        self.emit(Affine { len, scale, offset }, &[x.into()], self.extents(x))
    }

    /// `y = f(a, b)` for each element. Errors: shapes that differ.
    pub fn binary(
        &mut self,
        a: NodeId,
        b: NodeId,
        f: BinaryFunction,
    ) -> Result<NodeId, LayerError> {
        let (a, b) = (self.float(a)?, self.float(b)?);
        let (left, right) = (self.shape(a), self.shape(b));
        if left != right {
            return Err(LayerError::input(format!(
                "expects equal shapes, found {left} and {right}"
            )));
        }
        let len = left.len();
        self.emit(Binary { len, f }, &[a.into(), b.into()], self.extents(a))
    }

    /// `y = x` where `x >= 0`, else `alpha · x`; `alpha` has the rank of `x`.
    pub fn prelu(&mut self, x: NodeId, alpha: WeightId) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let from = ranked(self.source_shape(alpha.into()).extents())?;
        let to = ranked(self.shape(x).extents())?;
        let rank = self.shape(x).rank();
        self.emit(Prelu { rank, from, to }, &[x.into(), alpha.into()], self.extents(x))
    }
}

impl Differentiate for Unary {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], Unary { len, f }) = (made.inputs()?, *self);
        if f == Activation::Linear {
            gradients.pass(x, made.d_y);
        } else {
            let kept = if f.derivative_from_output() { made.y.into() } else { x };
            gradients.push(x, UnaryGrad { len, f }, &[kept, made.d_y]);
        }
        Ok(())
    }
}

impl Differentiate for Affine {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let [x] = made.inputs()?;
        gradients.push(x, Affine { offset: 0.0, ..*self }, &[made.d_y]);
        Ok(())
    }
}

impl Differentiate for Binary {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([a, b], d_y, Binary { len, f }) = (made.inputs()?, made.d_y, *self);
        match f {
            BinaryFunction::Add => {
                gradients.pass(a, d_y);
                gradients.pass(b, d_y);
            }
            BinaryFunction::Subtract => {
                gradients.pass(a, d_y);
                gradients.push(b, Affine { len, scale: -1.0, offset: 0.0 }, &[d_y]);
            }
            BinaryFunction::Multiply => {
                gradients.push(a, Binary { len, f }, &[d_y, b]);
                gradients.push(b, Binary { len, f }, &[d_y, a]);
            }
            BinaryFunction::Maximum | BinaryFunction::Minimum => {
                gradients.push(a, SelectGrad { len, f, second: false }, &[a, b, d_y]);
                gradients.push(b, SelectGrad { len, f, second: true }, &[a, b, d_y]);
            }
            BinaryFunction::Divide => divided(gradients, len, [a, b], made),
            BinaryFunction::Power => raised(gradients, len, [a, b], made),
        }
        Ok(())
    }
}

/// `d_a = d_y / b`, `d_b = -d_y · y / b`.
fn divided(gradients: &mut Gradients, len: usize, [a, b]: [Source; 2], made: &Made) {
    let [multiply, divide] =
        [BinaryFunction::Multiply, BinaryFunction::Divide].map(|f| Binary { len, f });
    gradients.push(a, divide, &[made.d_y, b]);
    if gradients.wants(b) {
        let product = gradients.made(multiply, &[made.d_y, made.y.into()], b);
        let quotient = gradients.made(divide, &[product, b], b);
        gradients.push(b, Affine { len, scale: -1.0, offset: 0.0 }, &[quotient]);
    }
}

/// `d_a = d_y · b · a^(b - 1)`, `d_b = d_y · y · log a`, where the logarithm of 0 counts as 0.
fn raised(gradients: &mut Gradients, len: usize, [a, b]: [Source; 2], made: &Made) {
    let [multiply, power] =
        [BinaryFunction::Multiply, BinaryFunction::Power].map(|f| Binary { len, f });
    if gradients.wants(a) {
        let exponent = gradients.made(Affine { len, scale: 1.0, offset: -1.0 }, &[b], a);
        let raised = gradients.made(power, &[a, exponent], a);
        let slope = gradients.made(multiply, &[b, raised], a);
        gradients.push(a, multiply, &[made.d_y, slope]);
    }
    if gradients.wants(b) {
        let [zero, one] = [0.0, 1.0].map(|start| Ramp { len, start, step: 0.0 });
        let (zero, one) = (gradients.made(zero, &[], a), gradients.made(one, &[], a));
        let is_zero = Compare { len, f: Comparison::Equal, integers: false };
        let is_zero = gradients.made(is_zero, &[a, zero], a);
        let base = gradients.made(Select { len }, &[is_zero, one, a], a);
        let log = gradients.made(Unary { len, f: Activation::Log }, &[base], a);
        let slope = gradients.made(multiply, &[made.y.into(), log], b);
        gradients.push(b, multiply, &[made.d_y, slope]);
    }
}

impl Differentiate for Prelu {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x, alpha], Prelu { rank, from, to }) = (made.inputs()?, *self);
        gradients.push_weight(alpha, PreluGradAlpha { rank, from, to }, &[x, made.d_y]);
        gradients.push(x, PreluGradX { rank, from, to }, &[x, alpha, made.d_y]);
        Ok(())
    }
}

not_differentiable! { CastFloat }

no_gradient! { UnaryGrad, SelectGrad, PreluGradX, PreluGradAlpha }
