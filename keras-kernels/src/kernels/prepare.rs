//! Copies of right matrices, made once for a whole batch: slabs of rows, and in each panels of
//! columns, one after the other; of a kernel to which Winograd's algorithm is applied, its
//! transform. An algorithm that rounds reads rows of pairs.

use keras_ir::algorithm::Algorithm;
use keras_ir::ops::Op;
use keras_target::cost::{PANEL_COLUMNS, PREPARED_ROWS, prepared_columns};
use keras_target::winograd::Winograd;

use super::Cpu;
use super::bfloat16::{pack_neighbors, pack_rows};
use super::conv::winograd::Transform;
use super::tile::Right;
use crate::simd::{Kernel, Simd, dispatch, dispatch_pairs};

impl Cpu {
    /// Makes part `part` of the right matrix of a product as the algorithm reads it, or a kernel's
    /// transform.
    pub(crate) fn prepare(
        op: &Op,
        algorithm: Algorithm,
        right: &[f32],
        part: usize,
        prepared: &mut [f32],
    ) {
        match algorithm {
            Algorithm::Winograd => transform(op, right, prepared),
            Algorithm::General | Algorithm::Product | Algorithm::TwoSums | Algorithm::Rows => {
                pack(op, right, part, prepared);
            }
            Algorithm::RoundedProduct | Algorithm::RoundedWindows => {
                pack_pairs(op, right, part, prepared);
            }
        }
    }
}

/// Transforms a kernel for Winograd's algorithm.
fn transform(op: &Op, kernel: &[f32], u: &mut [f32]) {
    let (shape, transposed) = match op {
        Op::Conv2D(op) => (Some(Winograd::conv2d(op)), false),
        Op::ConvPool2D(op) => (Some(Winograd::conv2d(&op.conv)), false),
        Op::Conv2DGradX(op) => (Winograd::grad_x(op), true),
        _ => (None, false),
    };
    let shape = shape.expect("a kernel is transformed where one is read");
    dispatch(Transform { shape, kernel, transposed, u });
}

/// Makes slab `part` of a right matrix.
fn pack(op: &Op, right: &[f32], part: usize, prepared: &mut [f32]) {
    let (columns, transposed) = columns(op);
    let (first, rows) = (part * PREPARED_ROWS, prepared.len() / columns);
    if transposed {
        let stride = right.len() / columns;
        dispatch(Transposed { cells: &right[first..], stride, rows, columns, prepared });
    } else {
        let cells = &right[first * columns..][..rows * columns];
        dispatch(Packed { cells, rows, columns, prepared });
    }
}

/// Makes slab `part` of a right matrix of rows of pairs.
fn pack_pairs(op: &Op, right: &[f32], part: usize, prepared: &mut [f32]) {
    let (columns, transposed) = columns(op);
    let first = 2 * part * PREPARED_ROWS;
    if transposed {
        let stride = right.len() / columns;
        dispatch_pairs(TransposedPairs { cells: right, stride, first, columns, prepared });
    } else {
        let cells = &right[first * columns..];
        dispatch_pairs(PackedPairs { cells, columns, prepared });
    }
}

/// Columns of the right matrix of a product, and whether it stands transposed.
fn columns(op: &Op) -> (usize, bool) {
    match op {
        Op::Gemm(op) => (op.n, false),
        Op::GemmGradW(op) => (op.n, false),
        Op::Conv2D(op) => (op.filters, false),
        Op::GemmGradX(op) => (op.k, true),
        Op::Conv2DGradX(op) => (op.channels, true),
        _ => unreachable!("nothing is prepared for `{}`", op.name()),
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

/// As [`Packed`], each two rows as one of pairs.
struct PackedPairs<'a> {
    cells: &'a [f32],
    columns: usize,
    prepared: &'a mut [f32],
}

impl Kernel for PackedPairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let PackedPairs { cells, columns, prepared } = self;
        let (panel_columns, pairs) = (prepared_columns(columns), prepared.len() / columns);
        for (i, rows) in cells.chunks(2 * columns).take(pairs).enumerate() {
            let (low, high) = rows.split_at(columns);
            for begin in (0..columns).step_by(panel_columns) {
                let len = panel_columns.min(columns - begin);
                let high = (!high.is_empty()).then(|| &high[begin..]);
                let to = &mut prepared[begin * pairs + i * len..][..len];
                pack_rows(simd, &low[begin..], high, to);
            }
        }
    }
}

/// As [`Transposed`], each two rows from row `first` on as one of pairs.
struct TransposedPairs<'a> {
    cells: &'a [f32],
    stride: usize,
    first: usize,
    columns: usize,
    prepared: &'a mut [f32],
}

impl Kernel for TransposedPairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let TransposedPairs { cells, stride, first, columns, prepared } = self;
        let (panel_columns, pairs) = (prepared_columns(columns), prepared.len() / columns);
        let rows = (2 * pairs).min(stride - first);
        let mut upright = [0.0; PANEL_COLUMNS * PREPARED_ROWS];
        for (panel, prepared) in prepared.chunks_mut(panel_columns * pairs).enumerate() {
            let cells = cells[panel * panel_columns * stride..].chunks_exact(stride);
            let len = prepared.len() / pairs;
            for (cells, upright) in cells.zip(upright.chunks_exact_mut(pairs)).take(len) {
                pack_neighbors(simd, &cells[first..][..rows], upright);
            }
            Right::pack_transposed(simd, &upright, pairs, pairs, len, prepared);
        }
    }
}
