//! Activation functions of rows of gates, and their slopes.

use keras_ir::activation::Activation;

use crate::kernels::activate::{activate_loops, derivative_loops};
use crate::kernels::exp::exp;
use crate::kernels::vectors::{for_each_vector, load, store};
use crate::simd::Simd;

/// Applies `f` to each element.
#[inline(always)]
pub(super) fn apply<S: Simd>(simd: S, f: Activation, y: &mut [f32]) {
    match f {
        Activation::Linear => {}
        Activation::Sigmoid => {
            for_each_vector!(S, y.len(), |first, len| {
                let x = load(simd, &y[first..], len);
                store(simd, sigmoid(simd, x), &mut y[first..], len);
            });
        }
        Activation::Tanh => {
            for_each_vector!(S, y.len(), |first, len| {
                let x = load(simd, &y[first..], len);
                store(simd, tanh(simd, x), &mut y[first..], len);
            });
        }
        _ => activate_loops::<S>(f, y),
    }
}

/// Multiplies each element of `d` by `f'(x)`, where `y = f(x)`.
#[inline(always)]
pub(super) fn slopes<S: Simd>(simd: S, f: Activation, y: &[f32], d: &mut [f32]) {
    /// Elements that are copied at a time.
    const COPIED: usize = 64;
    match f {
        Activation::Linear => {}
        Activation::Sigmoid => {
            for_each_vector!(S, d.len(), |first, len| {
                let y = load(simd, &y[first..], len);
                let d_y = simd.mul(load(simd, &d[first..], len), y);
                let d_x = simd.mul_add(simd.mul(d_y, simd.splat(-1.0)), y, d_y);
                store(simd, d_x, &mut d[first..], len);
            });
        }
        Activation::Tanh => {
            for_each_vector!(S, d.len(), |first, len| {
                let y = load(simd, &y[first..], len);
                let d_y = load(simd, &d[first..], len);
                let negative = simd.mul(d_y, simd.mul(y, simd.splat(-1.0)));
                store(simd, simd.mul_add(negative, y, d_y), &mut d[first..], len);
            });
        }
        _ => {
            let mut d_y = [0.0; COPIED];
            for (y, d) in y.chunks(COPIED).zip(d.chunks_mut(COPIED)) {
                let d_y = &mut d_y[..d.len()];
                d_y.copy_from_slice(d);
                derivative_loops::<S>(f, y, d_y, d);
            }
        }
    }
}

/// `1 / (1 + e^-x)`, within 1e-6 of it, relative; no less than the least normal number.
#[inline(always)]
fn sigmoid<S: Simd>(simd: S, x: S::F32) -> S::F32 {
    let one = simd.splat(1.0);
    simd.div(one, simd.add(one, exp(simd, simd.mul(x, simd.splat(-1.0)))))
}

/// `tanh x` within 1e-6 of it, relative.
///
/// A quotient of polynomials of `x²`, fitted for least largest relative error on 0 to 9.02, from
/// where on it is 1.
#[inline(always)]
pub(super) fn tanh<S: Simd>(simd: S, x: S::F32) -> S::F32 {
    const LIMIT: f32 = 9.02;
    const ABOVE: [f32; 7] = [
        1.0,
        0.130_831_51,
        3.102_994_7e-3,
        1.114_418_8e-5,
        -2.018_369_5e-8,
        5.257_650_3e-11,
        -8.435_722e-14,
    ];
    const BELOW: [f32; 4] = [1.0, 0.464_164_8, 2.449_135_5e-2, 2.544_741_6e-4];
    // In this order NaN stays NaN.
    let x = simd.min(simd.splat(LIMIT), simd.max(simd.splat(-LIMIT), x));
    let square = simd.mul(x, x);
    let mut above = simd.splat(ABOVE[6]);
    for c in ABOVE[..6].iter().rev() {
        above = simd.mul_add(above, square, simd.splat(*c));
    }
    let mut below = simd.splat(BELOW[3]);
    for c in BELOW[..3].iter().rev() {
        below = simd.mul_add(below, square, simd.splat(*c));
    }
    simd.div(simd.mul(x, above), below)
}
