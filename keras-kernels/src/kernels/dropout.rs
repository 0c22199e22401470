//! Dropout, with masks that nobody stores: a counter generator makes the same mask for `x` and
//! again for `d_y`.
//!
//! The generator is Philox4x32-7 (Salmon et al. 2011; seven rounds are the fewest that pass
//! BigCrush). Its key is the seed; its counter holds the step, the op's key, the sample's index in
//! the batch and the draw for some elements. So a mask does not depend on how a batch is cut.
//! Element `e` of the mask takes word `e / 16 % 4` of draw `e / 64 · 16 + e % 16`: then sixteen
//! draws that are computed side by side lie in memory as the elements do.

use super::strided::{Strided, repeated_offset};
use super::vectorized::vectorized;
use super::{Call, Reference, Run};
use crate::simd::Simd;
use keras_ir::ops as op;

/// Words that one draw of the generator gives.
const WORDS: usize = 4;
/// Draws computed side by side.
const LANES: usize = 16;
/// Elements of the mask that are made together.
const GROUP: usize = WORDS * LANES;
/// Rounds of the generator.
const ROUNDS: u32 = 7;

impl Reference {
    pub(crate) fn dropout(op: &op::Dropout, call: Call<'_>) {
        let [x] = call.inputs();
        let len = op.to[..op.rank].iter().product::<usize>();
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
    let len = op.to[..op.rank].iter().product::<usize>();
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

/// How many of the 2^32 words mean that an element is dropped.
fn dropped_words(rate: f32) -> u64 {
    (f64::from(rate) * (u64::from(u32::MAX) + 1) as f64) as u64
}

/// The random words of one sample's mask.
pub(super) struct Words {
    key: [u32; 2],
    counter: [u32; 3],
}

impl Words {
    fn new(op: &op::Dropout, run: Run, sample: usize) -> Words {
        Words::of(op.seed, op.key, run, sample)
    }

    /// Those of the dropout `key`.
    pub(super) fn of(seed: Option<u64>, key_of_op: u32, run: Run, sample: usize) -> Words {
        let seed = seed.unwrap_or(run.seed);
        // The upper half of the step is 0 unless a run takes billions of steps.
        let key = [seed as u32, (seed >> 32) as u32 ^ (run.step >> 32) as u32];
        Words { key, counter: [(run.first_sample + sample) as u32, run.step as u32, key_of_op] }
    }

    /// The word of one element of the mask.
    fn at(&self, element: usize) -> u32 {
        let [sample, step, key] = self.counter;
        let draw = element / GROUP * LANES + element % LANES;
        philox([[draw as u32], [sample], [step], [key]], self.key, ROUNDS)[element / LANES % WORDS]
            [0]
    }

    /// Whether an element of the mask is kept.
    pub(super) fn keeps(&self, element: usize, rate: f32) -> bool {
        u64::from(self.at(element)) >= dropped_words(rate)
    }

    /// Drops some of the elements from `begin` on, and scales the others.
    #[inline(always)]
    pub(super) fn drop(&self, begin: usize, rate: f32, cells: &mut [f32]) {
        let Ok(dropped) = u32::try_from(dropped_words(rate)) else { return cells.fill(0.0) };
        let scale = 1.0 / (1.0 - rate);
        self.for_each_run(begin, cells.len(), |at, words| {
            for (cell, word) in cells[at..].iter_mut().zip(words) {
                *cell = if *word >= dropped { scale * *cell } else { 0.0 };
            }
        });
    }

    /// The words of the elements from `GROUP · group` on.
    #[inline(always)]
    fn group(&self, group: usize) -> [[u32; LANES]; WORDS] {
        let first = (group * LANES) as u32;
        let mut draws = [0; LANES];
        for (draw, lane) in draws.iter_mut().zip(0..) {
            *draw = first | lane;
        }
        let [sample, step, key] = self.counter;
        philox([draws, [sample; LANES], [step; LANES], [key; LANES]], self.key, ROUNDS)
    }

    /// Calls `visit` with the words of elements `begin..begin + len`, in runs, each with its place
    /// after `begin`.
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
        let [a, b, c, d] = &mut counter;
        for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
            let left = u64::from(*a) * u64::from(MULTIPLIERS[0]);
            let right = u64::from(*c) * u64::from(MULTIPLIERS[1]);
            *a = (right >> 32) as u32 ^ *b ^ key[0];
            *b = right as u32;
            *c = (left >> 32) as u32 ^ *d ^ key[1];
            *d = left as u32;
        }
        key = [key[0].wrapping_add(KEY_STEPS[0]), key[1].wrapping_add(KEY_STEPS[1])];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::super::check::values;
    use super::*;
    use crate::kernels::{Backend, Call, Cpu};
    use crate::simd::{Level, with_level};
    use keras_ir::algorithm::Algorithm;
    use keras_ir::ops::MAX_RANK;

    const RUN: Run = Run { seed: 7, step: 3, first_sample: 0, batch: 8, overwrites: false };

    fn op(mask: [usize; 3], to: [usize; 3], rate: f32) -> op::Dropout {
        let extents = |given: [usize; 3]| {
            let mut extents = [1; MAX_RANK];
            extents[..3].copy_from_slice(&given);
            extents
        };
        op::Dropout { rank: 3, mask: extents(mask), to: extents(to), rate, key: 5, seed: None }
    }

    fn dropout<B: Backend>(op: op::Dropout, x: &[f32], run: Run) -> Vec<f32> {
        let mut y = vec![f32::NAN; x.len()];
        let samples = x.len() / op.to[..op.rank].iter().product::<usize>();
        let (algorithm, prepared, workspace) = (Algorithm::General, &[], &mut []);
        let (inputs, output) = (&[x], &mut y[..]);
        let call = Call { algorithm, samples, inputs, output, workspace, prepared, run };
        B::dropout(&op, call);
        y
    }

    /// The known answers of Random123 for a counter and a key of zeros.
    #[test]
    fn generator_is_philox() {
        let zeros = [[0]; WORDS];
        let ten = philox(zeros, [0, 0], 10).map(|[word]| word);
        assert_eq!(ten, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        let seven = philox(zeros, [0, 0], 7).map(|[word]| word);
        assert_eq!(seven, [0x5f6f_b709, 0x0d89_3f64, 0x4f12_1f81, 0x4f73_0a48]);
    }

    #[test]
    fn fast_is_plain_for_every_mask() {
        for (mask, to) in [
            ([3, 4, 5], [3, 4, 5]),
            ([1, 1, 70], [3, 2, 70]),
            ([3, 1, 1], [3, 2, 17]),
            ([3, 1, 65], [3, 2, 65]),
            ([1, 1, 1], [2, 3, 5]),
            ([1, 1, 997], [1, 1, 997]),
        ] {
            let x = values(3 * to.iter().product::<usize>(), 1);
            let expected = dropout::<Reference>(op(mask, to, 0.4), &x, RUN);
            for level in Level::available() {
                let found = with_level(level, || dropout::<Cpu>(op(mask, to, 0.4), &x, RUN));
                assert_eq!(found.as_ref(), Ok(&expected), "{mask:?} {to:?} on {level:?}");
            }
        }
    }

    #[test]
    fn mask_does_not_depend_on_the_cut() {
        let op = op([1, 1, 37], [1, 1, 37], 0.5);
        let x = [1.0; 5 * 37];
        let whole = dropout::<Cpu>(op, &x, RUN);
        let mut parts = Vec::new();
        for (first_sample, samples) in [(0, 2), (2, 1), (3, 2)] {
            let run = Run { first_sample, ..RUN };
            parts.extend(dropout::<Cpu>(op, &x[..samples * 37], run));
        }
        assert_eq!(parts, whole);
    }

    #[test]
    fn mask_depends_on_seed_step_key_and_sample() {
        let op = op([1, 1, 64], [1, 1, 64], 0.5);
        let mask = |op, run| dropout::<Cpu>(op, &[1.0; 64], run);
        let masks = [
            mask(op, RUN),
            mask(op, Run { seed: 8, ..RUN }),
            mask(op, Run { seed: 7 << 32, ..RUN }),
            mask(op, Run { step: 4, ..RUN }),
            mask(op, Run { first_sample: 1, ..RUN }),
            mask(op::Dropout { key: 6, ..op }, RUN),
        ];
        for (i, mask) in masks.iter().enumerate() {
            assert!(!masks[..i].contains(mask), "mask {i} is an earlier one");
        }
        let seeded = op::Dropout { seed: Some(9), ..op };
        assert_eq!(mask(seeded, RUN), mask(seeded, Run { seed: 8, ..RUN }));
        assert_eq!(mask(seeded, RUN), mask(op, Run { seed: 9, ..RUN }));
    }

    /// Counts of kept elements, and of neighbours both kept, within five standard deviations.
    #[test]
    fn masks_are_random() {
        const LEN: usize = 200_000;
        for rate in [0.1_f32, 0.5, 0.8] {
            let y = dropout::<Cpu>(op([1, 1, LEN], [1, 1, LEN], rate), &[1.0; LEN], RUN);
            let keep = f64::from(1.0 - rate);
            assert!(y.iter().all(|y| *y == 0.0 || (f64::from(*y) * keep - 1.0).abs() < 1e-6));
            for distance in [0, 1, 2, 15, 16, 17, 63, 64, 65] {
                let pairs = y.iter().zip(&y[distance..]);
                let count = pairs.filter(|(a, b)| **a != 0.0 && **b != 0.0).count() as f64;
                let p = if distance == 0 { keep } else { keep * keep };
                let trials = (LEN - distance) as f64;
                // Twice the variance of independent trials: each element is in two pairs.
                let spread = (2.0 * trials * p * (1.0 - p)).sqrt();
                assert!((count - trials * p).abs() < 5.0 * spread, "{rate} {distance}: {count}");
            }
        }
    }

    #[test]
    fn bounds_of_the_rate() {
        let (x, to) = (values(300, 1), [1, 1, 300]);
        for (rate, expected) in [(0.0, x.clone()), (1.0, vec![0.0; 300])] {
            assert_eq!(dropout::<Reference>(op(to, to, rate), &x, RUN), expected);
            assert_eq!(dropout::<Cpu>(op(to, to, rate), &x, RUN), expected);
        }
    }
}
