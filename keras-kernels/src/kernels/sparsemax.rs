//! Sparsemax along one axis, as Keras computes it, and its gradient.
//!
//! With `z` the elements of a line in falling order and `c[j] = z[1] + .. + z[j]`, element `j` is
//! in the support if `1 + j · z[j] > c[j]`; `k` counts those. Martins et al. 2016 go on with
//! `tau = (c[k] - 1) / k`; Keras 3.15 takes `tau = (c[1] + .. + c[k] - 1) / k`, the same only for
//! `k = 1`. So does this file. Then `y = max(x - tau, 0)`. The gradient follows that formula:
//! element `j` of the support is in `k - j + 1` of the sums that `tau` is made of.

use super::softmax::Axis;
use super::{Call, Cpu, Reference};
use keras_ir::ops as op;

impl Reference {
    pub(crate) fn sparsemax(op: &op::Sparsemax, call: Call<'_>) {
        let [x] = call.inputs();
        let sorted = &mut call.workspace[..op.extent];
        let axis = Axis::new(op.outer, op.extent, op.inner, call.samples);
        axis.for_each_line(|at| {
            let (tau, _) = threshold(at.clone().map(|i| x[i]), sorted);
            at.for_each(|i| call.output[i] = if x[i] < tau { 0.0 } else { x[i] - tau });
        });
    }

    pub(crate) fn sparsemax_grad(op: &op::SparsemaxGrad, call: Call<'_>) {
        let [x, y, d_y] = call.inputs();
        let sorted = &mut call.workspace[..op.extent];
        let axis = Axis::new(op.outer, op.extent, op.inner, call.samples);
        axis.for_each_line(|at| {
            let (_, support) = threshold(at.clone().map(|i| x[i]), sorted);
            let d_tau: f32 = at.clone().filter(|i| y[*i] > 0.0).map(|i| -d_y[i]).sum();
            for (position, i) in at.clone().enumerate() {
                let before = rank(sorted, x[i], at.clone().take(position).map(|i| x[i]));
                let sums = support.saturating_sub(before) as f32;
                let own = if y[i] > 0.0 { d_y[i] } else { 0.0 };
                call.output[i] = own + d_tau * sums / support as f32;
            }
        });
    }
}

impl Cpu {
    pub(crate) fn sparsemax(op: &op::Sparsemax, call: Call<'_>) {
        Reference::sparsemax(op, call);
    }

    pub(crate) fn sparsemax_grad(op: &op::SparsemaxGrad, call: Call<'_>) {
        Reference::sparsemax_grad(op, call);
    }
}

/// Sorts a line into `sorted`, falling, and gives `tau` and the size of the support.
fn threshold(line: impl Iterator<Item = f32>, sorted: &mut [f32]) -> (f32, usize) {
    for (cell, x) in sorted.iter_mut().zip(line) {
        *cell = x;
    }
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut cumulated, mut total, mut support) = (0.0, 0.0, 0);
    for (j, z) in (1_u32..).zip(sorted.iter()) {
        cumulated += z;
        if z - (cumulated - 1.0) / j as f32 > 0.0 {
            total += cumulated;
            support += 1;
        }
    }
    ((total - 1.0) / support as f32, support)
}

/// How many elements a stable sort puts before `x`, which comes after `earlier` in its line.
fn rank(sorted: &[f32], x: f32, earlier: impl Iterator<Item = f32>) -> usize {
    let greater = sorted.partition_point(|z| *z > x);
    let is_tied = sorted.get(greater + 1).is_some_and(|next| *next == x);
    greater + if is_tied { earlier.filter(|z| *z == x).count() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_close, assert_gradient, values};
    use super::*;

    /// From Keras 3.15.1 on jax: `keras.activations.sparsemax`.
    #[test]
    fn as_keras_has_it() {
        let op = op::Sparsemax { outer: 4, extent: 4, inner: 1 };
        let x = [
            0.3, -1.2, 0.9, 0.7, 2.5, 0.1, -0.4, 1.0, 0.25, 0.25, 0.25, 0.2, -3.0, -3.1, -3.05,
            -9.0,
        ];
        let expected = [
            0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.4, 3.3000002, 3.3500001,
            0.0,
        ];
        let y = agreed(op, 1, &[&x], &[f32::NAN; 16], 0.0);
        assert_close(&y, &expected, 1e-6, "y");
        let d_y = [0.5, -1.0, 2.0, 0.25].repeat(4);
        let expected =
            [0.0, -0.0, 0.0, 0.0, 0.0, -0.0, 0.0, 0.0, 0.0, -0.0, 0.0, 0.0, -1.0, -1.5, 1.0, 0.0];
        let op = op::SparsemaxGrad { outer: 4, extent: 4, inner: 1 };
        let d_x = agreed(op, 1, &[&x, &y, &d_y], &[f32::NAN; 16], 0.0);
        assert_close(&d_x, &expected, 1e-6, "d_x");
    }

    #[test]
    fn gradient() {
        let (outer, extent, inner) = (1, 5, 3);
        // Lines with a support of 2, 3 and 1, far enough apart that no step changes it.
        let x = [
            -0.21, -4.37, -4.19, -2.43, -2.92, -2.83, -2.04, -3.25, -4.43, -0.7, -4.22, -4.58,
            -1.48, -3.09, -5.01,
        ];
        let d_y = values(15, 2);
        let forward = op::Sparsemax { outer, extent, inner };
        let y = agreed(forward, 1, &[&x], &[f32::NAN; 15], 0.0);
        let op = op::SparsemaxGrad { outer, extent, inner };
        let found = agreed(op, 1, &[&x, &y, &d_y], &[f32::NAN; 15], 0.0);
        assert_gradient(forward, 1, &[&x], 0, &d_y, &found);
    }
}
