use keras_ir::activation::Activation;
use keras_ir::ops::{
    Cell, CellKind, Operation as _, Recurrent, RecurrentGrad, RecurrentKept, RecurrentResults,
};

use crate::kernels::Reference;
use crate::kernels::check::{agreed, assert_close, assert_gradient, output, values};

const KINDS: [CellKind; 4] =
    [CellKind::Simple, CellKind::Lstm, CellKind::Gru, CellKind::GruResetBefore];

/// Every combination that a kernel treats apart.
fn cells(steps: usize, units: usize) -> Vec<Cell> {
    let mut cells = Vec::new();
    for kind in KINDS {
        for flags in 0..8 {
            let [backward, noise, mask] = [1, 2, 4].map(|bit| flags & bit != 0);
            let (f, g) = match noise {
                true => (Activation::RELU, Activation::HardSigmoid),
                false => (Activation::Tanh, Activation::Sigmoid),
            };
            cells.push(Cell { kind, steps, units, backward, f, g, noise, mask });
        }
    }
    cells
}

/// What all ops of a cell read, by name.
struct Data {
    z: Vec<f32>,
    w: Vec<f32>,
    bias: Vec<f32>,
    h: Vec<f32>,
    c: Vec<f32>,
    noise: Vec<f32>,
    mask: Vec<f32>,
}

impl Data {
    fn new(cell: &Cell, samples: usize) -> Data {
        let scaled = |len: usize, seed: u64, scale: f32| -> Vec<f32> {
            values(len, seed).iter().map(|x| x * scale).collect()
        };
        // Some steps are masked, the first and the last among them.
        let mask = (0..samples * cell.steps).map(|i| f32::from(u8::from(i % 3 != 0))).collect();
        let noise = (0..samples * cell.noise_len()).map(|i| if i % 4 == 0 { 0.0 } else { 1.25 });
        Data {
            z: scaled(samples * cell.input_len(), 1, 2.0),
            w: scaled(cell.kernel_len(), 2, 1.0 / (cell.units as f32).sqrt()),
            bias: values(2 * cell.noise_len(), 3),
            h: values(samples * cell.units, 4),
            c: values(samples * cell.units, 5),
            noise: noise.collect(),
            mask,
        }
    }

    fn inputs(&self, cell: &Cell, bias: bool, initial: bool) -> Vec<&[f32]> {
        let mut inputs: Vec<&[f32]> = vec![&self.z, &self.w];
        inputs.extend(bias.then_some(&self.bias[..]));
        inputs.extend(initial.then_some(&self.h[..]));
        inputs.extend((initial && cell.kind == CellKind::Lstm).then_some(&self.c[..]));
        inputs.extend(self.others(cell));
        inputs
    }

    fn others(&self, cell: &Cell) -> Vec<&[f32]> {
        let noise = cell.noise.then_some(&self.noise[..]);
        noise.into_iter().chain(cell.mask.then_some(&self.mask[..])).collect()
    }
}

/// A bias of both products, which one kind alone has.
fn has_bias(cell: &Cell) -> bool {
    cell.kind == CellKind::Gru
}

/// What was kept, by the plain loops.
fn kept(cell: Cell, data: &Data, samples: usize, initial: bool) -> Vec<f32> {
    let op = RecurrentKept { cell, bias: has_bias(&cell), initial };
    let inputs = data.inputs(&cell, has_bias(&cell), initial);
    output::<Reference>(op, samples, &inputs, samples * cell.kept_len())
}

fn tolerance(cell: &Cell) -> f32 {
    // Errors of a step are passed on to the next.
    1e-6 * (cell.units as f32).sqrt() * cell.steps as f32
}

