//! A bias shared by all rows, and its gradient.
//!
//! The sums of few rows are taken side by side; those of many stay in registers as the rows go by,
//! as [`channels`](super::channels) has it.

use keras_ir::ops as op;

use super::channels::{Channels, Elements};
use super::vectorized::vectorized;
use super::{Call, Reference};
use crate::simd::Simd;

impl Reference {
    pub(crate) fn bias_add(op: &op::BiasAdd, call: Call<'_>) {
        let op::BiasAdd { rows, n } = *op;
        let [x, bias] = call.inputs();
        let len = call.samples * rows * n;
        for i in 0..len {
            call.output[i] = x[i] + bias[i % n];
        }
    }

    pub(crate) fn sum_rows(op: &op::SumRows, call: Call<'_>) {
        let op::SumRows { rows, n } = *op;
        let [d_y] = call.inputs();
        let rows = call.samples * rows;
        for (o, d_b) in call.output.iter_mut().enumerate() {
            *d_b += (0..rows).map(|r| f64::from(d_y[r * n + o])).sum::<f64>() as f32;
        }
    }
}

vectorized! {
    bias_add: BiasAdd,
}

vectorized! {
    with simd:
    sum_rows: SumRows,
}

#[inline(always)]
fn bias_add<S: Simd>(op: &op::BiasAdd, call: Call<'_>) {
    let n = op.n;
    let [x, bias] = call.inputs();
    for (x, y) in x.chunks_exact(n).zip(call.output.chunks_exact_mut(n)) {
        for ((y, &x), &bias) in y.iter_mut().zip(x).zip(bias) {
            *y = x + bias;
        }
    }
}

/// Columns that are summed at a time: their sums fit the registers.
const COLUMNS: usize = 64;

/// From so many rows on, sums are worth a table of columns.
const MANY_ROWS: usize = 64;

#[inline(always)]
fn sum_rows<S: Simd>(simd: S, op: &op::SumRows, call: Call<'_>) {
    let op::SumRows { rows, n } = *op;
    let [d_y] = call.inputs();
    if call.samples * rows >= MANY_ROWS {
        let axis = Channels::new([rows, n, 1], call.samples);
        let add = |o, [sum]: [f64; 1]| call.output[o] += sum as f32;
        return axis.sum::<Elements, _, _, _, _>(simd, [d_y], |_| [], add);
    }
    for (group, d_b) in call.output.chunks_mut(COLUMNS).enumerate() {
        let mut sums = [0.0; COLUMNS];
        let sums = &mut sums[..d_b.len()];
        for d_y in d_y.chunks_exact(n) {
            for (sum, &d_y) in sums.iter_mut().zip(&d_y[group * COLUMNS..]) {
                *sum += d_y;
            }
        }
        for (d_b, sum) in d_b.iter_mut().zip(sums) {
            *d_b += *sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use keras_ir::ops::{BiasAdd, SumRows};

    use crate::kernels::Reference;
    use crate::kernels::check::{assert_adjoint, assert_as_reference, output, output_onto};

    #[test]
    fn bias_is_added_to_each_row() {
        let op = BiasAdd { rows: 2, n: 3 };
        let x = [1.0, -2.0, 3.0, 4.0, 5.0, -6.0];
        let y = output::<Reference>(op, 1, &[&x, &[10.0, 20.0, -30.0]], 6);
        assert_eq!(y, [11.0, 18.0, -27.0, 14.0, 25.0, -36.0]);
    }

    #[test]
    fn sums_are_added_to_the_output() {
        let d_y = [1.0, -2.0, 3.0, 4.0, 5.0, -6.0];
        let op = SumRows { rows: 1, n: 3 };
        assert_eq!(output_onto::<Reference>(op, 2, &[&d_y], &[1.0, 2.0, 3.0]), [6.0, 5.0, 0.0]);
        let forward = BiasAdd { rows: 3, n: 5 };
        let gradient = SumRows { rows: 3, n: 5 };
        assert_adjoint(forward, gradient, |_, d_y| vec![d_y], 1, &[30, 5], 30, 2);
    }

    #[test]
    fn sums_are_those_of_plain_loops() {
        for (rows, n) in [(1, 1), (2, 3), (5, 16), (3, 17), (7, 64), (2, 65), (300, 131)] {
            let len = 2 * rows * n;
            assert_as_reference(BiasAdd { rows, n }, 2, &[len, n], len, 1);
            assert_as_reference(SumRows { rows, n }, 2, &[len], n, 2 * rows);
        }
    }
}
