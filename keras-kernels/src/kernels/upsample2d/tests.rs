use super::super::check::{agreed, assert_adjoint, assert_close, values};
use super::*;

const ALL: [Interpolation; 5] = [
    Interpolation::Nearest,
    Interpolation::Bilinear,
    Interpolation::Bicubic,
    Interpolation::Lanczos3,
    Interpolation::Lanczos5,
];

#[test]
fn adjoint_at_any_extent() {
    for interpolation in ALL {
        for (h, w, c, rows, columns) in
            [(2, 3, 5, 3, 2), (1, 4, 2, 1, 5), (5, 1, 3, 2, 1), (7, 6, 1, 2, 3)]
        {
            let (small, large) = (2 * h * w * c, 2 * h * w * c * rows * columns);
            let op = op::Upsample2D { h, w, c, rows, columns, interpolation };
            let back = op::Upsample2DGrad { h, w, c, rows, columns, interpolation };
            agreed(op, 2, &[&values(small, 1)], &vec![f32::NAN; large], 2e-6);
            agreed(back, 2, &[&values(large, 2)], &vec![f32::NAN; small], 5e-6);
            assert_adjoint(op, back, |_, d_y| vec![d_y], 0, &[small], large, 2);
        }
    }
}

/// From jax 0.10: `jax.image.resize(x, (1, 2 * len, 1), method)` of `JAX_INPUT`.
#[test]
fn as_jax_has_it() {
    for (interpolation, expected) in JAX_OUTPUTS {
        let (h, w, c, rows, columns) = (1, JAX_INPUT.len(), 1, 1, 2);
        let op = op::Upsample2D { h, w, c, rows, columns, interpolation };
        let y = agreed(op, 1, &[&JAX_INPUT], &[f32::NAN; 14], 2e-6);
        assert_close(&y, &expected, 2e-6, "y");
    }
}

const JAX_INPUT: [f32; 7] = [0.5, -1.25, 2.0, 3.5, -0.75, 0.25, 1.0];
const JAX_OUTPUTS: [(Interpolation, [f32; 14]); 5] = [
    (
        Interpolation::Nearest,
        [0.5, 0.5, -1.25, -1.25, 2.0, 2.0, 3.5, 3.5, -0.75, -0.75, 0.25, 0.25, 1.0, 1.0],
    ),
    (
        Interpolation::Bilinear,
        [
            0.5, 0.0625, -0.8125, -0.4375, 1.1875, 2.375, 3.125, 2.4375, 0.3125, -0.5, 0.0, 0.4375,
            0.8125, 1.0,
        ],
    ),
    (
        Interpolation::Bicubic,
        [
            0.6544118,
            0.09671533,
            -1.0858779,
            -0.7480469,
            1.1933594,
            2.6328125,
            3.5703125,
            2.71875,
            0.078125,
            -0.86328125,
            -0.10546875,
            0.4847328,
            0.8795621,
            1.0661765,
        ],
    ),
    (
        Interpolation::Lanczos3,
        [
            0.85257876,
            -0.0023100593,
            -1.0763664,
            -0.9115527,
            0.9306004,
            2.968571,
            3.8628888,
            2.6076293,
            0.13053519,
            -1.084058,
            -0.34702343,
            0.65956986,
            0.94033784,
            1.0598518,
        ],
    ),
    (
        Interpolation::Lanczos5,
        [
            0.8659745,
            0.050632864,
            -0.96140397,
            -1.0786974,
            0.7864637,
            3.05933,
            3.9557369,
            2.5007024,
            0.0912396,
            -1.1256853,
            -0.42312628,
            0.7533171,
            1.0529401,
            0.914116,
        ],
    ),
];
