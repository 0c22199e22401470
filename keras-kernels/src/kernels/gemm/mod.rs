//! Matrix products: a dense layer's forward pass and its two gradients.
//!
//! All matrices are row-major. The rows of all samples form one matrix, so a batch is one product.

pub(super) mod pairs;
#[cfg(test)]
pub(in crate::kernels) mod tests;
mod tiles;

use keras_ir::ops as op;

pub(super) use self::pairs::Rounded;
pub(super) use self::tiles::{BothTransposed, MatrixGradW, MatrixGradX, MatrixProduct};
use super::activate::activate;
use super::epilogue::{Clip, Epilogue};
use super::tile::Write;
use super::{Call, Cpu, Reference, Run};

impl Reference {
    pub(crate) fn gemm(op: &op::Gemm, call: Call<'_>) {
        let op::Gemm { m, k, n, bias, f } = *op;
        let rows = call.samples * m;
        let (x, w) = (call.inputs[0], call.inputs[1]);
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
        for r in 0..rows {
            for i in 0..k {
                let products = (0..n).map(|o| f64::from(d_y[r * n + o]) * f64::from(w[i * n + o]));
                call.output[r * k + i] = products.sum::<f64>() as f32;
            }
        }
    }

    pub(crate) fn gemm_grad_w(op: &op::GemmGradW, call: Call<'_>) {
        let op::GemmGradW { m, k, n, first, count } = *op;
        let rows = call.samples * m;
        let [x, d_y] = call.inputs();
        if call.run.overwrites {
            call.output.fill(0.0);
        }
        for i in 0..count {
            for o in 0..n {
                let products =
                    (0..rows).map(|r| f64::from(x[r * k + first + i]) * f64::from(d_y[r * n + o]));
                call.output[i * n + o] += products.sum::<f64>() as f32;
            }
        }
    }
}

// The methods are inlined, and what they choose from is not: where an algorithm is a constant, as
// in an emitted call, a program holds the kernels of that algorithm alone.
impl Cpu {
    #[inline]
    pub(crate) fn gemm(op: &op::Gemm, call: Call<'_>) {
        forward(
            op,
            if call.algorithm.is_rounded() { pairs::forward } else { tiles::forward },
            call,
        );
    }

    #[inline]
    pub(crate) fn gemm_grad_x(op: &op::GemmGradX, call: Call<'_>) {
        grad_x(op, if call.algorithm.is_rounded() { pairs::grad_x } else { tiles::grad_x }, call);
    }

    #[inline]
    pub(crate) fn gemm_grad_w(op: &op::GemmGradW, call: Call<'_>) {
        grad_w(op, if call.algorithm.is_rounded() { pairs::grad_w } else { tiles::grad_w }, call);
    }
}

fn forward(op: &op::Gemm, multiply: fn(MatrixProduct<'_>), call: Call<'_>) {
    let op::Gemm { m, k, n, bias, f } = *op;
    let rows = call.samples * m;
    let (x, w) = (call.inputs[0], call.inputs[1]);
    let bias = bias.then(|| call.inputs[2]);
    let (y, scratch, prepared) = (&mut *call.output, call.workspace, call.prepared);
    let clip = Clip::of(f);
    let epilogue = Epilogue { clip: clip.unwrap_or(Clip::Nothing), ..Epilogue::NOTHING };
    multiply(MatrixProduct { rows, k, n, x, w, prepared, bias, epilogue, y, scratch });
    if clip.is_none() {
        activate(f, call.output);
    }
}

fn grad_x(op: &op::GemmGradX, multiply: fn(MatrixGradX<'_>), call: Call<'_>) {
    let op::GemmGradX { m, k, n } = *op;
    let rows = call.samples * m;
    let [d_y, w] = call.inputs();
    let (d_x, scratch, prepared) = (call.output, call.workspace, call.prepared);
    multiply(MatrixGradX { rows, k, n, d_y, w, prepared, d_x, scratch });
}

fn grad_w(op: &op::GemmGradW, multiply: fn(MatrixGradW<'_>), call: Call<'_>) {
    let op::GemmGradW { m, k, n, first, count } = *op;
    let rows = call.samples * m;
    let [x, d_y] = call.inputs();
    let (d_w, scratch, prepared) = (call.output, call.workspace, call.prepared);
    let (stride, x, write) = (k, &x[first..], first_write(call.run));
    multiply(MatrixGradW { rows, stride, n, x, count, d_y, prepared, write, d_w, scratch });
}

/// What becomes of the first sums of a gradient by the weights.
fn first_write(run: Run) -> Write<'static> {
    if run.overwrites { Write::Set } else { Write::Continue }
}
