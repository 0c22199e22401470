use keras_ir::activation::Activation;
use keras_ir::ops::{Depthwise2D, Depthwise2DGradW, Depthwise2DGradX, Window};

use crate::kernels::Reference;
use crate::kernels::check::{assert_adjoint, assert_as_reference, output};

#[test]
fn convolution_by_hand() {
    let rows = Window { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0 };
    let columns = Window { input: 2, output: 2, kernel: 2, stride: 1, dilation: 1, pad: 0 };
    let (channels, multiplier, bias) = (2, 2, true);
    let f = Activation::Linear;
    let op = Depthwise2D { rows, columns, channels, multiplier, bias, norm: None, f };
    let x = [1.0, 2.0, 3.0, -4.0];
    let kernel = [1.0, 10.0, 100.0, -1.0, 2.0, 20.0, 0.5, 5.0];
    // The second window's last cell is padding behind.
    let y = output::<Reference>(op, 1, &[&x, &kernel, &[0.0, 1.0, 2.0, 3.0]], 8);
    assert_eq!(y, [7.0, 71.0, 200.0, -19.0, 3.0, 31.0, -398.0, 7.0]);
}

#[test]
fn gradients_are_adjoint_to_the_convolution() {
    let rows = Window { input: 5, output: 3, kernel: 3, stride: 2, dilation: 1, pad: 1 };
    let columns = Window { input: 6, output: 4, kernel: 2, stride: 1, dilation: 3, pad: 1 };
    let (channels, multiplier, samples) = (3, 2, 2);
    let (bias, f) = (false, Activation::Linear);
    let op = Depthwise2D { rows, columns, channels, multiplier, bias, norm: None, f };
    let lens = [samples * 30 * channels, 6 * channels * multiplier];
    let y_len = samples * 12 * channels * multiplier;
    let by_x = Depthwise2DGradX { rows, columns, channels, multiplier };
    assert_adjoint(op, by_x, |x, d_y| vec![d_y, x[1]], 0, &lens, y_len, samples);
    let by_w = Depthwise2DGradW { rows, columns, channels, multiplier };
    assert_adjoint(op, by_w, |x, d_y| vec![x[0], d_y], 1, &lens, y_len, samples);
}

#[test]
fn convolutions_are_those_of_plain_loops() {
    let three = |input: usize, output: usize, stride: usize, pad: usize| Window {
        input,
        output,
        kernel: 3,
        stride,
        dilation: 1,
        pad,
    };
    let windows = [
        (three(6, 3, 2, 0), three(7, 3, 2, 0)),
        (three(6, 3, 2, 1), three(5, 3, 2, 1)),
        (three(3, 3, 2, 2), three(4, 4, 2, 2)),
        (three(8, 3, 2, 0), three(9, 3, 2, 1)),
        (three(5, 3, 1, 0), three(9, 8, 1, 1)),
        (three(2, 5, 1, 2), three(1, 4, 1, 2)),
        (three(1, 1, 1, 1), three(7, 3, 1, 0)),
        (three(1, 3, 2, 2), three(1, 5, 2, 1)),
        (
            Window { input: 5, output: 3, kernel: 3, stride: 2, dilation: 1, pad: 1 },
            Window { input: 6, output: 4, kernel: 2, stride: 1, dilation: 3, pad: 1 },
        ),
        (
            Window { input: 4, output: 4, kernel: 3, stride: 1, dilation: 1, pad: 1 },
            Window { input: 7, output: 7, kernel: 3, stride: 1, dilation: 1, pad: 1 },
        ),
        (
            Window { input: 3, output: 5, kernel: 1, stride: 1, dilation: 1, pad: 1 },
            Window { input: 9, output: 3, kernel: 2, stride: 4, dilation: 1, pad: 0 },
        ),
        // No loop may run over strides or padding.
        (
            Window { input: 5, output: 1, kernel: 3, stride: 1 << 31, dilation: 1, pad: 1 },
            Window { input: 4, output: 4, kernel: 3, stride: 1, dilation: 1 << 31, pad: 1 << 31 },
        ),
    ];
    let samples = 2;
    for (rows, columns) in windows {
        for (channels, multiplier) in
            [(1, 1), (7, 1), (8, 1), (17, 1), (49, 1), (3, 2), (1, 16), (5, 7)]
        {
            let filters = channels * multiplier;
            let x_len = samples * rows.input * columns.input * channels;
            let cells = samples * rows.output * columns.output;
            let (y_len, taps) = (cells * filters, rows.kernel * columns.kernel);
            for (bias, f) in [(false, Activation::Linear), (true, Activation::RELU)] {
                let op = Depthwise2D { rows, columns, channels, multiplier, bias, norm: None, f };
                let mut lens = vec![x_len, taps * filters, filters];
                lens.truncate(2 + usize::from(bias));
                assert_as_reference(op, samples, &lens, y_len, taps);
            }
            let op = Depthwise2DGradX { rows, columns, channels, multiplier };
            let lens = [y_len, taps * filters];
            assert_as_reference(op, samples, &lens, x_len, taps * multiplier);
            let op = Depthwise2DGradW { rows, columns, channels, multiplier };
            assert_as_reference(op, samples, &[x_len, y_len], taps * filters, cells);
        }
    }
}
