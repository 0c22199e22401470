//! Matrix products: a dense layer's forward pass and its two gradients.
//!
//! All matrices are row-major. The rows of all samples form one matrix, so a batch is one product.

use keras_graph::op;

use super::activate::activate;
use super::{Call, Cpu, Reference};

impl Reference {
    pub(crate) fn gemm(op: &op::Gemm, call: Call<'_>) {
        let op::Gemm { m, k, n, bias, f } = *op;
        let rows = call.samples * m;
        let (x, w) = (call.inputs[0], call.inputs[1]);
        assert_eq!(call.inputs.len(), 2 + usize::from(bias));
        assert_eq!((x.len(), w.len(), call.output.len()), (rows * k, k * n, rows * n));
        for r in 0..rows {
            for o in 0..n {
                let start = if bias { f64::from(call.inputs[2][o]) } else { 0.0 };
                let products = (0..k).map(|i| f64::from(x[r * k + i]) * f64::from(w[i * n + o]));
                call.output[r * n + o] = (start + products.sum::<f64>()) as f32;
            }
        }
        activate(f, call.output);
    }

    pub(crate) fn gemm_grad_x(op: &op::GemmGradX, call: Call<'_>) {
        let op::GemmGradX { m, k, n } = *op;
        let rows = call.samples * m;
        let [d_y, w] = call.inputs();
        assert_eq!((d_y.len(), w.len(), call.output.len()), (rows * n, k * n, rows * k));
        for r in 0..rows {
            for i in 0..k {
                let products = (0..n).map(|o| f64::from(d_y[r * n + o]) * f64::from(w[i * n + o]));
                call.output[r * k + i] = products.sum::<f64>() as f32;
            }
        }
    }

    pub(crate) fn gemm_grad_w(op: &op::GemmGradW, call: Call<'_>) {
        let op::GemmGradW { m, k, n } = *op;
        let rows = call.samples * m;
        let [x, d_y] = call.inputs();
        assert_eq!((x.len(), d_y.len(), call.output.len()), (rows * k, rows * n, k * n));
        for i in 0..k {
            for o in 0..n {
                let products =
                    (0..rows).map(|r| f64::from(x[r * k + i]) * f64::from(d_y[r * n + o]));
                call.output[i * n + o] += products.sum::<f64>() as f32;
            }
        }
    }
}

impl Cpu {
    pub(crate) fn gemm(op: &op::Gemm, call: Call<'_>) {
        Reference::gemm(op, call);
    }

    pub(crate) fn gemm_grad_x(op: &op::GemmGradX, call: Call<'_>) {
        Reference::gemm_grad_x(op, call);
    }

    pub(crate) fn gemm_grad_w(op: &op::GemmGradW, call: Call<'_>) {
        Reference::gemm_grad_w(op, call);
    }
}

#[cfg(test)]
mod tests {
    use keras_graph::activation::Activation;
    use keras_graph::op::{Gemm, GemmGradW, GemmGradX};

    use crate::kernels::Reference;
    use crate::kernels::check::{assert_adjoint, output};

    #[test]
    fn product_by_hand() {
        let (x, w, bias) =
            ([1.0, -2.0, 3.0, 0.5, 4.0, -1.0], [2.0, -1.0, 0.0, 3.0, 1.0, 5.0], [10.0, -20.0]);
        let op = Gemm { m: 1, k: 3, n: 2, bias: true, f: Activation::Linear };
        let y = output::<Reference>(op, 2, &[&x, &w, &bias], 4);
        assert_eq!(y, [15.0, -12.0, 10.0, -13.5]);
        let op = Gemm { f: Activation::RELU, ..op };
        assert_eq!(output::<Reference>(op, 2, &[&x, &w, &bias], 4), [15.0, 0.0, 10.0, 0.0]);
    }

    #[test]
    fn gradients_are_adjoint_to_the_product() {
        let (m, k, n, samples) = (3, 5, 4, 2);
        let op = Gemm { m, k, n, bias: false, f: Activation::Linear };
        let lens = [samples * m * k, k * n];
        let y_len = samples * m * n;
        assert_adjoint(
            op,
            GemmGradX { m, k, n },
            |x, d_y| vec![d_y, x[1]],
            0,
            &lens,
            y_len,
            samples,
        );
        assert_adjoint(
            op,
            GemmGradW { m, k, n },
            |x, d_y| vec![x[0], d_y],
            1,
            &lens,
            y_len,
            samples,
        );
    }
}
