//! One axis of a depthwise convolution or of its gradient by `x`, both seen as correlations.
//!
//! The gradient with a stride of `s` is `s` correlations without one: cells of the input whose
//! indices leave the same rest when divided by `s` (a phase) are reached through the same cells of
//! the kernel.

use core::ops::Range;

use keras_ir::ops::Window;
use keras_target::phase::Phase;

/// Output `first + q · step` reads the inputs `q · stride + offset + t · offset_step` through the
/// cells `first_cell + t · cell_step` of the kernel, for `t` in `0..taps`, as far as there are such
/// inputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// How many `q` there are.
    pub(super) outputs: usize,
    first: usize,
    step: usize,
    pub(super) stride: usize,
    pub(super) taps: usize,
    first_cell: usize,
    cell_step: usize,
    offset: isize,
    offset_step: isize,
    inputs: usize,
}

impl Line {
    /// The convolution.
    pub(super) fn forward(window: &Window) -> Line {
        Line {
            outputs: window.output,
            first: 0,
            step: 1,
            stride: window.stride,
            taps: window.kernel,
            first_cell: 0,
            cell_step: 1,
            offset: -(window.pad as isize),
            offset_step: window.dilation as isize,
            inputs: window.input,
        }
    }

    /// One phase of the gradient by `x`: its outputs are cells of the input.
    pub(super) fn backward(window: &Window, phase: &Phase) -> Line {
        // Backwards: in the order of the kernel's cells.
        let taps = phase.window.kernel;
        let first_cell = phase.last - (taps - 1) * phase.step;
        let distance =
            (phase.first + window.pad) as isize - (first_cell * window.dilation) as isize;
        Line {
            outputs: phase.window.output,
            first: phase.first,
            step: window.stride,
            stride: 1,
            taps,
            first_cell,
            cell_step: phase.step,
            // From cell `k` the gradient of output `(p + pad - k · dilation) / stride` comes to
            // `p`.
            offset: distance.div_euclid(window.stride as isize),
            offset_step: -(phase.window.dilation as isize),
            inputs: window.output,
        }
    }

    /// The index of output `q`.
    #[inline(always)]
    pub(super) fn output(&self, q: usize) -> usize {
        self.first + q * self.step
    }

    /// The cell of the kernel of a tap.
    #[inline(always)]
    pub(super) fn cell(&self, t: usize) -> usize {
        self.first_cell + t * self.cell_step
    }

    /// The input that output `q` reads by a real tap.
    #[inline(always)]
    pub(super) fn input(&self, q: usize, t: usize) -> usize {
        self.place(q, t) as usize
    }

    fn place(&self, q: usize, t: usize) -> isize {
        (q * self.stride) as isize + self.offset + t as isize * self.offset_step
    }

    /// The taps of output `q` that are no padding.
    pub(super) fn real_taps(&self, q: usize) -> Range<usize> {
        let (first, inputs) = (self.place(q, 0), self.inputs as isize);
        let step = self.offset_step.unsigned_abs();
        // Taps before `begin` lie before the inputs, or behind them if taps go backwards.
        let (before, until) = match self.offset_step > 0 {
            true => (-first, inputs - first),
            false => (first - inputs + 1, first + 1),
        };
        let begin = taps_within(before, step).min(self.taps);
        begin..taps_within(until, step).clamp(begin, self.taps)
    }

    /// The outputs none of whose taps is padding.
    pub(super) fn interior(&self) -> Range<usize> {
        let is_inside = |q: &usize| self.real_taps(*q) == (0..self.taps);
        let begin = (0..self.outputs).find(is_inside).unwrap_or(self.outputs);
        let end = (begin..self.outputs).find(|q| !is_inside(q)).unwrap_or(self.outputs);
        begin..end
    }
}

/// Taps that are less than `distance` away from the first, which has a distance of 0.
fn taps_within(distance: isize, step: usize) -> usize {
    let distance = distance.max(0) as usize;
    // A division is slow.
    if step == 1 { distance } else { distance.div_ceil(step) }
}

#[cfg(test)]
mod tests {
    use keras_target::phase::phases;

    use super::*;
    use crate::kernels::window::cell;

    const WINDOWS: [Window; 7] = [
        Window { input: 5, output: 3, kernel: 3, stride: 2, dilation: 1, pad: 1 },
        Window { input: 9, output: 5, kernel: 4, stride: 2, dilation: 2, pad: 2 },
        Window { input: 7, output: 7, kernel: 3, stride: 1, dilation: 1, pad: 1 },
        Window { input: 11, output: 3, kernel: 2, stride: 4, dilation: 3, pad: 0 },
        Window { input: 3, output: 6, kernel: 2, stride: 6, dilation: 4, pad: 8 },
        Window { input: 5, output: 1, kernel: 3, stride: 1 << 31, dilation: 1, pad: 1 },
        Window { input: 4, output: 4, kernel: 3, stride: 1, dilation: 1 << 31, pad: 1 << 31 },
    ];

    /// Output, cell of the kernel and input of all real taps.
    fn all(line: &Line) -> Vec<[usize; 3]> {
        (0..line.outputs)
            .flat_map(|q| {
                line.real_taps(q).map(move |t| [line.output(q), line.cell(t), line.input(q, t)])
            })
            .collect()
    }

    #[test]
    fn lines_hold_the_windows() {
        for window in WINDOWS {
            let pairs = (0..window.output).flat_map(|o| (0..window.kernel).map(move |k| (o, k)));
            let mut expected: Vec<[usize; 3]> =
                pairs.filter_map(|(o, k)| Some([o, k, cell(&window, o, k)?])).collect();
            assert_eq!(all(&Line::forward(&window)), expected, "{window:?}");
            let mut found: Vec<[usize; 3]> =
                phases(window).flat_map(|phase| all(&Line::backward(&window, &phase))).collect();
            expected.iter_mut().for_each(|tap| tap.swap(0, 2));
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{window:?}");
        }
    }

    #[test]
    fn the_interior_has_all_taps() {
        let line = Line::forward(&WINDOWS[2]);
        assert_eq!(line.interior(), 1..6);
        assert_eq!((line.real_taps(0), line.real_taps(6)), (1..3, 0..2));
    }
}
