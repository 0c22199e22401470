//! Loops over tensors `[rows, channels, inner]` where each channel has numbers of its own.
//!
//! What is written is a stream of vectors: their channels' numbers are tabulated, as many rows side
//! by side as fit. Sums are done in columns, [`LANES`] or twice as many side by side, which
//! registers hold while the rows go by:
//! - where `inner` is 1, a column is a channel; the last columns may overlap those before them, so
//!   that none are few;
//! - few channels are made many: [`LANES`] rows of `channels` are one row of `LANES · channels`;
//! - else each line of `inner` elements is seen as rows of [`LANES`] columns that share their
//!   channel's numbers.
//!
//! What is left over is one short row. Sums are `f32` over [`ROWS`] rows and `f64` beyond. The
//! columns do not depend on the instruction set, nor is anything fused, so the bits are the same on
//! each.

mod tables;

use self::tables::{LANES, TABLE, VECTORS, WIDE, load, load_each, load_table, tabulate};
use super::vectors::{for_each_vector, store};
use crate::simd::Simd;

/// Rows summed in `f32` before they join the `f64` total.
const ROWS: usize = 64;
/// Elements that a first-level cache still holds.
const NEAR: usize = 4096;

/// What is summed over a channel, or written. A trait rather than a closure, as only its method is
/// sure to be compiled with the caller's instructions.
pub(super) trait Terms<const P: usize, const N: usize, const K: usize> {
    /// The terms of some elements, from their channels' numbers and from the inputs.
    fn terms<S: Simd>(simd: S, numbers: [S::F32; P], inputs: [S::F32; N]) -> [S::F32; K];
}

/// `x`.
pub(super) struct Elements;

impl Terms<0, 1, 1> for Elements {
    #[inline(always)]
    fn terms<S: Simd>(_: S, _: [S::F32; 0], x: [S::F32; 1]) -> [S::F32; 1] {
        x
    }
}

/// The extents of a tensor, with all samples among the rows.
#[derive(Clone, Copy)]
pub(super) struct Channels {
    pub(super) channels: usize,
    pub(super) inner: usize,
    rows: usize,
}

/// Some columns of some rows: where the first begins, and how far apart the rows are.
#[derive(Clone, Copy)]
struct Columns {
    begin: usize,
    rows: usize,
    stride: usize,
    /// [`WIDE`], [`LANES`], or fewer in a row that is left over.
    width: usize,
    /// The first column that no columns before had.
    fresh: usize,
}

impl Channels {
    /// The channels of a tensor of these extents.
    pub(super) fn new([outer, channels, inner]: [usize; 3], samples: usize) -> Channels {
        Channels { channels, inner, rows: outer * samples }
    }

    /// Elements of one channel.
    pub(super) fn count(&self) -> usize {
        self.rows * self.inner
    }

    /// `y[r, c, i] = T(numbers(c), inputs[0][r, c, i], ..)`; then `done` gets each part of `y`,
    /// while it is still near.
    #[inline(always)]
    pub(super) fn map<T: Terms<P, N, 1>, S: Simd, const N: usize, const P: usize>(
        &self,
        simd: S,
        inputs: [&[f32]; N],
        y: &mut [f32],
        numbers: impl Fn(usize) -> [f32; P],
        mut done: impl FnMut(&mut [f32]),
    ) {
        let Channels { channels, inner, rows } = *self;
        if inner > 1 {
            for (line, y) in y.chunks_exact_mut(inner).enumerate() {
                let table = numbers(line % channels).map(|number| [number; LANES]);
                let inputs = inputs.map(|x| &x[line * inner..][..inner]);
                for_each_vector!(S, inner, |i, len| {
                    let numbers = load_each(simd, table.each_ref().map(|kind| &kind[..]), S::LANES);
                    let inputs = load_each(simd, inputs.map(|x| &x[i..]), len);
                    let [term] = T::terms(simd, numbers, inputs);
                    store(simd, term, &mut y[i..], len);
                });
            }
            return done(y);
        }
        // Few channels are made many: rows that are taken together are one row of as many numbers.
        let joined = (TABLE / channels).clamp(1, rows);
        let mut pending = 0;
        for first in (0..channels).step_by(TABLE) {
            let width = TABLE.min(channels - first);
            let table = tabulate(first, width, joined, &numbers);
            for row in (0..rows).step_by(joined) {
                let (begin, len) = (row * channels + first, joined.min(rows - row) * width);
                let inputs = inputs.map(|x| &x[begin..begin + len]);
                let part = &mut y[begin..begin + len];
                for_each_vector!(S, len, |i, len| {
                    let numbers = load_each(simd, table.each_ref().map(|kind| &kind[i..]), len);
                    let inputs = load_each(simd, inputs.map(|x| &x[i..]), len);
                    let [term] = T::terms(simd, numbers, inputs);
                    store(simd, term, &mut part[i..], len);
                });
                if width == channels && begin + len - pending >= NEAR {
                    done(&mut y[pending..begin + len]);
                    pending = begin + len;
                }
            }
        }
        done(&mut y[pending..]);
    }

