use super::super::check::{agreed, assert_close, assert_gradient, output_onto, values};
use super::super::moments::tests::{EXTENTS, channel_values, moments_of};
use super::*;
use crate::kernels::Cpu;
use crate::simd::{Level, with_level};
use keras_ir::ops::Op;

const EPSILON: f32 = 1e-3;
fn parameters<'a>(
    always: &[&'a [f32]],
    [scale, center]: [bool; 2],
    [gamma, beta]: [&'a [f32]; 2],
) -> Vec<&'a [f32]> {
    let mut inputs = always.to_vec();
    inputs.extend(scale.then_some(gamma));
    inputs.extend(center.then_some(beta));
    inputs
}

#[test]
fn given_statistics() {
    for extents @ [outer, channels, inner] in EXTENTS {
        for has @ [scale, center] in [[false, false], [true, false], [false, true], [true, true]] {
            let (x, d_y) = (channel_values(extents, 1), channel_values(extents, 2));
            let [mean, gamma, beta] = [3, 4, 5].map(|seed| values(channels, seed));
            let variance: Vec<f32> = values(channels, 6).iter().map(|x| x * x + 0.5).collect();
            let start = vec![f32::NAN; x.len()];
            let (epsilon, f) = (EPSILON, Activation::Linear);
            let op = op::ChannelNorm { outer, channels, inner, epsilon, scale, center, f };
            let inputs = parameters(&[&x, &mean, &variance], has, [&gamma, &beta]);
            let y = agreed(op, 2, &inputs, &start, 2e-6);
            let f = Activation::RELU;
            let rectified = agreed(op::ChannelNorm { f, ..op }, 2, &inputs, &start, 2e-6);
            assert!(rectified.iter().zip(&y).all(|(r, y)| *r == y.max(0.0)));
            let back = op::ChannelNormGradX { outer, channels, inner, epsilon, scale };
            let grad_inputs = parameters(&[&variance, &d_y], [scale, false], [&gamma, &beta]);
            let d_x = agreed(back, 2, &grad_inputs, &start, 2e-6);
            let back = op::ChannelNormGradSums { outer, channels, inner, epsilon };
            let sums_inputs = [&x[..], &mean, &variance, &d_y];
            let sums = agreed(back, 2, &sums_inputs, &vec![0.0; 2 * channels], 2e-4);
            if x.len() < 500 {
                assert_gradient(op, 2, &inputs, 0, &d_y, &d_x);
                if scale && center {
                    assert_gradient(op, 2, &inputs, 3, &d_y, &sums[..channels]);
                    assert_gradient(op, 2, &inputs, 4, &d_y, &sums[channels..]);
                }
            }
        }
    }
}

/// Differences of the whole computation, moments included.
#[test]
fn the_batch_s_own_statistics() {
    for extents @ [outer, channels, inner] in EXTENTS {
        for scale in [false, true] {
            let x = channel_values(extents, 1);
            let d_y = values(x.len(), 2);
            let [gamma, beta] = [4, 5].map(|seed| values(channels, seed));
            let start = vec![f32::NAN; x.len()];
            let (epsilon, f, center) = (EPSILON, Activation::Linear, true);
            let add = false;
            let op = op::BatchNorm { outer, channels, inner, epsilon, scale, center, add, f };
            let moments = moments_of(extents, &x);
            let inputs = parameters(&[&x, &moments], [scale, center], [&gamma, &beta]);
            let y = agreed(op, 2, &inputs, &start, 2e-6);
            let back = op::BatchNormGradSums {
                outer,
                channels,
                inner,
                epsilon,
                scale: false,
                center: false,
                f,
            };
            let zeros = vec![0.0; 2 * channels];
            // A sum's rounding grows with its terms.
            let tolerance = 1e-6 * (2 * outer * inner) as f32;
            let sums = agreed(back, 2, &[&x, &moments, &d_y], &zeros, tolerance.max(5e-6));
            let back =
                op::BatchNormGradX { outer, channels, inner, epsilon, scale, center: false, f };
            let grad_inputs =
                parameters(&[&x, &moments, &sums, &d_y], [scale, false], [&gamma, &beta]);
            let d_x = agreed(back, 2, &grad_inputs, &start, 1e-5);
            let skip = values(x.len(), 7);
            let sum = op::BatchNorm { add: true, f: Activation::RELU, ..op };
            let sum = agreed(sum, 2, &[&inputs[..], &[&skip]].concat(), &start, 2e-6);
            let by_hand = y.iter().zip(&skip).map(|(y, skip)| (y + skip).max(0.0));
            assert!(sum.iter().zip(by_hand).all(|(sum, by_hand)| *sum == by_hand));
            if x.len() < 500 {
                check_differences(op.into(), extents, &x, &inputs[2..], &d_y, &d_x);
            }
        }
    }
}

