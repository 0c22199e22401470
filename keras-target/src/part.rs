//! Parts of an op, which compute a part of its output from parts of its inputs, and the windows of
//! such.

use alloc::vec::Vec;
use core::ops::Range;

use keras_ir::ops::{Op, Window};

/// One part of an op. The algorithm that computes the op computes it too: it could read no kernel
/// that another one has transformed.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What computes it.
    pub op: Op,
    /// What it reads of each input.
    pub inputs: Vec<Read>,
    /// The elements of the output that it computes.
    pub output: Range<usize>,
}

/// What a part reads of an input.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// All.
    All,
    /// Some elements.
    Elements(Range<usize>),
    /// Some columns of a matrix, one row after the other.
    Columns(Range<usize>),
}

/// The windows `outputs`, and the cells of the input that they read. None if they read nothing but
/// padding.
pub(crate) fn window_part(
    window: &Window,
    outputs: &Range<usize>,
) -> Option<(Window, Range<usize>)> {
    let first = outputs.start * window.stride;
    let last = (outputs.end - 1) * window.stride + (window.kernel - 1) * window.dilation;
    let start = first.saturating_sub(window.pad);
    let end = (last + 1).saturating_sub(window.pad).min(window.input);
    let pad = window.pad.saturating_sub(first);
    let part = Window { input: end.checked_sub(start)?, output: outputs.len(), pad, ..*window };
    (part.input > 0).then_some((part, start..end))
}

/// Of the gradient by the input: the windows that reach cells `inputs` of it, as a window of its
/// own, and which they are. None if there are none, or if one would begin behind the cells.
pub(crate) fn adjoint_part(
    window: &Window,
    inputs: &Range<usize>,
) -> Option<(Window, Range<usize>)> {
    let spread = (window.kernel - 1) * window.dilation;
    let start = (inputs.start + window.pad).saturating_sub(spread).div_ceil(window.stride);
    let end = ((inputs.end - 1 + window.pad) / window.stride + 1).min(window.output);
    let pad = (inputs.start + window.pad).checked_sub(start * window.stride)?;
    let part = Window { input: inputs.len(), output: end.checked_sub(start)?, pad, ..*window };
    (part.output > 0).then_some((part, start..end))
}

/// What an op is cut into: rows, columns or elements.
pub(crate) struct Units {
    /// How many.
    pub len: usize,
    /// A part begins at a multiple of this.
    pub step: usize,
}

/// The elements of units of so many elements.
pub(crate) fn scaled(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start * by..range.end * by
}

impl Part {
    pub(crate) fn new(
        op: impl Into<Op>,
        inputs: impl IntoIterator<Item = Read>,
        output: Range<usize>,
    ) -> Part {
        Part { op: op.into(), inputs: inputs.into_iter().collect(), output }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_window_read_what_the_whole_reads() {
        for (input, kernel, stride, dilation, pad) in
            [(9, 3, 1, 1, 1), (11, 3, 2, 1, 0), (7, 2, 1, 3, 4), (12, 5, 3, 2, 2)]
        {
            let output = (input + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
            let whole = Window { input, output, kernel, stride, dilation, pad };
            for (from, to) in (0..output).flat_map(|a| (a + 1..=output).map(move |b| (a, b))) {
                let read = |window: &Window, o: usize, k: usize| {
                    (o * window.stride + k * window.dilation)
                        .checked_sub(window.pad)
                        .filter(|&cell| cell < window.input)
                };
                let Some((part, cells)) = window_part(&whole, &(from..to)) else {
                    let mut all = (from..to).flat_map(|o| (0..kernel).map(move |k| (o, k)));
                    assert!(
                        all.all(|(o, k)| read(&whole, o, k).is_none()),
                        "{whole:?} {from}..{to}"
                    );
                    continue;
                };
                assert_eq!((part.input, part.output), (cells.len(), to - from));
                for (o, k) in (from..to).flat_map(|o| (0..kernel).map(move |k| (o, k))) {
                    let found = read(&part, o - from, k).map(|cell| cell + cells.start);
                    assert_eq!(found, read(&whole, o, k), "{whole:?} {from}..{to}: {o}, {k}");
                }
            }
        }
    }

    #[test]
    fn parts_of_an_adjoint_read_what_the_whole_reads() {
        for (input, output, kernel, stride, dilation, pad) in
            [(9, 9, 3, 1, 1, 1), (14, 7, 3, 2, 1, 0), (7, 11, 2, 1, 3, 4), (12, 4, 5, 3, 2, 2)]
        {
            let whole = Window { input, output, kernel, stride, dilation, pad };
            // The windows and taps that reach a cell.
            let reach = |window: &Window, cell: usize| {
                let all = (0..window.output).flat_map(|o| (0..kernel).map(move |k| (o, k)));
                let at = move |(o, k): &(usize, usize)| o * stride + k * dilation;
                let pad = window.pad;
                all.filter(move |tap| at(tap) == cell + pad).collect::<Vec<_>>()
            };
            for (from, to) in (0..input).flat_map(|a| (a + 1..=input).map(move |b| (a, b))) {
                let Some((part, read)) = adjoint_part(&whole, &(from..to)) else { continue };
                assert_eq!((part.input, part.output), (to - from, read.len()));
                for cell in from..to {
                    let found = reach(&part, cell - from).into_iter();
                    let found: Vec<_> = found.map(|(o, k)| (o + read.start, k)).collect();
                    assert_eq!(found, reach(&whole, cell), "{whole:?} {from}..{to}: {cell}");
                }
            }
            assert!(adjoint_part(&whole, &(0..input)).is_some());
        }
    }
}
