//! Comparisons, choices between two tensors, constants, integers.

use crate::graph::{Graph, LayerError, NodeId, WeightId};
use crate::op::{BinaryInt, CastInt, Compare, Ramp, Select};
use crate::ops::gradient::{Differentiate, Gradients, Made, not_differentiable};
use crate::shape::checked_len;

impl Graph {
    /// The numbers `start`, `start + step`, .. in these extents, the same for each sample.
    pub(crate) fn ramp(
        &mut self,
        extents: &[usize],
        start: f32,
        step: f32,
    ) -> Result<NodeId, LayerError> {
        let len = checked_len(extents)?;
        self.emit(Ramp { len, start, step }, &[], extents.to_vec())
    }

    /// A weight as a tensor of each sample, for what cannot read weights themselves.
    pub(crate) fn weight_tensor(&mut self, weight: WeightId) -> Result<NodeId, LayerError> {
        let extents = self.source_shape(weight.into()).extents().to_vec();
        let zeros = self.ramp(&[checked_len(&extents)?], 0.0, 0.0)?;
        let copy = self.bias_add(zeros, weight)?;
        self.reshape(copy, &extents)
    }
}

impl Differentiate for Select {
    /// The gradient goes to the one that was chosen.
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let [condition, a, b] = made.inputs()?;
        if gradients.wants(a) || gradients.wants(b) {
            let zero = Ramp { len: self.len, start: 0.0, step: 0.0 };
            let zero = gradients.made(zero, &[], made.d_y);
            gradients.push(a, *self, &[condition, made.d_y, zero]);
            gradients.push(b, *self, &[condition, zero, made.d_y]);
        }
        Ok(())
    }
}

not_differentiable! { BinaryInt, CastInt, Compare, Ramp }
