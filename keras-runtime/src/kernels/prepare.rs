//! Copies of right matrices, made once for a whole batch: blocks of rows, and in each panels of columns, one after the other; of a
//! kernel to which Winograd's algorithm is applied, its transform.

use keras_graph::cost::{PANEL_ROWS, prepared_columns};
use keras_graph::op::Op;
use keras_graph::winograd::Winograd;

use super::Cpu;
use super::conv::winograd::Transform;
use super::tile::Right;
use crate::simd::{Kernel, Simd, dispatch};

impl Cpu {
    /// Makes block `part` of the right matrix of a product, or a kernel's transform.
    pub(crate) fn prepare(op: &Op, right: &[f32], part: usize, prepared: &mut [f32]) {
        let winograd = match op {
            Op::Conv2D(op) => Winograd::of_conv2d(op).map(|shape| (shape, false)),
            Op::Conv2DGradX(op) => Winograd::of_grad_x(op).map(|shape| (shape, true)),
            _ => None,
        };
        if let Some((shape, transposed)) = winograd {
            return dispatch(Transform { shape, kernel: right, transposed, u: prepared });
        }
        let (columns, transposed) = match op {
            Op::Gemm(op) => (op.n, false),
            Op::GemmGradW(op) => (op.n, false),
            Op::Conv2D(op) => (op.filters, false),
            Op::GemmGradX(op) => (op.k, true),
            Op::Conv2DGradX(op) => (op.channels, true),
            _ => unreachable!("nothing is prepared for `{}`", op.name()),
        };
        let (first, rows) = (part * PANEL_ROWS, prepared.len() / columns);
        if transposed {
            let stride = right.len() / columns;
            dispatch(Transposed { cells: &right[first..], stride, rows, columns, prepared });
        } else {
            let cells = &right[first * columns..][..rows * columns];
            dispatch(Packed { cells, rows, columns, prepared });
        }
    }
}

/// A copy of `rows` rows, which are read from the first to the last.
struct Packed<'a> {
    cells: &'a [f32],
    rows: usize,
    columns: usize,
    prepared: &'a mut [f32],
}

impl Kernel for Packed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Packed { cells, rows, columns, prepared } = self;
        let panel_columns = prepared_columns(columns);
        for (i, row) in cells.chunks_exact(columns).enumerate() {
            for (panel, from) in row.chunks(panel_columns).enumerate() {
                let to = panel * panel_columns * rows + i * from.len();
                let to = &mut prepared[to..][..from.len()];
                let whole = from.len() - from.len() % S::LANES;
                for c in (0..whole).step_by(S::LANES) {
                    simd.store(simd.load(&from[c..]), &mut to[c..]);
                }
                if whole < from.len() {
                    simd.store_part(simd.load_part(&from[whole..]), &mut to[whole..]);
                }
            }
        }
    }
}

/// A copy of `rows` rows of a matrix whose columns lie `stride` apart, each of them in one piece.
struct Transposed<'a> {
    cells: &'a [f32],
    stride: usize,
    rows: usize,
    columns: usize,
    prepared: &'a mut [f32],
}

impl Kernel for Transposed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Transposed { cells, stride, rows, columns, prepared } = self;
        let panel_columns = prepared_columns(columns);
        for (panel, prepared) in prepared.chunks_mut(panel_columns * rows).enumerate() {
            let cells = &cells[panel * panel_columns * stride..];
            Right::pack_transposed(simd, cells, stride, rows, prepared.len() / rows, prepared);
        }
    }
}
