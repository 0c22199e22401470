//! The steps, forward.

use core::ops::Range;

use keras_ir::ops::{Cell, CellKind};
use keras_target::cost::RECURRENT_ROWS;

use super::functions::apply;
use super::{Form, Inputs, groups, kept_rows, steps};
use crate::kernels::epilogue::Epilogue;
use crate::kernels::tile::{Panels, Product, Right, Rows, Write, multiply};
use crate::kernels::vectors::{for_each_vector, load, store};
use crate::simd::{Kernel, Simd};

/// All steps of all samples.
pub(super) struct Forward<'a> {
    pub(super) inputs: Inputs<'a>,
    pub(super) samples: usize,
    pub(super) form: Form,
    pub(super) output: &'a mut [f32],
    pub(super) scratch: &'a mut [f32],
}

/// From so many rows of products on, a packed copy of the recurrent kernel pays.
const PACKED_ROWS: usize = 64;

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Forward { inputs, samples, form, output, scratch } = self;
        let cell = inputs.cell;
        let (packed, scratch) = scratch.split_at_mut(cell.kernel_len());
        // A single sample reads the kernel as it is, in panels of another width.
        let kernel = match samples > 1 && samples * cell.steps >= PACKED_ROWS {
            true => Kernels::packed(simd, &cell, inputs.w, packed),
            false => Kernels { cells: inputs.w, is_packed: false, rows: samples },
        };
        let len = output.len() / samples;
        let together = samples.div_ceil(samples.div_ceil(RECURRENT_ROWS));
        for (i, output) in output.chunks_mut(together * len).enumerate() {
            let rows = output.len() / len;
            Group { inputs, kernel, form, first: i * together, rows }.run(simd, output, scratch);
        }
    }
}

/// The recurrent kernel, as it is or in panels one after the other.
#[derive(Clone, Copy)]
struct Kernels<'a> {
    cells: &'a [f32],
    is_packed: bool,
    /// For which number of rows panels are cut.
    rows: usize,
}

impl<'a> Kernels<'a> {
    #[inline(always)]
    fn packed<S: Simd>(simd: S, cell: &Cell, w: &[f32], cells: &'a mut [f32]) -> Kernels<'a> {
        let units = cell.units;
        let stride = cell.kind.gates() * units;
        for group in groups(cell) {
            let begin = group.start * units;
            for panel in Panels::new::<S>(2, group.len() * units).iter() {
                let first = begin + panel.begin;
                let right = Right { cells: &w[first..], stride };
                right.pack(simd, units, panel.len, &mut cells[first * units..]);
            }
        }
        Kernels { cells, is_packed: true, rows: 2 }
    }

    /// The columns `group`, in multiples of the units, of the product of rows of states: to rows
    /// of `output`, `stride` elements apart.
    #[inline(always)]
    fn product<S: Simd>(
        self,
        simd: S,
        cell: &Cell,
        group: &Range<usize>,
        states: &[f32],
        output: &mut [f32],
        stride: usize,
    ) {
        let units = cell.units;
        let (rows, columns) = (states.len() / units, group.len() * units);
        for panel in Panels::new::<S>(self.rows, columns).iter() {
            let first = group.start * units + panel.begin;
            let right = match self.is_packed {
                true => Right { cells: &self.cells[first * units..], stride: panel.len },
                false => Right { cells: &self.cells[first..], stride: cell.kind.gates() * units },
            };
            let (write, epilogue, output) = (Write::Set, Epilogue::NOTHING, &mut output[first..]);
            let product = Product { columns: panel.len, right, write, epilogue, output, stride };
            multiply(simd, rows, Rows::plain(states, units, units), product);
        }
    }
}

/// Some samples that go through the steps together.
#[derive(Clone, Copy)]
struct Group<'a> {
    inputs: Inputs<'a>,
    kernel: Kernels<'a>,
    form: Form,
    /// The first sample.
    first: usize,
    /// How many there are.
    rows: usize,
}

