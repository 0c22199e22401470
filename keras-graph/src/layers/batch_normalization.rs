//! `BatchNormalization`: each channel gets mean 0 and variance 1 over the batch.

use crate::call::{Call, Lowered, MASK, TRAINING};
use crate::graph::{Graph, LayerError, MovingStatistics, NodeId};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::Case;
use crate::ops::ScaleAndCenter;
use crate::parameter::{OnlyFalse, OnlyNone, Positive, Share};
use crate::schema::{layer, layer_basics};

layer! {
    /// Normalizes each channel over the batch:
    /// `y = gamma · (x - mean) / √(variance + epsilon) + beta`.
    ///
    /// Training uses the batch's mean and variance, which moving averages follow; predictions and
    /// frozen layers use those. Under a mask, given by `mask = m` or carried by the tensor, only
    /// the steps that count enter mean and variance. Shapes:
    /// `(batch, ..., channels) -> (batch, ..., channels)`. Source: Ioffe and Szegedy 2015.
    pub struct BatchNormalization {
        /// The axis of the channels.
        axis: i64 = -1,
        /// Share of the old value in a moving average.
        momentum: Share = Share(0.99),
        /// Added to the variance.
        epsilon: Positive = Positive(0.001),
        /// Whether a learned `beta` is added.
        center: bool = true,
        /// Whether the result is multiplied by a learned `gamma`.
        scale: bool = true,
    }
    weights {
        /// `beta`
        beta = Initializer::ZEROS,
        /// `gamma`
        gamma = Initializer::ONES,
    }
    statistics {
        /// the moving mean
        moving_mean = Initializer::ZEROS,
        /// the moving variance
        moving_variance = Initializer::ONES,
    }
    and {
        /// Not supported yet.
        renorm: OnlyFalse = OnlyFalse,
        /// Not supported yet.
        renorm_clipping: OnlyNone = OnlyNone,
        /// Has no effect without `renorm`.
        renorm_momentum: Share = Share(0.99),
        /// Not supported yet.
        synchronized: OnlyFalse = OnlyFalse,
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 4, 3]], output: &[2, 4, 3] },
    Case {
        arguments: "axis = 1, momentum = 0.9, epsilon = 0.01, scale = False",
        inputs: &[&[3, 4, 2]],
        output: &[3, 4, 2],
    },
    Case { arguments: "center = False", inputs: &[&[5]], output: &[5] },
];

impl BatchNormalization {
    /// Normalizes `x`, in training by the elements that count.
    fn normalize(
        &self,
        graph: &mut Graph,
        x: NodeId,
        mask: Option<NodeId>,
    ) -> Result<NodeId, LayerError> {
        let axis = graph.one_axis("BatchNormalization", x, self.axis)?;
        let extents = [graph.shape(x).extents()[axis]];
        let mut weights = ScaleAndCenter::default();
        if self.scale {
            weights.gamma = Some(graph.weight("gamma", &extents, &self.gamma)?);
        }
        if self.center {
            weights.beta = Some(graph.weight("beta", &extents, &self.beta)?);
        }
        let mean = graph.statistic("moving_mean", &extents, self.moving_mean)?;
        let variance = graph.statistic("moving_variance", &extents, self.moving_variance)?;
        let (epsilon, statistics) = (self.epsilon.0, [mean, variance]);
        if !graph.is_frozen() && graph.is_training("BatchNormalization")? {
            let shape = graph.extents(x);
            let mask = mask.map(|mask| graph.cover(mask, &shape)).transpose()?;
            let moments = graph.moments(x, axis, mask)?;
            let momentum = self.momentum.0;
            graph.follow(MovingStatistics { moments, mean, variance, momentum });
            return graph.batch_norm(x, moments, axis, epsilon, weights);
        }
        graph.channel_norm(x, axis, epsilon, weights, statistics)
    }
}

impl Layer for BatchNormalization {
    layer_basics!(masking, [TRAINING, MASK]);

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let (x, mask) = (call.one("BatchNormalization")?, call.mask());
        if let Some(mask) = mask {
            graph.expect_mask_of_steps("BatchNormalization", x, mask)?;
        }
        Ok(vec![Lowered { node: self.normalize(graph, x, mask)?, mask }])
    }
}
