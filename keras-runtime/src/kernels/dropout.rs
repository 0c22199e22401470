//! Dropout, with masks that nobody stores: a counter generator makes the same mask for `x` and again for `d_y`.
//!
//! The generator is Philox4x32-7 (Salmon et al. 2011; seven rounds are the fewest that pass BigCrush). Its key is the seed;
//! its counter holds the step, the op's key, the sample's index in the batch and the block of elements. So a mask does
//! not depend on how a batch is cut. Element `e` of the mask takes word `e / 16 % 4` of block `e / 64 · 16 + e % 16`: then
//! sixteen blocks that are computed side by side lie in memory as the elements do.

use super::strided::{Strided, repeated_offset};
use super::vectorized::vectorized;
use super::{Call, Reference, Run};
use crate::simd::Simd;
use keras_graph::op;

/// Words that one block of the generator gives.
const WORDS: usize = 4;
/// Blocks computed side by side.
const LANES: usize = 16;
/// Elements of the mask that are made together.
const GROUP: usize = WORDS * LANES;
/// Rounds of the generator.
const ROUNDS: u32 = 7;

impl Reference {
    pub(crate) fn dropout(op: &op::Dropout, call: Call<'_>) {
        let [x] = call.inputs();
        let len = check(op, &call);
        let scale = 1.0 / (1.0 - op.rate);
        let samples = x.chunks_exact(len).zip(call.output.chunks_exact_mut(len));
        for (sample, (x, y)) in samples.enumerate() {
            let words = Words::new(op, call.run, sample);
            for (i, (y, x)) in y.iter_mut().zip(x).enumerate() {
                let element = repeated_offset(op.rank, &op.mask, &op.to, i);
                let kept = u64::from(words.at(element)) >= dropped_words(op.rate);
                *y = if kept { scale * x } else { 0.0 };
            }
        }
    }
}

vectorized! {
    dropout: Dropout,
}

#[inline(always)]
fn dropout<S: Simd>(op: &op::Dropout, call: Call<'_>) {
    let [x] = call.inputs();
    let len = check(op, &call);
    let Ok(dropped) = u32::try_from(dropped_words(op.rate)) else {
        return call.output.fill(0.0);
    };
    let scale = 1.0 / (1.0 - op.rate);
    let keep = |word: u32, x: f32| if word >= dropped { scale * x } else { 0.0 };
    let walk = Strided::broadcast(op.rank, &op.mask, &op.to);
    let samples = x.chunks_exact(len).zip(call.output.chunks_exact_mut(len));
    for (sample, (x, y)) in samples.enumerate() {
        let words = Words::new(op, call.run, sample);
        let mut rows = x.chunks_exact(walk.row()).zip(y.chunks_exact_mut(walk.row()));
        walk.for_each_row(|offset| {
            let (x, y) = rows.next().expect("a walk has as many rows as its tensor");
            if walk.row_step() == 0 {
                let word = words.at(offset);
                for (y, x) in y.iter_mut().zip(x) {
                    *y = keep(word, *x);
                }
            } else {
                words.for_each_run(offset, y.len(), |begin, words| {
                    let y = &mut y[begin..begin + words.len()];
                    for ((y, x), word) in y.iter_mut().zip(&x[begin..]).zip(words) {
                        *y = keep(*word, *x);
                    }
                });
            }
        });
    }
}

/// Elements of one sample. Panics if a length differs.
fn check(op: &op::Dropout, call: &Call<'_>) -> usize {
    let [x] = call.inputs();
    let len = op.to[..op.rank].iter().product();
    assert_eq!(x.len(), len * call.samples, "the input has the op's extents");
    assert_eq!(call.output.len(), x.len(), "the output has the input's length");
    len
}

/// How many of the 2^32 words mean that an element is dropped.
fn dropped_words(rate: f32) -> u64 {
    (f64::from(rate) * (u64::from(u32::MAX) + 1) as f64) as u64
}

/// The random words of one sample's mask.
struct Words {
    key: [u32; 2],
    counter: [u32; 3],
}

impl Words {
    fn new(op: &op::Dropout, run: Run, sample: usize) -> Words {
        let seed = op.seed.unwrap_or(run.seed);
        // The upper half of the step is 0 unless a run takes billions of steps.
        let key = [seed as u32, (seed >> 32) as u32 ^ (run.step >> 32) as u32];
        Words { key, counter: [(run.first_sample + sample) as u32, run.step as u32, op.key] }
    }

    /// The word of one element of the mask.
    fn at(&self, element: usize) -> u32 {
        let [sample, step, key] = self.counter;
        let block = element / GROUP * LANES + element % LANES;
        philox([[block as u32], [sample], [step], [key]], self.key, ROUNDS)[element / LANES % WORDS]
            [0]
    }

    /// The words of the elements from `GROUP · group` on.
    #[inline(always)]
    fn group(&self, group: usize) -> [[u32; LANES]; WORDS] {
        let mut blocks = [0; LANES];
        for (lane, block) in blocks.iter_mut().enumerate() {
            *block = (group * LANES + lane) as u32;
        }
        let [sample, step, key] = self.counter.map(|word| [word; LANES]);
        philox([blocks, sample, step, key], self.key, ROUNDS)
    }

    /// Calls `visit` with the words of elements `begin..begin + len`, in runs, each with its place after `begin`.
    #[inline(always)]
    fn for_each_run(&self, begin: usize, len: usize, mut visit: impl FnMut(usize, &[u32])) {
        let mut done = 0;
        while done < len {
            let first = (begin + done) % GROUP;
            let count = (GROUP - first).min(len - done);
            let words = self.group((begin + done) / GROUP);
            visit(done, &words.as_flattened()[first..first + count]);
            done += count;
        }
    }
}

/// Philox4x32 of several counters, one in each lane.
#[inline(always)]
fn philox<const N: usize>(
    mut counter: [[u32; N]; WORDS],
    mut key: [u32; 2],
    rounds: u32,
) -> [[u32; N]; WORDS] {
    const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
    const KEY_STEPS: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
    for _ in 0..rounds {
        for lane in 0..N {
            let [a, b, c, d] = counter.map(|word| word[lane]);
            let [left, right] = [(a, MULTIPLIERS[0]), (c, MULTIPLIERS[1])]
                .map(|(word, factor)| u64::from(word) * u64::from(factor));
            counter[0][lane] = (right >> 32) as u32 ^ b ^ key[0];
            counter[1][lane] = right as u32;
            counter[2][lane] = (left >> 32) as u32 ^ d ^ key[1];
            counter[3][lane] = left as u32;
        }
        key = [key[0].wrapping_add(KEY_STEPS[0]), key[1].wrapping_add(KEY_STEPS[1])];
    }
    counter
}
