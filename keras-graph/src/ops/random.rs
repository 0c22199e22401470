//! Random masks.

use crate::graph::{Graph, LayerError, NodeId};
use crate::op::Dropout;
use crate::ops::gradient::{Differentiate, Gradients, Made};
use crate::ops::ranked;

impl Graph {
    /// Zeroes elements with probability `rate`, below 1. Elements along an axis where `mask` is 1
    /// fall together; without a mask each falls alone.
    pub fn dropout(
        &mut self,
        x: NodeId,
        rate: f32,
        mask: Option<&[usize]>,
        seed: Option<u64>,
    ) -> Result<NodeId, LayerError> {
        let x = self.float(x)?;
        // Elements that fall alone are numbered as they lie, so their axes do not matter.
        let flat = [self.shape(x).len()];
        let (mask, to) = match mask {
            Some(mask) => (mask, self.shape(x).extents()),
            None => (flat.as_slice(), flat.as_slice()),
        };
        let (rank, mask, to) = (to.len(), ranked(mask)?, ranked(to)?);
        let key = self.next_dropout_key();
        let op = Dropout { rank, mask, to, rate, key, seed };
        self.emit(op, &[x.into()], self.extents(x))
    }
}

impl Graph {
    /// What a layer drops in training: each element alone with probability `rate`.
    pub(crate) fn dropped(
        &mut self,
        x: NodeId,
        rate: f32,
        seed: Option<u64>,
    ) -> Result<NodeId, LayerError> {
        if rate == 0.0 || !self.is_training("Dropout")? {
            return Ok(x);
        }
        if rate == 1.0 {
            return self.affine(x, 0.0, 0.0);
        }
        self.dropout(x, rate, None, seed)
    }
}

impl Differentiate for Dropout {
    /// The same mask, since it is a function of the key.
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let [x] = made.inputs()?;
        gradients.push(x, *self, &[made.d_y]);
        Ok(())
    }
}
