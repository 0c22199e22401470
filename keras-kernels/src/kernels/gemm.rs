//! Matrix products: a dense layer's forward pass and its two gradients.
//!
//! All matrices are row-major. The rows of all samples form one matrix, so a batch is one product.

use core::ops::Range;

use keras_ir::ops as op;
use keras_target::cost::{PANEL_ROWS, PREPARED_ROWS, prepared_columns};

use super::activate::activate;
use super::finish::{Clip, Finish};
use super::one_row::{STREAMED_VECTORS, stream, strip};
use super::tile::{Columns, Panel, Panels, Product, Right, Rows, Write, largest_height, multiply};
use super::{Call, Cpu, Reference, Run};
use crate::simd::{Kernel, Simd, dispatch};

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

impl Cpu {
    pub(crate) fn gemm(op: &op::Gemm, call: Call<'_>) {
        let op::Gemm { m, k, n, bias, f } = *op;
        let rows = call.samples * m;
        let (x, w) = (call.inputs[0], call.inputs[1]);
        let bias = bias.then(|| call.inputs[2]);
        let (y, scratch, prepared) = (&mut *call.output, call.workspace, call.prepared);
        let clip = Clip::of(f);
        let finish = Finish { clip: clip.unwrap_or(Clip::Nothing), ..Finish::NOTHING };
        dispatch(Forward { rows, k, n, x, w, prepared, bias, finish, y, scratch });
        if clip.is_none() {
            activate(f, call.output);
        }
    }

    pub(crate) fn gemm_grad_x(op: &op::GemmGradX, call: Call<'_>) {
        let op::GemmGradX { m, k, n } = *op;
        let rows = call.samples * m;
        let [d_y, w] = call.inputs();
        let (d_x, scratch, prepared) = (call.output, call.workspace, call.prepared);
        dispatch(GradX { rows, k, n, d_y, w, prepared, d_x, scratch });
    }

    pub(crate) fn gemm_grad_w(op: &op::GemmGradW, call: Call<'_>) {
        let op::GemmGradW { m, k, n, first, count } = *op;
        let rows = call.samples * m;
        let [x, d_y] = call.inputs();
        let (d_w, scratch, prepared) = (call.output, call.workspace, call.prepared);
        let (stride, x, write) = (k, &x[first..], first_write(call.run));
        dispatch(GradW { rows, stride, n, x, count, d_y, prepared, write, d_w, scratch });
    }
}

/// Tiles must read a panel this often before a packed copy of it pays.
const PACK_TILES: usize = 4;

/// `0..len` in blocks of rows of the right matrix that are worked on together, at least one.
pub(super) fn blocks(len: usize, prepared: &[f32]) -> impl Iterator<Item = Range<usize>> {
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

/// Rows `block` of a panel of a prepared matrix of `columns` columns.
#[inline(always)]
fn prepared_panel<'a>(
    prepared: &'a [f32],
    columns: usize,
    part: &Range<usize>,
    panel: Panel,
    block: &Range<usize>,
) -> Right<'a> {
    let first = block.start * columns + part.start * block.len() + panel.begin;
    Right { cells: &prepared[first..], stride: part.len() }
}

