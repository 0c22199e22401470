//! The products of a dense layer under `mixed_bfloat16`; see [`tiles`](super::tiles) for those in
//! `f32`.
//!
//! Where the right matrix is prepared, rows of the left one are packed and the loops of `f32` run
//! on pairs. Elsewhere both matrices are packed, some rows and columns at a time: what is read
//! often is packed once, and takes half the memory.

use core::ops::Range;

use keras_target::cost::{PANEL_ROWS, PREPARED_ROWS};
use keras_target::pairs::{LEFT_LEN, LEFT_ROWS, RIGHT_LEN, left_rows, packed_rows};

use super::tiles::{BothTransposed, MatrixGradW, MatrixGradX, MatrixProduct};
use crate::kernels::bfloat16::{pack_neighbors, pack_rows};
use crate::kernels::epilogue::Epilogue;
use crate::kernels::tile::{Columns, Panels, Product, Right, Rows, Write, multiply};
use crate::simd::{Kernel, Pairs, Simd, dispatch_pairs};

/// A product of operands that are rounded.
pub(in crate::kernels) struct Rounded<P>(pub(in crate::kernels) P);

/// [`MatrixProduct`] of rounded operands.
pub(in crate::kernels) fn forward(product: MatrixProduct<'_>) {
    dispatch_pairs(Rounded(product));
}

/// [`MatrixGradX`] of rounded operands.
pub(in crate::kernels) fn grad_x(product: MatrixGradX<'_>) {
    dispatch_pairs(Rounded(product));
}

/// [`MatrixGradW`] of rounded operands.
pub(in crate::kernels) fn grad_w(product: MatrixGradW<'_>) {
    dispatch_pairs(Rounded(product));
}

/// Packs some rows of `len` elements, neighbours of a row as pairs.
#[inline(always)]
fn pack_left<'a, S: Simd>(
    simd: S,
    cells: &[f32],
    len: usize,
    some: &Range<usize>,
    scratch: &'a mut [f32],
) -> &'a [f32] {
    let pairs = len.div_ceil(2);
    let left = &mut scratch[..some.len() * pairs];
    let rows = cells[some.start * len..].chunks_exact(len.max(1));
    for (row, left) in rows.zip(left.chunks_exact_mut(pairs.max(1))) {
        pack_neighbors(simd, row, left);
    }
    left
}

/// `0..len` in slabs of at most `most`, at least one.
fn slabs(len: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len.max(1)).step_by(most).map(move |begin| begin..len.min(begin + most))
}

/// Packs rows `rows` of a matrix, `stride` elements apart, each two of them as a row of pairs as
/// long as `columns`.
#[inline(always)]
fn pack<S: Simd>(
    simd: S,
    cells: &[f32],
    stride: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    pairs: &mut [f32],
) {
    if columns.is_empty() {
        return;
    }
    for (q, pairs) in pairs.chunks_exact_mut(columns.len()).take(rows.len().div_ceil(2)).enumerate()
    {
        let row = rows.start + 2 * q;
        let high = (row + 1 < rows.end).then(|| &cells[(row + 1) * stride + columns.start..]);
        pack_rows(simd, &cells[row * stride + columns.start..], high, pairs);
    }
}

/// Packs elements `slab` of `columns` rows of `len` elements as a panel, so that a row becomes a
/// column; `upright` is room for the panel.
#[inline(always)]
fn pack_transposed<S: Simd>(
    simd: S,
    cells: &[f32],
    len: usize,
    slab: &Range<usize>,
    columns: usize,
    upright: &mut [f32],
    panel: &mut [f32],
) {
    let pairs = slab.len().div_ceil(2);
    let packed = upright.chunks_exact_mut(pairs.max(1)).take(columns);
    for (row, packed) in packed.enumerate() {
        pack_neighbors(simd, &cells[row * len..][slab.clone()], packed);
    }
    Right::pack_transposed(simd, upright, pairs, pairs, columns, panel);
}

impl Kernel for Rounded<MatrixProduct<'_>> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let MatrixProduct { rows, k, n, x, w, prepared, bias, epilogue, y, scratch } = self.0;
        if !prepared.is_empty() {
            let pairs = k.div_ceil(2);
            for some in slabs(rows, packed_rows(pairs)) {
                let x = pack_left(simd, x, k, &some, scratch);
                Pairs(simd).enter(MatrixProduct {
                    rows: some.len(),
                    k: pairs,
                    n,
                    x,
                    w: &[],
                    prepared,
                    bias,
                    epilogue: epilogue.cells_from(some.start * n),
                    y: &mut y[some.start * n..some.end * n],
                    scratch: &mut [],
                });
            }
            return;
        }
        let (left, right) = scratch.split_at_mut(LEFT_LEN);
        // At least two rows, so that a panel fits the scratch.
        let panels = Panels::new::<S>(rows.max(2), n);
        for slab in slabs(k, PANEL_ROWS) {
            let pairs = slab.len().div_ceil(2);
            for some in slabs(rows, LEFT_ROWS) {
                for (row, left) in some.clone().zip(left.chunks_exact_mut(pairs.max(1))) {
                    pack_neighbors(simd, &x[row * k..][slab.clone()], left);
                }
                for panel in panels.iter() {
                    let right = &mut right[..pairs * panel.len];
                    // A lone panel is still there.
                    if some.start == 0 || panels.count > 1 {
                        let columns = panel.begin..panel.begin + panel.len;
                        pack(simd, w, n, slab.clone(), columns, right);
                    }
                    let product = Product {
                        columns: panel.len,
                        right: Right { cells: right, stride: panel.len },
                        write: match bias {
                            _ if slab.start > 0 => Write::Add,
                            Some(bias) => Write::Bias(&bias[panel.begin..]),
                            None => Write::Set,
                        },
                        epilogue: match slab.end == k {
                            true => epilogue.cells_from(some.start * n).columns_from(panel.begin),
                            false => Epilogue::NOTHING,
                        },
                        output: &mut y[some.start * n + panel.begin..],
                        stride: n,
                    };
                    let left = Rows::plain(left, pairs, pairs);
                    multiply(Pairs(simd), some.len(), left, product);
                }
            }
        }
    }
}

