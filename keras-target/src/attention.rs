//! How attention goes through memory: a few queries at a time meet all keys of a head, so that
//! their scores stay in a near cache, and those of all queries never exist at once.

use keras_ir::ops::Attention;

use crate::LINE;
use crate::cost::PANEL_COLUMNS;

/// Most elements of the scores of queries that are worked on together.
const SCORES_LEN: usize = 1 << 14;

/// Fewest and most queries that are worked on together: of fewer, tiles are low; of more, their
/// scores leave the first cache.
const QUERIES: [usize; 2] = [8, 48];

/// Queries that are worked on together.
pub fn queries_at_once(op: &Attention) -> usize {
    (SCORES_LEN / row_len(op)).clamp(QUERIES[0], QUERIES[1]).min(op.queries)
}

/// Elements from the scores of one query to those of the next.
pub fn row_len(op: &Attention) -> usize {
    op.keys.next_multiple_of(LINE)
}

/// Elements of the scores of the queries that are worked on together.
pub fn scores_len(op: &Attention) -> usize {
    queries_at_once(op) * row_len(op)
}

/// Scratch of the forward pass: keys and values of a head, packed, and scores.
pub fn forward_len(op: &Attention) -> usize {
    op.keys * (op.key_dim + op.value_dim) + scores_len(op)
}

/// Scratch of the gradient: keys in both orders and values of a head, packed, scores, their
/// gradients, and a panel of queries.
pub fn gradient_len(op: &Attention) -> usize {
    op.keys * (2 * op.key_dim + op.value_dim)
        + 2 * scores_len(op)
        + queries_at_once(op) * PANEL_COLUMNS
}
