//! Products of two tensors: for each sample some pairs of matrices, each stored as it is or
//! transposed.
//!
//! A pair is computed by the loops of a dense layer, whose forward pass multiplies two matrices as
//! they are stored, and whose gradients multiply by a transposed right or a transposed left one. So
//! large pairs are packed and small ones are not, as there. The bits of a pair do not depend on the
//! other pairs.

use keras_ir::ops as op;

use super::epilogue::Epilogue;
use super::gemm::{BothTransposed, MatrixGradW, MatrixGradX, MatrixProduct, Rounded};
use super::tile::Write;
use super::{Call, Cpu, Reference};
use crate::simd::{Kernel, Simd, dispatch, dispatch_pairs};

impl Reference {
    pub(crate) fn matmul(op: &op::Matmul, call: Call<'_>) {
        let op::Matmul { m, k, n, transposed_a, transposed_b, .. } = *op;
        let [a, b] = call.inputs();
        let pairs = a.chunks_exact(m * k).zip(b.chunks_exact(k * n));
        for ((a, b), y) in pairs.zip(call.output.chunks_exact_mut(m * n)) {
            for (cell, y) in y.iter_mut().enumerate() {
                let (row, column) = (cell / n, cell % n);
                let a = |i: usize| a[if transposed_a { i * m + row } else { row * k + i }];
                let b = |i: usize| b[if transposed_b { column * k + i } else { i * n + column }];
                *y = (0..k).map(|i| f64::from(a(i)) * f64::from(b(i))).sum::<f64>() as f32;
            }
        }
    }
}

// Inlined as the products of a dense layer are: a program that rounds nothing holds one of both.
impl Cpu {
    #[inline]
    pub(crate) fn matmul(op: &op::Matmul, call: Call<'_>) {
        multiply_with(if call.algorithm.is_rounded() { rounded } else { exact }, op, call);
    }
}

fn multiply_with(multiply: fn(Matrices<'_>), op: &op::Matmul, call: Call<'_>) {
    let [a, b] = call.inputs();
    multiply(Matrices { op, a, b, y: call.output, scratch: call.workspace });
}

fn exact(matrices: Matrices<'_>) {
    dispatch(matrices);
}

fn rounded(matrices: Matrices<'_>) {
    dispatch_pairs(Rounded(matrices));
}

/// All pairs of matrices of a call.
struct Matrices<'a> {
    op: &'a op::Matmul,
    a: &'a [f32],
    b: &'a [f32],
    y: &'a mut [f32],
    scratch: &'a mut [f32],
}

/// Multiplies pair after pair, each by the kernel that `$kernel` makes of a product.
macro_rules! multiply_all {
    ($matrices:expr, $simd:expr, $kernel:expr) => {{
        let Matrices { op, a, b, y, scratch } = $matrices;
        let op::Matmul { m, k, n, .. } = *op;
        let pairs = a.chunks_exact(m * k).zip(b.chunks_exact(k * n));
        for ((a, b), y) in pairs.zip(y.chunks_exact_mut(m * n)) {
            let (prepared, scratch) = (&[][..], &mut *scratch);
            match (op.transposed_a, op.transposed_b) {
                (false, false) => {
                    let (x, w, bias, epilogue) = (a, b, None, Epilogue::NOTHING);
                    let product =
                        MatrixProduct { rows: m, k, n, x, w, prepared, bias, epilogue, y, scratch };
                    $simd.enter($kernel(product));
                }
                (false, true) => {
                    let (d_y, w, d_x) = (a, b, y);
                    let product =
                        MatrixGradX { rows: m, k: n, n: k, d_y, w, prepared, d_x, scratch };
                    $simd.enter($kernel(product));
                }
                (true, false) => {
                    let (x, d_y, d_w, write) = (a, b, y, Write::Set);
                    let (rows, stride, count) = (k, m, m);
                    let product = MatrixGradW {
                        rows,
                        n,
                        x,
                        stride,
                        count,
                        d_y,
                        prepared,
                        write,
                        d_w,
                        scratch,
                    };
                    $simd.enter($kernel(product));
                }
                (true, true) => $simd.enter($kernel(BothTransposed { m, k, n, a, b, y, scratch })),
            }
        }
    }};
}

impl Kernel for Matrices<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        multiply_all!(self, simd, |product| product);
    }
}

impl Kernel for Rounded<Matrices<'_>> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        multiply_all!(self.0, simd, Rounded);
    }
}

#[cfg(test)]
mod tests {
    use keras_ir::ops::Matmul;

    use crate::kernels::check::{assert_adjoint, assert_as_reference, output, values};
    use crate::kernels::{Cpu, Reference};

