//! Attention.

use super::*;
use crate::attention::{forward_len, gradient_len};
use crate::part::{Read, scaled};

impl Needs for Attention {
    fn workspace_len(&self, _: Algorithm) -> usize {
        forward_len(self)
    }

    /// Queries. Those of a mask that differs by head do not lie side by side, and a random mask
    /// counts the queries of all parts.
    fn units(&self, _: Algorithm) -> Option<Units> {
        let is_cut = self.rate == 0.0 && !(self.masked && self.mask[0] > 1);
        is_cut.then_some(Units { len: self.queries, step: 1 })
    }

    fn part(&self, _: Algorithm, units: Range<usize>) -> Option<Part> {
        let [heads, queries, keys] = self.mask;
        let (mask, of_mask) = match queries {
            1 => ([heads, 1, keys], Read::All),
            _ => ([heads, units.len(), keys], Read::Elements(scaled(&units, keys))),
        };
        let first = self.first + units.start;
        let part = Attention { queries: units.len(), first, mask, ..*self };
        let q = Read::Elements(scaled(&units, self.heads * self.key_dim));
        let inputs = [q, Read::All, Read::All].into_iter().chain(self.masked.then_some(of_mask));
        Some(Part::new(part, inputs, scaled(&units, self.heads * self.value_dim)))
    }
}

impl Needs for AttentionGrad {
    fn workspace_len(&self, _: Algorithm) -> usize {
        gradient_len(&self.of)
    }
}
