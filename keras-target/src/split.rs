//! Cuts an op on one sample into ops of the same kind, each of which computes a part of the output
//! from parts of the inputs.
//!
//! An image is cut between rows, and a product of one row between columns. Nothing is summed across
//! parts, so their outputs are the whole's, to the bit.

use alloc::vec::Vec;
use core::ops::Range;

use keras_ir::algorithm::Algorithm;
use keras_ir::ops::{Op, Window};

use crate::needs::Needs as _;

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

/// Cuts an op that an algorithm computes into at most `count` parts of about the same size, in the
/// order of the output. None if it is not cut, if it is too small to be, or if a part would read
/// nothing but padding.
pub fn split(op: &Op, algorithm: Algorithm, count: usize) -> Option<Vec<Part>> {
    let units = op.units(algorithm)?;
    let count = count.min(units.len.div_ceil(units.step));
    if count < 2 {
        return None;
    }
    let steps = units.len.div_ceil(units.step);
    let cut = |i: usize| (steps * i / count * units.step).min(units.len);
    (0..count).map(|i| op.part(algorithm, cut(i)..cut(i + 1))).collect()
}

/// What an op is cut into: rows, columns or elements.
pub struct Units {
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
    use keras_ir::activation::Activation;
    use keras_ir::ops::{Conv2D, ConvPool2D, Gemm, Softmax};

    use crate::target::{Cpu, Target as _};
    use crate::winograd::TILE;

    fn split_on_cpu(op: &Op, count: usize) -> Option<Vec<Part>> {
        split(op, Cpu.algorithm(op), count)
    }

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

    #[test]
    fn parts_join_to_the_whole() {
        let window = |extent: usize, kernel: usize| Window {
            input: extent,
            output: extent,
            kernel,
            stride: 1,
            dilation: 1,
            pad: kernel / 2,
        };
        let conv = |extent: usize, kernel: usize, channels: usize| Conv2D {
            rows: window(extent, kernel),
            columns: window(5, kernel),
            channels,
            filters: 32,
            groups: 1,
            bias: true,
            norm: None,
            add: true,
            f: Activation::Linear,
        };
        let gemm = |m: usize| Gemm { m, k: 3, n: 40, bias: true, f: Activation::Linear };
        let pooled = |channels| ConvPool2D { conv: Conv2D { add: false, ..conv(29, 3, channels) } };
        let ops: [(Op, usize); 7] = [
            (conv(28, 3, 16).into(), 28 * 5 * 32),
            (conv(7, 3, 3).into(), 7 * 5 * 32),
            (conv(3, 1, 16).into(), 3 * 5 * 32),
            (pooled(16).into(), 14 * 2 * 32),
            (pooled(3).into(), 14 * 2 * 32),
            (gemm(1).into(), 40),
            (gemm(7).into(), 280),
        ];
        for (op, len) in ops {
            for count in 2..5 {
                let parts = split_on_cpu(&op, count).unwrap();
                assert_eq!((parts[0].output.start, parts.last().unwrap().output.end), (0, len));
                assert!(parts.windows(2).all(|pair| pair[0].output.end == pair[1].output.start));
                assert!(parts.len() == count || matches!(op, Op::Gemm(Gemm { m: 1, .. })));
            }
        }
        let cuts: Vec<_> = split_on_cpu(&conv(28, 3, 16).into(), 2)
            .unwrap()
            .iter()
            .map(|part| part.output.start)
            .collect();
        assert_eq!(cuts, [0, 3 * TILE * 5 * 32], "tiles stay whole");
        let columns = split_on_cpu(&gemm(1).into(), 2).unwrap().remove(1).inputs;
        assert_eq!(columns, [Read::All, Read::Columns(16..40), Read::Elements(16..40)]);
    }

    #[test]
    fn what_cannot_be_cut_is_not() {
        assert_eq!(split_on_cpu(&Softmax { outer: 1, extent: 100, inner: 1 }.into(), 2), None);
        let product = Gemm { m: 1, k: 30, n: 10, bias: false, f: Activation::Linear };
        assert_eq!(split_on_cpu(&product.into(), 2), None);
    }

    #[test]
    fn parts_are_those_of_the_algorithm_of_the_op() {
        let starts = |op: &Op, algorithm| {
            let parts = split(op, algorithm, 2).unwrap();
            parts.iter().map(|part| part.output.start).collect::<Vec<_>>()
        };
        // The second part has one row, of which alone Winograd's algorithm would not be chosen.
        let window = Window { input: 5, output: 5, kernel: 3, stride: 1, dilation: 1, pad: 1 };
        let (channels, filters, groups, f) = (16, 16, 1, Activation::Linear);
        let op = Conv2D {
            rows: window,
            columns: window,
            channels,
            filters,
            groups,
            bias: false,
            norm: None,
            add: false,
            f,
        };
        assert_eq!(Cpu.algorithm(&op.into()), Algorithm::Winograd);
        assert_eq!(starts(&op.into(), Algorithm::Winograd), [0, TILE * 5 * filters]);
        assert_eq!(starts(&op.into(), Algorithm::General), [0, 2 * 5 * filters]);
        // A row of padding is what keeps this one from being a plain product, which pools nothing;
        // the second part has none.
        let rows = Window { input: 7, output: 8, kernel: 1, stride: 1, dilation: 1, pad: 1 };
        let columns = Window { input: 8, pad: 0, ..rows };
        let conv = Conv2D { rows, columns, channels: 3, ..op };
        assert!(Cpu.fuses_pool(&conv));
        assert_eq!(starts(&ConvPool2D { conv }.into(), Algorithm::Rows), [0, 2 * 4 * filters]);
        // A part that reads padding alone is none.
        let rows = Window { input: 2, output: 8, kernel: 1, stride: 1, dilation: 1, pad: 6 };
        let conv = Conv2D { rows, ..conv };
        assert_eq!(split(&conv.into(), Algorithm::Rows, 2), None);
    }
}
