//! Products in `f32`, as register tiles of a left matrix that is read in place and a right one that
//! may be packed.

use core::ops::Range;

use keras_target::cost::{PANEL_ROWS, PREPARED_ROWS, prepared_columns};

use crate::kernels::epilogue::Epilogue;
use crate::kernels::one_row::{STREAMED_VECTORS, stream, strip};
use crate::kernels::tile::{
    Columns, Panel, Panels, Product, Right, Rows, Write, largest_height, multiply,
};
use crate::simd::{Kernel, Simd, dispatch};

/// [`MatrixProduct`] with the best instructions.
pub(super) fn forward(product: MatrixProduct<'_>) {
    dispatch(product);
}

/// [`MatrixGradX`] likewise.
pub(super) fn grad_x(product: MatrixGradX<'_>) {
    dispatch(product);
}

/// [`MatrixGradW`] likewise.
pub(super) fn grad_w(product: MatrixGradW<'_>) {
    dispatch(product);
}

/// Tiles must read a panel this often before a packed copy of it pays.
const PACK_TILES: usize = 4;

/// `0..len` in slabs of rows of the right matrix that are worked on together, at least one.
fn slabs(len: usize, prepared: &[f32]) -> impl Iterator<Item = Range<usize>> {
    let most = if prepared.is_empty() { PANEL_ROWS } else { PREPARED_ROWS };
    (0..len.max(1)).step_by(most).map(move |begin| begin..len.min(begin + most))
}

/// The panels of `columns` columns, for a product of `rows` rows; none reaches from one part of a
/// prepared matrix to the next.
#[inline(always)]
fn panels<S: Simd>(
    rows: usize,
    columns: usize,
    prepared: &[f32],
) -> impl Iterator<Item = (Range<usize>, Panel)> {
    let part = if prepared.is_empty() { columns.max(1) } else { prepared_columns(columns) };
    (0..columns).step_by(part).flat_map(move |begin| {
        let part = begin..columns.min(begin + part);
        let panels = Panels::new::<S>(rows, part.len());
        (0..panels.count).map(move |i| (part.clone(), panels.at(i)))
    })
}

/// Rows `slab` of a panel of a prepared matrix of `columns` columns.
#[inline(always)]
fn prepared_panel<'a>(
    prepared: &'a [f32],
    columns: usize,
    part: &Range<usize>,
    panel: Panel,
    slab: &Range<usize>,
) -> Right<'a> {
    let first = slab.start * columns + part.start * slab.len() + panel.begin;
    Right { cells: &prepared[first..], stride: part.len() }
}

/// [`Gemm`](keras_ir::ops::Gemm) of `rows` rows, with no activation but a clip.
pub(in crate::kernels) struct MatrixProduct<'a> {
    pub(in crate::kernels) rows: usize,
    pub(in crate::kernels) k: usize,
    pub(in crate::kernels) n: usize,
    pub(in crate::kernels) x: &'a [f32],
    pub(in crate::kernels) w: &'a [f32],
    /// The weights prepared, or nothing.
    pub(in crate::kernels) prepared: &'a [f32],
    pub(in crate::kernels) bias: Option<&'a [f32]>,
    pub(in crate::kernels) epilogue: Epilogue<'a>,
    pub(in crate::kernels) y: &'a mut [f32],
    pub(in crate::kernels) scratch: &'a mut [f32],
}

