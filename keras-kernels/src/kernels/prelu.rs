//! The rectifier with a learned slope, and its gradients. As in Keras, where it is made of
//! `relu(x)` and `relu(-x)`, the slope at 0 is 0.

use super::strided::{Strided, repeated_offset};
use super::vectorized::vectorized;
use super::{Call, Reference, lanes};
use crate::simd::Simd;
use keras_ir::ops as op;

impl Reference {
    pub(crate) fn prelu(op: &op::Prelu, call: Call<'_>) {
        let [x, alpha] = call.inputs();
        let len = op.to[..op.rank].iter().product::<usize>();
        for (i, (y, x)) in call.output.iter_mut().zip(x).enumerate() {
            let alpha = alpha[repeated_offset(op.rank, &op.from, &op.to, i % len)];
            *y = value(*x, alpha);
        }
    }

    pub(crate) fn prelu_grad_x(op: &op::PreluGradX, call: Call<'_>) {
        let [x, alpha, d_y] = call.inputs();
        let len = op.to[..op.rank].iter().product::<usize>();
        for (i, ((d_x, x), d_y)) in call.output.iter_mut().zip(x).zip(d_y).enumerate() {
            let alpha = alpha[repeated_offset(op.rank, &op.from, &op.to, i % len)];
            *d_x = d_y * slope(*x, alpha);
        }
    }

    pub(crate) fn prelu_grad_alpha(op: &op::PreluGradAlpha, call: Call<'_>) {
        let [x, d_y] = call.inputs();
        let len = op.to[..op.rank].iter().product::<usize>();
        for (i, (x, d_y)) in x.iter().zip(d_y).enumerate() {
            let offset = repeated_offset(op.rank, &op.from, &op.to, i % len);
            call.output[offset] += negative(*x) * d_y;
        }
    }
}

vectorized! {
    prelu: Prelu,
    prelu_grad_x: PreluGradX,
    prelu_grad_alpha: PreluGradAlpha,
}

#[inline(always)]
fn prelu<S: Simd>(op: &op::Prelu, call: Call<'_>) {
    let [x, alpha] = call.inputs();
    let len = op.to[..op.rank].iter().product::<usize>();
    let walk = Strided::broadcast(op.rank, &op.from, &op.to);
    for (x, y) in x.chunks_exact(len).zip(call.output.chunks_exact_mut(len)) {
        let mut rows = x.chunks_exact(walk.row()).zip(y.chunks_exact_mut(walk.row()));
        walk.for_each_row(|offset| {
            let (x, y) = rows.next().expect("a walk has as many rows as its tensor");
            if walk.row_step() == 0 {
                let alpha = alpha[offset];
                for (y, x) in y.iter_mut().zip(x) {
                    *y = value(*x, alpha);
                }
            } else {
                for ((y, x), alpha) in y.iter_mut().zip(x).zip(&alpha[offset..]) {
                    *y = value(*x, *alpha);
                }
            }
        });
    }
}

#[inline(always)]
fn prelu_grad_x<S: Simd>(op: &op::PreluGradX, call: Call<'_>) {
    let [x, alpha, d_y] = call.inputs();
    let len = op.to[..op.rank].iter().product::<usize>();
    let walk = Strided::broadcast(op.rank, &op.from, &op.to);
    let samples = x.chunks_exact(len).zip(d_y.chunks_exact(len));
    for ((x, d_y), d_x) in samples.zip(call.output.chunks_exact_mut(len)) {
        let inputs = x.chunks_exact(walk.row()).zip(d_y.chunks_exact(walk.row()));
        let mut rows = inputs.zip(d_x.chunks_exact_mut(walk.row()));
        walk.for_each_row(|offset| {
            let ((x, d_y), d_x) = rows.next().expect("a walk has as many rows as its tensor");
            let cells = d_x.iter_mut().zip(x).zip(d_y);
            if walk.row_step() == 0 {
                let alpha = alpha[offset];
                for ((d_x, x), d_y) in cells {
                    *d_x = d_y * slope(*x, alpha);
                }
            } else {
                for (((d_x, x), d_y), alpha) in cells.zip(&alpha[offset..]) {
                    *d_x = d_y * slope(*x, *alpha);
                }
            }
        });
    }
}

