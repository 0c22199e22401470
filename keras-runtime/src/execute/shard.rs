//! A shard: its share of a batch, its memory, and how it runs the steps of a segment.

use core::ops::Range;

use keras_graph::algorithm::Algorithm;
use keras_graph::op::Op;
use keras_graph::plan::{Operand, Place, Plan, Step, Storage};

use super::aligned::Aligned;
use super::batch::{Batch, Head, Keep};
use super::cut::{Cut, has_head};
use super::inputs::{INLINE_INPUTS, recycled};
use super::memory::{Block, Holed};
use super::prepared::PreparedWeights;
use crate::kernels::{Call, Run};

/// What all shards share while a segment is run.
pub(super) struct Pass<'a> {
    pub(super) plan: &'a Plan,
    /// How each step of the plan is computed.
    pub(super) algorithms: &'a [Algorithm],
    pub(super) run: fn(&Op, Call<'_>),
    pub(super) segment: usize,
    /// How the segment is cut into blocks.
    pub(super) cut: Cut,
    pub(super) weights: &'a [f32],
    pub(super) copies: &'a PreparedWeights,
    pub(super) merged: &'a [f32],
    pub(super) batch: &'a Batch<'a>,
    pub(super) head: &'a dyn Head,
    pub(super) keep: Keep,
}

impl Pass<'_> {
    /// The steps of the segment.
    fn steps(&self) -> Range<usize> {
        let segment = &self.plan.segments[self.segment];
        segment.from..segment.to
    }

    /// Whether the loss stands in this segment.
    fn has_head(&self) -> bool {
        has_head(self.plan, self.steps())
    }
}

/// A share of a batch.
#[derive(Default)]
pub(super) struct Shard {
    /// Its samples in the batch.
    samples: Range<usize>,
    /// Memory for the inputs of an op that has many.
    listed: Vec<&'static [f32]>,
    block: Aligned,
    shard: Aligned,
    workspace: Aligned,
    /// Its own reductions.
    pub(super) reduced: Vec<f32>,
    /// The head's sums over its samples.
    pub(super) sums: Vec<f64>,
    /// Outputs of its samples, if they are kept.
    pub(super) outputs: Vec<Vec<f32>>,
    /// Gradients by the inputs, if they are kept.
    pub(super) input_gradients: Vec<Vec<f32>>,
}

impl Shard {
    /// Makes room for its samples and for so many elements of a block and of scratch.
    pub(super) fn prepare(
        &mut self,
        plan: &Plan,
        samples: Range<usize>,
        sums: usize,
        keep: Keep,
        [block_len, workspace_len]: [usize; 2],
    ) {
        let count = samples.len();
        self.samples = samples;
        self.block.resize(block_len);
        self.shard.resize(plan.shard_len * count);
        self.workspace.resize(workspace_len);
        self.reduced.resize(plan.reduced_len, 0.0);
        self.sums.resize(sums, 0.0);
        if keep != Keep::Sums {
            self.outputs.resize_with(plan.outputs.len(), Vec::new);
            for (kept, port) in self.outputs.iter_mut().zip(plan.outputs.iter()) {
                kept.resize(port.place.len * count, 0.0);
            }
        }
        if keep == Keep::InputGradients {
            self.input_gradients.resize_with(plan.inputs.len(), Vec::new);
            for (kept, port) in self.input_gradients.iter_mut().zip(plan.inputs.iter()) {
                kept.resize(port.gradient.map_or(0, |d_x| d_x.place.len * count), 0.0);
            }
        }
    }

    /// A tensor of several segments, of all samples of the shard.
    pub(super) fn tensor(&self, place: Place) -> &[f32] {
        let count = self.samples.len();
        &self.shard[place.offset * count..][..place.len * count]
    }

    /// A tensor of several segments, of one sample of the batch.
    pub(super) fn of(&self, place: Place, sample: usize) -> &[f32] {
        &self.tensor(place)[(sample - self.samples.start) * place.len..][..place.len]
    }

    /// How many samples it has.
    pub(super) fn count(&self) -> usize {
        self.samples.len()
    }

    /// One past its last sample.
    pub(super) fn end(&self) -> usize {
        self.samples.end
    }

    /// The samples of a block in the batch.
    fn in_batch(&self, block: Block) -> Range<usize> {
        let first = self.samples.start + block.first;
        first..first + block.samples
    }

    /// Runs a segment, block by block.
    pub(super) fn run(&mut self, pass: &Pass<'_>) {
        if pass.segment == 0 {
            self.reduced.fill(0.0);
            self.sums.fill(0.0);
        }
        let shard = self.samples.len();
        let most = pass.cut.block_samples(shard);
        let mut first = 0;
        while first < shard {
            let block = Block { first, samples: most.min(shard - first), shard };
            self.run_block(pass, block);
            first += block.samples;
        }
    }

    fn run_block(&mut self, pass: &Pass<'_>, block: Block) {
        self.load(pass, block);
        let steps = pass.steps();
        let forward = if pass.has_head() { pass.plan.forward } else { steps.start };
        for step in steps.start..forward {
            self.step(pass, block, step);
        }
        if pass.has_head() {
            self.look(pass, block);
        }
        for step in forward..steps.end {
            self.step(pass, block, step);
        }
        if pass.keep == Keep::InputGradients {
            self.keep_input_gradients(pass, block);
        }
    }