impl Group<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S, output: &mut [f32], scratch: &mut [f32]) {
        let Group { inputs, kernel, form, first, rows } = self;
        let cell = inputs.cell;
        let Cell { kind, units, .. } = cell;
        let (gates, len) = (kind.gates() * units, output.len() / rows);
        let (h, scratch) = scratch.split_at_mut(rows * units);
        let (c, scratch) = scratch.split_at_mut((kind.states() - 1) * rows * units);
        let (factors, products) = scratch.split_at_mut(rows * units);
        for (state, initial) in [&mut *h, &mut *c].into_iter().zip(inputs.initial) {
            match initial {
                Some(initial) => state.copy_from_slice(&initial[first * units..][..state.len()]),
                None => state.fill(0.0),
            }
        }
        let kept_states = (cell.steps + 1) * units;
        if let Form::Kept = form {
            let before = if cell.backward { cell.steps * units } else { 0 };
            for (r, output) in output.chunks_exact_mut(len).enumerate() {
                output[before..][..units].copy_from_slice(&h[r * units..][..units]);
                if kind == CellKind::Lstm {
                    let output = &mut output[kept_states + before..][..units];
                    output.copy_from_slice(&c[r * units..][..units]);
                }
            }
        }
        for step in steps(&cell) {
            // Products go to where the gates are kept, if they are.
            let (products, stride) = match form {
                Form::Kept if kind.kept() > 0 => {
                    let at = kind.states() * kept_states + step * kind.kept() * units;
                    (&mut output[at..], len)
                }
                Form::Kept | Form::Results { .. } => (&mut *products, gates),
            };
            for group in groups(&cell) {
                let resets = kind == CellKind::GruResetBefore && group.start == 2;
                if resets {
                    for r in 0..rows {
                        let z = inputs.z_row(first + r, step);
                        let row = &mut products[r * stride..][..gates];
                        let (update_reset, _) = row.split_at_mut(2 * units);
                        add_row(simd, &z[..2 * units], update_reset);
                        apply(simd, cell.g, update_reset);
                    }
                }
                let states = if resets || inputs.noise.is_some() {
                    for r in 0..rows {
                        let to = &mut factors[r * units..][..units];
                        to.copy_from_slice(&h[r * units..][..units]);
                        if resets {
                            multiply_row(simd, &products[r * stride + units..][..units], to);
                        }
                        if let Some(noise) = inputs.noise {
                            let noise = &noise[(first + r) * gates + group.start * units..];
                            multiply_row(simd, &noise[..units], to);
                        }
                    }
                    &*factors
                } else {
                    &*h
                };
                kernel.product(simd, &cell, &group, states, products, stride);
            }
            for r in 0..rows {
                if inputs.is_masked(first + r, step) {
                    continue;
                }
                let width = if let Form::Kept = form { kind.kept().max(1) * units } else { gates };
                let row = &mut products[r * stride..][..width];
                let z = inputs.z_row(first + r, step);
                let h = &mut h[r * units..][..units];
                match kind {
                    CellKind::Simple => simple(simd, &cell, z, row, h),
                    CellKind::Lstm => lstm(simd, &cell, z, row, h, &mut c[r * units..][..units]),
                    CellKind::Gru => gru(simd, &inputs, z, row, h),
                    CellKind::GruResetBefore => reset_before(simd, &cell, z, row, h),
                }
            }
            for (r, output) in output.chunks_exact_mut(len).enumerate() {
                let h = &h[r * units..][..units];
                match form {
                    Form::Kept => {
                        let at = kept_rows(&cell, step)[1] * units;
                        output[at..][..units].copy_from_slice(h);
                        if kind == CellKind::Lstm {
                            let output = &mut output[kept_states + at..][..units];
                            output.copy_from_slice(&c[r * units..][..units]);
                        }
                    }
                    Form::Results { sequences: true, .. } => {
                        output[step * units..][..units].copy_from_slice(h);
                    }
                    Form::Results { .. } => {}
                }
            }
        }
        let Form::Results { sequences, state } = form else { return };
        for (r, output) in output.chunks_exact_mut(len).enumerate() {
            if !sequences {
                output[..units].copy_from_slice(&h[r * units..][..units]);
            }
            if state {
                output[len - units..].copy_from_slice(&c[r * units..][..units]);
            }
        }
    }
}

impl Inputs<'_> {
    /// The products of the inputs of a step of a sample.
    #[inline(always)]
    pub(super) fn z_row(&self, sample: usize, step: usize) -> &[f32] {
        let gates = self.cell.noise_len();
        &self.z[(sample * self.cell.steps + step) * gates..][..gates]
    }

    /// Whether a step of a sample does not count.
    #[inline(always)]
    pub(super) fn is_masked(&self, sample: usize, step: usize) -> bool {
        self.mask.is_some_and(|mask| mask[sample * self.cell.steps + step] == 0.0)
    }
}

/// `to += row`.
#[inline(always)]
pub(super) fn add_row<S: Simd>(simd: S, row: &[f32], to: &mut [f32]) {
    for_each_vector!(S, to.len(), |first, len| {
        let sum = simd.add(load(simd, &to[first..], len), load(simd, &row[first..], len));
        store(simd, sum, &mut to[first..], len);
    });
}

