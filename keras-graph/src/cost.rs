//! What an op costs: floating-point operations and scratch memory.

use crate::op::Op;

/// Floating-point operations of one sample; a multiplication and an addition count as two.
pub fn flops(op: &Op) -> u64 {
    match op {
        Op::Gemm(op) => 2 * (op.m * op.k * op.n) as u64,
        _ => 0,
    }
}

/// Scratch elements that the kernel of an op asks for, whatever the number of samples.
pub fn workspace_len(_op: &Op) -> usize {
    0
}
