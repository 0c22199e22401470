//! Loops over tensors `[rows, channels, inner]` where each channel has numbers of its own.
//!
//! Channels are taken [`BLOCK`] at a time, so that their numbers stay on the stack and in registers. Where `inner` is 1
//! the loop runs along the channels, else along `inner`. Sums are `f32` over [`ROWS`] rows and `f64` beyond.

/// Channels taken together.
const BLOCK: usize = 32;
/// Rows summed in `f32` before they join the `f64` total.
const ROWS: usize = 64;

/// The extents of a tensor, with all samples among the rows.
#[derive(Clone, Copy)]
pub(super) struct Channels {
    pub(super) channels: usize,
    pub(super) inner: usize,
    rows: usize,
}

impl Channels {
    /// Panics if a length differs.
    pub(super) fn new<const N: usize>(
        [outer, channels, inner]: [usize; 3],
        samples: usize,
        tensors: [&[f32]; N],
    ) -> Channels {
        let len = outer * channels * inner * samples;
        assert!(len > 0, "no extent is 0");
        for tensor in tensors {
            assert_eq!(tensor.len(), len, "a tensor has the op's extents");
        }
        Channels { channels, inner, rows: outer * samples }
    }

    /// Elements of one channel.
    pub(super) fn count(&self) -> usize {
        self.rows * self.inner
    }

    /// `y[r, c, i] = f(numbers(c), inputs[0][r, c, i], ..)`.
    #[inline(always)]
    pub(super) fn map<const N: usize, const P: usize>(
        &self,
        inputs: [&[f32]; N],
        y: &mut [f32],
        numbers: impl Fn(usize) -> [f32; P],
        f: impl Fn([f32; P], [f32; N]) -> f32,
    ) {
        let Channels { channels, inner, .. } = *self;
        if inner > 1 {
            for (line, y) in y.chunks_exact_mut(inner).enumerate() {
                let p = numbers(line % channels);
                let inputs = inputs.map(|x| &x[line * inner..][..inner]);
                for (i, y) in y.iter_mut().enumerate() {
                    *y = f(p, inputs.map(|x| x[i]));
                }
            }
            return;
        }
        for begin in (0..channels).step_by(BLOCK) {
            let width = BLOCK.min(channels - begin);
            let table = tabulate(begin, width, &numbers);
            for row in 0..self.rows {
                let at = row * channels + begin;
                let (inputs, y) = (inputs.map(|x| &x[at..at + width]), &mut y[at..at + width]);
                let table = table.each_ref().map(|numbers| &numbers[..width]);
                for (c, y) in y.iter_mut().enumerate() {
                    *y = f(table.map(|numbers| numbers[c]), inputs.map(|x| x[c]));
                }
            }
        }
    }

    /// Calls `take(c, sums)` for each channel, with the sums of `f(numbers(c), inputs[0][r, c, i], ..)` over `r` and `i`.
    #[inline(always)]
    pub(super) fn sum<const N: usize, const P: usize, const S: usize>(
        &self,
        inputs: [&[f32]; N],
        numbers: impl Fn(usize) -> [f32; P],
        f: impl Fn([f32; P], [f32; N]) -> [f32; S],
        mut take: impl FnMut(usize, [f64; S]),
    ) {
        let Channels { channels, inner, .. } = *self;
        if inner > 1 {
            for c in 0..channels {
                take(c, self.sum_lines(inputs, c, numbers(c), &f));
            }
            return;
        }
        for begin in (0..channels).step_by(BLOCK) {
            let width = BLOCK.min(channels - begin);
            let table = tabulate(begin, width, &numbers);
            let mut totals = [[0.0_f64; BLOCK]; S];
            for first in (0..self.rows).step_by(ROWS) {
                let mut parts = [[0.0_f32; BLOCK]; S];
                for row in first..self.rows.min(first + ROWS) {
                    let at = row * channels + begin;
                    let inputs = inputs.map(|x| &x[at..at + width]);
                    for c in 0..width {
                        let terms = f(table.map(|numbers| numbers[c]), inputs.map(|x| x[c]));
                        for (part, term) in parts.iter_mut().zip(terms) {
                            part[c] += term;
                        }
                    }
                }
                for (total, part) in totals.as_flattened_mut().iter_mut().zip(parts.as_flattened())
                {
                    *total += f64::from(*part);
                }
            }
            for c in 0..width {
                take(begin + c, totals.map(|total| total[c]));
            }
        }
    }

    /// The sums of one channel, along `inner` in lanes.
    #[inline(always)]
    fn sum_lines<const N: usize, const P: usize, const S: usize>(
        &self,
        inputs: [&[f32]; N],
        c: usize,
        numbers: [f32; P],
        f: impl Fn([f32; P], [f32; N]) -> [f32; S],
    ) -> [f64; S] {
        let mut totals = [0.0_f64; S];
        for row in 0..self.rows {
            let line = inputs.map(|x| &x[(row * self.channels + c) * self.inner..][..self.inner]);
            for first in (0..self.inner).step_by(ROWS * BLOCK) {
                let mut lanes = [[0.0_f32; BLOCK]; S];
                for begin in (first..self.inner.min(first + ROWS * BLOCK)).step_by(BLOCK) {
                    let width = BLOCK.min(self.inner - begin);
                    let line = line.map(|x| &x[begin..begin + width]);
                    for i in 0..width {
                        for (lane, term) in lanes.iter_mut().zip(f(numbers, line.map(|x| x[i]))) {
                            lane[i] += term;
                        }
                    }
                }
                for (total, lanes) in totals.iter_mut().zip(lanes) {
                    *total += lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>();
                }
            }
        }
        totals
    }
}

/// The numbers of some neighbouring channels, each kind side by side.
#[inline(always)]
fn tabulate<const P: usize>(
    begin: usize,
    width: usize,
    numbers: impl Fn(usize) -> [f32; P],
) -> [[f32; BLOCK]; P] {
    let mut table = [[0.0; BLOCK]; P];
    for c in 0..width {
        for (kind, number) in table.iter_mut().zip(numbers(begin + c)) {
            kind[c] = number;
        }
    }
    table
}
