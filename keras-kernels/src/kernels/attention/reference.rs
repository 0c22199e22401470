//! Attention in plain loops.

use keras_ir::ops as op;

use super::Mask;
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::kernels::dropout::Words;
use crate::kernels::{Call, Reference};

/// Elements of a row that are added up in `f64` at a time.
const CHUNK: usize = 32;

/// One head of one sample.
struct Head<'a> {
    op: &'a op::Attention,
    head: usize,
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    mask: Option<Mask<'a>>,
    words: Words,
}

/// What the shares of a query are made from.
struct Row {
    query: usize,
    largest: f64,
    sum: f64,
}

impl Head<'_> {
    fn score(&self, query: usize, key: usize) -> f64 {
        let op::Attention { heads, group, key_dim, scale, .. } = *self.op;
        let q = &self.q[(query * heads + self.head) * key_dim..][..key_dim];
        let k = &self.k[(key * (heads / group) + self.head / group) * key_dim..][..key_dim];
        let products = q.iter().zip(k).map(|(q, k)| f64::from(*q) * f64::from(*k));
        products.sum::<f64>() * f64::from(scale)
    }

    fn counts(&self, query: usize, key: usize) -> bool {
        self.op.near(query).contains(&key)
            && self.mask.is_none_or(|mask| mask.at(self.head, query, key))
    }

    /// None if no key counts.
    fn row(&self, query: usize) -> Option<Row> {
        let counted = || (0..self.op.keys).filter(|&key| self.counts(query, key));
        counted().next()?;
        let scores = || counted().map(|key| self.score(query, key));
        let largest = scores().fold(f64::NEG_INFINITY, f64::max);
        let sum = scores().map(|score| (score - largest).exp()).sum();
        Some(Row { query, largest, sum })
    }

    /// The share of a key before it may be dropped.
    fn share(&self, row: &Row, key: usize) -> f64 {
        match self.counts(row.query, key) {
            true => (self.score(row.query, key) - row.largest).exp() / row.sum,
            false => 0.0,
        }
    }

    /// What a share is multiplied with: 0 if it is dropped.
    fn kept(&self, query: usize, key: usize) -> f64 {
        let op::Attention { queries, keys, rate, .. } = *self.op;
        let element = (self.head * queries + query) * keys + key;
        if rate == 0.0 || self.words.keeps(element, rate) {
            1.0 / (1.0 - f64::from(rate))
        } else {
            0.0
        }
    }

    fn value(&self, key: usize) -> &[f32] {
        let op::Attention { heads, group, value_dim, .. } = *self.op;
        &self.v[(key * (heads / group) + self.head / group) * value_dim..][..value_dim]
    }

    /// What a query takes with each key: its share after dropping.
    fn taken(&self, query: usize, row: Option<&Row>, key: usize) -> f64 {
        match row {
            Some(row) => self.share(row, key) * self.kept(query, key),
            None if self.op.even => 1.0 / self.op.keys as f64,
            None => 0.0,
        }
    }
}

/// The heads of all samples, each with its sample and number.
fn heads<'a>(
    op: &'a op::Attention,
    call: &Call<'a>,
) -> impl Iterator<Item = (usize, Head<'a>)> + use<'a> {
    let inputs = call.inputs;
    let mask = op.masked.then(|| inputs[3]);
    let [q_len, k_len, v_len] = op.gradient_lens();
    let run = call.run;
    (0..call.samples * op.heads).map(move |i| {
        let (sample, head) = (i / op.heads, i % op.heads);
        let of_sample = |input: &'a [f32], len: usize| &input[sample * len..][..len];
        let head = Head {
            op,
            head,
            q: of_sample(inputs[0], q_len),
            k: of_sample(inputs[1], k_len),
            v: of_sample(inputs[2], v_len),
            mask: Mask::of(op, mask, sample),
            words: Words::of(op.seed, op.key, run, sample),
        };
        (sample, head)
    })
}

impl Reference {
    pub(crate) fn attention(op: &op::Attention, call: Call<'_>) {
        let len = op.queries * op.heads * op.value_dim;
        for (sample, head) in heads(op, &call) {
            let y = &mut call.output[sample * len..][..len];
            for query in 0..op.queries {
                let row = head.row(query);
                let y = &mut y[(query * op.heads + head.head) * op.value_dim..][..op.value_dim];
                for (chunk, y) in y.chunks_mut(CHUNK).enumerate() {
                    let mut sums = [0.0; CHUNK];
                    for key in 0..op.keys {
                        let taken = head.taken(query, row.as_ref(), key);
                        let v = &head.value(key)[chunk * CHUNK..][..y.len()];
                        if taken != 0.0 {
                            sums.iter_mut()
                                .zip(v)
                                .for_each(|(sum, v)| *sum += taken * f64::from(*v));
                        }
                    }
                    y.iter_mut().zip(sums).for_each(|(y, sum)| *y = sum as f32);
                }
            }
        }
    }

    pub(crate) fn attention_grad(op: &op::AttentionGrad, call: Call<'_>) {
        let op = &op.of;
        let op::Attention { heads: all, group, key_dim, value_dim, .. } = *op;
        let d_y = call.inputs[3 + usize::from(op.masked)];
        let [q_len, k_len, v_len] = op.gradient_lens();
        call.output.fill(0.0);
        for (sample, head) in heads(op, &call) {
            let len = q_len + k_len + v_len;
            let (d_q, rest) = call.output[sample * len..][..len].split_at_mut(q_len);
            let (d_k, d_v) = rest.split_at_mut(k_len);
            let d_y = &d_y[sample * op.queries * all * value_dim..];
            for query in 0..op.queries {
                let row = head.row(query);
                let of_query = query * all + head.head;
                let d_y = &d_y[of_query * value_dim..][..value_dim];
                let d_taken = |key: usize| {
                    let products =
                        d_y.iter().zip(head.value(key)).map(|(d, v)| f64::from(*d) * f64::from(*v));
                    products.sum::<f64>() * head.kept(query, key)
                };
                let mean: f64 = row.as_ref().map_or(0.0, |row| {
                    let counted = (0..op.keys).filter(|&key| head.counts(query, key));
                    counted.map(|key| head.share(row, key) * d_taken(key)).sum()
                });
                for key in 0..op.keys {
                    let of_key = key * (all / group) + head.head / group;
                    let taken = head.taken(query, row.as_ref(), key);
                    let d_v = &mut d_v[of_key * value_dim..][..value_dim];
                    for (d_v, d_y) in d_v.iter_mut().zip(d_y) {
                        *d_v += (taken * f64::from(*d_y)) as f32;
                    }
                    let Some(row) = row.as_ref().filter(|_| head.counts(query, key)) else {
                        continue;
                    };
                    let d_score =
                        head.share(row, key) * (d_taken(key) - mean) * f64::from(op.scale);
                    for i in 0..key_dim {
                        let (of_q, of_k) = (of_query * key_dim + i, of_key * key_dim + i);
                        d_q[of_q] += (d_score * f64::from(head.k[of_k])) as f32;
                        d_k[of_k] += (d_score * f64::from(head.q[of_q])) as f32;
                    }
                }
            }
        }
    }
}
