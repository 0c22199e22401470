//! The forward pass, and the products that it has in common with the gradient.

use core::ops::Range;

use keras_ir::ops as op;
use keras_target::attention::{queries_at_once, row_len};

use super::Mask;
use super::shares;
use crate::kernels::dropout::Words;
use crate::kernels::epilogue::Epilogue;
use crate::kernels::tile::{Left, Panels, Product, Right, Rows, Write, multiply};
use crate::kernels::{Call, Cpu};
use crate::simd::{Kernel, Simd, dispatch};

impl Cpu {
    pub(crate) fn attention(op: &op::Attention, call: Call<'_>) {
        dispatch(Forward { op, call });
    }
}

struct Forward<'a> {
    op: &'a op::Attention,
    call: Call<'a>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Forward { op, call } = self;
        let op::Attention { queries, keys, heads, group, key_dim, value_dim, .. } = *op;
        let mask = op.masked.then(|| call.inputs[3]);
        let [q_len, k_len, v_len] = op.gradient_lens();
        let key_heads = heads / group;
        let (packed_k, rest) = call.workspace.split_at_mut(keys * key_dim);
        let (packed_v, scores) = rest.split_at_mut(keys * value_dim);
        for (sample, y) in call.output.chunks_exact_mut(queries * heads * value_dim).enumerate() {
            let q = &call.inputs[0][sample * q_len..][..q_len];
            let k = &call.inputs[1][sample * k_len..][..k_len];
            let v = &call.inputs[2][sample * v_len..][..v_len];
            let mask = Mask::of(op, mask, sample);
            let words = Words::of(op.seed, op.key, call.run, sample);
            for key_head in 0..key_heads {
                let k = Matrix { cells: &k[key_head * key_dim..], stride: key_heads * key_dim };
                let k = k.packed_transposed(simd, [key_dim, keys], packed_k);
                let v = Matrix { cells: &v[key_head * value_dim..], stride: key_heads * value_dim };
                let packed_v = v.packed(simd, [keys, value_dim], packed_v);
                for head in key_head * group..(key_head + 1) * group {
                    let (words, q) = (&words, &q[head * key_dim..]);
                    let y = &mut y[head * value_dim..];
                    let all = AllQueries { op, mask, words, head, q, k, packed_v, v };
                    all.take(simd, scores, y);
                }
            }
        }
    }
}

/// The queries of a head with what they attend to; rows of queries and results have those of other
/// heads between them.
struct AllQueries<'a> {
    op: &'a op::Attention,
    mask: Option<Mask<'a>>,
    words: &'a Words,
    head: usize,
    q: &'a [f32],
    k: Packed<'a>,
    packed_v: Packed<'a>,
    v: Matrix<'a>,
}

impl AllQueries<'_> {
    #[inline(always)]
    fn take<S: Simd>(&self, simd: S, scores: &mut [f32], y: &mut [f32]) {
        let AllQueries { op, mask, words, head, .. } = *self;
        let row = row_len(op);
        for block in blocks(op) {
            let computed = computed(op, &block);
            multiply_scores(simd, op, self.q, &self.k, &block, &computed, scores);
            let rows = shares::Rows { op, mask, words, head, computed: computed.clone() };
            let mut counted = [true; MOST_QUERIES];
            for (i, query) in block.clone().enumerate() {
                let scores = &mut scores[i * row..][..row];
                counted[i] = rows.shares(query, scores);
                rows.drop(query, scores);
            }
            let stride = op.heads * op.value_dim;
            let y = &mut y[block.start * stride..];
            let shares = Rows::plain(&scores[computed.start..], row, computed.len());
            self.packed_v.multiply(simd, block.len(), shares, computed.start, y, stride);
            for i in (0..block.len()).filter(|&i| !counted[i] && op.even) {
                self.v.mean(op.keys, &mut y[i * stride..][..op.value_dim]);
            }
        }
    }
}

/// At least as many queries as are worked on together.
pub(super) const MOST_QUERIES: usize = 64;

/// The queries that are worked on together.
pub(super) fn blocks(op: &op::Attention) -> impl Iterator<Item = Range<usize>> {
    let (queries, at_once) = (op.queries, queries_at_once(op));
    (0..queries).step_by(at_once).map(move |begin| begin..queries.min(begin + at_once))
}

