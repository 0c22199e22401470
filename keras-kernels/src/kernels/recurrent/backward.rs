//! The gradient: the steps, from the last to the first.

use keras_ir::ops::{self as op, Cell, CellKind};
use keras_target::cost::RECURRENT_ROWS;

use super::forward::{add_row, multiply_row, quarters};
use super::functions::{apply, slopes};
use super::{groups, kept_rows, steps};
use crate::kernels::Call;
use crate::kernels::epilogue::Epilogue;
use crate::kernels::tile::{Panels, Product, Right, Rows, Write, multiply};
use crate::kernels::vectors::{for_each_vector, load, store};
use crate::simd::{Kernel, Simd};

/// The gradient of all steps of all samples.
pub(super) struct Backward<'a> {
    op: op::RecurrentGrad,
    samples: usize,
    kept: &'a [f32],
    d_results: &'a [f32],
    w: &'a [f32],
    noise: Option<&'a [f32]>,
    mask: Option<&'a [f32]>,
    output: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl<'a> Backward<'a> {
    pub(super) fn new(op: &op::RecurrentGrad, call: Call<'a>) -> Backward<'a> {
        let mut others = call.inputs[3..].iter().copied();
        let noise = if op.cell.noise { others.next() } else { None };
        let mask = if op.cell.mask { others.next() } else { None };
        Backward {
            op: *op,
            samples: call.samples,
            kept: call.inputs[0],
            d_results: call.inputs[1],
            w: call.inputs[2],
            noise,
            mask,
            output: call.output,
            scratch: call.workspace,
        }
    }
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Backward { op, samples, kept, d_results, w, noise, mask, output, scratch } = self;
        let cell = op.cell;
        let (packed, scratch) = scratch.split_at_mut(cell.kernel_len());
        pack(simd, &cell, w, packed);
        let len = output.len() / samples;
        let together = samples.div_ceil(samples.div_ceil(RECURRENT_ROWS));
        for (i, output) in output.chunks_mut(together * len).enumerate() {
            let first = i * together;
            let kept = &kept[first * cell.kept_len()..];
            let d_results = &d_results[first * cell.results_len(op.sequences, op.state)..];
            let noise = noise.map(|noise| &noise[first * cell.noise_len()..]);
            let mask = mask.map(|mask| &mask[first * cell.steps..]);
            let rows = output.len() / len;
            let group = Group { op, kept, d_results, transposed: packed, noise, mask, rows };
            group.run(simd, output, scratch);
        }
    }
}

/// Copies the transpose of the kernel: that of each group of columns is a matrix by itself, in
/// panels.
#[inline(always)]
fn pack<S: Simd>(simd: S, cell: &Cell, w: &[f32], packed: &mut [f32]) {
    let (units, stride) = (cell.units, cell.kind.gates() * cell.units);
    for group in groups(cell) {
        let (begin, columns) = (group.start * units, group.len() * units);
        for panel in Panels::new::<S>(2, units).iter() {
            let cells = &w[panel.begin * stride + begin..];
            let to = &mut packed[begin * units + panel.begin * columns..];
            Right::pack_transposed(simd, cells, stride, columns, panel.len, to);
        }
    }
}

/// Some samples that go through the steps together; all slices begin with the first of them.
#[derive(Clone, Copy)]
struct Group<'a> {
    op: op::RecurrentGrad,
    kept: &'a [f32],
    d_results: &'a [f32],
    transposed: &'a [f32],
    noise: Option<&'a [f32]>,
    mask: Option<&'a [f32]>,
    rows: usize,
}

