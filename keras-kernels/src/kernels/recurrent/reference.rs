//! Plain loops over all elements.

use keras_ir::ops::{self as op, Cell, CellKind};

use super::{Form, Inputs, kept_rows, steps};
use crate::kernels::Call;
use crate::kernels::activate_reference::{slope, value};

/// `Σ_i states[i] · noise[i] · w[i, column]`.
fn product(inputs: &Inputs<'_>, sample: usize, states: &[f32], column: usize) -> f64 {
    let (cell, columns) = (&inputs.cell, inputs.cell.noise_len());
    let gate = column / cell.units;
    let factor = |i: usize| {
        let noise = inputs.noise.map(|noise| noise[sample * columns + gate * cell.units + i]);
        f64::from(states[i]) * f64::from(noise.unwrap_or(1.0))
    };
    let products = (0..cell.units).map(|i| factor(i) * f64::from(inputs.w[i * columns + column]));
    let bias = inputs.bias.map_or(0.0, |[_, bias]| f64::from(bias[column]));
    products.sum::<f64>() + bias
}

/// One step: its gates, and the new states in place of the old ones.
fn step(
    inputs: &Inputs<'_>,
    sample: usize,
    step: usize,
    h: &mut [f32],
    c: &mut [f32],
    [gates, reset]: [&mut [f32]; 2],
) {
    let Cell { kind, units, f, g, .. } = inputs.cell;
    let z = |column: usize| {
        let bias = inputs.bias.map_or(0.0, |[bias, _]| f64::from(bias[column]));
        f64::from(inputs.z_row(sample, step)[column]) + bias
    };
    let sum = |h: &[f32], column: usize| (z(column) + product(inputs, sample, h, column)) as f32;
    match kind {
        CellKind::Simple => {
            for (i, gate) in gates[..units].iter_mut().enumerate() {
                *gate = value(f, sum(h, i));
            }
            h.copy_from_slice(&gates[..units]);
        }
        CellKind::Lstm => {
            for (i, gate) in gates[..4 * units].iter_mut().enumerate() {
                let function = if i / units == 2 { f } else { g };
                *gate = value(function, sum(h, i));
            }
            for i in 0..units {
                c[i] = gates[units + i] * c[i] + gates[i] * gates[2 * units + i];
                h[i] = gates[3 * units + i] * value(f, c[i]);
            }
        }
        CellKind::Gru | CellKind::GruResetBefore => {
            for (i, gate) in gates[..2 * units].iter_mut().enumerate() {
                *gate = value(g, sum(h, i));
            }
            for i in 0..units {
                reset[i] = gates[units + i] * h[i];
            }
            for i in 2 * units..3 * units {
                gates[i] = match kind {
                    CellKind::Gru => {
                        let q = product(inputs, sample, h, i);
                        if let Some(kept) = gates.get_mut(units + i) {
                            *kept = q as f32;
                        }
                        value(f, (z(i) + f64::from(gates[i - units]) * q) as f32)
                    }
                    _ => value(f, sum(reset, i)),
                };
            }
            for i in 0..units {
                h[i] = gates[i] * h[i] + (1.0 - gates[i]) * gates[2 * units + i];
            }
        }
    }
}

pub(super) fn forward(
    inputs: Inputs<'_>,
    samples: usize,
    form: Form,
    output: &mut [f32],
    scratch: &mut [f32],
) {
    let cell = inputs.cell;
    let Cell { kind, units, .. } = cell;
    let states = (cell.steps + 1) * units;
    let len = output.len() / samples;
    let (h, scratch) = scratch.split_at_mut(units);
    let (c, scratch) = scratch.split_at_mut((kind.states() - 1) * units);
    let (reset, scratch) = scratch.split_at_mut(units);
    for (sample, output) in output.chunks_exact_mut(len).enumerate() {
        for (state, initial) in [&mut *h, &mut *c].into_iter().zip(inputs.initial) {
            match initial {
                Some(initial) => state.copy_from_slice(&initial[sample * units..][..state.len()]),
                None => state.fill(0.0),
            }
        }
        let keep = |output: &mut [f32], row: usize, h: &[f32], c: &[f32]| {
            output[row * units..][..units].copy_from_slice(h);
            if !c.is_empty() {
                output[states + row * units..][..units].copy_from_slice(c);
            }
        };
        if let Form::Kept = form {
            keep(output, if cell.backward { cell.steps } else { 0 }, h, c);
        }
        for at in steps(&cell) {
            if !inputs.is_masked(sample, at) {
                let gates = match form {
                    Form::Kept if kind.kept() > 0 => {
                        let width = kind.kept() * units;
                        &mut output[kind.states() * states + at * width..][..width]
                    }
                    _ => &mut scratch[..kind.gates() * units],
                };
                step(&inputs, sample, at, h, c, [gates, &mut *reset]);
            }
            match form {
                Form::Kept => keep(output, kept_rows(&cell, at)[1], h, c),
                Form::Results { sequences: true, .. } => {
                    output[at * units..][..units].copy_from_slice(h);
                }
                Form::Results { .. } => output[..units].copy_from_slice(h),
            }
        }
        if let Form::Results { state: true, .. } = form {
            output[len - units..].copy_from_slice(c);
        }
    }
}

