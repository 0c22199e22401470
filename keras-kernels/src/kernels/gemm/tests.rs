use keras_ir::activation::Activation;
use keras_ir::algorithm::Algorithm;
use keras_ir::ops::{Gemm, GemmGradW, GemmGradX, Op};
use keras_target::cost::Prepared;
use keras_target::needs::workspace_len;

use crate::kernels::check::{
    assert_adjoint, assert_as_reference, output, output_onto, output_with, values,
};
use crate::kernels::{Backend, Call, Cpu, Reference, Run, run as run_op};

#[test]
fn product_by_hand() {
    let (x, w, bias) =
        ([1.0, -2.0, 3.0, 0.5, 4.0, -1.0], [2.0, -1.0, 0.0, 3.0, 1.0, 5.0], [10.0, -20.0]);
    let op = Gemm { m: 1, k: 3, n: 2, bias: true, f: Activation::Linear };
    let y = output::<Reference>(op, 2, &[&x, &w, &bias], 4);
    assert_eq!(y, [15.0, -12.0, 10.0, -13.5]);
    let op = Gemm { f: Activation::RELU, ..op };
    assert_eq!(output::<Reference>(op, 2, &[&x, &w, &bias], 4), [15.0, 0.0, 10.0, 0.0]);
}

#[test]
fn gradients_are_adjoint_to_the_product() {
    let (m, k, n, samples) = (3, 5, 4, 2);
    let op = Gemm { m, k, n, bias: false, f: Activation::Linear };
    let lens = [samples * m * k, k * n];
    let y_len = samples * m * n;
    assert_adjoint(op, GemmGradX { m, k, n }, |x, d_y| vec![d_y, x[1]], 0, &lens, y_len, samples);
    assert_adjoint(
        op,
        GemmGradW { m, k, n, first: 0, count: k },
        |x, d_y| vec![x[0], d_y],
        1,
        &lens,
        y_len,
        samples,
    );
}

/// Extents around the lanes of every level, the tiles, the panels and what is packed at a time.
pub(in crate::kernels) const EXTENTS: [(usize, usize, usize); 16] = [
    (1, 1, 1),
    (2, 3, 5),
    (5, 1, 3),
    (3, 7, 4),
    (7, 2, 8),
    (9, 5, 7),
    (1, 9, 15),
    (1, 31, 129),
    (13, 4, 16),
    (17, 3, 17),
    (4, 37, 33),
    (35, 8, 97),
    (67, 50, 49),
    (3, 1031, 2),
    (3, 1631, 2),
    (71, 515, 66),
];

/// Shows products to a check: the op, the samples, the inputs' lengths, the output's, and how many
/// products are added up.
pub(in crate::kernels) fn each_product(check: impl Fn(Op, usize, &[usize], usize, usize)) {
    for (m, k, n) in EXTENTS {
        for (bias, f) in
            [(false, Activation::Linear), (true, Activation::RELU), (true, Activation::Tanh)]
        {
            let mut lens = vec![2 * m * k, k * n, n];
            lens.truncate(2 + usize::from(bias));
            check(Gemm { m, k, n, bias, f }.into(), 2, &lens, 2 * m * n, k);
        }
    }
}

/// As [`each_product`], their gradients.
pub(in crate::kernels) fn each_gradient(check: impl Fn(Op, usize, &[usize], usize, usize)) {
    for (m, k, n) in EXTENTS {
        check(GemmGradX { m, k, n }.into(), 2, &[2 * m * n, k * n], 2 * m * k, n);
        check(GemmGradX { m, k: n, n: k }.into(), 1, &[m * k, k * n], m * n, k);
        let lens = [2 * m * k, 2 * m * n];
        for first in [0, k / 2] {
            let count = k - first;
            check(GemmGradW { m, k, n, first, count }.into(), 2, &lens, count * n, 2 * m);
        }
    }
    // More rows than are packed at a time.
    let (m, k, n) = (523, 33, 50);
    let op = GemmGradW { m, k, n, first: 0, count: k };
    check(op.into(), 1, &[m * k, m * n], k * n, m);
}