    const BOTH: [bool; 2] = [false, true];

    /// All four ways in which a pair of matrices may be stored.
    fn stored(pairs: usize, [m, k, n]: [usize; 3]) -> impl Iterator<Item = Matmul> {
        BOTH.into_iter().flat_map(move |transposed_a| {
            BOTH.into_iter().map(move |transposed_b| Matmul {
                pairs,
                m,
                k,
                n,
                transposed_a,
                transposed_b,
            })
        })
    }

    #[test]
    fn products_by_hand() {
        // Two pairs: a is 2 by 3, b is 3 by 2.
        let a = [1.0, -2.0, 3.0, 0.5, 4.0, -1.0, 0.0, 1.0, 0.0, 2.0, 0.0, 0.0];
        let b = [2.0, -1.0, 0.0, 3.0, 1.0, 5.0, 7.0, 8.0, -3.0, -4.0, 5.0, 6.0];
        let (transposed_a, transposed_b) = (false, false);
        let op = Matmul { pairs: 2, m: 2, k: 3, n: 2, transposed_a, transposed_b };
        let y = output::<Reference>(op, 1, &[&a, &b], 8);
        assert_eq!(y, [5.0, 8.0, 0.0, 6.5, -3.0, -4.0, 14.0, 16.0]);
        let turned = |x: &[f32], rows: usize, columns: usize| {
            let cell = |i: usize| x[i % rows * columns + i / rows];
            (0..rows * columns).map(cell).collect::<Vec<f32>>()
        };
        let a: Vec<f32> = a.chunks(6).flat_map(|a| turned(a, 2, 3)).collect();
        let b: Vec<f32> = b.chunks(6).flat_map(|b| turned(b, 3, 2)).collect();
        let op = Matmul { transposed_a: true, transposed_b: true, ..op };
        assert_eq!(output::<Reference>(op, 1, &[&a, &b], 8), y);
    }

    #[test]
    fn products_are_those_of_plain_loops() {
        for (pairs, extents) in [
            (3, [1, 1, 1]),
            (2, [2, 3, 5]),
            (1, [1, 37, 16]),
            (2, [1, 9, 130]),
            (2, [9, 5, 7]),
            (1, [3, 67, 2]),
            (1, [17, 3, 17]),
            (2, [5, 65, 33]),
            (1, [35, 8, 97]),
            (1, [67, 150, 49]),
        ] {
            let [m, k, n] = extents;
            for op in stored(pairs, extents) {
                let lens = [2 * pairs * m * k, 2 * pairs * k * n];
                assert_as_reference(op, 2, &lens, 2 * pairs * m * n, k);
            }
        }
    }

    #[test]
    fn gradients_are_products() {
        let (pairs, [m, k, n]) = (2, [3, 5, 4]);
        let lens = [2 * pairs * m * k, 2 * pairs * k * n];
        for op in stored(pairs, [m, k, n]) {
            let Matmul { transposed_a, transposed_b, .. } = op;
            let by_a = match transposed_a {
                true => Matmul {
                    m: k,
                    k: n,
                    n: m,
                    transposed_a: transposed_b,
                    transposed_b: true,
                    ..op
                },
                false => Matmul { k: n, n: k, transposed_b: !transposed_b, ..op },
            };
            let by_b = match transposed_b {
                true => Matmul {
                    m: n,
                    k: m,
                    n: k,
                    transposed_a: true,
                    transposed_b: transposed_a,
                    ..op
                },
                false => Matmul { m: k, k: m, transposed_a: !transposed_a, ..op },
            };
            assert_adjoint(
                op,
                by_a,
                |x, d_y| if transposed_a { vec![x[1], d_y] } else { vec![d_y, x[1]] },
                0,
                &lens,
                2 * pairs * m * n,
                2,
            );
            assert_adjoint(
                op,
                by_b,
                |x, d_y| if transposed_b { vec![d_y, x[0]] } else { vec![x[0], d_y] },
                1,
                &lens,
                2 * pairs * m * n,
                2,
            );
        }
    }

    #[test]
    fn a_pair_does_not_depend_on_its_neighbours() {
        let [m, k, n] = [7, 130, 19];
        for op in stored(5, [m, k, n]) {
            let (a, b) = (values(5 * m * k, 1), values(5 * k * n, 2));
            let together = output::<Cpu>(op, 1, &[&a, &b], 5 * m * n);
            for (i, y) in together.chunks(m * n).enumerate() {
                let inputs = [&a[i * m * k..][..m * k], &b[i * k * n..][..k * n]];
                assert_eq!(output::<Cpu>(Matmul { pairs: 1, ..op }, 1, &inputs, m * n), y);
            }
        }
    }
}
