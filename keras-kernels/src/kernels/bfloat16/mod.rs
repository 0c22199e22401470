//! Kernels of the policy `mixed_bfloat16`: products round both operands to bfloat16 and add up in
//! `f32`; all else is as ever.
//!
//! Operands are packed as pairs of neighbours along the axis that is summed over, and the tiles of
//! `f32` multiply them two at a time ([`Pairs`](crate::simd::Pairs)). Convolutions whose shapes
//! come in no pairs, such as those of one channel, are not rounded, nor are forward ones that
//! Winograd's algorithm computes in less time as they are.

mod gemm;
mod pack;

use alloc::vec::Vec;

use keras_ir::algorithm::Algorithm;
use keras_ir::ops::{Conv2D, Gemm, GemmGradW, GemmGradX, Op};
use keras_target::cost::{self, Prepared};
use keras_target::target::{MixedBfloat16, Target as _};

pub(super) use self::pack::{pack_neighbors, pack_rows};
use super::conv::pairs as conv;
use super::finish::{Clip, Finish, Inputs};
use super::gemm::first_write;
use super::{Call, Cpu, Reference, activate, run};
use crate::simd::{dispatch_pairs, rounded};

/// The copy that is worth making of an op's right matrix once for a whole batch, if any.
pub(crate) fn prepared(op: &Op) -> Option<Prepared> {
    let algorithm = MixedBfloat16.algorithm(op);
    if !algorithm.is_rounded() {
        return cost::prepared(op, algorithm);
    }
    cost::prepared_right(op, algorithm).map(|(rows, columns)| panels(rows, columns))
}

/// The copy of a right matrix of `rows` rows as rows of pairs.
pub(crate) fn panels(rows: usize, columns: usize) -> Prepared {
    Prepared::panels(rows.div_ceil(2), columns)
}

/// Scratch elements that the kernel of an op asks for under the policy, whatever the number of
/// samples.
pub(crate) fn workspace_len(op: &Op) -> usize {
    let algorithm = MixedBfloat16.algorithm(op);
    let len = match algorithm {
        Algorithm::RoundedProduct => match op {
            Op::Gemm(op) => gemm::scratch_len(op.k),
            Op::GemmGradX(op) => gemm::scratch_len(op.n),
            Op::Conv2D(op) => gemm::scratch_len(op.channels),
            Op::Conv2DGradX(op) => gemm::scratch_len(op.filters),
            _ => gemm::scratch_len(0),
        },
        Algorithm::RoundedWindows => match op {
            Op::Conv2D(op) => conv::forward_len(op),
            Op::Conv2DGradX(op) => conv::grad_x_len(op),
            Op::Conv2DGradW(op) => conv::grad_w_len(op),
            _ => 0,
        },
        _ => return cost::workspace_len(op, algorithm),
    };
    let folded = match op {
        Op::Conv2D(op) => cost::folded_len(op.norm.as_ref(), op.filters),
        _ => 0,
    };
    folded + len
}

impl Reference {
    /// Computes any op under the policy.
    pub(super) fn run_mixed_bfloat16(op: &Op, call: Call<'_>) {
        if !MixedBfloat16.algorithm(op).is_rounded() {
            return run::<Reference>(op, call);
        }
        // The operands; a bias is not one.
        let round = |x: &&[f32]| x.iter().copied().map(rounded).collect::<Vec<f32>>();
        let operands: Vec<Vec<f32>> = call.inputs.iter().take(2).map(round).collect();
        let mut inputs = call.inputs.to_vec();
        inputs.iter_mut().zip(&operands).for_each(|(input, rounded)| *input = rounded);
        run::<Reference>(op, Call { inputs: &inputs, ..call });
    }
}