impl Kernel for MatrixProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let MatrixProduct { rows, k, n, x, w, prepared, bias, epilogue, y, scratch } = self;
        if prepared.is_empty() && rows == 1 && n > STREAMED_VECTORS * S::LANES {
            return stream(simd, x, w, bias, epilogue, y);
        }
        if prepared.is_empty() && rows == 1 && n.is_multiple_of(S::LANES) {
            match n / S::LANES {
                4 => return strip::<S, 4>(simd, x, w, bias, epilogue, y),
                5 => return strip::<S, 5>(simd, x, w, bias, epilogue, y),
                6 => return strip::<S, 6>(simd, x, w, bias, epilogue, y),
                7 => return strip::<S, 7>(simd, x, w, bias, epilogue, y),
                8 => return strip::<S, 8>(simd, x, w, bias, epilogue, y),
                _ => {}
            }
        }
        for (part, panel) in panels::<S>(rows, n, prepared) {
            let (begin, columns) = (part.start + panel.begin, panel.len);
            let packs = rows >= PACK_TILES * largest_height::<S>() && columns < n;
            for slab in slabs(k, prepared) {
                let right = if !prepared.is_empty() {
                    prepared_panel(prepared, n, &part, panel, &slab)
                } else {
                    let right = Right { cells: &w[slab.start * n + begin..], stride: n };
                    if packs { right.pack(simd, slab.len(), columns, scratch) } else { right }
                };
                let write = match bias {
                    _ if slab.start > 0 => Write::Continue,
                    Some(bias) => Write::Bias(&bias[begin..]),
                    None => Write::Set,
                };
                let epilogue = match slab.end == k {
                    true => epilogue.columns_from(begin),
                    false => Epilogue::NOTHING,
                };
                let left = Rows::plain(&x[slab.start..], k, slab.len());
                let output = &mut y[begin..];
                let product = Product { columns, right, write, epilogue, output, stride: n };
                multiply(simd, rows, left, product);
            }
        }
    }
}

/// [`GemmGradX`](keras_ir::ops::GemmGradX) of `rows` rows.
pub(in crate::kernels) struct MatrixGradX<'a> {
    pub(in crate::kernels) rows: usize,
    pub(in crate::kernels) k: usize,
    pub(in crate::kernels) n: usize,
    pub(in crate::kernels) d_y: &'a [f32],
    pub(in crate::kernels) w: &'a [f32],
    /// The weights prepared, or nothing.
    pub(in crate::kernels) prepared: &'a [f32],
    pub(in crate::kernels) d_x: &'a mut [f32],
    pub(in crate::kernels) scratch: &'a mut [f32],
}

impl Kernel for MatrixGradX<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let MatrixGradX { rows, k, n, d_y, w, prepared, d_x, scratch } = self;
        if prepared.is_empty() && rows * DOT_COLUMNS <= n && rows <= DOT_ROWS {
            return dots(simd, k, n, d_y, w, d_x);
        }
        // Two rows, so that a panel fits the scratch.
        for (part, panel) in panels::<S>(rows.max(2), k, prepared) {
            let (begin, columns) = (part.start + panel.begin, panel.len);
            for slab in slabs(n, prepared) {
                let right = if !prepared.is_empty() {
                    prepared_panel(prepared, k, &part, panel, &slab)
                } else {
                    let w = &w[begin * n + slab.start..];
                    Right::pack_transposed(simd, w, n, slab.len(), columns, scratch)
                };
                let write = if slab.start > 0 { Write::Continue } else { Write::Set };
                let left = Rows::plain(&d_y[slab.start..], n, slab.len());
                let (epilogue, output) = (Epilogue::NOTHING, &mut d_x[begin..]);
                let product = Product { columns, right, write, epilogue, output, stride: k };
                multiply(simd, rows, left, product);
            }
        }
    }
}

/// Up to one row for this many columns, dot products cost less than transposing the weights.
const DOT_COLUMNS: usize = 8;

/// Likewise: more rows than this make up for the transposing.
const DOT_ROWS: usize = 6;

/// Rows of `w` that are multiplied with a row of `d_y` at a time.
const DOTS: usize = 4;

/// `d_x[r, i] = Σ_o d_y[r, o] · w[i, o]`, each sum by itself.
#[inline(always)]
fn dots<S: Simd>(simd: S, k: usize, n: usize, d_y: &[f32], w: &[f32], d_x: &mut [f32]) {
    for i in (0..k).step_by(DOTS) {
        let count = DOTS.min(k - i);
        // Where less than `DOTS` rows are left, the last is multiplied more than once.
        let mut w_rows: [&[f32]; DOTS] = [&[]; DOTS];
        for (j, w_row) in w_rows.iter_mut().enumerate() {
            *w_row = &w[(i + j.min(count - 1)) * n..][..n];
        }
        for (d_y, d_x) in d_y.chunks_exact(n).zip(d_x.chunks_exact_mut(k)) {
            let mut sums = [simd.splat(0.0); DOTS];
            let whole = n - n % S::LANES;
            for o in (0..whole).step_by(S::LANES) {
                let d_y = simd.load(&d_y[o..]);
                for j in 0..DOTS {
                    sums[j] = simd.mul_add(d_y, simd.load(&w_rows[j][o..]), sums[j]);
                }
            }
            if whole < n {
                let d_y = simd.load_part(&d_y[whole..]);
                for j in 0..DOTS {
                    let w = simd.load_part(&w_rows[j][whole..]);
                    sums[j] = simd.mul_add(d_y, w, sums[j]);
                }
            }
            for (d_x, sum) in d_x[i..i + count].iter_mut().zip(sums) {
                *d_x = simd.sum(sum);
            }
        }
    }
}

