//! Products of matrices, and biases.

use crate::activation::Activation;
use crate::ops::declare::ops;

ops! {
    /// `y[m, n] = f(Σ_k x[m, k] · w[k, n] + bias[n])`, `m` rows a sample.
    Gemm { m: usize, k: usize, n: usize, bias: bool, f: Activation }
    reads (x: sample(m * k), w: weight(k * n), bias: weight(n) if bias)
    makes sample(m * n)
    flops m * n * (2 * k + bias + f);

    /// `d_x[m, k] = Σ_n d_y[m, n] · w[k, n]`.
    GemmGradX { m: usize, k: usize, n: usize }
    reads (d_y: sample(m * n), w: weight(k * n))
    makes sample(m * k)
    flops 2 * m * k * n;

    /// Reduced: `d_w[i, n] += Σ_m x[m, first + i] · d_y[m, n]`, over the rows of all samples:
    /// `count` of the `k` rows of the gradient, from row `first` on.
    GemmGradW { m: usize, k: usize, n: usize, first: usize, count: usize }
    reads (x: sample(m * k), d_y: sample(m * n))
    makes sum(count * n)
    flops 2 * m * count * n;

    /// `y[p, m, n] = Σ_k a[p, m, k] · b[p, k, n]`, for `pairs` of matrices a sample. A matrix that
    /// is `transposed` is stored so: `a[p, k, m]`, `b[p, n, k]`.
    Matmul {
        pairs: usize, m: usize, k: usize, n: usize, transposed_a: bool, transposed_b: bool,
    }
    reads (a: sample(pairs * m * k), b: sample(pairs * k * n))
    makes sample(pairs * m * n)
    flops 2 * pairs * m * k * n;

    /// `y[r, n] = x[r, n] + bias[n]`, `rows` a sample.
    BiasAdd { rows: usize, n: usize }
    reads (x: sample(rows * n), bias: weight(n))
    makes sample(rows * n)
    flops rows * n;

    /// Reduced: `d_b[n] += Σ_r d_y[r, n]`, over the rows of all samples.
    SumRows { rows: usize, n: usize }
    reads (d_y: sample(rows * n))
    makes sum(n)
    flops rows * n;
}