#[test]
fn products_are_those_of_plain_loops() {
    each_product(assert_as_reference);
}

#[test]
fn gradients_are_those_of_plain_loops() {
    each_gradient(assert_as_reference);
}

/// The right matrix of an op, prepared part by part; of `rows` rows.
fn prepared(op: impl Into<Op>, right: &[f32], rows: usize) -> Vec<f32> {
    let op = op.into();
    let algorithm = Algorithm::General;
    let Prepared { len, part_len } = Prepared::panels(algorithm, rows, right.len() / rows);
    let mut cells = vec![f32::NAN; len];
    for (part, cells) in cells.chunks_mut(part_len).enumerate() {
        <Cpu as Backend>::prepare(&op, algorithm, right, part, cells);
    }
    cells
}

#[test]
fn prepared_weights_change_nothing() {
    for (m, k, n) in EXTENTS {
        // Rows enough that gradients are no dot products, whose sums have another order.
        let samples = 9;
        let (x, w) = (values(samples * m * k, 1), values(k * n, 2));
        let (d_y, d_w) = (values(samples * m * n, 3), values(k * n, 4));
        let op = Gemm { m, k, n, bias: false, f: Activation::RELU };
        let plain = output::<Cpu>(op, samples, &[&x, &w], samples * m * n);
        let start = vec![0.0; samples * m * n];
        let packed = prepared(op, &w, k);
        assert_eq!(output_with::<Cpu>(op, samples, &[&x, &w], &packed, &start), plain);

        let op = GemmGradX { m, k, n };
        let plain = output::<Cpu>(op, samples, &[&d_y, &w], samples * m * k);
        let start = vec![0.0; samples * m * k];
        let packed = prepared(op, &w, n);
        assert_eq!(output_with::<Cpu>(op, samples, &[&d_y, &w], &packed, &start), plain);

        let op = GemmGradW { m, k, n, first: 0, count: k };
        let plain = output_onto::<Cpu>(op, samples, &[&x, &d_y], &d_w);
        let packed = prepared(op, &d_y, samples * m);
        assert_eq!(output_with::<Cpu>(op, samples, &[&x, &d_y], &packed, &d_w), plain);
    }
}

#[test]
fn a_gradient_takes_the_place_of_what_was_there() {
    let run = Run { overwrites: true, ..Run::default() };
    for (m, k, n) in [(2, 7, 19), (261, 9, 50), (1, 3, 1)] {
        let (x, d_y) = (values(3 * m * k, 1), values(3 * m * n, 2));
        let op: Op = GemmGradW { m, k, n, first: 1, count: k - 1 }.into();
        let inputs: [&[f32]; 2] = [&x, &d_y];
        let added = |compute: fn(&Op, Call<'_>), algorithm: Algorithm, run: Run, start: f32| {
            let mut output = vec![start; (k - 1) * n];
            let mut workspace = vec![f32::NAN; workspace_len(&op, algorithm)];
            let workspace = &mut workspace[..];
            let (samples, inputs, prepared) = (3, &inputs[..], &[][..]);
            compute(
                &op,
                Call { algorithm, samples, inputs, output: &mut output, workspace, prepared, run },
            );
            output
        };
        for algorithm in [Algorithm::General, Algorithm::RoundedProduct] {
            for compute in [run_op::<Cpu>, run_op::<Reference>] {
                let expected = added(compute, algorithm, Run::default(), 0.0);
                assert!(expected.iter().all(|d_w| d_w.is_finite()));
                assert_eq!(added(compute, algorithm, run, f32::NAN), expected);
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_batch() {
    let (k, n, samples) = (521, 70, 67);
    let (bias, f) = (true, Activation::RELU);
    let op = Gemm { m: 1, k, n, bias, f };
    let (x, w, bias) = (values(samples * k, 1), values(k * n, 2), values(n, 3));
    let together = output::<Cpu>(op, samples, &[&x, &w, &bias], samples * n);
    for (x, y) in x.chunks(k).zip(together.chunks(n)) {
        assert_eq!(output::<Cpu>(op, 1, &[x, &w, &bias], n), y);
    }
}