/// [`op::Gemm`] of `rows` rows, with no activation but a clip.
pub(super) struct Forward<'a> {
    pub(super) rows: usize,
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) x: &'a [f32],
    pub(super) w: &'a [f32],
    /// The weights prepared, or nothing.
    pub(super) prepared: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) finish: Finish<'a>,
    pub(super) y: &'a mut [f32],
    pub(super) scratch: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Forward { rows, k, n, x, w, prepared, bias, finish, y, scratch } = self;
        if prepared.is_empty() && rows == 1 && n > STREAMED_VECTORS * S::LANES {
            return stream(simd, x, w, bias, finish, y);
        }
        if prepared.is_empty() && rows == 1 && n.is_multiple_of(S::LANES) {
            match n / S::LANES {
                4 => return strip::<S, 4>(simd, x, w, bias, finish, y),
                5 => return strip::<S, 5>(simd, x, w, bias, finish, y),
                6 => return strip::<S, 6>(simd, x, w, bias, finish, y),
                7 => return strip::<S, 7>(simd, x, w, bias, finish, y),
                8 => return strip::<S, 8>(simd, x, w, bias, finish, y),
                _ => {}
            }
        }
        for (part, panel) in panels::<S>(rows, n, prepared) {
            let (begin, columns) = (part.start + panel.begin, panel.len);
            let packs = rows >= PACK_TILES * largest_height::<S>() && columns < n;
            for block in blocks(k, prepared) {
                let right = if !prepared.is_empty() {
                    prepared_panel(prepared, n, &part, panel, &block)
                } else {
                    let right = Right { cells: &w[block.start * n + begin..], stride: n };
                    if packs { right.pack(simd, block.len(), columns, scratch) } else { right }
                };
                let write = match bias {
                    _ if block.start > 0 => Write::Continue,
                    Some(bias) => Write::Bias(&bias[begin..]),
                    None => Write::Set,
                };
                let finish = match block.end == k {
                    true => finish.columns_from(begin),
                    false => Finish::NOTHING,
                };
                let left = Rows::plain(&x[block.start..], k, block.len());
                let output = &mut y[begin..];
                let product = Product { columns, right, write, finish, output, stride: n };
                multiply(simd, rows, left, product);
            }
        }
    }
}

/// [`op::GemmGradX`] of `rows` rows.
pub(super) struct GradX<'a> {
    pub(super) rows: usize,
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) d_y: &'a [f32],
    pub(super) w: &'a [f32],
    /// The weights prepared, or nothing.
    pub(super) prepared: &'a [f32],
    pub(super) d_x: &'a mut [f32],
    pub(super) scratch: &'a mut [f32],
}

impl Kernel for GradX<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let GradX { rows, k, n, d_y, w, prepared, d_x, scratch } = self;
        if prepared.is_empty() && rows * DOT_COLUMNS <= n && rows <= DOT_ROWS {
            return dots(simd, k, n, d_y, w, d_x);
        }
        // Two rows, so that a panel fits the scratch.
        for (part, panel) in panels::<S>(rows.max(2), k, prepared) {
            let (begin, columns) = (part.start + panel.begin, panel.len);
            for block in blocks(n, prepared) {
                let right = if !prepared.is_empty() {
                    prepared_panel(prepared, k, &part, panel, &block)
                } else {
                    let w = &w[begin * n + block.start..];
                    Right::pack_transposed(simd, w, n, block.len(), columns, scratch)
                };
                let write = if block.start > 0 { Write::Continue } else { Write::Set };
                let left = Rows::plain(&d_y[block.start..], n, block.len());
                let (finish, output) = (Finish::NOTHING, &mut d_x[begin..]);
                let product = Product { columns, right, write, finish, output, stride: k };
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

/// What becomes of the first sums of a gradient by the weights.
pub(super) fn first_write(run: Run) -> Write<'static> {
    if run.overwrites { Write::Set } else { Write::Continue }
}

/// [`op::GemmGradW`] of `rows` rows.
pub(super) struct GradW<'a> {
    pub(super) rows: usize,
    pub(super) n: usize,
    /// From the first column on that is asked for.
    pub(super) x: &'a [f32],
    /// Distance of the rows of `x`.
    pub(super) stride: usize,
    /// Columns of `x`, and rows of the gradient.
    pub(super) count: usize,
    pub(super) d_y: &'a [f32],
    /// `d_y` prepared, or nothing.
    pub(super) prepared: &'a [f32],
    /// What becomes of the sums of the first rows.
    pub(super) write: Write<'static>,
    pub(super) d_w: &'a mut [f32],
    pub(super) scratch: &'a mut [f32],
}