impl Cpu {
    /// Computes any op under the policy.
    pub(super) fn run_mixed_bfloat16(op: &Op, call: Call<'_>) {
        let algorithm = MixedBfloat16.algorithm(op);
        if !algorithm.is_rounded() {
            return run::<Cpu>(op, call);
        }
        call.check(op, op.name());
        match (op, algorithm) {
            (Op::Gemm(op), _) => product(op, call),
            (Op::GemmGradX(op), _) => product_grad_x(op, call),
            (Op::GemmGradW(op), _) => product_grad_w(op, call),
            (Op::Conv2DGradX(op), Algorithm::RoundedProduct) => {
                let m = op.rows.output * op.columns.output;
                product_grad_x(&GemmGradX { m, k: op.channels, n: op.filters }, call);
            }
            (Op::Conv2DGradW(op), Algorithm::RoundedProduct) => {
                let m = op.rows.output * op.columns.output;
                let (k, n, first, count) = (op.channels, op.filters, 0, op.channels);
                product_grad_w(&GemmGradW { m, k, n, first, count }, call);
            }
            (Op::Conv2D(op), _) => conv2d(op, algorithm, call),
            (Op::Conv2DGradX(op), _) => conv::conv2d_grad_x(op, call),
            (Op::Conv2DGradW(op), _) => conv::conv2d_grad_w(op, call),
            _ => unreachable!("`{}` is no product", op.name()),
        }
    }
}

fn product(op: &Gemm, call: Call<'_>) {
    let Gemm { m, k, n, bias, f } = *op;
    let rows = call.samples * m;
    let (x, w) = (call.inputs[0], call.inputs[1]);
    let bias = bias.then(|| call.inputs[2]);
    let (clip, scratch) = (Clip::of(f), call.workspace);
    let finish = Finish { clip: clip.unwrap_or(Clip::Nothing), ..Finish::NOTHING };
    let (y, prepared) = (&mut *call.output, call.prepared);
    dispatch_pairs(gemm::Forward { rows, k, n, x, w, prepared, bias, finish, y, scratch });
    if clip.is_none() {
        activate(f, call.output);
    }
}

fn conv2d(op: &Conv2D, algorithm: Algorithm, call: Call<'_>) {
    let Conv2D { channels, filters, bias, norm, f, .. } = *op;
    let (x, kernel) = (call.inputs[0], call.inputs[1]);
    let inputs = Inputs::new(&call.inputs[2..], bias, norm);
    let clip = Clip::of(f);
    let (bias, finish, scratch) =
        inputs.fold(filters, clip.unwrap_or(Clip::Nothing), call.workspace);
    let (y, prepared) = (&mut *call.output, call.prepared);
    if algorithm == Algorithm::RoundedProduct {
        let (rows, k, n) = (y.len() / filters, channels, filters);
        let w = kernel;
        dispatch_pairs(gemm::Forward { rows, k, n, x, w, prepared, bias, finish, y, scratch });
    } else {
        dispatch_pairs(conv::Forward { op, x, kernel, bias, finish, y, scratch });
    }
    if clip.is_none() {
        activate(f, call.output);
    }
}

fn product_grad_x(op: &GemmGradX, call: Call<'_>) {
    let GemmGradX { m, k, n } = *op;
    let rows = call.samples * m;
    let [d_y, w] = call.inputs();
    let (d_x, scratch, prepared) = (call.output, call.workspace, call.prepared);
    dispatch_pairs(gemm::GradX { rows, k, n, d_y, w, prepared, d_x, scratch });
}

fn product_grad_w(op: &GemmGradW, call: Call<'_>) {
    let GemmGradW { m, k, n, first, count } = *op;
    let rows = call.samples * m;
    let [x, d_y] = call.inputs();
    let (d_w, scratch, prepared) = (call.output, call.workspace, call.prepared);
    let (stride, x, write) = (k, &x[first..], first_write(call.run));
    dispatch_pairs(gemm::GradW { rows, stride, n, x, count, d_y, prepared, write, d_w, scratch });
}

#[cfg(test)]
mod tests;
