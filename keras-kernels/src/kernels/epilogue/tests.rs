use keras_ir::ops::{Conv2D, Depthwise2D, Normalize, Op, Window};

use super::*;
use crate::kernels::check::{agreed, output, values};
use crate::kernels::{Cpu, Reference};

const SAMPLES: usize = 2;
const RELU6: Activation = Activation::Relu { negative_slope: 0.0, max_value: 6.0, threshold: 0.0 };

const fn window(input: usize, output: usize, kernel: usize, stride: usize, pad: usize) -> Window {
    Window { input, output, kernel, stride, dilation: 1, pad }
}

/// Convolutions that each take another way: products with one and with two slabs of rows and
/// with half a vector of filters alone and behind a whole one, few filters, tiles of windows,
/// Winograd.
const CONVOLUTIONS: [(Window, Window, usize, usize); 7] = [
    (window(3, 3, 1, 1, 0), window(5, 5, 1, 1, 0), 9, 35),
    (window(3, 3, 1, 1, 0), window(5, 5, 1, 1, 0), 7, 8),
    (window(3, 3, 1, 1, 0), window(5, 5, 1, 1, 0), 134, 24),
    (window(1, 1, 1, 1, 0), window(3, 3, 1, 1, 0), 517, 18),
    (window(5, 5, 3, 1, 1), window(4, 4, 3, 1, 1), 37, 2),
    (window(7, 3, 3, 2, 0), window(6, 3, 3, 2, 1), 3, 19),
    (window(6, 6, 3, 1, 1), window(7, 7, 3, 1, 1), 32, 32),
];

/// An op's inputs: of both signs, with positive variances.
fn inputs(lens: &[usize], norm: Option<Normalize>, columns: usize, skip: usize) -> Vec<Vec<f32>> {
    let mut inputs: Vec<Vec<f32>> =
        lens.iter().zip(1..).map(|(&len, seed)| values(len, seed)).collect();
    for i in 0..norm.map_or(0, |norm| norm.inputs()) {
        let mut numbers = values(columns, 10 + i as u64);
        if i == 1 {
            numbers.iter_mut().for_each(|x| *x = *x * *x + 0.5);
        }
        inputs.push(numbers);
    }
    if skip > 0 {
        inputs.push(values(skip, 20));
    }
    inputs
}

#[track_caller]
fn check(op: impl Into<Op>, inputs: &[Vec<f32>], y_len: usize) {
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let y = agreed(op, SAMPLES, &inputs, &vec![f32::NAN; y_len], 1e-4);
    assert!(y.iter().all(|y| y.is_finite()));
}

fn norms() -> [Option<Normalize>; 3] {
    let norm = Normalize { epsilon: 0.01, scale: true, center: true };
    [None, Some(norm), Some(Normalize { scale: false, center: false, ..norm })]
}

#[test]
fn convolutions_complete_their_sums() {
    for (rows, columns, channels, filters) in CONVOLUTIONS {
        for norm in norms() {
            for (bias, add, f) in [
                (true, true, Activation::RELU),
                (false, true, RELU6),
                (true, false, Activation::Linear),
                (false, true, Activation::Tanh),
            ] {
                let op = Conv2D { rows, columns, channels, filters, groups: 1, bias, norm, add, f };
                let x_len = SAMPLES * rows.input * columns.input * channels;
                let y_len = SAMPLES * rows.output * columns.output * filters;
                let w_len = rows.kernel * columns.kernel * channels * filters;
                let lens = [x_len, w_len, filters];
                let skip = if add { y_len } else { 0 };
                let inputs = inputs(&lens[..2 + usize::from(bias)], norm, filters, skip);
                check(op, &inputs, y_len);
            }
        }
    }
}

#[test]
fn depthwise_convolutions_complete_their_sums() {
    let windows = [
        (window(5, 5, 3, 1, 1), window(7, 7, 3, 1, 1)),
        (window(6, 3, 3, 2, 0), window(8, 4, 3, 2, 0)),
        (window(5, 4, 2, 1, 0), window(6, 3, 4, 2, 1)),
    ];
    for (rows, columns) in windows {
        for (norm, (channels, multiplier)) in
            norms().into_iter().flat_map(|norm| [(19, 1), (32, 1), (3, 2)].map(|c| (norm, c)))
        {
            for (bias, f) in [(true, RELU6), (false, Activation::Linear), (true, Activation::Tanh)]
            {
                let op = Depthwise2D { rows, columns, channels, multiplier, bias, norm, f };
                let filters = channels * multiplier;
                let x_len = SAMPLES * rows.input * columns.input * channels;
                let y_len = SAMPLES * rows.output * columns.output * filters;
                let lens = [x_len, rows.kernel * columns.kernel * filters, filters];
                let inputs = inputs(&lens[..2 + usize::from(bias)], norm, filters, 0);
                check(op, &inputs, y_len);
            }
        }
    }
}

#[test]
fn a_normalized_sum_by_hand() {
    let (rows, columns) = (window(1, 1, 1, 1, 0), window(2, 2, 1, 1, 0));
    let norm = Some(Normalize { epsilon: 0.0, scale: true, center: true });
    let (groups, bias, add) = (1, true, true);
    let op = Conv2D { rows, columns, channels: 1, filters: 1, groups, bias, norm, add, f: RELU6 };
    // (3 · x + 1 - 2) / √4 · 10 - 5, and 1 or 2 more, between 0 and 6.
    let inputs: [&[f32]; 8] =
        [&[1.0, 0.5], &[3.0], &[1.0], &[2.0], &[4.0], &[10.0], &[-5.0], &[0.5, 2.0]];
    assert_eq!(output::<Reference>(op, 1, &inputs, 2), [5.5, 0.0]);
    assert_eq!(output::<Cpu>(op, 1, &inputs, 2), [5.5, 0.0]);
    let inputs = [&[f32::NAN, 0.5][..]].iter().chain(&inputs[1..]).copied().collect::<Vec<_>>();
    assert!(output::<Cpu>(op, 1, &inputs, 2)[0].is_nan());
}
