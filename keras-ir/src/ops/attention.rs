//! Attention and its gradient.

use core::ops::Range;

use super::count::Count;
use crate::ops::declare::ops;

/// Shares of a head beside the products: a score's scale, exponential, sum and quotient.
const PER_SCORE: u64 = 5;

/// Elements of the mask.
#[inline(always)]
fn mask_len(mask: [usize; 3]) -> usize {
    mask[0] * mask[1] * mask[2]
}

ops! {
    /// `y[t, h, :] = Σ_s drop(share[h, t, s]) · v[s, h / group, :]`, where `share` is the softmax
    /// along `s` of `scale · Σ_i q[t, h, i] · k[s, h / group, i]`.
    ///
    /// A key `s` counts for query `t` if it is at most `first + t` where `causal`, less than
    /// `window` steps from there, and if the mask `[heads, queries, keys]` is not 0, whose extents
    /// may be 1. A query for which no key counts takes the mean of all values if `even`, else
    /// nothing. Shares are dropped as by [`Dropout`](super::Dropout) on `[heads, queries, keys]`.
    Attention {
        /// Queries of a sample.
        queries: usize,
        /// The place of the first of them among the steps.
        first: usize,
        keys: usize,
        /// Heads of queries.
        heads: usize,
        /// Neighbouring heads of queries for one of keys and values.
        group: usize,
        key_dim: usize,
        value_dim: usize,
        scale: f32,
        causal: bool,
        window: Option<usize>,
        /// Whether there is a mask.
        masked: bool,
        /// Its extents.
        mask: [usize; 3],
        even: bool,
        /// Probability that a share is dropped.
        rate: f32,
        /// Which of a graph's dropouts it is.
        key: u32,
        seed: Option<u64>,
    }
    reads (
        q: sample(queries * heads * key_dim),
        k: sample(keys * (heads / group) * key_dim),
        v: sample(keys * (heads / group) * value_dim),
        mask: sample(mask_len(mask)) if masked,
    )
    makes sample(queries * heads * value_dim)
    flops queries * heads * keys * (2 * key_dim + 2 * value_dim + PER_SCORE);

    /// The gradients of [`Attention`] by `q`, `k` and `v`, one behind the other.
    AttentionGrad { of: Attention }
    reads (..of, d_y: sample(of.queries * of.heads * of.value_dim))
    makes sample(of.gradient_lens().iter().sum())
    flops Count::from(of.flops()) * 3u64;
}

impl Attention {
    /// Elements of the gradients by `q`, `k` and `v`, of a sample.
    #[inline(always)]
    pub fn gradient_lens(&self) -> [usize; 3] {
        let heads = self.heads / self.group;
        [
            self.queries * self.heads * self.key_dim,
            self.keys * heads * self.key_dim,
            self.keys * heads * self.value_dim,
        ]
    }

    /// The keys that are near enough to a query to count for it.
    #[inline(always)]
    pub fn near(&self, query: usize) -> Range<usize> {
        let place = self.first + query;
        let (mut begin, mut end) = (0, self.keys);
        if self.causal {
            end = end.min(place + 1);
        }
        if let Some(window) = self.window {
            begin = (place + 1).saturating_sub(window);
            end = end.min(place.saturating_add(window));
        }
        begin.min(end)..end
    }
}
