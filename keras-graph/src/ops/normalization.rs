//! Normalizations.

use crate::activation::Activation;
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, Node, NodeId, NodeKind, Source, WeightId};
use crate::op::{
    BatchNorm, BatchNormGradSums, BatchNormGradX, Binary, BinaryFunction, ChannelNorm,
    ChannelNormGradSums, ChannelNormGradX, Depthwise2D, LayerNorm, LayerNormGradGamma,
    LayerNormGradX, MaskedMoments, Moments, Op, Ramp, Select, SumRows,
};
use crate::ops::gradient::{Differentiate, Gradients, Made, no_gradient};
use crate::shape::Shape;
use crate::window::each_cell;

/// What a normalization reads beside its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScaleAndCenter {
    /// Learned factor.
    pub gamma: Option<WeightId>,
    /// Learned summand.
    pub beta: Option<WeightId>,
}

impl ScaleAndCenter {
    fn extend(self, inputs: &[Source]) -> Vec<Source> {
        let weights = self.gamma.into_iter().chain(self.beta).map(Source::from);
        inputs.iter().copied().chain(weights).collect()
    }
}

impl Graph {
    /// Count, mean and squared distances of each channel over the batch, of the elements that count
    /// if there is a mask, of the shape of `x`.
    pub fn moments(
        &mut self,
        x: NodeId,
        axis: usize,
        mask: Option<NodeId>,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (outer, channels, inner) = self.shape(x).around(axis);
        let op = match mask {
            None => Moments { outer, channels, inner }.into(),
            Some(_) => MaskedMoments { outer, channels, inner }.into(),
        };
        let inputs = std::iter::once(x).chain(mask).map(Source::from).collect();
        let (shape, dtype, repeat) = (Shape::new([3 * channels]), Dtype::Float32, self.repeat);
        Ok(self.add(Node { kind: NodeKind::Moments(op), inputs, shape, dtype, repeat }))
    }

    /// Batch normalization along an axis by moments.
    pub fn batch_norm(
        &mut self,
        x: NodeId,
        moments: NodeId,
        axis: usize,
        epsilon: f32,
        weights: ScaleAndCenter,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (outer, channels, inner) = self.shape(x).around(axis);
        let (scale, center) = (weights.gamma.is_some(), weights.beta.is_some());
        let (add, f) = (false, Activation::Linear);
        let op = BatchNorm { outer, channels, inner, epsilon, scale, center, add, f };
        self.emit(op, &weights.extend(&[x.into(), moments.into()]), self.extents(x))
    }

    /// Batch normalization along an axis by given statistics.
    pub fn channel_norm(
        &mut self,
        x: NodeId,
        axis: usize,
        epsilon: f32,
        weights: ScaleAndCenter,
        [mean, variance]: [WeightId; 2],
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (outer, channels, inner) = self.shape(x).around(axis);
        let (scale, center) = (weights.gamma.is_some(), weights.beta.is_some());
        let op =
            ChannelNorm { outer, channels, inner, epsilon, scale, center, f: Activation::Linear };
        self.emit(op, &weights.extend(&[x.into(), mean.into(), variance.into()]), self.extents(x))
    }

    /// Normalizes the last `axes` axes of each sample.
    pub fn layer_norm(
        &mut self,
        x: NodeId,
        axes: usize,
        epsilon: f32,
        weights: ScaleAndCenter,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (outer, extent) = self.shape(x).extents().split_at(self.shape(x).rank() - axes);
        let (outer, extent) = (outer.iter().product(), extent.iter().product());
        let (scale, center) = (weights.gamma.is_some(), weights.beta.is_some());
        let op = LayerNorm { outer, extent, epsilon, scale, center };
        self.emit(op, &weights.extend(&[x.into()]), self.extents(x))
    }

    /// Normalizes the channels of an axis in groups: each group of a sample gets mean 0 and
    /// variance 1. `groups` divides the channels.
    pub fn group_norm(
        &mut self,
        x: NodeId,
        axis: usize,
        groups: usize,
        epsilon: f32,
    ) -> Result<NodeId, LayerError> {
        let (extents, (outer, channels, inner)) = (self.extents(x), self.shape(x).around(axis));
        let each = channels / groups;
        let none = ScaleAndCenter::default();
        if outer == 1 || groups == 1 {
            // A group stands in one piece.
            let rows = self.reshape(x, &[groups, outer * each * inner])?;
            let y = self.layer_norm(rows, 1, epsilon, none)?;
            return self.reshape(y, &extents);
        }
        let split = self.reshape(x, &[outer, groups, each * inner])?;
        let y =
            self.with_axes_last(split, &[0, 2], |graph, x| graph.layer_norm(x, 2, epsilon, none))?;
        self.reshape(y, &extents)
    }