impl Kernel for Rounded<MatrixGradX<'_>> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let MatrixGradX { rows, k, n, d_y, w, prepared, d_x, scratch } = self.0;
        if !prepared.is_empty() {
            let pairs = n.div_ceil(2);
            for some in slabs(rows, packed_rows(pairs)) {
                let d_y = pack_left(simd, d_y, n, &some, scratch);
                let d_x = &mut d_x[some.start * k..some.end * k];
                let (rows, n, w, scratch) = (some.len(), pairs, &[], &mut []);
                Pairs(simd).enter(MatrixGradX { rows, k, n, d_y, w, prepared, d_x, scratch });
            }
            return;
        }
        let (left, right) = scratch.split_at_mut(LEFT_LEN);
        let (upright, right) = right.split_at_mut(RIGHT_LEN);
        let panels = Panels::new::<S>(rows.max(2), k);
        for slab in slabs(n, PANEL_ROWS) {
            let pairs = slab.len().div_ceil(2);
            for some in slabs(rows, LEFT_ROWS) {
                for (row, left) in some.clone().zip(left.chunks_exact_mut(pairs.max(1))) {
                    pack_neighbors(simd, &d_y[row * n..][slab.clone()], left);
                }
                for panel in panels.iter() {
                    if some.start == 0 || panels.count > 1 {
                        let w = &w[panel.begin * n..];
                        pack_transposed(simd, w, n, &slab, panel.len, upright, right);
                    }
                    let product = Product {
                        columns: panel.len,
                        right: Right { cells: right, stride: panel.len },
                        write: if slab.start > 0 { Write::Add } else { Write::Set },
                        epilogue: Epilogue::NOTHING,
                        output: &mut d_x[some.start * k + panel.begin..],
                        stride: k,
                    };
                    let left = Rows::plain(left, pairs, pairs);
                    multiply(Pairs(simd), some.len(), left, product);
                }
            }
        }
    }
}

impl Kernel for Rounded<MatrixGradW<'_>> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let MatrixGradW { rows, n, x, stride, count, d_y, prepared, write, d_w, scratch } = self.0;
        if !prepared.is_empty() {
            for slab in slabs(rows, 2 * PREPARED_ROWS) {
                let write = if slab.start > 0 { Write::Continue } else { write };
                let pairs = slab.len().div_ceil(2);
                let prepared = &prepared[slab.start / 2 * n..][..pairs * n];
                for some in slabs(count, left_rows(pairs)) {
                    let left = &mut scratch[..pairs * some.len()];
                    pack(simd, x, stride, slab.clone(), some.clone(), left);
                    let (x, d_y, scratch) = (&*left, &[], &mut []);
                    let (rows, stride, count) = (pairs, some.len(), some.len());
                    let d_w = &mut d_w[some.start * n..some.end * n];
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
                    Pairs(simd).enter(product);
                }
            }
            return;
        }
        let (left, right) = scratch.split_at_mut(LEFT_LEN);
        let panels = Panels::new::<S>(count.max(2), n);
        for slab in slabs(rows, PANEL_ROWS) {
            let pairs = slab.len().div_ceil(2);
            for some in slabs(count, LEFT_ROWS) {
                pack(simd, x, stride, slab.clone(), some.clone(), left);
                for panel in panels.iter() {
                    let right = &mut right[..pairs * panel.len];
                    if some.start == 0 || panels.count > 1 {
                        let columns = panel.begin..panel.begin + panel.len;
                        pack(simd, d_y, n, slab.clone(), columns, right);
                    }
                    let product = Product {
                        columns: panel.len,
                        right: Right { cells: right, stride: panel.len },
                        write: if slab.start > 0 { Write::Continue } else { write },
                        epilogue: Epilogue::NOTHING,
                        output: &mut d_w[some.start * n + panel.begin..],
                        stride: n,
                    };
                    let left = Columns::plain(left, some.len(), pairs);
                    multiply(Pairs(simd), some.len(), left, product);
                }
            }
        }
    }
}

impl Kernel for Rounded<BothTransposed<'_>> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let BothTransposed { m, k, n, a, b, y, scratch } = self.0;
        let (left, right) = scratch.split_at_mut(LEFT_LEN);
        let (upright, right) = right.split_at_mut(RIGHT_LEN);
        let panels = Panels::new::<S>(m.max(2), n);
        for slab in slabs(k, PANEL_ROWS) {
            let pairs = slab.len().div_ceil(2);
            for some in slabs(m, LEFT_ROWS) {
                pack(simd, a, m, slab.clone(), some.clone(), left);
                for panel in panels.iter() {
                    let right = &mut right[..pairs * panel.len];
                    if some.start == 0 || panels.count > 1 {
                        let b = &b[panel.begin * k..];
                        pack_transposed(simd, b, k, &slab, panel.len, upright, right);
                    }
                    let product = Product {
                        columns: panel.len,
                        right: Right { cells: right, stride: panel.len },
                        write: if slab.start > 0 { Write::Continue } else { Write::Set },
                        epilogue: Epilogue::NOTHING,
                        output: &mut y[some.start * n + panel.begin..],
                        stride: n,
                    };
                    let left = Columns::plain(left, some.len(), pairs);
                    multiply(Pairs(simd), some.len(), left, product);
                }
            }
        }
    }
}
