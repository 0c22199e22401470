//! Cuts an op on one sample into ops of the same kind, each of which computes a part of the output from parts of the inputs.
//!
//! An image is cut between rows, and a product of one row between columns. Nothing is summed across parts, so their outputs are
//! the whole's, to the bit.

use alloc::vec::Vec;
use core::ops::Range;

use crate::cost::{POOLED, is_pointwise, pools};
use crate::winograd::{TILE, Winograd};
use keras_ir::ops::{self as op, ConvPool2D, Op, Window};

/// Columns of a product are cut at multiples of this, where cache lines begin.
const COLUMNS: usize = 16;

/// One part of an op.
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

/// The windows `outputs`, and the cells of the input that they read. None if they read nothing but padding.
fn window_part(window: &Window, outputs: &Range<usize>) -> Option<(Window, Range<usize>)> {
    let first = outputs.start * window.stride;
    let last = (outputs.end - 1) * window.stride + (window.kernel - 1) * window.dilation;
    let start = first.saturating_sub(window.pad);
    let end = (last + 1).saturating_sub(window.pad).min(window.input);
    let pad = window.pad.saturating_sub(first);
    let part = Window { input: end.checked_sub(start)?, output: outputs.len(), pad, ..*window };
    (part.input > 0).then_some((part, start..end))
}

/// Of the gradient by the input: the windows that reach cells `inputs` of it, as a window of its own, and which they are. None if
/// there are none, or if one would begin behind the cells.
fn adjoint_part(window: &Window, inputs: &Range<usize>) -> Option<(Window, Range<usize>)> {
    let spread = (window.kernel - 1) * window.dilation;
    let start = (inputs.start + window.pad).saturating_sub(spread).div_ceil(window.stride);
    let end = ((inputs.end - 1 + window.pad) / window.stride + 1).min(window.output);
    let pad = (inputs.start + window.pad).checked_sub(start * window.stride)?;
    let part = Window { input: inputs.len(), output: end.checked_sub(start)?, pad, ..*window };
    (part.output > 0).then_some((part, start..end))
}

/// Cuts an op into at most `count` parts of about the same size, in the order of the output. None if its kind is not cut, or
/// if it is too small to be.
pub fn split(op: &Op, count: usize) -> Option<Vec<Part>> {
    let units = units(op)?;
    let count = count.min(units.len.div_ceil(units.step));
    if count < 2 {
        return None;
    }
    let steps = units.len.div_ceil(units.step);
    let cut = |i: usize| (steps * i / count * units.step).min(units.len);
    (0..count).map(|i| part(op, cut(i)..cut(i + 1))).collect()
}

/// What an op is cut into: rows, columns or elements.
struct Units {
    len: usize,
    /// A part begins at a multiple of this.
    step: usize,
}

fn units(op: &Op) -> Option<Units> {
    let (len, step) = match op {
        Op::Unary(op) => (op.len, COLUMNS),
        Op::Affine(op) => (op.len, COLUMNS),
        Op::Binary(op) => (op.len, COLUMNS),
        Op::Gemm(op) if op.m == 1 => (op.n, COLUMNS),
        Op::Gemm(op) => (op.m, 1),
        Op::Conv2D(op) if is_pointwise(&op.rows, &op.columns, op.groups) => {
            (op.rows.output * op.columns.output, 1)
        }
        Op::Conv2D(conv) => {
            (conv.rows.output, if Winograd::of_conv2d(conv).is_some() { TILE } else { 1 })
        }
        Op::ConvPool2D(ConvPool2D { conv }) => {
            let is_winograd = Winograd::of_conv2d(conv).is_some();
            (conv.rows.output / POOLED, if is_winograd { TILE / POOLED } else { 1 })
        }
        Op::Conv2DGradX(conv) if is_pointwise(&conv.rows, &conv.columns, conv.groups) => {
            return None;
        }
        Op::Conv2DGradX(conv) => {
            let is_winograd = Winograd::of_grad_x(conv).is_some();
            (conv.rows.input, if is_winograd { TILE } else { conv.rows.stride })
        }
        Op::Depthwise2D(op) => (op.rows.output, 1),
        Op::MaxPool2D(op) => (op.rows.output, 1),
        Op::AveragePool2D(op) => (op.rows.output, 1),
        _ => return None,
    };
    Some(Units { len, step })
}