/// With a ReLU behind it, gradients are those of a derivative taken by an op of its own, to the
/// last bit.
#[test]
fn gradients_behind_a_relu() {
    let bounded = Activation::Relu { negative_slope: 0.0, max_value: 0.75, threshold: 0.0 };
    let cases = EXTENTS.into_iter().chain([[9, 336, 1]]).flat_map(|extents| {
        [(Activation::RELU, true), (bounded, true), (bounded, false)]
            .map(|(f, scale)| (extents, f, scale))
    });
    for (extents @ [outer, channels, inner], f, scale) in cases {
        let (epsilon, center, linear) = (EPSILON, true, Activation::Linear);
        let x = channel_values(extents, 1);
        let d_y = values(x.len(), 2);
        let [gamma, beta] = [4, 5].map(|seed| values(channels, seed));
        let moments = moments_of(extents, &x);
        let start = vec![f32::NAN; x.len()];
        let zeros = vec![0.0; 2 * channels];
        let op = op::BatchNorm { outer, channels, inner, epsilon, scale, center, add: false, f };
        let sums = op::BatchNormGradSums { outer, channels, inner, epsilon, scale, center, f };
        let plain = op::BatchNormGradSums { scale: false, center: false, f: linear, ..sums };
        let grad = op::BatchNormGradX { outer, channels, inner, epsilon, scale, center, f };
        let plain_grad = op::BatchNormGradX { center: false, f: linear, ..grad };
        let has = [scale, center];
        let both = [&gamma[..], &beta];
        let inputs = parameters(&[&x, &moments], has, both);
        let sums_inputs = parameters(&[&x, &moments, &d_y], has, both);
        let expected_sums = agreed(sums, 2, &sums_inputs, &zeros, 1e-5 * (outer * inner) as f32);
        let grad_inputs = parameters(&[&x, &moments, &expected_sums, &d_y], has, both);
        agreed(grad, 2, &grad_inputs, &start, 1e-5);
        for level in Level::available() {
            let run = || {
                let y = output_onto::<Cpu>(op, 2, &inputs, &start);
                let derivative = op::UnaryGrad { len: x.len() / 2, f };
                let d = output_onto::<Cpu>(derivative, 2, &[&y, &d_y], &start);
                let cut = d.iter().filter(|d| **d == 0.0).count();
                assert!(d.len() < 100 || (1..d.len()).contains(&cut), "{f:?} cuts some off");
                let apart = output_onto::<Cpu>(plain, 2, &[&x, &moments, &d], &zeros);
                assert_eq!(output_onto::<Cpu>(sums, 2, &sums_inputs, &zeros), apart);
                let inputs = parameters(&[&x, &moments, &apart, &d], [scale, false], both);
                let apart_x = output_onto::<Cpu>(plain_grad, 2, &inputs, &start);
                let inputs = parameters(&[&x, &moments, &apart, &d_y], has, both);
                assert_eq!(output_onto::<Cpu>(grad, 2, &inputs, &start), apart_x);
            };
            with_level(level, run).expect("the level is available");
        }
    }
}

fn check_differences(
    op: Op,
    extents: [usize; 3],
    x: &[f32],
    parameters: &[&[f32]],
    d_y: &[f32],
    d_x: &[f32],
) {
    const STEP: f32 = 1.0 / 64.0;
    let mut moved = x.to_vec();
    let mut dot_at = |i: usize, steps: f32| {
        moved[i] = x[i] + steps * STEP;
        let moments = moments_of(extents, &moved);
        let inputs = [&[&moved[..], &moments], parameters].concat();
        let y = output_onto::<Reference>(op, 2, &inputs, &vec![0.0; x.len()]);
        moved[i] = x[i];
        y.iter().zip(d_y).map(|(y, d_y)| f64::from(*y) * f64::from(*d_y)).sum::<f64>()
    };
    let expected: Vec<f32> = (0..x.len())
        .map(|i| {
            let near = dot_at(i, 1.0) - dot_at(i, -1.0);
            let far = dot_at(i, 2.0) - dot_at(i, -2.0);
            ((8.0 * near - far) / (12.0 * f64::from(STEP))) as f32
        })
        .collect();
    assert_close(d_x, &expected, 1e-3, "d_x");
}