    /// Calls `take(c, sums)` for each channel, with the sums of the terms `T` over its elements.
    #[inline(always)]
    pub(super) fn sum<
        T: Terms<P, N, K>,
        S: Simd,
        const N: usize,
        const P: usize,
        const K: usize,
    >(
        &self,
        simd: S,
        inputs: [&[f32]; N],
        numbers: impl Fn(usize) -> [f32; P],
        mut take: impl FnMut(usize, [f64; K]),
    ) {
        let channels = self.channels;
        if self.inner > 1 {
            for c in 0..channels {
                let mut totals = [[0.0; WIDE]; K];
                let lines = (0..self.rows).map(|row| row * channels + c);
                for columns in lines.flat_map(|line| self.line(line)) {
                    let table = self.table(columns, &numbers);
                    let sums = columns.sum::<T, S, N, P, K>(simd, inputs, &table);
                    for (total, sums) in totals.iter_mut().zip(&sums) {
                        for (total, sum) in total.iter_mut().zip(&sums[..columns.width]) {
                            *total += sum;
                        }
                    }
                }
                take(c, totals.map(|total| total.iter().sum()));
            }
            return;
        }
        // Few channels come back, many come once.
        let mut totals = [[0.0; K]; LANES];
        for columns in self.columns() {
            let table = self.table(columns, &numbers);
            let sums = columns.sum::<T, S, N, P, K>(simd, inputs, &table);
            for column in columns.fresh..columns.width {
                if channels < LANES {
                    let totals = &mut totals[(columns.begin + column) % channels];
                    for (total, sums) in totals.iter_mut().zip(&sums) {
                        *total += sums[column];
                    }
                } else {
                    take(columns.begin + column, sums.each_ref().map(|sums| sums[column]));
                }
            }
        }
        if channels < LANES {
            totals[..channels].iter().enumerate().for_each(|(c, total)| take(c, *total));
        }
    }

    /// The tensor's columns, where `inner` is 1.
    #[inline(always)]
    fn columns(&self) -> impl Iterator<Item = Columns> + use<> {
        let Channels { channels, rows, .. } = *self;
        let joined = if channels < LANES { LANES } else { 1 };
        let (stride, rest) = (channels * joined, rows % joined * channels);
        let width = if stride < WIDE { LANES } else { WIDE };
        let whole = (0..stride).step_by(width).map(move |first| {
            let begin = first.min(stride - width);
            Columns { begin, rows: rows / joined, stride, width, fresh: first - begin }
        });
        whole.chain(left_over(rows / joined * stride, rest))
    }

    /// The columns of one line of `inner` elements.
    #[inline(always)]
    fn line(&self, line: usize) -> impl Iterator<Item = Columns> + use<> {
        let (begin, rows) = (line * self.inner, self.inner / LANES);
        let whole = Columns { begin, rows, stride: LANES, width: LANES, fresh: 0 };
        let rest = left_over(begin + rows * LANES, self.inner % LANES);
        (rows > 0).then_some(whole).into_iter().chain(rest)
    }

