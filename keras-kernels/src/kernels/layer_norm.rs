//! Layer normalization of rows, and its gradients; the statistics of a row are computed again
//! rather than kept.
//!
//! With `r = 1 / √(variance + epsilon)`, `x̂ = (x - mean) · r` and `g = d_y · gamma`, the gradient
//! by `x` is `r · (g - mean(g) - x̂ · mean(g · x̂))` (Ba et al. 2016). The variance is biased, as
//! in Keras.

use super::fold::split;
use super::vectorized::vectorized;
use super::{Call, Reference, lanes};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::simd::Simd;
use keras_ir::ops as op;

impl Reference {
    pub(crate) fn layer_norm(op: &op::LayerNorm, call: Call<'_>) {
        let ([x], [gamma, beta]) = split(call.inputs, [op.scale, op.center]);
        for (x, y) in x.chunks_exact(op.extent).zip(call.output.chunks_exact_mut(op.extent)) {
            let (mean, r) = plain_statistics(x, op.epsilon);
            for (i, (y, x)) in y.iter_mut().zip(x).enumerate() {
                let normal = (f64::from(*x) - mean) * r;
                *y = (normal * f64::from(at(gamma, i, 1.0)) + f64::from(at(beta, i, 0.0))) as f32;
            }
        }
    }

    pub(crate) fn layer_norm_grad_x(op: &op::LayerNormGradX, call: Call<'_>) {
        let ([x, d_y], [gamma, _]) = split(call.inputs, [op.scale, false]);
        let rows = x.chunks_exact(op.extent).zip(d_y.chunks_exact(op.extent));
        for ((x, d_y), d_x) in rows.zip(call.output.chunks_exact_mut(op.extent)) {
            let (mean, r) = plain_statistics(x, op.epsilon);
            let normal = |i: usize| (f64::from(x[i]) - mean) * r;
            let g = |i: usize| f64::from(d_y[i]) * f64::from(at(gamma, i, 1.0));
            let extent = op.extent as f64;
            let mean_g = (0..op.extent).map(g).sum::<f64>() / extent;
            let mean_g_x = (0..op.extent).map(|i| g(i) * normal(i)).sum::<f64>() / extent;
            for (i, d_x) in d_x.iter_mut().enumerate() {
                *d_x = (r * (g(i) - mean_g - normal(i) * mean_g_x)) as f32;
            }
        }
    }

    pub(crate) fn layer_norm_grad_gamma(op: &op::LayerNormGradGamma, call: Call<'_>) {
        let [x, d_y] = call.inputs();
        for (x, d_y) in x.chunks_exact(op.extent).zip(d_y.chunks_exact(op.extent)) {
            let (mean, r) = plain_statistics(x, op.epsilon);
            for ((d_gamma, x), d_y) in call.output.iter_mut().zip(x).zip(d_y) {
                *d_gamma += (f64::from(*d_y) * (f64::from(*x) - mean) * r) as f32;
            }
        }
    }
}

vectorized! {
    layer_norm: LayerNorm,
    layer_norm_grad_x: LayerNormGradX,
    layer_norm_grad_gamma: LayerNormGradGamma,
}

#[inline(always)]
fn layer_norm<S: Simd>(op: &op::LayerNorm, call: Call<'_>) {
    let ([x], [gamma, beta]) = split(call.inputs, [op.scale, op.center]);
    for (x, y) in x.chunks_exact(op.extent).zip(call.output.chunks_exact_mut(op.extent)) {
        let (mean, r) = statistics(x, op.epsilon);
        for (y, x) in y.iter_mut().zip(x) {
            *y = (x - mean) * r;
        }
        if let Some(gamma) = gamma {
            for (y, gamma) in y.iter_mut().zip(gamma) {
                *y *= gamma;
            }
        }
        if let Some(beta) = beta {
            for (y, beta) in y.iter_mut().zip(beta) {
                *y += beta;
            }
        }
    }
}