/// The part of an op that computes some of its units.
fn part(whole: &Op, units: Range<usize>) -> Option<Part> {
    let scaled = |range: &Range<usize>, by: usize| range.start * by..range.end * by;
    let part = match whole {
        Op::Unary(op) => {
            let op = op::Unary { len: units.len(), ..*op };
            Part::new(op, [Read::Elements(units.clone())], units)
        }
        Op::Affine(op) => {
            let op = op::Affine { len: units.len(), ..*op };
            Part::new(op, [Read::Elements(units.clone())], units)
        }
        Op::Binary(op) => {
            let op = op::Binary { len: units.len(), ..*op };
            Part::new(op, [Read::Elements(units.clone()), Read::Elements(units.clone())], units)
        }
        Op::Gemm(op) if op.m == 1 => {
            let bias = op.bias.then(|| Read::Elements(units.clone()));
            let inputs = [Read::All, Read::Columns(units.clone())].into_iter().chain(bias);
            Part::new(op::Gemm { n: units.len(), ..*op }, inputs, units)
        }
        Op::Gemm(op) => {
            let x = Read::Elements(scaled(&units, op.k));
            let others = (0..1 + usize::from(op.bias)).map(|_| Read::All);
            let part = op::Gemm { m: units.len(), ..*op };
            Part::new(part, [x].into_iter().chain(others), scaled(&units, op.n))
        }
        Op::Conv2D(op) => {
            let (rows, columns, x, y) = if is_pointwise(&op.rows, &op.columns, op.groups) {
                let row = |len: usize| Window { input: len, output: len, ..op.columns };
                (row(1), row(units.len()), units.clone(), units)
            } else {
                let (rows, x) = window_part(&op.rows, &units)?;
                (rows, op.columns, scaled(&x, op.columns.input), scaled(&units, op.columns.output))
            };
            let part = op::Conv2D { rows, columns, ..*op };
            // A kernel that was transformed is of no use to another algorithm.
            if Winograd::of_conv2d(op).is_some() != Winograd::of_conv2d(&part).is_some() {
                return None;
            }
            let terms = usize::from(op.bias) + op.norm.map_or(0, |norm| norm.inputs());
            let output = scaled(&y, op.filters);
            let skip = op.add.then(|| Read::Elements(output.clone()));
            let inputs = [Read::Elements(scaled(&x, op.channels)), Read::All].into_iter();
            Part::new(part, inputs.chain((0..terms).map(|_| Read::All)).chain(skip), output)
        }
        Op::ConvPool2D(ConvPool2D { conv }) => {
            // A last row without a partner goes with the others: of a tile that has it, all bits depend on it.
            let all = conv.rows.output;
            let end = if units.end == all / POOLED { all } else { POOLED * units.end };
            let Part { op, inputs, .. } = part(&(*conv).into(), POOLED * units.start..end)?;
            let Op::Conv2D(conv) = op else { return None };
            // One without the padding of the whole may be a plain product.
            if !pools(&conv) {
                return None;
            }
            let output = scaled(&units, conv.columns.output / POOLED * conv.filters);
            Part::new(ConvPool2D { conv }, inputs, output)
        }
        Op::Conv2DGradX(op) => {
            let (rows, y) = adjoint_part(&op.rows, &units)?;
            let part = op::Conv2DGradX { rows, ..*op };
            if Winograd::of_grad_x(op).is_some() != Winograd::of_grad_x(&part).is_some() {
                return None;
            }
            let d_y = Read::Elements(scaled(&y, op.columns.output * op.filters));
            let d_x = scaled(&units, op.columns.input * op.channels);
            Part::new(part, [d_y, Read::All], d_x)
        }
        Op::Depthwise2D(op) => {
            let (rows, x) = window_part(&op.rows, &units)?;
            let terms = 1 + usize::from(op.bias) + op.norm.map_or(0, |norm| norm.inputs());
            let x = Read::Elements(scaled(&x, op.columns.input * op.channels));
            let inputs = [x].into_iter().chain((0..terms).map(|_| Read::All));
            let y = scaled(&units, op.columns.output * op.channels * op.multiplier);
            Part::new(op::Depthwise2D { rows, ..*op }, inputs, y)
        }
        Op::MaxPool2D(op) => {
            let (rows, x) = window_part(&op.rows, &units)?;
            let x = Read::Elements(scaled(&x, op.columns.input * op.channels));
            let y = scaled(&units, op.columns.output * op.channels);
            Part::new(op::MaxPool2D { rows, ..*op }, [x], y)
        }
        Op::AveragePool2D(op) => {
            let (rows, x) = window_part(&op.rows, &units)?;
            let x = Read::Elements(scaled(&x, op.columns.input * op.channels));
            let y = scaled(&units, op.columns.output * op.channels);
            Part::new(op::AveragePool2D { rows, ..*op }, [x], y)
        }
        _ => return None,
    };
    Some(part)
}

impl Part {
    fn new(
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
    use keras_ir::ops::{Conv2D, Gemm, Softmax};

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
                let parts = split(&op, count).unwrap();
                assert_eq!((parts[0].output.start, parts.last().unwrap().output.end), (0, len));
                assert!(parts.windows(2).all(|pair| pair[0].output.end == pair[1].output.start));
                assert!(parts.len() == count || matches!(op, Op::Gemm(Gemm { m: 1, .. })));
            }
        }
        let cuts: Vec<_> = split(&conv(28, 3, 16).into(), 2)
            .unwrap()
            .iter()
            .map(|part| part.output.start)
            .collect();
        assert_eq!(cuts, [0, 3 * TILE * 5 * 32], "tiles stay whole");
        let columns = split(&gemm(1).into(), 2).unwrap().remove(1).inputs;
        assert_eq!(columns, [Read::All, Read::Columns(16..40), Read::Elements(16..40)]);
    }

    #[test]
    fn what_cannot_be_cut_is_not() {
        assert_eq!(split(&Softmax { outer: 1, extent: 100, inner: 1 }.into(), 2), None);
        let product = Gemm { m: 1, k: 30, n: 10, bias: false, f: Activation::Linear };
        assert_eq!(split(&product.into(), 2), None);
        // Five rows would leave a part of one, which Winograd's algorithm does not take.
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
        assert_eq!(split(&op.into(), 2), None);
        // A row of padding is what keeps this one from being a plain product, which pools nothing.
        let rows = Window { input: 7, output: 8, kernel: 1, stride: 1, dilation: 1, pad: 1 };
        let columns = Window { input: 8, pad: 0, ..rows };
        let conv = Conv2D { rows, columns, channels: 3, ..op };
        assert!(pools(&conv));
        assert_eq!(split(&ConvPool2D { conv }.into(), 2), None);
    }
}