    /// PreparedWeights the inputs that the segment reads to their places, unless they are read
    /// where they are.
    fn load(&mut self, pass: &Pass<'_>, block: Block) {
        let (batch, steps) = (pass.batch, &pass.plan.steps[pass.steps()]);
        for (i, port) in pass.plan.inputs.iter().enumerate() {
            let reads = |step: &Step| step.inputs.iter().any(|input| input.value == port.value);
            let samples = self.in_batch(block);
            // What is read where the user has it needs no copy.
            if !steps.iter().any(reads) || batch.input(i, &samples).is_some() {
                continue;
            }
            let range = block.range(port.place);
            let to = match port.place.storage {
                Storage::Block => &mut self.block[range],
                Storage::Shard => &mut self.shard[range],
                Storage::Weights | Storage::Reduced | Storage::Gradient => {
                    unreachable!("an input is a sample's")
                }
            };
            for (sample, to) in samples.zip(to.chunks_exact_mut(port.place.len.max(1))) {
                to.copy_from_slice(batch.x.port(batch.rows.row(sample), i).bits());
            }
        }
    }

    /// Runs one step.
    fn step(&mut self, pass: &Pass<'_>, block: Block, i: usize) {
        let step = &pass.plan.steps[i];
        let (hole, samples) = (block.range(step.output), self.in_batch(block));
        let mut listed = recycled(core::mem::take(&mut self.listed));
        let (in_block, in_shard, output) = match step.output.storage {
            Storage::Block => {
                let (rest, output) = Holed::split(&mut self.block, hole);
                (rest, Holed::intact(&self.shard), output)
            }
            Storage::Shard => {
                let (rest, output) = Holed::split(&mut self.shard, hole);
                (Holed::intact(&self.block), rest, output)
            }
            Storage::Reduced => {
                (Holed::intact(&self.block), Holed::intact(&self.shard), &mut self.reduced[hole])
            }
            Storage::Weights | Storage::Gradient => {
                unreachable!("no step of a segment writes weights or their gradient")
            }
        };
        let read = |&Operand { value, place }: &Operand| {
            let input = pass.plan.input_of(value);
            if let Some(x) = input.and_then(|input| pass.batch.input(input, &samples)) {
                return x;
            }
            let range = block.range(place);
            match place.storage {
                Storage::Block => in_block.part(range),
                Storage::Shard => in_shard.part(range),
                Storage::Weights => &pass.weights[range],
                Storage::Reduced => &pass.merged[range],
                Storage::Gradient => unreachable!("no step reads the gradient"),
            }
        };
        let mut inline: [&[f32]; INLINE_INPUTS] = [&[]; INLINE_INPUTS];
        let inputs = if step.inputs.len() <= INLINE_INPUTS {
            for (input, operand) in inline.iter_mut().zip(step.inputs.iter()) {
                *input = read(operand);
            }
            &inline[..step.inputs.len()]
        } else {
            listed.extend(step.inputs.iter().map(read));
            &listed
        };
        let run = Run {
            seed: pass.batch.seed,
            step: pass.batch.step,
            first_sample: samples.start * step.repeat,
            batch: pass.batch.rows.len(),
            overwrites: false,
        };
        let (samples, workspace) = (block.samples * step.repeat, &mut self.workspace[..]);
        let (algorithm, prepared) = (pass.algorithms[i], pass.copies.of(i));
        (pass.run)(&step.op, Call { algorithm, samples, inputs, output, workspace, prepared, run });
        self.listed = recycled(listed);
    }

    /// Shows the outputs to the head, which writes their gradients.
    fn look(&mut self, pass: &Pass<'_>, block: Block) {
        let samples = self.in_batch(block);
        for (i, port) in pass.plan.outputs.iter().enumerate() {
            let gradient = port.gradient.map(|d_y| d_y.place);
            let hole = gradient.map_or(0..0, |place| block.range(place));
            let in_shard = gradient.is_some_and(|place| place.storage == Storage::Shard);
            let (in_block, in_shard, gradient) = if in_shard {
                let (rest, gradient) = Holed::split(&mut self.shard, hole);
                (Holed::intact(&self.block), rest, gradient)
            } else {
                let (rest, gradient) = Holed::split(&mut self.block, hole);
                (rest, Holed::intact(&self.shard), gradient)
            };
            let range = block.range(port.place);
            let y_pred = match port.place.storage {
                Storage::Block => in_block.part(range),
                Storage::Shard => in_shard.part(range),
                Storage::Weights => &pass.weights[range],
                Storage::Reduced => &pass.merged[range],
                Storage::Gradient => unreachable!("an output is no gradient"),
            };
            let len = port.place.len;
            if pass.keep != Keep::Sums {
                self.outputs[i][block.first * len..][..y_pred.len()].copy_from_slice(y_pred);
            }
            if !pass.head.looks() {
                continue;
            }
            let d_y_pred = port.gradient.map(|_| gradient);
            pass.head.samples(i, samples.clone(), y_pred, d_y_pred, &mut self.sums);
        }
    }

    /// PreparedWeights the gradients by the inputs that this segment computed.
    fn keep_input_gradients(&mut self, pass: &Pass<'_>, block: Block) {
        for (i, port) in pass.plan.inputs.iter().enumerate() {
            let Some(Operand { value, place }) = port.gradient else { continue };
            // Where no step made it, it is the gradient that the head wrote.
            let is_here = match pass.plan.steps.iter().position(|step| step.value == value) {
                Some(step) => pass.steps().contains(&step),
                None => pass.has_head(),
            };
            if is_here {
                let from = match place.storage {
                    Storage::Shard => &self.shard[block.range(place)],
                    _ => &self.block[block.range(place)],
                };
                self.input_gradients[i][block.first * place.len..][..from.len()]
                    .copy_from_slice(from);
            }
        }
    }
}
