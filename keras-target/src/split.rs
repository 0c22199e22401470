//! Cuts an op on one sample into ops of the same kind, each of which computes a part of the output
//! from parts of the inputs.
//!
//! An image is cut between rows, and a product of one row between columns. Nothing is summed across
//! parts, so their outputs are the whole's, to the bit.

use alloc::vec::Vec;

use keras_ir::algorithm::Algorithm;
use keras_ir::ops::Op;

use crate::needs::Needs as _;
pub use crate::part::{Part, Read};

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

#[cfg(test)]
mod tests {
    use super::*;
    use keras_ir::activation::Activation;
    use keras_ir::ops::{Conv2D, ConvPool2D, Gemm, Softmax, Window};

    use crate::target::{Cpu, Target as _};
    use crate::winograd::TILE;

    fn split_on_cpu(op: &Op, count: usize) -> Option<Vec<Part>> {
        split(op, Cpu.algorithm(op), count)
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
