//! Activation functions of rows of gates, and their slopes.

use keras_ir::activation::Activation;

use crate::kernels::activate::{activate_loops, derivative_loops};
use crate::kernels::vectors::{for_each_vector, load, store};
use crate::simd::Simd;
use crate::unrolled::{Function as _, Sigmoid, Tanh};

/// Applies `f` to each element.
#[inline(always)]
pub(super) fn apply<S: Simd>(simd: S, f: Activation, y: &mut [f32]) {
    match f {
        Activation::Linear => {}
        Activation::Sigmoid => {
            for_each_vector!(S, y.len(), |first, len| {
                let x = load(simd, &y[first..], len);
                store(simd, Sigmoid::apply(simd, x), &mut y[first..], len);
            });
        }
        Activation::Tanh => {
            for_each_vector!(S, y.len(), |first, len| {
                let x = load(simd, &y[first..], len);
                store(simd, Tanh::apply(simd, x), &mut y[first..], len);
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
