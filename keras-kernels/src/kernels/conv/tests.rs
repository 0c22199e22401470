use keras_ir::activation::Activation;
use keras_ir::algorithm::Algorithm;
use keras_ir::ops::{
    Conv2D, Conv2DGradW, Conv2DGradX, ConvPool2D, MaxPool2D, Normalize, Op, Window,
};
use keras_target::cost::Prepared;
use keras_target::needs::prepared;
use keras_target::target::{self, Target as _};

use crate::kernels::check::{assert_adjoint, assert_as_reference, output, output_with, values};
use crate::kernels::{Backend, Cpu, Reference};
use crate::simd::{Level, with_level};

#[test]
fn convolution_by_hand() {
    // One row of two channels, window of 2 with stride 2 and one cell of padding in front.
    let rows = Window { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0 };
    let columns = Window { input: 3, output: 2, kernel: 2, stride: 2, dilation: 1, pad: 1 };
    let op = Conv2D {
        rows,
        columns,
        channels: 2,
        filters: 1,
        groups: 1,
        bias: true,
        norm: None,
        add: false,
        f: Activation::Linear,
    };
    let x = [1.0, 2.0, 3.0, -4.0, 5.0, 6.0];
    let kernel = [10.0, 100.0, -1.0, 0.5];
    let y = output::<Reference>(op, 1, &[&x, &kernel, &[7.0]], 2);
    assert_eq!(y, [7.0 - 1.0 + 1.0, 7.0 + 30.0 - 400.0 - 5.0 + 3.0]);
}

#[test]
fn cells_that_no_window_reads_have_gradient_zero() {
    let rows = Window { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0 };
    let columns = Window { input: 8, output: 3, kernel: 1, stride: 3, dilation: 1, pad: 0 };
    let op = Conv2DGradX { rows, columns, channels: 1, filters: 1, groups: 1 };
    let d_x = output::<Reference>(op, 1, &[&[1.0, 2.0, 3.0], &[-2.0]], 8);
    assert_eq!(d_x, [-2.0, 0.0, 0.0, -4.0, 0.0, 0.0, -6.0, 0.0]);
}

#[test]
fn gradients_are_adjoint_to_the_convolution() {
    let rows = Window { input: 5, output: 3, kernel: 3, stride: 2, dilation: 1, pad: 1 };
    let columns = Window { input: 6, output: 4, kernel: 2, stride: 1, dilation: 3, pad: 1 };
    for (channels, filters, groups) in [(2, 3, 1), (4, 6, 2)] {
        let (bias, f, samples) = (false, Activation::Linear, 2);
        let op =
            Conv2D { rows, columns, channels, filters, groups, bias, norm: None, add: false, f };
        let lens = [samples * 30 * channels, 6 * channels / groups * filters];
        let y_len = samples * 12 * filters;
        let by_x = Conv2DGradX { rows, columns, channels, filters, groups };
        assert_adjoint(op, by_x, |x, d_y| vec![d_y, x[1]], 0, &lens, y_len, samples);
        let by_w = Conv2DGradW { rows, columns, channels, filters, groups };
        assert_adjoint(op, by_w, |x, d_y| vec![x[0], d_y], 1, &lens, y_len, samples);
    }
}

const fn window(
    input: usize,
    output: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    pad: usize,
) -> Window {
    Window { input, output, kernel, stride, dilation, pad }
}

/// Same and valid, strides, dilations, windows in the padding alone, uncovered cells, one cell,
/// pointwise, a stride that no loop may run over.
const WINDOWS: [(Window, Window); 13] = [
    (window(5, 5, 3, 1, 1, 1), window(7, 7, 3, 1, 1, 1)),
    (window(5, 3, 3, 1, 1, 0), window(11, 9, 3, 1, 1, 0)),
    (window(6, 3, 3, 2, 1, 0), window(9, 5, 3, 2, 1, 1)),
    (window(4, 2, 1, 2, 1, 0), window(5, 3, 1, 2, 1, 0)),
    (window(8, 3, 2, 3, 1, 0), window(10, 4, 1, 3, 1, 0)),
    (window(7, 3, 3, 1, 2, 0), window(8, 8, 3, 1, 2, 2)),
    (window(3, 5, 1, 1, 1, 1), window(4, 7, 2, 1, 1, 2)),
    (window(2, 4, 2, 2, 1, 3), window(3, 4, 2, 2, 3, 4)),
    (window(1, 1, 1, 1, 1, 0), window(3, 1, 3, 1, 1, 0)),
    (window(3, 3, 1, 1, 1, 0), window(5, 5, 1, 1, 1, 0)),
    (window(6, 1, 5, 4, 1, 0), window(19, 17, 3, 1, 1, 0)),
    (window(3, 2, 4, 2, 1, 1), window(2, 1, 5, 1, 1, 1)),
    (window(6, 1, 5, 1 << 31, 1, 0), window(4, 1, 3, 1 << 31, 1, 1)),
];

