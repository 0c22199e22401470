//! A bias shared by all rows, and its gradient.

use keras_graph::op;

use super::{Call, Cpu, Reference};

impl Reference {
    pub(crate) fn bias_add(op: &op::BiasAdd, call: Call<'_>) {
        let op::BiasAdd { rows, n } = *op;
        let [x, bias] = call.inputs();
        let len = call.samples * rows * n;
        assert_eq!((x.len(), bias.len(), call.output.len()), (len, n, len));
        for i in 0..len {
            call.output[i] = x[i] + bias[i % n];
        }
    }

    pub(crate) fn sum_rows(op: &op::SumRows, call: Call<'_>) {
        let op::SumRows { rows, n } = *op;
        let [d_y] = call.inputs();
        let rows = call.samples * rows;
        assert_eq!((d_y.len(), call.output.len()), (rows * n, n));
        for (o, d_b) in call.output.iter_mut().enumerate() {
            *d_b += (0..rows).map(|r| f64::from(d_y[r * n + o])).sum::<f64>() as f32;
        }
    }
}

impl Cpu {
    pub(crate) fn bias_add(op: &op::BiasAdd, call: Call<'_>) {
        Reference::bias_add(op, call);
    }

    pub(crate) fn sum_rows(op: &op::SumRows, call: Call<'_>) {
        Reference::sum_rows(op, call);
    }
}

#[cfg(test)]
mod tests {
    use keras_graph::op::{BiasAdd, SumRows};

    use crate::kernels::Reference;
    use crate::kernels::check::{assert_adjoint, output, output_onto};

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
}