    /// The numbers of some columns' channels, each kind side by side.
    #[inline(always)]
    fn table<const P: usize>(
        &self,
        columns: Columns,
        numbers: impl Fn(usize) -> [f32; P],
    ) -> [[f32; WIDE]; P] {
        if self.inner > 1 {
            return numbers(columns.begin / self.inner % self.channels)
                .map(|number| [number; WIDE]);
        }
        let mut table = [[0.0; WIDE]; P];
        for column in 0..columns.width {
            let numbers = numbers((columns.begin + column) % self.channels);
            for (kind, number) in table.iter_mut().zip(numbers) {
                kind[column] = number;
            }
        }
        table
    }
}

impl Columns {
    /// Sums over the rows, column by column.
    #[inline(always)]
    fn sum<T: Terms<P, N, K>, S: Simd, const N: usize, const P: usize, const K: usize>(
        self,
        simd: S,
        inputs: [&[f32]; N],
        table: &[[f32; WIDE]; P],
    ) -> [[f64; WIDE]; K] {
        if self.width == WIDE {
            return self.sum_of::<WIDE, T, S, N, P, K>(simd, inputs, table);
        }
        if self.width == LANES {
            return self.sum_of::<LANES, T, S, N, P, K>(simd, inputs, table);
        }
        let (row, padded) = self.padded(inputs);
        let mut inputs = inputs;
        for (x, padded) in inputs.iter_mut().zip(&padded) {
            *x = padded;
        }
        row.sum_of::<LANES, T, S, N, P, K>(simd, inputs, table)
    }

    /// The same for `W` columns.
    #[inline(always)]
    fn sum_of<
        const W: usize,
        T: Terms<P, N, K>,
        S: Simd,
        const N: usize,
        const P: usize,
        const K: usize,
    >(
        self,
        simd: S,
        inputs: [&[f32]; N],
        table: &[[f32; WIDE]; P],
    ) -> [[f64; WIDE]; K] {
        let table = load_table(simd, table);
        let mut totals = [[0.0_f64; WIDE]; K];
        for first in (0..self.rows).step_by(ROWS) {
            let mut parts = [[simd.splat(0.0); K]; VECTORS];
            for row in first..self.rows.min(first + ROWS) {
                let at = self.begin + row * self.stride;
                let inputs = inputs.map(|x| &x[at..at + W]);
                for (v, part) in parts.iter_mut().enumerate().take(W / S::LANES) {
                    let terms = T::terms(simd, table[v], load(simd, inputs, v));
                    for (part, term) in part.iter_mut().zip(terms) {
                        *part = simd.add(*part, term);
                    }
                }
            }
            for (v, part) in parts.into_iter().enumerate().take(W / S::LANES) {
                for (total, part) in totals.iter_mut().zip(part) {
                    let mut lanes = [0.0; LANES];
                    simd.store(part, &mut lanes);
                    for (total, lane) in total[v * S::LANES..].iter_mut().zip(&lanes[..S::LANES]) {
                        *total += f64::from(*lane);
                    }
                }
            }
        }
        totals
    }

    /// A row that is left over, filled up with zeros.
    #[inline(always)]
    fn padded<const N: usize>(self, inputs: [&[f32]; N]) -> (Columns, [[f32; LANES]; N]) {
        let mut padded = [[0.0; LANES]; N];
        for (padded, x) in padded.iter_mut().zip(inputs) {
            padded[..self.width].copy_from_slice(&x[self.begin..][..self.width]);
        }
        (Columns { begin: 0, width: LANES, ..self }, padded)
    }
}

/// One row of `len` elements from `begin` on, cut into columns.
#[inline(always)]
fn left_over(begin: usize, len: usize) -> impl Iterator<Item = Columns> {
    (0..len).step_by(LANES).map(move |first| {
        let width = LANES.min(len - first);
        Columns { begin: begin + first, rows: 1, stride: len, width, fresh: 0 }
    })
}