#[inline(always)]
fn layer_norm_grad_x<S: Simd>(op: &op::LayerNormGradX, call: Call<'_>) {
    let ([x, d_y], [gamma, _]) = split(call.inputs, [op.scale, false]);
    let rows = x.chunks_exact(op.extent).zip(d_y.chunks_exact(op.extent));
    for ((x, d_y), d_x) in rows.zip(call.output.chunks_exact_mut(op.extent)) {
        let (mean, r) = statistics(x, op.epsilon);
        d_x.copy_from_slice(d_y);
        if let Some(gamma) = gamma {
            for (g, gamma) in d_x.iter_mut().zip(gamma) {
                *g *= gamma;
            }
        }
        let share = 1.0 / op.extent as f32;
        let mean_g = share * lanes::sum(d_x);
        let mean_g_x = share * lanes::sum_of_pairs(d_x, x, |g, x| g * ((x - mean) * r));
        for (d_x, x) in d_x.iter_mut().zip(x) {
            *d_x = r * (*d_x - mean_g - (x - mean) * r * mean_g_x);
        }
    }
}

#[inline(always)]
fn layer_norm_grad_gamma<S: Simd>(op: &op::LayerNormGradGamma, call: Call<'_>) {
    let [x, d_y] = call.inputs();
    for (x, d_y) in x.chunks_exact(op.extent).zip(d_y.chunks_exact(op.extent)) {
        let (mean, r) = statistics(x, op.epsilon);
        for ((d_gamma, x), d_y) in call.output.iter_mut().zip(x).zip(d_y) {
            *d_gamma += d_y * ((x - mean) * r);
        }
    }
}

/// Mean and `1 / √(variance + epsilon)` of a row, in two passes.
#[inline(always)]
fn statistics(x: &[f32], epsilon: f32) -> (f32, f32) {
    let share = 1.0 / x.len() as f32;
    let mean = share * lanes::sum(x);
    let variance = share * lanes::sum_of(x, |x| (x - mean) * (x - mean));
    (mean, 1.0 / (variance + epsilon).sqrt())
}

fn plain_statistics(x: &[f32], epsilon: f32) -> (f64, f64) {
    let extent = x.len() as f64;
    let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / extent;
    let variance = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / extent;
    (mean, 1.0 / (variance + f64::from(epsilon)).sqrt())
}

/// The parameter of a column, or what stands for it.
fn at(parameter: Option<&[f32]>, i: usize, otherwise: f32) -> f32 {
    parameter.map_or(otherwise, |parameter| parameter[i])
}

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_close, assert_gradient, values};
    use super::*;

    const EPSILON: f32 = 1e-3;

    fn parameters(
        op: &op::LayerNorm,
        gamma: &'static [f32],
        beta: &'static [f32],
    ) -> Vec<&'static [f32]> {
        let kinds = [(op.scale, gamma), (op.center, beta)];
        kinds.into_iter().filter(|(has, _)| *has).map(|(_, parameter)| parameter).collect()
    }

    #[test]
    fn gradients_at_any_extent() {
        for extent in [2, 5, 16, 17, 97] {
            for (scale, center) in [(false, false), (true, false), (false, true), (true, true)] {
                let (outer, epsilon) = (3, EPSILON);
                let len = 2 * outer * extent;
                let x: Vec<f32> = values(len, 1).iter().map(|x| 3.0 * x + 1.0).collect();
                let d_y = values(len, 2);
                let (gamma, beta) = (values(extent, 3).leak(), values(extent, 4).leak());
                let start = vec![f32::NAN; len];
                let forward = op::LayerNorm { outer, extent, epsilon, scale, center };
                let mut inputs = vec![&x[..]];
                inputs.extend(parameters(&forward, gamma, beta));
                agreed(forward, 2, &inputs, &start, 2e-6);
                let op = op::LayerNormGradX { outer, extent, epsilon, scale };
                let mut grad_inputs = vec![&x[..], &d_y];
                grad_inputs.extend(scale.then_some(&*gamma));
                let d_x = agreed(op, 2, &grad_inputs, &start, 5e-6);
                assert_gradient(forward, 2, &inputs, 0, &d_y, &d_x);
                let op = op::LayerNormGradGamma { outer, extent, epsilon };
                let d_gamma = agreed(op, 2, &[&x, &d_y], &vec![0.0; extent], 5e-6);
                if scale {
                    assert_gradient(forward, 2, &inputs, 1, &d_y, &d_gamma);
                }
            }
        }
    }

    #[test]
    fn rows_by_hand() {
        let op = op::LayerNorm { outer: 1, extent: 2, epsilon: 0.0, scale: true, center: true };
        let y = agreed(
            op,
            2,
            &[&[1.0, 3.0, 1e4, 1e4 - 2.0], &[2.0, 3.0], &[10.0, 20.0]],
            &[0.0; 4],
            1e-6,
        );
        assert_close(&y, &[8.0, 23.0, 12.0, 17.0], 1e-6, "y");
    }
}