/// `to *= row`.
#[inline(always)]
pub(super) fn multiply_row<S: Simd>(simd: S, row: &[f32], to: &mut [f32]) {
    for_each_vector!(S, to.len(), |first, len| {
        let product = simd.mul(load(simd, &to[first..], len), load(simd, &row[first..], len));
        store(simd, product, &mut to[first..], len);
    });
}

/// One step of [`CellKind::Simple`]: `row` holds the product of the state.
#[inline(always)]
fn simple<S: Simd>(simd: S, cell: &Cell, z: &[f32], row: &mut [f32], h: &mut [f32]) {
    add_row(simd, z, row);
    apply(simd, cell.f, row);
    h.copy_from_slice(row);
}

/// One step of [`CellKind::Lstm`]: `row` holds the products of the state, then the gates.
#[inline(always)]
fn lstm<S: Simd>(simd: S, cell: &Cell, z: &[f32], row: &mut [f32], h: &mut [f32], c: &mut [f32]) {
    let units = cell.units;
    add_row(simd, z, row);
    apply(simd, cell.g, &mut row[..2 * units]);
    apply(simd, cell.f, &mut row[2 * units..3 * units]);
    apply(simd, cell.g, &mut row[3 * units..]);
    let [input, forget, candidate, output] = quarters(row, units);
    for_each_vector!(S, units, |first, len| {
        let added =
            simd.mul(load(simd, &input[first..], len), load(simd, &candidate[first..], len));
        let forget = load(simd, &forget[first..], len);
        let new = simd.mul_add(forget, load(simd, &c[first..], len), added);
        store(simd, new, &mut c[first..], len);
        store(simd, new, &mut h[first..], len);
    });
    apply(simd, cell.f, h);
    multiply_row(simd, output, h);
}

/// The rows of four gates.
#[inline(always)]
pub(super) fn quarters(row: &[f32], units: usize) -> [&[f32]; 4] {
    core::array::from_fn(|i| &row[i * units..][..units])
}

/// One step of [`CellKind::Gru`]: `row` holds the products of the state, then the gates, and the
/// last product if there is room for it.
#[inline(always)]
fn gru<S: Simd>(simd: S, inputs: &Inputs<'_>, z: &[f32], row: &mut [f32], h: &mut [f32]) {
    let cell = &inputs.cell;
    let units = cell.units;
    if let Some([_, bias]) = inputs.bias {
        add_row(simd, bias, &mut row[..3 * units]);
    }
    let (gates, kept) = row.split_at_mut(3 * units);
    kept.copy_from_slice(&gates[2 * units..][..kept.len()]);
    let (update_reset, candidate) = gates.split_at_mut(2 * units);
    add_row(simd, &z[..2 * units], update_reset);
    if let Some([bias, _]) = inputs.bias {
        add_row(simd, &bias[..2 * units], update_reset);
    }
    apply(simd, cell.g, update_reset);
    multiply_row(simd, &update_reset[units..], candidate);
    add_row(simd, &z[2 * units..], candidate);
    if let Some([bias, _]) = inputs.bias {
        add_row(simd, &bias[2 * units..], candidate);
    }
    apply(simd, cell.f, candidate);
    mix(simd, &update_reset[..units], candidate, h);
}

/// The end of a step of [`CellKind::GruResetBefore`]: `row` holds two gates and a product.
#[inline(always)]
fn reset_before<S: Simd>(simd: S, cell: &Cell, z: &[f32], row: &mut [f32], h: &mut [f32]) {
    let units = cell.units;
    let (update_reset, candidate) = row.split_at_mut(2 * units);
    add_row(simd, &z[2 * units..], candidate);
    apply(simd, cell.f, candidate);
    mix(simd, &update_reset[..units], candidate, h);
}

/// `h = update · h + (1 - update) · candidate`.
#[inline(always)]
fn mix<S: Simd>(simd: S, update: &[f32], candidate: &[f32], h: &mut [f32]) {
    for_each_vector!(S, h.len(), |first, len| {
        let candidate = load(simd, &candidate[first..], len);
        let minus = simd.mul(candidate, simd.splat(-1.0));
        let apart = simd.add(load(simd, &h[first..], len), minus);
        let new = simd.mul_add(load(simd, &update[first..], len), apart, candidate);
        store(simd, new, &mut h[first..], len);
    });
}
