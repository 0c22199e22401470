//! What holds of all kernels: lengths are checked, and parts of an op are the op.

use keras_ir::activation::Activation;
use keras_ir::algorithm::Algorithm;
use keras_ir::ops::{Conv2D, Conv2DGradX, ConvPool2D, Gemm, Op, Window};
use keras_target::split::{Read, split};

use super::check::{output_by, values};
use super::{Backend, Call, Cpu, Reference, Run, run};
use crate::simd::{Level, with_level};

/// A product of so many elements of `x`, of two samples of three numbers each.
fn product_of<B: Backend>(x_len: usize, algorithm: Algorithm) {
    let op = Gemm { m: 1, k: 3, n: 5, bias: false, f: Activation::Linear }.into();
    let (x, w) = (vec![1.0; x_len], [1.0; 15]);
    let (inputs, run_of_call) = ([&x[..], &w[..]], Run::default());
    let (mut output, mut workspace) = ([0.0; 10], vec![0.0; 1 << 16]);
    let call = Call {
        algorithm,
        samples: 2,
        inputs: &inputs,
        output: &mut output,
        workspace: &mut workspace,
        prepared: &[],
        run: run_of_call,
    };
    run::<B>(&op, call);
}

#[test]
#[should_panic(expected = "`gemm` of 2 samples cannot read [7, 15] elements and write 10")]
fn plain_loops_refuse_other_lengths() {
    product_of::<Reference>(7, Algorithm::General);
}

#[test]
#[should_panic(expected = "`gemm` of 2 samples cannot read [5, 15] elements and write 10")]
fn vectors_refuse_other_lengths() {
    product_of::<Cpu>(5, Algorithm::General);
}

#[test]
#[should_panic(expected = "`gemm` of 2 samples cannot read [5, 15] elements and write 10")]
fn rounded_products_refuse_other_lengths() {
    product_of::<Cpu>(5, Algorithm::RoundedProduct);
}

#[test]
fn declared_lengths_are_taken() {
    product_of::<Reference>(6, Algorithm::General);
    product_of::<Cpu>(6, Algorithm::General);
    product_of::<Cpu>(6, Algorithm::RoundedProduct);
}

/// Checks that the parts of an op on one sample make the numbers of the op, to the bit.
#[track_caller]
fn assert_parts(op: impl Into<Op>, algorithm: Algorithm, count: usize, lens: &[usize], len: usize) {
    let op = op.into();
    let inputs: Vec<Vec<f32>> = (1..).zip(lens).map(|(i, &len)| values(len, i)).collect();
    let inputs: Vec<&[f32]> = inputs.iter().map(|input| &input[..]).collect();
    let parts = split(&op, algorithm, count).expect("an op that is cut");
    for level in Level::available() {
        let compute = |op: &Op, inputs: &[&[f32]], len: usize| {
            let run = || output_by::<Cpu>(algorithm, op, 1, inputs, &[], &vec![f32::NAN; len]);
            with_level(level, run).expect("an available level")
        };
        let all = compute(&op, &inputs, len);
        for part in &parts {
            let reads = inputs.iter().zip(&part.inputs).map(|(input, read)| match read {
                Read::All => *input,
                Read::Elements(some) => &input[some.clone()],
                Read::Columns(_) => unreachable!("no weights are cut here"),
            });
            let reads: Vec<&[f32]> = reads.collect();
            let found = compute(&part.op, &reads, part.output.len());
            assert_eq!(found, all[part.output.clone()], "{op} at {level:?}, {:?}", part.output);
        }
    }
}

/// Of some of these parts alone another algorithm would be chosen.
#[test]
fn parts_make_the_bits_of_the_op() {
    let window =
        |input, output, kernel, pad| Window { input, output, kernel, stride: 1, dilation: 1, pad };
    let (groups, bias, norm, add, f) = (1, true, None, false, Activation::RELU);
    let (rows, columns) = (window(9, 9, 3, 1), window(7, 7, 3, 1));
    let (channels, filters) = (16, 32);
    let conv = Conv2D { rows, columns, channels, filters, groups, bias, norm, add, f };
    let lens = [63 * channels, 9 * channels * filters, filters];
    let by_x = Conv2DGradX { rows, columns, channels, filters, groups };
    for count in 2..4 {
        use Algorithm::{General, RoundedWindows, Rows, Winograd};
        for algorithm in [Winograd, Rows, General, RoundedWindows] {
            assert_parts(conv, algorithm, count, &lens, 63 * filters);
        }
        for algorithm in [Winograd, Rows] {
            assert_parts(ConvPool2D { conv }, algorithm, count, &lens, 12 * filters);
        }
        for algorithm in [Winograd, General, RoundedWindows] {
            assert_parts(by_x, algorithm, count, &[63 * filters, lens[1]], 63 * channels);
        }
    }
    // Without a row of padding a part is a plain product, by the algorithm of the op all the same.
    let (rows, columns) = (window(7, 8, 1, 1), window(5, 5, 1, 0));
    let conv = Conv2D { rows, columns, ..conv };
    let lens = [35 * channels, channels * filters, filters];
    assert_parts(conv, Algorithm::Rows, 2, &lens, 40 * filters);
    assert_parts(ConvPool2D { conv }, Algorithm::Rows, 2, &lens, 8 * filters);
}
