//! The gradient.

use keras_ir::ops as op;
use keras_target::attention::{row_len, scores_len};

use super::cpu::{MOST_QUERIES, Matrix, Packed, blocks, computed, multiply_scores};
use super::{Mask, shares};
use crate::kernels::dropout::Words;
use crate::kernels::epilogue::Epilogue;
use crate::kernels::tile::{Columns, Panels, Product, Right, Rows, Write, multiply};
use crate::kernels::{Call, Cpu};
use crate::simd::{Kernel, Simd, dispatch};

impl Cpu {
    pub(crate) fn attention_grad(op: &op::AttentionGrad, call: Call<'_>) {
        dispatch(Gradient { op: &op.of, call });
    }
}

struct Gradient<'a> {
    op: &'a op::Attention,
    call: Call<'a>,
}

/// The scratch, cut up.
struct Scratch<'a> {
    /// Scores, then shares.
    shares: &'a mut [f32],
    /// The gradients by shares, then by scores.
    d_scores: &'a mut [f32],
    /// A panel of queries.
    panel: &'a mut [f32],
}

/// The gradients by what a head reads; rows have those of other heads between them.
struct Results<'a> {
    d_q: &'a mut [f32],
    d_k: &'a mut [f32],
    d_v: &'a mut [f32],
}

impl Kernel for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Gradient { op, call } = self;
        let op::Attention { queries, keys, heads, group, key_dim, value_dim, .. } = *op;
        let mask = op.masked.then(|| call.inputs[3]);
        let d_y = call.inputs[3 + usize::from(op.masked)];
        let [q_len, k_len, v_len] = op.gradient_lens();
        let key_heads = heads / group;
        let (k_transposed, rest) = call.workspace.split_at_mut(keys * key_dim);
        let (k_straight, rest) = rest.split_at_mut(keys * key_dim);
        let (v_transposed, rest) = rest.split_at_mut(keys * value_dim);
        let (shares, rest) = rest.split_at_mut(scores_len(op));
        let (d_scores, panel) = rest.split_at_mut(scores_len(op));
        let mut scratch = Scratch { shares, d_scores, panel };
        for (sample, gradients) in call.output.chunks_exact_mut(q_len + k_len + v_len).enumerate() {
            let q = &call.inputs[0][sample * q_len..][..q_len];
            let k = &call.inputs[1][sample * k_len..][..k_len];
            let v = &call.inputs[2][sample * v_len..][..v_len];
            let y_len = queries * heads * value_dim;
            let d_y = &d_y[sample * y_len..][..y_len];
            let (d_q, rest) = gradients.split_at_mut(q_len);
            rest.fill(0.0);
            let (d_k, d_v) = rest.split_at_mut(k_len);
            let mask = Mask::of(op, mask, sample);
            let words = Words::of(op.seed, op.key, call.run, sample);
            for key_head in 0..key_heads {
                let k = Matrix { cells: &k[key_head * key_dim..], stride: key_heads * key_dim };
                let v = Matrix { cells: &v[key_head * value_dim..], stride: key_heads * value_dim };
                let packed = [
                    k.packed_transposed(simd, [key_dim, keys], k_transposed),
                    k.packed(simd, [keys, key_dim], k_straight),
                    v.packed_transposed(simd, [value_dim, keys], v_transposed),
                ];
                for head in key_head * group..(key_head + 1) * group {
                    let (words, q) = (&words, &q[head * key_dim..]);
                    let d_y = &d_y[head * value_dim..];
                    let all = AllQueries { op, mask, words, head, q, d_y, packed };
                    let results = Results {
                        d_q: &mut d_q[head * key_dim..],
                        d_k: &mut d_k[key_head * key_dim..],
                        d_v: &mut d_v[key_head * value_dim..],
                    };
                    all.differentiate(simd, &mut scratch, results);
                }
            }
        }
    }
}

