//! Rows looked up in a table, and the gradient of the table. As in Keras on jax, an id below 0
//! counts from the end, and one that names no row gives NaN and gets no gradient.

use super::gather::place;
use super::layout::add;
use super::{Call, Cpu, Reference};
use keras_ir::ops as op;

impl Reference {
    pub(crate) fn embedding(op: &op::Embedding, call: Call<'_>) {
        let [ids, table] = call.inputs();
        for (id, y) in ids.iter().zip(call.output.chunks_exact_mut(op.columns)) {
            match place(*id, op.rows) {
                Some(row) => y.copy_from_slice(&table[row * op.columns..][..op.columns]),
                None => y.fill(f32::NAN),
            }
        }
    }

    pub(crate) fn embedding_grad(op: &op::EmbeddingGrad, call: Call<'_>) {
        let [ids, d_y] = call.inputs();
        for (id, d_y) in ids.iter().zip(d_y.chunks_exact(op.columns)) {
            let row = place(*id, op.rows).and_then(|row| row.checked_sub(op.first));
            if let Some(row) = row.filter(|row| *row < op.count) {
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

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, values};
    use super::*;

    fn ids<const N: usize>(ids: [i32; N]) -> [f32; N] {
        ids.map(|id| f32::from_bits(id as u32))
    }

    #[test]
    fn rows_are_found_and_get_their_gradients() {
        let (len, rows, columns) = (3, 5, 2);
        let ids = ids([4, 0, -1, 2, 2, 0]);
        let table = values(10, 1);
        let op = op::Embedding { len, rows, columns };
        let y = agreed(op, 2, &[&ids, &table], &[f32::NAN; 12], 0.0);
        assert_eq!((&y[..2], &y[2..4], &y[4..6]), (&table[8..], &table[..2], &table[8..]));
        let d_y: Vec<f32> = (1..=12).map(|i| i as f32).collect();
        let op = op::EmbeddingGrad { len, rows, columns, first: 0, count: rows };
        let found = agreed(op, 2, &[&ids, &d_y], &[100.0; 10], 0.0);
        let expected = [14.0, 16.0, 0.0, 0.0, 16.0, 18.0, 0.0, 0.0, 6.0, 8.0];
        assert_eq!(found, expected.map(|d_w| d_w + 100.0));
        let op = op::EmbeddingGrad { first: 2, count: 3, ..op };
        let found = agreed(op, 2, &[&ids, &d_y], &[100.0; 6], 0.0);
        assert_eq!(found, [16.0, 18.0, 0.0, 0.0, 6.0, 8.0].map(|d_w| d_w + 100.0));
    }

    #[test]
    fn ids_without_a_row() {
        let (len, rows, columns) = (4, 3, 2);
        let ids = ids([3, -4, i32::MIN, i32::MAX]);
        let op = op::Embedding { len, rows, columns };
        let y = agreed(op, 1, &[&ids, &values(6, 1)], &[0.0; 8], 0.0);
        assert!(y.iter().all(|y| y.is_nan()));
        let op = op::EmbeddingGrad { len, rows, columns, first: 0, count: rows };
        assert_eq!(agreed(op, 1, &[&ids, &[1.0; 8]], &[0.0; 6], 0.0), [0.0; 6]);
    }
}
