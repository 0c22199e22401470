//! Rows of scores as shares, and their gradients.

use core::ops::Range;

use keras_ir::ops::Attention;

use super::Mask;
use crate::kernels::dropout::Words;
use crate::kernels::lanes;
use crate::kernels::math::exp;

/// What the rows of some queries of a head have in common.
pub(super) struct Rows<'a> {
    pub(super) op: &'a Attention,
    pub(super) mask: Option<Mask<'a>>,
    pub(super) words: &'a Words,
    pub(super) head: usize,
    /// The keys whose scores were computed: those near to any of the queries.
    pub(super) computed: Range<usize>,
}

impl Rows<'_> {
    /// Turns the scores of a query into shares, which are 0 where a key does not count. False if
    /// none does.
    #[inline(always)]
    pub(super) fn shares(&self, query: usize, scores: &mut [f32]) -> bool {
        let Rows { op, mask, head, computed, .. } = self;
        let near = op.near(query);
        scores[computed.start..near.start.max(computed.start)].fill(0.0);
        scores[near.end.min(computed.end)..computed.end].fill(0.0);
        let scores = &mut scores[near.clone()];
        let mut counts = !scores.is_empty();
        match mask.map(|mask| mask.row(*head, query, near)) {
            None => scores.iter_mut().for_each(|score| *score *= op.scale),
            Some([one]) if op.mask[2] == 1 => {
                counts &= *one != 0.0;
                scores.iter_mut().for_each(|score| *score *= op.scale);
            }
            Some(mask) => {
                counts = mask.iter().any(|mask| *mask != 0.0);
                for (score, mask) in scores.iter_mut().zip(mask) {
                    *score = if *mask != 0.0 { *score * op.scale } else { f32::NEG_INFINITY };
                }
            }
        }
        if !counts {
            scores.fill(0.0);
            return false;
        }
        let largest = lanes::max(scores);
        scores.iter_mut().for_each(|score| *score = exp(*score - largest));
        let scale = 1.0 / lanes::sum(scores);
        scores.iter_mut().for_each(|share| *share *= scale);
        if let Some(mask) = mask.filter(|_| op.mask[2] > 1) {
            // What underflows is no exact zero.
            let mask = mask.row(*head, query, op.near(query));
            for (share, mask) in scores.iter_mut().zip(mask) {
                *share = if *mask != 0.0 { *share } else { 0.0 };
            }
        }
        true
    }

    /// Drops some of the shares of a query, or of their gradients, and scales the others.
    #[inline(always)]
    pub(super) fn drop(&self, query: usize, row: &mut [f32]) {
        let Rows { op, words, head, computed, .. } = self;
        if op.rate > 0.0 {
            let element = (head * op.queries + query) * op.keys + computed.start;
            words.drop(element, op.rate, &mut row[computed.clone()]);
        }
    }

    /// Turns the gradients by a query's shares into those by its scores before they were scaled.
    #[inline(always)]
    pub(super) fn score_gradients(&self, shares: &[f32], d_shares: &mut [f32]) {
        let (shares, d_shares) =
            (&shares[self.computed.clone()], &mut d_shares[self.computed.clone()]);
        let mean = lanes::sum_of_pairs(shares, d_shares, |share, d_share| share * d_share);
        for (d_share, share) in d_shares.iter_mut().zip(shares) {
            *d_share = share * (*d_share - mean) * self.op.scale;
        }
    }
}
