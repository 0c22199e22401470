//! Products under the policy, on every instruction set, against plain loops on rounded operands.

use keras_ir::activation::Activation;
use keras_ir::algorithm::Algorithm;
use keras_ir::ops::{
    Conv2D, Conv2DGradW, Conv2DGradX, Gemm, GemmGradW, GemmGradX, Matmul, Normalize, Op, Window,
};

use keras_target::cost::Prepared;
use keras_target::needs;
use keras_target::target::{MixedBfloat16, Target as _};

use crate::kernels::check::{assert_as_reference_by, assert_close, output_by, values};
use crate::kernels::gemm::tests::{EXTENTS, each_gradient, each_product};
use crate::kernels::{Backend, Cpu, Reference};
use crate::simd::{Level, with_level};

fn output_onto<B: Backend>(op: &Op, samples: usize, inputs: &[&[f32]], start: &[f32]) -> Vec<f32> {
    output_with::<B>(op, samples, inputs, &[], start)
}

fn output_with<B: Backend>(
    op: &Op,
    samples: usize,
    inputs: &[&[f32]],
    prepared: &[f32],
    start: &[f32],
) -> Vec<f32> {
    output_by::<B>(MixedBfloat16.algorithm(op), op, samples, inputs, prepared, start)
}

/// The right matrix of a product, of `rows` rows, prepared part by part.
fn prepared(op: &Op, right: &[f32], rows: usize) -> Vec<f32> {
    let algorithm = MixedBfloat16.algorithm(op);
    let Prepared { len, part_len } = Prepared::panels(algorithm, rows, right.len() / rows);
    let mut cells = vec![f32::NAN; len];
    for (part, cells) in cells.chunks_mut(part_len).enumerate() {
        <Cpu as Backend>::prepare(op, algorithm, right, part, cells);
    }
    cells
}

/// Compares on every level what is made of prepared right matrices, of `rows` rows.
#[track_caller]
fn assert_prepared(op: impl Into<Op>, [left, right, y]: [usize; 3], rows: usize) {
    let (op, samples) = (op.into(), 1);
    let (left, right, start) = (values(left, 1), values(right, 2), values(y, 3));
    let expected = output_onto::<Reference>(&op, samples, &[&left, &right], &start);
    for level in Level::available() {
        let found = with_level(level, || {
            let prepared = prepared(&op, &right, rows);
            output_with::<Cpu>(&op, samples, &[&left, &right], &prepared, &start)
        });
        let tolerance = 4.0 * f32::EPSILON * (rows as f32 + 4.0);
        let what = format!("{op:?} prepared at {level:?}");
        assert_close(&found.expect("an available level"), &expected, tolerance, &what);
    }
}

#[test]
fn prepared_products_are_those_of_rounded_operands() {
    for (m, k, n) in EXTENTS {
        let op = Gemm { m, k, n, bias: false, f: Activation::RELU };
        assert_prepared(op, [m * k, k * n, m * n], k);
        assert_prepared(GemmGradX { m, k: n, n: k }, [m * k, k * n, m * n], k);
        let op = GemmGradW { m, k, n, first: 0, count: k };
        assert_prepared(op, [m * k, m * n, k * n], m);
    }
    // More rows than are packed at a time.
    let (m, k, n) = (1633, 133, 50);
    let op = GemmGradW { m, k, n, first: 0, count: k };
    assert_prepared(op, [m * k, m * n, k * n], m);
}

/// Compares on every level, without and with a NaN in each input.
#[track_caller]
fn assert_as_rounded(
    op: impl Into<Op>,
    samples: usize,
    lens: &[usize],
    output_len: usize,
    terms: usize,
) {
    let op = op.into();
    let algorithm = MixedBfloat16.algorithm(&op);
    assert!(algorithm.is_rounded(), "{op:?}");
    assert_as_reference_by(algorithm, op, samples, lens, output_len, terms);
}

#[test]
fn products_are_those_of_rounded_operands() {
    each_product(assert_as_rounded);
}

#[test]
fn gradients_are_those_of_rounded_operands() {
    each_gradient(assert_as_rounded);
}

#[test]
fn products_of_two_tensors_are_those_of_rounded_operands() {
    for (m, k, n) in EXTENTS {
        for transposed_a in [false, true] {
            for transposed_b in [false, true] {
                let op = Matmul { pairs: 3, m, k, n, transposed_a, transposed_b };
                assert_as_rounded(op, 2, &[6 * m * k, 6 * k * n], 6 * m * n, k);
            }
        }
    }
    // More rows than are packed at a time.
    let [m, k, n] = [133, 259, 5];
    let op = Matmul { pairs: 1, m, k, n, transposed_a: true, transposed_b: true };
    assert_as_rounded(op, 1, &[m * k, k * n], m * n, k);
}