/// Channels, filters and groups.
const CHANNELS: [(usize, usize, usize); 20] = [
    (1, 1, 1),
    (1, 19, 1),
    (1, 32, 1),
    (3, 48, 1),
    (37, 1, 1),
    (23, 4, 1),
    (38, 6, 2),
    (2, 3, 1),
    (3, 17, 1),
    (16, 5, 1),
    (17, 34, 1),
    (5, 49, 1),
    (4, 6, 2),
    (6, 3, 3),
    (34, 38, 2),
    (16, 16, 1),
    (16, 48, 1),
    (48, 16, 1),
    (13, 8, 1),
    (8, 21, 1),
];

#[test]
fn convolutions_are_those_of_plain_loops() {
    let samples = 2;
    for (rows, columns) in WINDOWS {
        for (channels, filters, groups) in CHANNELS {
            let x_len = samples * rows.input * columns.input * channels;
            let y_len = samples * rows.output * columns.output * filters;
            let taps = rows.kernel * columns.kernel;
            let (w_len, cells) = (taps * channels / groups * filters, y_len / filters);
            for (bias, f) in
                [(false, Activation::Linear), (true, Activation::RELU), (true, Activation::Tanh)]
            {
                let op = Conv2D {
                    rows,
                    columns,
                    channels,
                    filters,
                    groups,
                    bias,
                    norm: None,
                    add: false,
                    f,
                };
                let mut lens = vec![x_len, w_len, filters];
                lens.truncate(2 + usize::from(bias));
                assert_as_reference(op, samples, &lens, y_len, taps * channels);
            }
            let op = Conv2DGradX { rows, columns, channels, filters, groups };
            assert_as_reference(op, samples, &[y_len, w_len], x_len, taps * filters);
            let op = Conv2DGradW { rows, columns, channels, filters, groups };
            assert_as_reference(op, samples, &[x_len, y_len], w_len, cells);
        }
    }
}

/// Even and odd results, padding on all sides, strides, an image of several bands, tiles of
/// Winograd that are cut in all ways.
const POOLED_WINDOWS: [(Window, Window); 7] = [
    (window(8, 8, 3, 1, 1, 1), window(28, 28, 3, 1, 1, 1)),
    (window(13, 11, 3, 1, 1, 0), window(13, 11, 3, 1, 1, 0)),
    (window(9, 4, 3, 2, 1, 0), window(12, 5, 3, 2, 1, 0)),
    (window(3, 6, 2, 1, 2, 3), window(4, 7, 2, 1, 1, 2)),
    (window(7, 3, 5, 1, 1, 0), window(90, 88, 7, 1, 1, 2)),
    (window(9, 7, 3, 1, 1, 0), window(8, 10, 3, 1, 1, 2)),
    (window(5, 3, 3, 1, 1, 0), window(6, 6, 3, 1, 1, 1)),
];

#[test]
fn convolutions_that_pool_are_those_of_two_ops() {
    const RELU6: Activation =
        Activation::Relu { negative_slope: 0.0, max_value: 6.0, threshold: 0.0 };
    let (samples, groups, add) = (2, 1, false);
    let mut kinds = [0, 0];
    for (rows, columns) in POOLED_WINDOWS {
        for (channels, filters) in [(1, 32), (3, 16), (3, 48), (16, 32)] {
            for (bias, norm, f) in [
                (false, None, Activation::Linear),
                (true, None, Activation::RELU),
                (true, Some(Normalize { epsilon: 0.5, scale: true, center: true }), RELU6),
            ] {
                let conv = Conv2D { rows, columns, channels, filters, groups, bias, norm, add, f };
                if !target::Cpu.fuses_pool(&conv) {
                    continue;
                }
                let op: Op = ConvPool2D { conv }.into();
                kinds[usize::from(target::Cpu.algorithm(&op) == Algorithm::Winograd)] += 1;
                let taps = rows.kernel * columns.kernel * channels;
                let x_len = samples * rows.input * columns.input * channels;
                let y_len = samples * rows.output * columns.output * filters;
                let mut lens = vec![x_len, taps * filters];
                lens.resize(2 + usize::from(bias) + norm.map_or(0, |_| 4), filters);
                let pooled = |of: Window| window(of.output, of.output / 2, 2, 2, 1, 0);
                let pool =
                    MaxPool2D { rows: pooled(rows), columns: pooled(columns), channels: filters };
                let pooled_len = samples * pool.rows.output * pool.columns.output * filters;
                let op = ConvPool2D { conv };
                if norm.is_none() {
                    assert_as_reference(op, samples, &lens, pooled_len, taps);
                }
                let mut inputs: Vec<Vec<f32>> =
                    (0..).zip(&lens).map(|(i, &len)| values(len, i)).collect();
                if let Some(variance) = inputs.get_mut(4) {
                    variance.iter_mut().for_each(|v| *v = v.abs());
                }
                let inputs: Vec<&[f32]> = inputs.iter().map(|input| &input[..]).collect();
                for level in Level::available() {
                    let bits = with_level(level, || {
                        let y = output::<Cpu>(conv, samples, &inputs, y_len);
                        let pooled = output::<Cpu>(op, samples, &inputs, pooled_len);
                        (pooled, output::<Cpu>(pool, samples, &[&y], pooled_len))
                    });
                    let (pooled, of_two) = bits.expect("an available level");
                    assert_eq!(pooled, of_two, "{op:?} {level:?}");
                }
            }
        }
    }
    assert!(kinds.iter().all(|&count| count > 10), "{kinds:?}");
}

