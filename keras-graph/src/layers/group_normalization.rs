//! `GroupNormalization`: groups of channels get mean 0 and variance 1.

use crate::graph::{Graph, LayerError, NodeId};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::layers::Case;
use crate::ops::ScaleAndCenter;
use crate::parameter::{GroupCount, Positive};
use crate::schema::{layer, layer_basics};

layer! {
    /// Normalizes groups of channels of each sample, over all other axes:
    /// `y = gamma · (x - mean) / √(variance + epsilon) + beta`.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`. Source: Wu and He 2018.
    pub struct GroupNormalization {
        /// Into how many groups the channels are divided, or -1: each channel is one, as in an
        /// instance normalization.
        groups: GroupCount = GroupCount::Groups(32),
        /// The axis of the channels.
        axis: i64 = -1,
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
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "groups = 2", inputs: &[&[3, 5, 4]], output: &[3, 5, 4] },
    Case { arguments: "-1, epsilon = 0.01", inputs: &[&[7, 3]], output: &[7, 3] },
    Case { arguments: "1, center = False", inputs: &[&[2, 5]], output: &[2, 5] },
    Case { arguments: "3, axis = 1, scale = False", inputs: &[&[6, 2, 5]], output: &[6, 2, 5] },
    Case { arguments: "2, axis = -2", inputs: &[&[2, 4, 3]], output: &[2, 4, 3] },
    Case { arguments: "groups = 3", inputs: &[&[12]], output: &[12] },
];

impl GroupNormalization {
    /// The groups of so many channels. Errors: groups of different sizes.
    fn groups_of(&self, channels: usize) -> Result<usize, LayerError> {
        match self.groups {
            GroupCount::EachChannel => Ok(channels),
            GroupCount::Groups(groups) if channels.is_multiple_of(groups) => Ok(groups),
            GroupCount::Groups(groups) => {
                let message = format!(
                    "`GroupNormalization` expects `groups` to divide the channels, found \
                     `groups = {groups}` and {channels} channels"
                );
                let divisors =
                    (2..=groups.min(channels)).rev().find(|&n| channels.is_multiple_of(n));
                Err(LayerError::argument("groups", message).help(match divisors {
                    Some(groups) => format!("write `groups = {groups}`, or -1 for each channel"),
                    None => "write -1 for each channel, or 1 for all of them".to_string(),
                }))
            }
        }
    }
}

impl Layer for GroupNormalization {
    layer_basics!();

    fn supports_masking(&self) -> bool {
        true
    }

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let axis = graph.one_axis("GroupNormalization", x, self.axis)?;
        let channels = graph.shape(x).extents()[axis];
        let groups = self.groups_of(channels)?;
        let mut weights = ScaleAndCenter::default();
        if self.scale {
            weights.gamma = Some(graph.weight("gamma", &[channels], &self.gamma)?);
        }
        if self.center {
            weights.beta = Some(graph.weight("beta", &[channels], &self.beta)?);
        }
        let y = graph.group_norm(x, axis, groups, self.epsilon.0)?;
        if weights == ScaleAndCenter::default() {
            return Ok(y);
        }
        graph.with_axes_last(y, &[axis], |graph, y| graph.scale_and_center(y, weights))
    }
}
