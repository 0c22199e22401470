//! Rows looked up in a table, and the gradient of the table. As in Keras on jax, an id below 0 counts from the end, and
//! one that names no row gives NaN and gets no gradient.

use super::elementwise::integer;
use super::layout::add;
use super::{Call, Cpu, Reference};
use keras_graph::op;

impl Reference {
    pub(crate) fn embedding(op: &op::Embedding, call: Call<'_>) {
        let [ids, table] = call.inputs();
        assert_eq!(ids.len(), op.len * call.samples, "there are `len` ids a sample");
        assert_eq!(table.len(), op.rows * op.columns, "the table has the op's extents");
        assert_eq!(call.output.len(), ids.len() * op.columns, "the output has a row for each id");
        for (id, y) in ids.iter().zip(call.output.chunks_exact_mut(op.columns)) {
            match row(*id, op.rows) {
                Some(row) => y.copy_from_slice(&table[row * op.columns..][..op.columns]),
                None => y.fill(f32::NAN),
            }
        }
    }

    pub(crate) fn embedding_grad(op: &op::EmbeddingGrad, call: Call<'_>) {
        let [ids, d_y] = call.inputs();
        assert_eq!(ids.len(), op.len * call.samples, "there are `len` ids a sample");
        assert_eq!(d_y.len(), ids.len() * op.columns, "there is a row for each id");
        assert_eq!(call.output.len(), op.rows * op.columns, "the table has the op's extents");
        for (id, d_y) in ids.iter().zip(d_y.chunks_exact(op.columns)) {
            if let Some(row) = row(*id, op.rows) {
                add(&mut call.output[row * op.columns..], d_y);
            }
        }
    }
}

impl Cpu {
    pub(crate) fn embedding(op: &op::Embedding, call: Call<'_>) {
        Reference::embedding(op, call);
    }

    pub(crate) fn embedding_grad(op: &op::EmbeddingGrad, call: Call<'_>) {
        Reference::embedding_grad(op, call);
    }
}

/// The row that an id names, if there is one.
fn row(id: f32, rows: usize) -> Option<usize> {
    let id = i64::from(integer(id));
    let from_start = if id < 0 { id + rows as i64 } else { id };
    usize::try_from(from_start).ok().filter(|row| *row < rows)
}