    /// `y[.., c] = gamma[c] · x[.., c] + beta[c]`, where `gamma` and `beta` have the last axes of
    /// `x`, and are 1 and 0 if there is none. A scale is a depthwise convolution by one cell.
    pub(crate) fn scale_and_center(
        &mut self,
        x: NodeId,
        weights: ScaleAndCenter,
    ) -> Result<NodeId, LayerError> {
        let mut y = self.float(x)?;
        if let Some(gamma) = weights.gamma {
            let channels = self.source_shape(gamma.into()).len();
            let cells = self.shape(y).len() / channels;
            let [rows, columns] = each_cell(cells);
            let (multiplier, bias, norm, f) = (1, false, None, Activation::Linear);
            let op = Depthwise2D { rows, columns, channels, multiplier, bias, norm, f };
            y = self.emit(op, &[y.into(), gamma.into()], self.extents(y))?;
        }
        match weights.beta {
            Some(beta) => self.bias_add(y, beta),
            None => Ok(y),
        }
    }
}

/// Notes that `sums` are the gradients by gamma, then by beta.
fn note_parts(
    gradients: &mut Gradients,
    sums: NodeId,
    [scale, center]: [bool; 2],
    channels: usize,
    weights: &[Source],
) {
    let starts = [(scale, 0), (center, channels)].into_iter().filter(|(present, _)| *present);
    for ((_, from), &weight) in starts.zip(weights) {
        gradients.part_of(sums, from, weight);
    }
}

impl Differentiate for BatchNorm {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x, moments], weights) = made.first_inputs()?;
        let BatchNorm { outer, channels, inner, epsilon, scale, center, f, .. } = *self;
        let d_y = gradients.before_activation(f, made)?;
        let f = Activation::Linear;
        let sums =
            BatchNormGradSums { outer, channels, inner, epsilon, scale: false, center: false, f };
        let sums = gradients.reduce(sums, &[x, moments, d_y], 2 * channels);
        note_parts(gradients, sums, [scale, center], channels, weights);
        let mut inputs = vec![x, moments, sums.into(), d_y];
        inputs.extend(weights.iter().take(usize::from(scale)));
        let center = false;
        let grad_x = BatchNormGradX { outer, channels, inner, epsilon, scale, center, f };
        match mask_of(gradients, moments) {
            None => gradients.push(x, grad_x, &inputs),
            Some(mask) if gradients.wants(x) => {
                masked_grad_x(gradients, grad_x, inputs, mask);
            }
            Some(_) => {}
        }
        Ok(())
    }
}

/// The mask that moments were taken under.
fn mask_of(gradients: &Gradients, moments: Source) -> Option<Source> {
    let Source::Node(moments) = moments else { return None };
    let node = &gradients.program.graph.nodes[moments.0];
    match (node.kind, node.inputs.as_slice()) {
        (NodeKind::Moments(Op::MaskedMoments(_)), &[_, mask]) => Some(mask),
        _ => None,
    }
}

/// An element that does not count has no part in mean and variance, so that of its gradient
/// `g(d_y) = scale · (d_y - ..)` the first term alone is left: `g(d_y) - g(0)`.
fn masked_grad_x(gradients: &mut Gradients, op: BatchNormGradX, inputs: Vec<Source>, mask: Source) {
    let (x, len) = (inputs[0], gradients.len(inputs[0]));
    let zeros = gradients.made(Ramp { len, start: 0.0, step: 0.0 }, &[], x);
    let through = gradients.made(op, &inputs, x);
    let mut without = inputs;
    without[3] = zeros;
    let by_statistics = gradients.made(op, &without, x);
    let kept = gradients.made(Select { len }, &[mask, zeros, by_statistics], x);
    gradients.push(x, Binary { len, f: BinaryFunction::Subtract }, &[through, kept]);
}

impl Differentiate for ChannelNorm {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x, mean, variance], weights) = made.first_inputs()?;
        let ChannelNorm { outer, channels, inner, epsilon, scale, center, f } = *self;
        let d_y = gradients.before_activation(f, made)?;
        if weights.iter().any(|&weight| gradients.wants(weight)) {
            let sums = ChannelNormGradSums { outer, channels, inner, epsilon };
            let sums = gradients.reduce(sums, &[x, mean, variance, d_y], 2 * channels);
            note_parts(gradients, sums, [scale, center], channels, weights);
        }
        let mut inputs = vec![variance, d_y];
        inputs.extend(weights.iter().take(usize::from(scale)));
        gradients.push(x, ChannelNormGradX { outer, channels, inner, epsilon, scale }, &inputs);
        Ok(())
    }
}

impl Differentiate for LayerNorm {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let (([x], weights), d_y) = (made.first_inputs()?, made.d_y);
        let LayerNorm { outer, extent, epsilon, scale, center } = *self;
        let (gamma, beta) = weights.split_at(usize::from(scale).min(weights.len()));
        for &gamma in gamma {
            let op = LayerNormGradGamma { outer, extent, epsilon };
            gradients.push_weight(gamma, op, &[x, d_y]);
        }
        let beta = beta.first().filter(|_| center);
        gradients.push_bias(beta, SumRows { rows: outer, n: extent }, d_y);
        let inputs: Vec<Source> = [x, d_y].iter().chain(gamma).copied().collect();
        gradients.push(x, LayerNormGradX { outer, extent, epsilon, scale }, &inputs);
        Ok(())
    }
}

no_gradient! {
    Moments,
    MaskedMoments,
    BatchNormGradSums,
    BatchNormGradX,
    ChannelNormGradX,
    ChannelNormGradSums,
    LayerNormGradX,
    LayerNormGradGamma
}