/// The queries of a head with what they attended to.
struct AllQueries<'a> {
    op: &'a op::Attention,
    mask: Option<Mask<'a>>,
    words: &'a Words,
    head: usize,
    q: &'a [f32],
    d_y: &'a [f32],
    /// Keys transposed, keys, values transposed.
    packed: [Packed<'a>; 3],
}

impl AllQueries<'_> {
    #[inline(always)]
    fn differentiate<S: Simd>(&self, simd: S, scratch: &mut Scratch<'_>, results: Results<'_>) {
        let AllQueries { op, mask, words, head, q, d_y, packed } = *self;
        let [k_transposed, k, v_transposed] = packed;
        let op::Attention { heads, group, key_dim, value_dim, .. } = *op;
        let key_heads = heads / group;
        let (q_stride, y_stride) = (heads * key_dim, heads * value_dim);
        let row = row_len(op);
        let Results { d_q, d_k, d_v } = results;
        for block in blocks(op) {
            let computed = computed(op, &block);
            let count = block.len();
            let Scratch { shares, d_scores, panel } = scratch;
            multiply_scores(simd, op, q, &k_transposed, &block, &computed, shares);
            let d_y = &d_y[block.start * y_stride..];
            let left = Rows::plain(d_y, y_stride, value_dim);
            v_transposed.multiply_columns(simd, count, left, &computed, d_scores, row);
            let rows = shares::Rows { op, mask, words, head, computed: computed.clone() };
            let mut counted = [true; MOST_QUERIES];
            for (i, query) in block.clone().enumerate() {
                let shares = &mut shares[i * row..][..row];
                let d_scores = &mut d_scores[i * row..][..row];
                counted[i] = rows.shares(query, shares);
                rows.drop(query, d_scores);
                rows.score_gradients(shares, d_scores);
                rows.drop(query, shares);
            }
            let left = Rows::plain(&d_scores[computed.start..], row, computed.len());
            let d_q = &mut d_q[block.start * q_stride..];
            k.multiply(simd, count, left, computed.start, d_q, q_stride);
            let q = Matrix { cells: &q[block.start * q_stride..], stride: q_stride };
            let stride = key_heads * key_dim;
            let d_k = &mut d_k[computed.start * stride..];
            let left = Columns::plain(&d_scores[computed.start..], row, count);
            add_by_columns(simd, computed.len(), left, q, key_dim, panel, (d_k, stride));
            let stride = key_heads * value_dim;
            let left = Columns::plain(&shares[computed.start..], row, count);
            let d_y = Matrix { cells: d_y, stride: y_stride };
            let near_d_v = &mut d_v[computed.start * stride..];
            add_by_columns(simd, computed.len(), left, d_y, value_dim, panel, (near_d_v, stride));
            for i in (0..count).filter(|&i| !counted[i] && op.even) {
                // The mean of all values.
                for d_v in d_v.chunks_mut(stride).take(op.keys) {
                    for (d_v, d_y) in d_v.iter_mut().zip(&d_y.cells[i * y_stride..][..value_dim]) {
                        *d_v += d_y / op.keys as f32;
                    }
                }
            }
        }
    }
}

/// Adds `Σ_r left[r, ..] · right[r, ..]` to `rows` rows, a stride apart.
#[inline(always)]
fn add_by_columns<S: Simd>(
    simd: S,
    rows: usize,
    left: Columns<'_>,
    right: Matrix<'_>,
    columns: usize,
    packed: &mut [f32],
    (output, stride): (&mut [f32], usize),
) {
    for panel in Panels::new::<S>(2, columns).iter() {
        let right = Right { cells: &right.cells[panel.begin..], stride: right.stride };
        let right = right.pack(simd, left.steps, panel.len, packed);
        let (columns, write, epilogue) = (panel.len, Write::Continue, Epilogue::NOTHING);
        let output = &mut output[panel.begin..];
        multiply(simd, rows, left, Product { columns, right, write, epilogue, output, stride });
    }
}
