//! Rows of a table, picked by their numbers.

use crate::ops::declare::ops;

ops! {
    /// `y[i, :] = table[ids[i], :]`, ids as `i32`; a negative id counts from the end, one outside
    /// gives NaN.
    Embedding { len: usize, rows: usize, columns: usize }
    reads (ids: ids(len), table: weight(rows * columns))
    makes sample(len * columns)
    flops 0;

    /// Reduced: `d_table[ids[i] - first, :] += d_y[i, :]`: `count` of the `rows` of the table, from
    /// row `first` on.
    EmbeddingGrad { len: usize, rows: usize, columns: usize, first: usize, count: usize }
    reads (ids: ids(len), d_y: sample(len * columns))
    makes sum(count * columns)
    flops len * columns;
}
