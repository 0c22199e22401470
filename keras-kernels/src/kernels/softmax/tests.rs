use super::super::Cpu;
use super::super::check::{agreed, assert_gradient, output, values};
use super::*;

#[test]
fn fast_is_plain_at_any_extent() {
    for (outer, extent, inner) in [
        (3, 1, 1),
        (2, 5, 1),
        (17, 10, 1),
        (21, 16, 1),
        (3, 17, 1),
        (1, 97, 1),
        (2, 5, 3),
        (3, 7, 32),
        (1, 4, 67),
    ] {
        let len = 2 * outer * extent * inner;
        let start = vec![f32::NAN; len];
        let x: Vec<f32> = values(len, 1).iter().map(|x| 20.0 * x).collect();
        let d_y = values(len, 2);
        let y = agreed(op::Softmax { outer, extent, inner }, 2, &[&x], &start, 1e-6);
        let op = op::SoftmaxGrad { outer, extent, inner };
        agreed(op, 2, &[&y, &d_y], &start, 1e-6);
        let y = agreed(op::LogSoftmax { outer, extent, inner }, 2, &[&x], &start, 1e-6);
        let op = op::LogSoftmaxGrad { outer, extent, inner };
        agreed(op, 2, &[&y, &d_y], &start, 2e-6);
    }
}

#[test]
fn a_short_row_does_not_depend_on_its_neighbours() {
    let (outer, inner, samples) = (1, 1, 37);
    for extent in [2, 7, 10, 16] {
        let [x, d_y] = [1, 2].map(|seed| values(samples * extent, seed));
        let forward = op::Softmax { outer, extent, inner };
        let y = output::<Cpu>(forward, samples, &[&x], x.len());
        let backward = op::SoftmaxGrad { outer, extent, inner };
        let d_x = output::<Cpu>(backward, samples, &[&y, &d_y], x.len());
        for row in (0..x.len()).step_by(extent) {
            let row = row..row + extent;
            assert_eq!(output::<Cpu>(forward, 1, &[&x[row.clone()]], extent), y[row.clone()]);
            let inputs = [&y[row.clone()], &d_y[row.clone()]];
            assert_eq!(output::<Cpu>(backward, 1, &inputs, extent), d_x[row]);
        }
    }
}

#[test]
fn gradients() {
    let (outer, extent, inner) = (2, 5, 3);
    let [x, d_y] = [1, 2].map(|seed| values(60, seed));
    let forward = op::Softmax { outer, extent, inner };
    let y = output::<Reference>(forward, 2, &[&x], 60);
    let op = op::SoftmaxGrad { outer, extent, inner };
    let found = output::<Reference>(op, 2, &[&y, &d_y], 60);
    assert_gradient(forward, 2, &[&x], 0, &d_y, &found);
    let forward = op::LogSoftmax { outer, extent, inner };
    let y = output::<Reference>(forward, 2, &[&x], 60);
    let op = op::LogSoftmaxGrad { outer, extent, inner };
    let found = output::<Reference>(op, 2, &[&y, &d_y], 60);
    assert_gradient(forward, 2, &[&x], 0, &d_y, &found);
}

#[test]
fn large_inputs_stay_finite() {
    let x = [1000.0, 999.0, -1000.0, 3e38, -3e38, 0.0];
    let op = op::Softmax { outer: 2, extent: 3, inner: 1 };
    let y = agreed(op, 1, &[&x], &[0.0; 6], 1e-6);
    let e = core::f32::consts::E;
    assert!((y[0] - e / (1.0 + e)).abs() < 1e-6);
    assert_eq!(y[2..], [0.0, 1.0, 0.0, 0.0]);
    let op = op::LogSoftmax { outer: 2, extent: 3, inner: 1 };
    let y =
        agreed(op, 1, &[&x[..3], &x[..3]].concat().chunks(6).collect::<Vec<_>>(), &[0.0; 6], 1e-6);
    assert!((y[2] + 2000.0 + (1.0 + 1.0 / e).ln()).abs() < 1e-3);
    let op = op::Softmax { outer: 1, extent: 2, inner: 1 };
    let y = agreed(op, 1, &[&[f32::NAN, 1.0]], &[0.0; 2], 0.0);
    assert!(y.iter().all(|y| y.is_nan()), "NaN passes through");
}