/// The keys that are near to any of some queries.
pub(super) fn computed(op: &op::Attention, queries: &Range<usize>) -> Range<usize> {
    op.near(queries.start).start..op.near(queries.end - 1).end
}

/// The scores of some queries, one row after the other, at least for the keys `computed`.
#[inline(always)]
pub(super) fn multiply_scores<S: Simd>(
    simd: S,
    op: &op::Attention,
    q: &[f32],
    k: &Packed<'_>,
    queries: &Range<usize>,
    computed: &Range<usize>,
    scores: &mut [f32],
) {
    let stride = op.heads * op.key_dim;
    let left = Rows::plain(&q[queries.start * stride..], stride, op.key_dim);
    k.multiply_columns(simd, queries.len(), left, computed, scores, row_len(op));
}

/// A matrix whose rows are `stride` elements apart.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub(super) cells: &'a [f32],
    pub(super) stride: usize,
}

/// A right matrix of products, panel after panel.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    cells: &'a [f32],
    rows: usize,
    columns: usize,
}

impl<'a> Matrix<'a> {
    /// A packed copy.
    #[inline(always)]
    pub(super) fn packed<'b, S: Simd>(
        self,
        simd: S,
        [rows, columns]: [usize; 2],
        to: &'b mut [f32],
    ) -> Packed<'b> {
        for panel in Panels::new::<S>(TWO_ROWS, columns).iter() {
            let right = Right { cells: &self.cells[panel.begin..], stride: self.stride };
            right.pack(simd, rows, panel.len, &mut to[panel.begin * rows..]);
        }
        Packed { cells: to, rows, columns }
    }

    /// A packed copy of the transpose, which has `rows` rows.
    #[inline(always)]
    pub(super) fn packed_transposed<'b, S: Simd>(
        self,
        simd: S,
        [rows, columns]: [usize; 2],
        to: &'b mut [f32],
    ) -> Packed<'b> {
        for panel in Panels::new::<S>(TWO_ROWS, columns).iter() {
            let cells = &self.cells[panel.begin * self.stride..];
            let to = &mut to[panel.begin * rows..];
            Right::pack_transposed(simd, cells, self.stride, rows, panel.len, to);
        }
        Packed { cells: to, rows, columns }
    }

    /// The mean of the first `rows` rows.
    fn mean(self, rows: usize, mean: &mut [f32]) {
        mean.fill(0.0);
        for row in self.cells.chunks(self.stride).take(rows) {
            mean.iter_mut().zip(row).for_each(|(mean, cell)| *mean += cell);
        }
        mean.iter_mut().for_each(|mean| *mean /= rows as f32);
    }
}

/// More rows than one: panels of one row are wider.
const TWO_ROWS: usize = 2;

impl Packed<'_> {
    /// Multiplies `count` rows with the rows from `first` on.
    #[inline(always)]
    pub(super) fn multiply<S: Simd>(
        &self,
        simd: S,
        count: usize,
        left: impl Left,
        first: usize,
        output: &mut [f32],
        stride: usize,
    ) {
        for panel in Panels::new::<S>(TWO_ROWS, self.columns).iter() {
            let cells = &self.cells[panel.begin * self.rows + first * panel.len..];
            let right = Right { cells, stride: panel.len };
            let (columns, epilogue, write) = (panel.len, Epilogue::NOTHING, Write::Set);
            let output = &mut output[panel.begin..];
            let product = Product { columns, right, write, epilogue, output, stride };
            multiply(simd, count, left, product);
        }
    }

    /// Multiplies `count` rows with the panels that hold any of some columns.
    #[inline(always)]
    pub(super) fn multiply_columns<S: Simd>(
        &self,
        simd: S,
        count: usize,
        left: impl Left,
        wanted: &Range<usize>,
        output: &mut [f32],
        stride: usize,
    ) {
        for panel in Panels::new::<S>(TWO_ROWS, self.columns).iter() {
            if panel.begin >= wanted.end || panel.begin + panel.len <= wanted.start {
                continue;
            }
            let right = Right { cells: &self.cells[panel.begin * self.rows..], stride: panel.len };
            let (columns, epilogue, write) = (panel.len, Epilogue::NOTHING, Write::Set);
            let output = &mut output[panel.begin..];
            let product = Product { columns, right, write, epilogue, output, stride };
            multiply(simd, count, left, product);
        }
    }
}