#[inline(always)]
fn prelu_grad_alpha<S: Simd>(op: &op::PreluGradAlpha, call: Call<'_>) {
    let [x, d_y] = call.inputs();
    let len = op.to[..op.rank].iter().product::<usize>();
    let walk = Strided::broadcast(op.rank, &op.from, &op.to);
    for (x, d_y) in x.chunks_exact(len).zip(d_y.chunks_exact(len)) {
        let mut rows = x.chunks_exact(walk.row()).zip(d_y.chunks_exact(walk.row()));
        walk.for_each_row(|offset| {
            let (x, d_y) = rows.next().expect("a walk has as many rows as its tensor");
            let d_alpha = &mut call.output[offset..];
            if walk.row_step() == 0 {
                d_alpha[0] += lanes::sum_of_pairs(x, d_y, |x, d_y| negative(x) * d_y);
            } else {
                for ((d_alpha, x), d_y) in d_alpha.iter_mut().zip(x).zip(d_y) {
                    *d_alpha += negative(*x) * d_y;
                }
            }
        });
    }
}

#[inline(always)]
fn value(x: f32, alpha: f32) -> f32 {
    if x < 0.0 { alpha * x } else { x }
}

#[inline(always)]
fn slope(x: f32, alpha: f32) -> f32 {
    let outer = if x < 0.0 { alpha } else { 0.0 };
    if x > 0.0 { 1.0 } else { outer }
}

#[inline(always)]
fn negative(x: f32) -> f32 {
    if x < 0.0 { x } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_gradient, values};
    use super::*;
    use keras_ir::ops::MAX_RANK;

    fn extents(given: [usize; 3]) -> [usize; MAX_RANK] {
        let mut extents = [1; MAX_RANK];
        extents[..3].copy_from_slice(&given);
        extents
    }

    #[test]
    fn slopes_of_all_kinds() {
        for (from, to) in [
            ([3, 4, 5], [3, 4, 5]),
            ([1, 1, 5], [3, 4, 5]),
            ([3, 1, 1], [3, 2, 17]),
            ([1, 1, 1], [2, 3, 5]),
            ([1, 3, 1], [2, 3, 7]),
        ] {
            let small: usize = from.iter().product();
            let len = 2 * to.iter().product::<usize>();
            let (rank, from, to) = (3, extents(from), extents(to));
            // At least an eighth from 0, so that no step crosses it.
            let x: Vec<f32> = values(len, 1).iter().map(|x| x + 0.125_f32.copysign(*x)).collect();
            let (alpha, d_y) = (values(small, 2), values(len, 3));
            let start = vec![f32::NAN; len];
            let forward = op::Prelu { rank, from, to };
            agreed(forward, 2, &[&x, &alpha], &start, 0.0);
            let op = op::PreluGradX { rank, from, to };
            let d_x = agreed(op, 2, &[&x, &alpha, &d_y], &start, 0.0);
            assert_gradient(forward, 2, &[&x, &alpha], 0, &d_y, &d_x);
            let op = op::PreluGradAlpha { rank, from, to };
            let d_alpha = agreed(op, 2, &[&x, &d_y], &vec![0.0; small], 1e-5);
            assert_gradient(forward, 2, &[&x, &alpha], 1, &d_y, &d_alpha);
            // It adds to what is there.
            let more = agreed(op, 2, &[&x, &d_y], &vec![1.5; small], 1e-5);
            assert!(more.iter().zip(&d_alpha).all(|(more, d)| (more - d - 1.5).abs() < 1e-4));
        }
    }

    #[test]
    fn slope_at_zero() {
        let (from, to) = (extents([1; 3]), extents([1, 1, 2]));
        let op = op::PreluGradX { rank: 3, from, to };
        assert_eq!(agreed(op, 1, &[&[0.0, -0.0], &[0.5], &[1.0, 1.0]], &[9.0; 2], 0.0), [0.0; 2]);
    }
}