impl Group<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S, output: &mut [f32], scratch: &mut [f32]) {
        let Group { op, d_results, rows, .. } = self;
        let Cell { kind, steps: count, units, .. } = op.cell;
        let results_len = op.cell.results_len(op.sequences, op.state);
        let (len, width) = (output.len() / rows, kind.gradients() * units);
        let (d_h, scratch) = scratch.split_at_mut(rows * units);
        let (d_c, scratch) = scratch.split_at_mut((kind.states() - 1) * rows * units);
        let product = &mut scratch[..rows * units];
        d_h.fill(0.0);
        d_c.fill(0.0);
        for (r, d_results) in d_results.chunks_exact(results_len).take(rows).enumerate() {
            if !op.sequences {
                d_h[r * units..][..units].copy_from_slice(&d_results[..units]);
            }
            if op.state {
                d_c[r * units..][..units].copy_from_slice(&d_results[results_len - units..]);
            }
        }
        for step in steps(&op.cell).rev() {
            for r in 0..rows {
                let d_h = &mut d_h[r * units..][..units];
                if op.sequences {
                    let d_y = &d_results[r * results_len + step * units..][..units];
                    add_row(simd, d_y, d_h);
                }
                let d_steps = &mut output[r * len + step * width..][..width];
                if self.mask.is_some_and(|mask| mask[r * count + step] == 0.0) {
                    d_steps.fill(0.0);
                    continue;
                }
                let row = self.row(r, step);
                match kind {
                    CellKind::Simple => {
                        let y = row.after;
                        d_steps.copy_from_slice(d_h);
                        slopes(simd, op.cell.f, y, d_steps);
                        d_h.fill(0.0);
                    }
                    CellKind::Lstm => {
                        lstm(simd, &op.cell, &row, d_h, &mut d_c[r * units..][..units], d_steps);
                    }
                    CellKind::Gru => gru(simd, &op.cell, &row, d_h, d_steps),
                    CellKind::GruResetBefore => candidate(simd, &op.cell, &row, d_h, d_steps),
                }
            }
            self.products(simd, step, output, d_h, product);
        }
        if !op.initial {
            return;
        }
        for (r, output) in output.chunks_exact_mut(len).enumerate() {
            let (_, states) = output.split_at_mut(count * width);
            states[..units].copy_from_slice(&d_h[r * units..][..units]);
            if kind == CellKind::Lstm {
                states[units..].copy_from_slice(&d_c[r * units..][..units]);
            }
        }
    }

    /// Adds the gradients by the states before a step that lead through its products.
    #[inline(always)]
    fn products<S: Simd>(
        &self,
        simd: S,
        step: usize,
        output: &mut [f32],
        d_h: &mut [f32],
        product: &mut [f32],
    ) {
        let cell = self.op.cell;
        let Cell { kind, units, .. } = cell;
        let (len, width) = (output.len() / self.rows, kind.gradients() * units);
        let resets = kind == CellKind::GruResetBefore;
        // Of gates by the products, if those by the inputs are others, behind these.
        let first = step * width + width - kind.gates() * units;
        // The product of what is reset is the last of the forward step.
        for group in groups(&cell).rev() {
            let through_reset = resets && group.start == 2;
            let direct = self.noise.is_none() && !through_reset;
            let to = if direct { &mut *d_h } else { &mut *product };
            let (begin, columns) = (group.start * units, group.len() * units);
            for panel in Panels::new::<S>(2, units).iter() {
                let cells = &self.transposed[begin * units + panel.begin * columns..];
                let right = Right { cells, stride: panel.len };
                let write = if direct { Write::Continue } else { Write::Set };
                let left = Rows::plain(&output[first + begin..], len, columns);
                let (epilogue, output) = (Epilogue::NOTHING, &mut to[panel.begin..]);
                let product =
                    Product { columns: panel.len, right, write, epilogue, output, stride: units };
                multiply(simd, self.rows, left, product);
            }
            if direct {
                continue;
            }
            for r in 0..self.rows {
                let (d_h, d) = (&mut d_h[r * units..][..units], &mut product[r * units..][..units]);
                if let Some(noise) = self.noise {
                    let noise = &noise[r * cell.noise_len() + begin..][..units];
                    multiply_row(simd, noise, d);
                }
                let is_masked = self.mask.is_some_and(|mask| mask[r * cell.steps + step] == 0.0);
                if through_reset && !is_masked {
                    let row = self.row(r, step);
                    let reset = &row.gates[units..][..units];
                    let d_reset = &mut output[r * len + first + units..][..units];
                    d_reset.copy_from_slice(d);
                    multiply_row(simd, row.before, d_reset);
                    slopes(simd, cell.g, reset, d_reset);
                    multiply_row(simd, reset, d);
                }
                add_row(simd, d, d_h);
            }
        }
    }

    /// What was kept of a step.
    #[inline(always)]
    fn row(&self, r: usize, step: usize) -> Row<'_> {
        let cell = self.op.cell;
        let Cell { kind, units, .. } = cell;
        let kept = &self.kept[r * cell.kept_len()..][..cell.kept_len()];
        let states = (cell.steps + 1) * units;
        let [before, after] = kept_rows(&cell, step).map(|row| row * units);
        let (c_before, c_after) = match kind {
            CellKind::Lstm => (&kept[states + before..][..units], &kept[states + after..][..units]),
            CellKind::Simple | CellKind::Gru | CellKind::GruResetBefore => (&[][..], &[][..]),
        };
        let gates = kind.states() * states + step * kind.kept() * units;
        Row {
            before: &kept[before..][..units],
            after: &kept[after..][..units],
            c_before,
            c_after,
            gates: &kept[gates..][..kind.kept() * units],
        }
    }
}

