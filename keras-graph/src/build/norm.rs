//! The shape rules of the normalizations.

use crate::activation::Activation;
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, MovingStatistics, Node, NodeId, NodeKind, Source, WeightId};
use crate::op::{BatchNorm, ChannelNorm, LayerNorm, Moments};
use crate::shape::Shape;

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
    /// Batch normalization along an axis by the batch's own moments, which the moving statistics follow.
    pub fn batch_norm(
        &mut self,
        x: NodeId,
        axis: usize,
        epsilon: f32,
        weights: ScaleAndCenter,
        [mean, variance]: [WeightId; 2],
        momentum: f32,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        let (outer, channels, inner) = self.shape(x).around(axis);
        let kind = NodeKind::Moments(Moments { outer, channels, inner }.into());
        let shape = Shape::new([3 * channels]);
        let moments = self.add(Node { kind, inputs: vec![x.into()], shape, dtype: Dtype::Float32 });
        self.follow(MovingStatistics { moments, mean, variance, momentum });
        let (scale, center) = (weights.gamma.is_some(), weights.beta.is_some());
        let op = BatchNorm {
            outer,
            channels,
            inner,
            epsilon,
            scale,
            center,
            add: false,
            f: Activation::Linear,
        };
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
}
