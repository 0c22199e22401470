//! Attention and its gradient.
//!
//! Both go through the queries of a head a few at a time:
//!
//! ```text
//! scores = q · kᵀ                              for the keys that are near to any of the queries
//! share = softmax(scale · scores) of each row, 0 where a key does not count
//! y = drop(share) · v
//!
//! d_share = drop(d_y · vᵀ)
//! d_score = share · (d_share - Σ share · d_share) · scale
//! d_q = d_score · k;  d_k += d_scoreᵀ · q;  d_v += drop(share)ᵀ · d_y
//! ```
//!
//! The gradient computes the shares again, from what it reads anyway. Keys and values of a head are
//! packed once for all of its queries. Since a row of scores is there as a whole, nothing has to be
//! scaled afterwards; the scores of all queries never exist at once. Source: Rabe and Staats 2021,
//! "Self-attention Does Not Need O(n²) Memory".

mod cpu;
mod gradient;
mod reference;
mod shares;
#[cfg(test)]
mod tests;

use core::ops::Range;

use keras_ir::ops::Attention;

/// The mask of one sample, of extents that may be 1.
#[derive(Clone, Copy)]
struct Mask<'a> {
    extents: [usize; 3],
    cells: &'a [f32],
}

impl<'a> Mask<'a> {
    /// That of a sample; None if the op has none.
    fn of(op: &Attention, all: Option<&'a [f32]>, sample: usize) -> Option<Mask<'a>> {
        let len = op.mask.iter().product::<usize>();
        all.map(|all| Mask { extents: op.mask, cells: &all[sample * len..][..len] })
    }

    /// The cells of some keys for a query: as many, or one for all of them.
    fn row(&self, head: usize, query: usize, keys: Range<usize>) -> &'a [f32] {
        let [heads, queries, all] = self.extents;
        let head = if heads == 1 { 0 } else { head };
        let query = if queries == 1 { 0 } else { query };
        let row = &self.cells[(head * queries + query) * all..][..all];
        if all == 1 { row } else { &row[keys] }
    }

    /// Whether a key counts for a query.
    fn at(&self, head: usize, query: usize, key: usize) -> bool {
        self.row(head, query, key..key + 1)[0] != 0.0
    }
}