/// The gradient, step by step from the last, of one sample after the other.
pub(super) fn gradient(op: &op::RecurrentGrad, call: Call<'_>) {
    let cell = op.cell;
    let Cell { kind, units, f, g, .. } = cell;
    let (gates, states) = (kind.gates() * units, (cell.steps + 1) * units);
    let (kept, d_results, w) = (call.inputs[0], call.inputs[1], call.inputs[2]);
    let noise = cell.noise.then(|| call.inputs[3]);
    let mask = cell.mask.then(|| call.inputs[call.inputs.len() - 1]);
    let (kept_len, len) = (cell.kept_len(), cell.gradients_len(op.initial));
    let results_len = cell.results_len(op.sequences, op.state);
    let (d_h, scratch) = call.workspace.split_at_mut(units);
    let (d_c, d_reset) = scratch.split_at_mut((kind.states() - 1) * units);
    for sample in 0..call.samples {
        let kept = &kept[sample * kept_len..][..kept_len];
        let d_results = &d_results[sample * results_len..][..results_len];
        let output = &mut call.output[sample * len..][..len];
        d_h.fill(0.0);
        d_c.fill(0.0);
        if !op.sequences {
            d_h.copy_from_slice(&d_results[..units]);
        }
        if op.state {
            d_c.copy_from_slice(&d_results[results_len - units..]);
        }
        for step in steps(&cell).rev() {
            if op.sequences {
                for (d_h, d_y) in d_h.iter_mut().zip(&d_results[step * units..]) {
                    *d_h += d_y;
                }
            }
            let width = kind.gradients() * units;
            let d = &mut output[step * width..][..width];
            if mask.is_some_and(|mask| mask[sample * cell.steps + step] == 0.0) {
                d.fill(0.0);
                continue;
            }
            let [before, after] = kept_rows(&cell, step).map(|row| row * units);
            let gate = |i: usize| kept[kind.states() * states + step * kind.kept() * units + i];
            // Of the state before the step, through the products of some columns.
            let through = |d: &[f32], columns: core::ops::Range<usize>, i: usize| {
                let products = columns.map(|column| {
                    let noise = noise
                        .map_or(1.0, |noise| noise[sample * gates + column / units * units + i]);
                    f64::from(d[column]) * f64::from(w[i * gates + column]) * f64::from(noise)
                });
                products.sum::<f64>() as f32
            };
            match kind {
                CellKind::Simple => {
                    for i in 0..units {
                        d[i] = d_h[i] * slope(f, kept[after + i]);
                    }
                    for (i, d_h) in d_h.iter_mut().enumerate() {
                        *d_h = through(d, 0..units, i);
                    }
                }
                CellKind::Lstm => {
                    for i in 0..units {
                        let active = value(f, kept[states + after + i]);
                        d[3 * units + i] = d_h[i] * active * slope(g, gate(3 * units + i));
                        let d_new = d_c[i] + d_h[i] * gate(3 * units + i) * slope(f, active);
                        d[i] = d_new * gate(2 * units + i) * slope(g, gate(i));
                        d[units + i] =
                            d_new * kept[states + before + i] * slope(g, gate(units + i));
                        d[2 * units + i] = d_new * gate(i) * slope(f, gate(2 * units + i));
                        d_c[i] = d_new * gate(units + i);
                    }
                    for (i, d_h) in d_h.iter_mut().enumerate() {
                        *d_h = through(d, 0..gates, i);
                    }
                }
                CellKind::Gru | CellKind::GruResetBefore => {
                    for i in 0..units {
                        let apart = kept[before + i] - gate(2 * units + i);
                        d[i] = d_h[i] * apart * slope(g, gate(i));
                        d[2 * units + i] = d_h[i] * (1.0 - gate(i)) * slope(f, gate(2 * units + i));
                        d_h[i] *= gate(i);
                    }
                    for i in 0..units {
                        let (reset, d_candidate) = (gate(units + i), d[2 * units + i]);
                        if kind == CellKind::Gru {
                            d[units + i] = d_candidate * gate(3 * units + i) * slope(g, reset);
                            d[5 * units + i] = d_candidate * reset;
                        } else {
                            d_reset[i] = through(d, 2 * units..3 * units, i);
                            d[units + i] = d_reset[i] * kept[before + i] * slope(g, reset);
                        }
                    }
                    let first = width - gates;
                    if first > 0 {
                        d.copy_within(..2 * units, first);
                    }
                    let columns = if first > 0 { 0..3 * units } else { 0..2 * units };
                    for i in 0..units {
                        d_h[i] += through(&d[first..], columns.clone(), i);
                        if first == 0 {
                            d_h[i] += d_reset[i] * gate(units + i);
                        }
                    }
                }
            }
        }
        if op.initial {
            let (_, to) = output.split_at_mut(cell.steps * kind.gradients() * units);
            to[..units].copy_from_slice(d_h);
            to[units..].copy_from_slice(d_c);
        }
    }
}