#[test]
fn kernels_equal_plain_loops_at_all_extents() {
    for (steps, units, samples) in [(3, 5, 2), (2, 16, 1), (5, 20, 17), (9, 33, 19), (40, 8, 3)] {
        for cell in cells(steps, units) {
            let data = Data::new(&cell, samples);
            for initial in [false, true] {
                for (sequences, state) in [(false, false), (true, true), (false, true)] {
                    let state = state && cell.kind == CellKind::Lstm;
                    let bias = has_bias(&cell) && initial;
                    let op = Recurrent { cell, bias, initial, sequences, state };
                    let len = samples * cell.results_len(sequences, state);
                    let inputs = data.inputs(&cell, bias, initial);
                    agreed(op, samples, &inputs, &vec![0.0; len], tolerance(&cell));
                    let kept = kept(cell, &data, samples, initial);
                    let d_results = values(len, 7);
                    let mut inputs: Vec<&[f32]> = vec![&kept, &d_results, &data.w];
                    inputs.extend(data.others(&cell));
                    let op = RecurrentGrad { cell, initial, sequences, state };
                    let len = samples * cell.gradients_len(initial);
                    agreed(op, samples, &inputs, &vec![0.0; len], 10.0 * tolerance(&cell));
                }
            }
        }
    }
}

/// What is kept holds the results; gates of masked steps may hold anything.
#[test]
fn kept_states_are_the_results() {
    for cell in cells(4, 5) {
        let (samples, initial) = (3, true);
        let data = Data::new(&cell, samples);
        let bias = has_bias(&cell);
        let op = RecurrentKept { cell, bias, initial };
        let mut zeros = data.inputs(&cell, bias, initial);
        let ones = vec![1.0; samples * cell.steps];
        if cell.mask {
            *zeros.last_mut().unwrap() = &ones;
        }
        let start = vec![0.0; samples * cell.kept_len()];
        agreed(op, samples, &zeros, &start, tolerance(&cell));
        let kept = kept(cell, &data, samples, initial);
        let state = cell.kind == CellKind::Lstm;
        for sequences in [false, true] {
            let results = RecurrentResults { cell, sequences, state };
            let len = samples * cell.results_len(sequences, state);
            let found = agreed(results, samples, &[&kept], &vec![0.0; len], 0.0);
            let op = Recurrent { cell, bias, initial, sequences, state };
            let inputs = data.inputs(&cell, bias, initial);
            let expected = output::<Reference>(op, samples, &inputs, len);
            assert_close(&found, &expected, 0.0, &format!("{op:?}"));
        }
    }
}

#[test]
fn gradients_are_those_of_the_steps() {
    let (steps, units, samples) = (3, 2, 2);
    for cell in cells(steps, units) {
        // No differences across the kink of a ReLU.
        let cell = Cell { f: Activation::Tanh, g: Activation::Sigmoid, ..cell };
        let (data, initial, sequences) = (Data::new(&cell, samples), true, true);
        let (bias, state) = (has_bias(&cell), cell.kind == CellKind::Lstm);
        let d_results = values(samples * cell.results_len(sequences, state), 7);
        let kept = kept(cell, &data, samples, initial);
        let mut inputs: Vec<&[f32]> = vec![&kept, &d_results, &data.w];
        inputs.extend(data.others(&cell));
        let gradient = RecurrentGrad { cell, initial, sequences, state };
        let len = cell.gradients_len(initial);
        let found = output::<Reference>(gradient, samples, &inputs, samples * len);
        // Of each sample: by `z`, the first columns of each step, then by the states.
        let (all, gates) = (cell.kind.gradients() * units, cell.kind.gates() * units);
        let by_z: Vec<f32> = found
            .chunks_exact(len)
            .flat_map(|found| found[..steps * all].chunks_exact(all))
            .flat_map(|step| step[..gates].to_vec())
            .collect();
        let by_state = |i: usize| -> Vec<f32> {
            let from = steps * all + i * units;
            found.chunks_exact(len).flat_map(|found| found[from..][..units].to_vec()).collect()
        };
        let op = Recurrent { cell, bias, initial, sequences, state };
        let inputs = data.inputs(&cell, bias, initial);
        assert_eq!(op.makes().len_of(samples), d_results.len());
        assert_gradient(op, samples, &inputs, 0, &d_results, &by_z);
        let first = 2 + usize::from(bias);
        for i in 0..cell.kind.states() {
            assert_gradient(op, samples, &inputs, first + i, &d_results, &by_state(i));
        }
    }
}