impl Kernel for GradW<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let GradW { rows, n, x, stride, count, d_y, prepared, write, d_w, scratch } = self;
        for (part, panel) in panels::<S>(count, n, prepared) {
            let (begin, columns) = (part.start + panel.begin, panel.len);
            let packs = count >= PACK_TILES * largest_height::<S>() && columns < n;
            for block in blocks(rows, prepared) {
                let right = if !prepared.is_empty() {
                    prepared_panel(prepared, n, &part, panel, &block)
                } else {
                    let right = Right { cells: &d_y[block.start * n + begin..], stride: n };
                    if packs { right.pack(simd, block.len(), columns, scratch) } else { right }
                };
                let left = Columns::plain(&x[block.start * stride..], stride, block.len());
                let output = &mut d_w[begin..];
                let write = if block.start > 0 { Write::Continue } else { write };
                let finish = Finish::NOTHING;
                let product = Product { columns, right, write, finish, output, stride: n };
                multiply(simd, count, left, product);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use keras_ir::activation::Activation;
    use keras_ir::ops::{Gemm, GemmGradW, GemmGradX, Op};
    use keras_target::cost::Prepared;

    use crate::dtype_policy::DtypePolicy;
    use crate::kernels::check::{
        assert_adjoint, assert_as_reference, output, output_onto, output_with, values,
    };
    use crate::kernels::{Backend, Call, Cpu, Reference, Run};

    #[test]
    fn product_by_hand() {
        let (x, w, bias) =
            ([1.0, -2.0, 3.0, 0.5, 4.0, -1.0], [2.0, -1.0, 0.0, 3.0, 1.0, 5.0], [10.0, -20.0]);
        let op = Gemm { m: 1, k: 3, n: 2, bias: true, f: Activation::Linear };
        let y = output::<Reference>(op, 2, &[&x, &w, &bias], 4);
        assert_eq!(y, [15.0, -12.0, 10.0, -13.5]);
        let op = Gemm { f: Activation::RELU, ..op };
        assert_eq!(output::<Reference>(op, 2, &[&x, &w, &bias], 4), [15.0, 0.0, 10.0, 0.0]);
    }

    #[test]
    fn gradients_are_adjoint_to_the_product() {
        let (m, k, n, samples) = (3, 5, 4, 2);
        let op = Gemm { m, k, n, bias: false, f: Activation::Linear };
        let lens = [samples * m * k, k * n];
        let y_len = samples * m * n;
        assert_adjoint(
            op,
            GemmGradX { m, k, n },
            |x, d_y| vec![d_y, x[1]],
            0,
            &lens,
            y_len,
            samples,
        );
        assert_adjoint(
            op,
            GemmGradW { m, k, n, first: 0, count: k },
            |x, d_y| vec![x[0], d_y],
            1,
            &lens,
            y_len,
            samples,
        );
    }

    /// Extents around the lanes of every level, the tiles and the panels.
    const EXTENTS: [(usize, usize, usize); 14] = [
        (1, 1, 1),
        (2, 3, 5),
        (5, 1, 3),
        (3, 7, 4),
        (7, 2, 8),
        (9, 5, 7),
        (1, 9, 15),
        (1, 31, 129),
        (13, 4, 16),
        (17, 3, 17),
        (4, 37, 33),
        (35, 8, 97),
        (67, 50, 49),
        (3, 1031, 2),
    ];

    #[test]
    fn products_are_those_of_plain_loops() {
        for (m, k, n) in EXTENTS {
            for (bias, f) in
                [(false, Activation::Linear), (true, Activation::RELU), (true, Activation::Tanh)]
            {
                let mut lens = vec![2 * m * k, k * n, n];
                lens.truncate(2 + usize::from(bias));
                assert_as_reference(Gemm { m, k, n, bias, f }, 2, &lens, 2 * m * n, k);
            }
        }
    }

    #[test]
    fn gradients_are_those_of_plain_loops() {
        for (m, k, n) in EXTENTS {
            assert_as_reference(GemmGradX { m, k, n }, 2, &[2 * m * n, k * n], 2 * m * k, n);
            assert_as_reference(GemmGradX { m, k: n, n: k }, 1, &[m * k, k * n], m * n, k);
            assert_as_reference(
                GemmGradW { m, k, n, first: 0, count: k },
                2,
                &[2 * m * k, 2 * m * n],
                k * n,
                2 * m,
            );
            let part = GemmGradW { m, k, n, first: k / 2, count: k - k / 2 };
            assert_as_reference(part, 2, &[2 * m * k, 2 * m * n], (k - k / 2) * n, 2 * m);
        }
        // More rows than are packed at a time.
        let (m, k, n) = (523, 33, 50);
        assert_as_reference(
            GemmGradW { m, k, n, first: 0, count: k },
            1,
            &[m * k, m * n],
            k * n,
            m,
        );
    }

    /// The right matrix of an op, prepared part by part; of `rows` rows.
    fn prepared(op: impl Into<Op>, right: &[f32], rows: usize) -> Vec<f32> {
        let op = op.into();
        let Prepared { len, part_len } = Prepared::panels(rows, right.len() / rows);
        let mut cells = vec![f32::NAN; len];
        for (part, cells) in cells.chunks_mut(part_len).enumerate() {
            <Cpu as Backend>::prepare(&op, right, part, cells);
        }
        cells
    }

    #[test]
    fn prepared_weights_change_nothing() {
        for (m, k, n) in EXTENTS {
            // Rows enough that gradients are no dot products, whose sums have another order.
            let samples = 9;
            let (x, w) = (values(samples * m * k, 1), values(k * n, 2));
            let (d_y, d_w) = (values(samples * m * n, 3), values(k * n, 4));
            let op = Gemm { m, k, n, bias: false, f: Activation::RELU };
            let plain = output::<Cpu>(op, samples, &[&x, &w], samples * m * n);
            let start = vec![0.0; samples * m * n];
            let packed = prepared(op, &w, k);
            assert_eq!(output_with::<Cpu>(op, samples, &[&x, &w], &packed, &start), plain);

            let op = GemmGradX { m, k, n };
            let plain = output::<Cpu>(op, samples, &[&d_y, &w], samples * m * k);
            let start = vec![0.0; samples * m * k];
            let packed = prepared(op, &w, n);
            assert_eq!(output_with::<Cpu>(op, samples, &[&d_y, &w], &packed, &start), plain);

            let op = GemmGradW { m, k, n, first: 0, count: k };
            let plain = output_onto::<Cpu>(op, samples, &[&x, &d_y], &d_w);
            let packed = prepared(op, &d_y, samples * m);
            assert_eq!(output_with::<Cpu>(op, samples, &[&x, &d_y], &packed, &d_w), plain);
        }
    }

    #[test]
    fn a_gradient_takes_the_place_of_what_was_there() {
        let run = Run { overwrites: true, ..Run::default() };
        for (m, k, n) in [(2, 7, 19), (261, 9, 50), (1, 3, 1)] {
            let (x, d_y) = (values(3 * m * k, 1), values(3 * m * n, 2));
            let op: Op = GemmGradW { m, k, n, first: 1, count: k - 1 }.into();
            let inputs: [&[f32]; 2] = [&x, &d_y];
            let added = |compute: fn(&Op, Call<'_>), run: Run, start: f32| {
                let mut output = vec![start; (k - 1) * n];
                let mut workspace = vec![f32::NAN; DtypePolicy::MixedBfloat16.workspace_len(&op)];
                let workspace = &mut workspace[..];
                let (samples, inputs, prepared) = (3, &inputs[..], &[][..]);
                compute(
                    &op,
                    Call { samples, inputs, output: &mut output, workspace, prepared, run },
                );
                output
            };
            for compute in [
                super::super::run::<Cpu>,
                super::super::run::<Reference>,
                <Cpu as Backend>::mixed_bfloat16,
                <Reference as Backend>::mixed_bfloat16,
            ] {
                let expected = added(compute, Run::default(), 0.0);
                assert!(expected.iter().all(|d_w| d_w.is_finite()));
                assert_eq!(added(compute, run, f32::NAN), expected);
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_its_batch() {
        let (k, n, samples) = (521, 70, 67);
        let (bias, f) = (true, Activation::RELU);
        let op = Gemm { m: 1, k, n, bias, f };
        let (x, w, bias) = (values(samples * k, 1), values(k * n, 2), values(n, 3));
        let together = output::<Cpu>(op, samples, &[&x, &w, &bias], samples * n);
        for (x, y) in x.chunks(k).zip(together.chunks(n)) {
            assert_eq!(output::<Cpu>(op, 1, &[x, &w, &bias], n), y);
        }
    }
}