/// What was kept of a step of a sample: states before and behind it, and its gates.
struct Row<'a> {
    before: &'a [f32],
    after: &'a [f32],
    c_before: &'a [f32],
    c_after: &'a [f32],
    gates: &'a [f32],
}

/// A step of [`CellKind::Lstm`]. `d_h` is used up; `d_c` becomes that before the step.
#[inline(always)]
fn lstm<S: Simd>(
    simd: S,
    cell: &Cell,
    row: &Row<'_>,
    d_h: &mut [f32],
    d_c: &mut [f32],
    d_steps: &mut [f32],
) {
    let units = cell.units;
    let [input, forget, candidate, output] = quarters(row.gates, units);
    let (d_input_forget, others) = d_steps.split_at_mut(2 * units);
    let (d_candidate, d_output) = others.split_at_mut(units);
    let (d_input, d_forget) = d_input_forget.split_at_mut(units);
    // `f(c)`, which stands here until the gradient does.
    d_candidate.copy_from_slice(row.c_after);
    apply(simd, cell.f, d_candidate);
    d_output.copy_from_slice(d_h);
    multiply_row(simd, d_candidate, d_output);
    multiply_row(simd, output, d_h);
    slopes(simd, cell.f, d_candidate, d_h);
    for_each_vector!(S, units, |first, len| {
        let at = |x: &[f32]| load(simd, &x[first..], len);
        let d = simd.add(at(d_c), at(d_h));
        let d_forget_new = simd.mul(d, at(row.c_before));
        let (d_input_new, d_candidate_new) = (simd.mul(d, at(candidate)), simd.mul(d, at(input)));
        let d_c_new = simd.mul(d, at(forget));
        store(simd, d_input_new, &mut d_input[first..], len);
        store(simd, d_forget_new, &mut d_forget[first..], len);
        store(simd, d_candidate_new, &mut d_candidate[first..], len);
        store(simd, d_c_new, &mut d_c[first..], len);
    });
    slopes(simd, cell.g, &row.gates[..2 * units], d_input_forget);
    slopes(simd, cell.f, candidate, d_candidate);
    slopes(simd, cell.g, output, d_output);
    d_h.fill(0.0);
}

/// A step of [`CellKind::Gru`]: `d_h` becomes the part of that before the step that leads through
/// no product.
#[inline(always)]
fn gru<S: Simd>(simd: S, cell: &Cell, row: &Row<'_>, d_h: &mut [f32], d_steps: &mut [f32]) {
    let units = cell.units;
    let [_, reset, _, product] = quarters(row.gates, units);
    let (d_inputs, d_products) = d_steps.split_at_mut(3 * units);
    candidate(simd, cell, row, d_h, d_inputs);
    let d_candidate = &d_inputs[2 * units..];
    for_each_vector!(S, units, |first, len| {
        let d = load(simd, &d_candidate[first..], len);
        let d_reset = simd.mul(d, load(simd, &product[first..], len));
        let d_product = simd.mul(d, load(simd, &reset[first..], len));
        store(simd, d_reset, &mut d_products[units + first..], len);
        store(simd, d_product, &mut d_products[2 * units + first..], len);
    });
    slopes(simd, cell.g, reset, &mut d_products[units..2 * units]);
    d_inputs[units..2 * units].copy_from_slice(&d_products[units..2 * units]);
    d_products[..units].copy_from_slice(&d_inputs[..units]);
}

/// The gradients by update gate and candidate of a step: `d_h` becomes the part of that before the
/// step that leads past both.
#[inline(always)]
fn candidate<S: Simd>(simd: S, cell: &Cell, row: &Row<'_>, d_h: &mut [f32], d_steps: &mut [f32]) {
    let units = cell.units;
    let update = &row.gates[..units];
    let candidate = &row.gates[2 * units..][..units];
    let (d_update_reset, d_candidate) = d_steps.split_at_mut(2 * units);
    for_each_vector!(S, units, |first, len| {
        let (d, update) = (load(simd, &d_h[first..], len), load(simd, &update[first..], len));
        let minus = simd.mul(load(simd, &candidate[first..], len), simd.splat(-1.0));
        let d_update = simd.mul(d, simd.add(load(simd, &row.before[first..], len), minus));
        let through = simd.mul(d, update);
        let d_candidate_new = simd.mul_add(through, simd.splat(-1.0), d);
        store(simd, d_update, &mut d_update_reset[first..], len);
        store(simd, d_candidate_new, &mut d_candidate[first..], len);
        store(simd, through, &mut d_h[first..], len);
    });
    slopes(simd, cell.g, update, &mut d_update_reset[..units]);
    slopes(simd, cell.f, candidate, d_candidate);
}