/// [`GemmGradW`](keras_ir::ops::GemmGradW) of `rows` rows.
pub(in crate::kernels) struct MatrixGradW<'a> {
    pub(in crate::kernels) rows: usize,
    pub(in crate::kernels) n: usize,
    /// From the first column on that is asked for.
    pub(in crate::kernels) x: &'a [f32],
    /// Distance of the rows of `x`.
    pub(in crate::kernels) stride: usize,
    /// Columns of `x`, and rows of the gradient.
    pub(in crate::kernels) count: usize,
    pub(in crate::kernels) d_y: &'a [f32],
    /// `d_y` prepared, or nothing.
    pub(in crate::kernels) prepared: &'a [f32],
    /// What becomes of the sums of the first rows.
    pub(in crate::kernels) write: Write<'static>,
    pub(in crate::kernels) d_w: &'a mut [f32],
    pub(in crate::kernels) scratch: &'a mut [f32],
}

impl Kernel for MatrixGradW<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let MatrixGradW { rows, n, x, stride, count, d_y, prepared, write, d_w, scratch } = self;
        for (part, panel) in panels::<S>(count, n, prepared) {
            let (begin, columns) = (part.start + panel.begin, panel.len);
            let packs = count >= PACK_TILES * largest_height::<S>() && columns < n;
            for slab in slabs(rows, prepared) {
                let right = if !prepared.is_empty() {
                    prepared_panel(prepared, n, &part, panel, &slab)
                } else {
                    let right = Right { cells: &d_y[slab.start * n + begin..], stride: n };
                    if packs { right.pack(simd, slab.len(), columns, scratch) } else { right }
                };
                let left = Columns::plain(&x[slab.start * stride..], stride, slab.len());
                let output = &mut d_w[begin..];
                let write = if slab.start > 0 { Write::Continue } else { write };
                let epilogue = Epilogue::NOTHING;
                let product = Product { columns, right, write, epilogue, output, stride: n };
                multiply(simd, count, left, product);
            }
        }
    }
}

/// `y[m, n] = Σ_k a[k, m] · b[n, k]`.
pub(in crate::kernels) struct BothTransposed<'a> {
    pub(in crate::kernels) m: usize,
    pub(in crate::kernels) k: usize,
    pub(in crate::kernels) n: usize,
    pub(in crate::kernels) a: &'a [f32],
    pub(in crate::kernels) b: &'a [f32],
    pub(in crate::kernels) y: &'a mut [f32],
    pub(in crate::kernels) scratch: &'a mut [f32],
}

impl Kernel for BothTransposed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let BothTransposed { m, k, n, a, b, y, scratch } = self;
        // Two rows, so that a panel fits the scratch.
        for panel in Panels::new::<S>(m.max(2), n).iter() {
            for slab in slabs(k, &[]) {
                let b = &b[panel.begin * k + slab.start..];
                let right =
                    Right::pack_transposed(simd, b, k, slab.len(), panel.len, &mut *scratch);
                let write = if slab.start > 0 { Write::Continue } else { Write::Set };
                let left = Columns::plain(&a[slab.start * m..], m, slab.len());
                let (epilogue, output) = (Epilogue::NOTHING, &mut y[panel.begin..]);
                let columns = panel.len;
                let product = Product { columns, right, write, epilogue, output, stride: n };
                multiply(simd, m, left, product);
            }
        }
    }
}
