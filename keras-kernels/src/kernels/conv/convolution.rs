//! A convolution with its operands sorted, as each of its algorithms is given it.

use keras_ir::ops as op;

use crate::kernels::epilogue::Epilogue;
use crate::kernels::gemm;

/// A convolution as an algorithm is given it.
pub(super) struct Convolution<'a> {
    pub(super) op: &'a op::Conv2D,
    /// Whether of each two rows and two columns only the largest cell is written.
    pub(super) pools: bool,
    pub(super) x: &'a [f32],
    pub(super) kernel: &'a [f32],
    pub(super) prepared: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    /// What follows the sums, but for an activation that is no clip.
    pub(super) epilogue: Epilogue<'a>,
    pub(super) y: &'a mut [f32],
    pub(super) scratch: &'a mut [f32],
}

impl<'a> Convolution<'a> {
    /// A convolution of single cells as a product of matrices.
    pub(super) fn product(self) -> gemm::MatrixProduct<'a> {
        let Convolution { op, x, kernel: w, prepared, bias, epilogue, y, scratch, .. } = self;
        let (rows, k, n) = (x.len() / op.channels, op.channels, op.filters);
        gemm::MatrixProduct { rows, k, n, x, w, prepared, bias, epilogue, y, scratch }
    }
}