/// A window without and with padding, strides and dilation.
fn windows() -> impl Iterator<Item = [Window; 2]> {
    let window = |input, kernel, stride, dilation, before, after| {
        let span = (kernel - 1) * dilation + 1;
        let output = (input + before + after - span) / stride + 1;
        Window { input, output, kernel, stride, dilation, pad: before }
    };
    [
        [window(6, 3, 1, 1, 0, 0), window(9, 3, 1, 1, 0, 0)],
        [window(7, 3, 1, 1, 1, 1), window(6, 3, 1, 1, 1, 1)],
        [window(8, 3, 2, 1, 0, 1), window(11, 3, 2, 1, 1, 1)],
        [window(5, 1, 1, 1, 0, 0), window(4, 1, 1, 1, 0, 0)],
        [window(7, 1, 2, 1, 0, 0), window(10, 1, 2, 1, 0, 0)],
        [window(9, 2, 1, 3, 2, 1), window(8, 3, 1, 2, 2, 2)],
        [window(3, 5, 3, 1, 4, 4), window(13, 4, 3, 1, 2, 2)],
        [window(40, 3, 1, 1, 1, 1), window(37, 3, 1, 1, 1, 1)],
    ]
    .into_iter()
}

#[test]
fn convolutions_are_those_of_rounded_operands() {
    for [rows, columns] in windows() {
        let (x_cells, y_cells) = (rows.input * columns.input, rows.output * columns.output);
        let taps = rows.kernel * columns.kernel;
        for (channels, filters) in [(6, 20), (18, 34), (50, 6)] {
            if x_cells > 1000 && filters != 20 {
                continue;
            }
            let groups = 1;
            let (x_len, y_len) = (x_cells * channels, y_cells * filters);
            let kernel_len = taps * channels * filters;
            for (bias, f) in [(false, Activation::Linear), (true, Activation::RELU)] {
                let (norm, add) = (None, false);
                let op = Conv2D { rows, columns, channels, filters, groups, bias, norm, add, f };
                let mut lens = vec![3 * x_len, kernel_len, filters];
                lens.truncate(2 + usize::from(bias));
                assert_as_rounded(op, 3, &lens, 3 * y_len, taps * channels);
                // The variances have both signs; with epsilon they are positive.
                let norm = Some(Normalize { epsilon: 9.0, scale: true, center: true });
                let op = Conv2D { norm, add: true, ..op };
                lens.extend([filters; 4]);
                lens.push(3 * y_len);
                assert_as_rounded(op, 3, &lens, 3 * y_len, taps * channels);
            }
            let op = Conv2DGradX { rows, columns, channels, filters, groups };
            assert_as_rounded(op, 3, &[3 * y_len, kernel_len], 3 * x_len, taps * filters);
            let op = Conv2DGradW { rows, columns, channels, filters, groups };
            assert_as_rounded(op, 3, &[3 * x_len, 3 * y_len], kernel_len, 3 * y_cells);
        }
    }
}

#[test]
fn what_is_faster_by_winograds_algorithm_is_not_rounded() {
    let window = Window { input: 9, output: 7, kernel: 3, stride: 1, dilation: 1, pad: 0 };
    let (rows, columns, groups, samples) = (window, window, 1, 3);
    let (bias, f, norm, add) = (false, Activation::Linear, None, false);
    for (channels, filters, is_exact) in [(32, 48, true), (16, 32, true), (24, 16, false)] {
        let op = Conv2D { rows, columns, channels, filters, groups, bias, norm, add, f }.into();
        let grad_x = Conv2DGradX { rows, columns, channels, filters, groups }.into();
        let grad_w = Conv2DGradW { rows, columns, channels, filters, groups }.into();
        for op in [&op, &grad_x, &grad_w] {
            assert_eq!(MixedBfloat16.algorithm(op).is_rounded(), !is_exact, "{op}");
        }
        if !is_exact {
            continue;
        }
        let (x, kernel) = (values(samples * 81 * channels, 1), values(9 * channels * filters, 2));
        let len = samples * 49 * filters;
        let prepared = needs::prepared(&op, Algorithm::Winograd).expect("a transformed kernel");
        let mut cells = vec![f32::NAN; prepared.len];
        <Cpu as Backend>::prepare(&op, Algorithm::Winograd, &kernel, 0, &mut cells);
        let found = output_with::<Cpu>(&op, samples, &[&x, &kernel], &cells, &vec![0.0; len]);
        let exact = super::super::check::output::<Cpu>(op, samples, &[&x, &kernel], len);
        assert_eq!(found, exact);
    }
}

#[test]
fn what_comes_in_no_pairs_is_not_rounded() {
    let window = Window { input: 6, output: 4, kernel: 3, stride: 1, dilation: 1, pad: 0 };
    let (rows, columns, channels, filters, groups) = (window, window, 1, 8, 1);
    let (bias, f) = (false, Activation::Linear);
    let (norm, add) = (None, false);
    let op = Conv2D { rows, columns, channels, filters, groups, bias, norm, add, f }.into();
    assert!(!MixedBfloat16.algorithm(&op).is_rounded());
    let (x, kernel) = (values(36, 1), values(72, 2));
    let found = output_onto::<Cpu>(&op, 1, &[&x, &kernel], &[0.0; 128]);
    assert_eq!(found, super::super::check::output::<Cpu>(op, 1, &[&x, &kernel], 128));
}