#[test]
fn images_larger_than_a_band_are_cut() {
    let (rows, columns) = (window(9, 9, 3, 1, 1, 1), window(130, 130, 5, 1, 1, 2));
    let (channels, filters, groups, samples) = (61, 2, 1, 1);
    let (x_len, y_len) = (9 * 130 * channels, 9 * 130 * filters);
    let w_len = 15 * channels * filters;
    let (bias, f) = (false, Activation::Linear);
    let op = Conv2D { rows, columns, channels, filters, groups, bias, norm: None, add: false, f };
    assert_as_reference(op, samples, &[x_len, w_len], y_len, 15 * channels);
    let op = Conv2DGradX { rows, columns, channels, filters, groups };
    assert_as_reference(op, samples, &[y_len, w_len], x_len, 15 * filters);
    let op = Conv2DGradW { rows, columns, channels, filters, groups };
    assert_as_reference(op, samples, &[x_len, y_len], w_len, 9 * 130);
}

#[track_caller]
fn assert_is_winograd(op: impl Into<Op>) {
    let op = op.into();
    assert_eq!(target::Cpu.algorithm(&op), Algorithm::Winograd, "{op}");
}

#[test]
fn tiles_of_winograd_are_cut_in_parts() {
    for ((rows, columns), (channels, filters)) in [
        ((window(23, 21, 3, 1, 1, 0), window(15, 13, 3, 1, 1, 0)), (32, 16)),
        ((window(9, 10, 3, 1, 1, 2), window(101, 100, 3, 1, 1, 1)), (16, 32)),
        ((window(9, 3, 3, 1, 1, 1), window(8, 5, 3, 1, 1, 2)), (48, 64)),
    ] {
        let (groups, samples) = (1, 3);
        let (x_len, y_len) = (
            samples * rows.input * columns.input * channels,
            samples * rows.output * columns.output * filters,
        );
        let (bias, f) = (true, Activation::RELU);
        let op =
            Conv2D { rows, columns, channels, filters, groups, bias, norm: None, add: false, f };
        assert_is_winograd(op);
        let w_len = 9 * channels * filters;
        assert_as_reference(op, samples, &[x_len, w_len, filters], y_len, 9 * channels);
        let op = Conv2DGradX { rows, columns, channels, filters, groups };
        assert_is_winograd(op);
        assert_as_reference(op, samples, &[y_len, w_len], x_len, 9 * filters);
        let op = Conv2DGradW { rows, columns, channels, filters, groups };
        assert_is_winograd(op);
        assert_as_reference(op, samples, &[x_len, y_len], w_len, y_len / filters);
    }
}

#[test]
fn kernels_larger_than_the_scratch_are_transposed_in_parts() {
    let (rows, columns) = (window(3, 2, 2, 1, 1, 0), window(4, 4, 3, 1, 1, 1));
    let (channels, filters, groups, samples) = (101, 127, 1, 2);
    let op = Conv2DGradX { rows, columns, channels, filters, groups };
    let (y_len, w_len) = (samples * 8 * filters, 6 * channels * filters);
    assert_as_reference(op, samples, &[y_len, w_len], samples * 12 * channels, 6 * filters);
}
/// A kernel of 3 x 3 by Winograd's algorithm, and one of 1 x 1.
#[test]
fn prepared_kernels_change_nothing() {
    let (samples, groups, bias, f) = (2, 1, false, Activation::RELU);
    for (rows, columns, channels, filters) in [
        (window(7, 7, 3, 1, 1, 1), window(5, 5, 3, 1, 1, 1), 48, 32),
        (window(7, 7, 1, 1, 1, 0), window(5, 5, 1, 1, 1, 0), 137, 61),
    ] {
        let forward =
            Conv2D { rows, columns, channels, filters, groups, bias, norm: None, add: false, f };
        let backward = Conv2DGradX { rows, columns, channels, filters, groups };
        let kernel = values(rows.kernel * columns.kernel * channels * filters, 1);
        for (op, channels, y_channels) in
            [(Op::from(forward), channels, filters), (backward.into(), filters, channels)]
        {
            let x = values(samples * 35 * channels, 2);
            let start = vec![f32::NAN; samples * 35 * y_channels];
            let algorithm = target::Cpu.algorithm(&op);
            let Prepared { len, part_len } = prepared(&op, algorithm).expect("large enough");
            let mut copy = vec![f32::NAN; len];
            for (part, cells) in copy.chunks_mut(part_len).enumerate() {
                <Cpu as Backend>::prepare(&op, algorithm, &kernel, part, cells);
            }
            let inputs = [&x[..], &kernel];
            let plain = output_with::<Cpu>(op, samples, &inputs, &[], &start);
            assert_eq!(output_with::<Cpu>(op, samples, &inputs, &copy, &start), plain);
        }
    }
}
