//! A batch of the example model: gradients against finite differences, and the same bits on any
//! number of threads.

use keras_graph::op::Op;
use keras_graph::plan::{Operand, Place, Plan, Storage, ValueId};
use rayon::ThreadPoolBuilder;

use super::cut::{Cut, LEAST_SHARD_FLOPS, MAX_SHARDS, shard_count};
use super::*;
use crate::dtype_policy::DtypePolicy;
use crate::example::Example;
use crate::infer::Infer;
use crate::kernels::{Backend, Call, Cpu, Reference};
use crate::model::Model;
use crate::random::Random;
use crate::simd::{Level, with_level};

/// `Σ (y_pred - target)² / 2`, summed over the batch.
struct Squares<'a> {
    targets: &'a [[f32; 2]],
}

impl Head for Squares<'_> {
    fn sums(&self) -> usize {
        1
    }

    fn samples(
        &self,
        _: usize,
        samples: core::ops::Range<usize>,
        y_pred: &[f32],
        d: Option<&mut [f32]>,
        sums: &mut [f64],
    ) {
        let targets = self.targets[samples].as_flattened();
        let errors: Vec<f32> = y_pred.iter().zip(targets).map(|(y, target)| y - target).collect();
        sums[0] += errors.iter().map(|&e| f64::from(e) * f64::from(e) / 2.0).sum::<f64>();
        if let Some(d) = d {
            d.copy_from_slice(&errors);
        }
    }
}

fn samples<const N: usize>(count: usize, name: &str) -> Vec<[f32; N]> {
    let mut random = Random::stream(1, name);
    (0..count).map(|_| core::array::from_fn(|_| random.normal() as f32)).collect()
}

fn loss_and_gradient<B: Backend>(weights: &[f32], count: usize) -> (f64, Vec<f32>) {
    let (x, targets) = (samples::<3>(count, "x"), samples::<2>(count, "y"));
    let mut execution = Execution::new::<B>(Example::training(), Keep::Sums);
    let batch = Batch { x: &x.as_slice(), rows: Rows::Range(0..count), seed: 0, step: 0 };
    execution.run(weights, &batch, &Squares { targets: &targets });
    (execution.sums()[0], execution.gradient(&batch).to_vec())
}

#[test]
fn the_gradient_is_that_of_the_loss() {
    let model = Example::seeded(3);
    let (_, gradient) = loss_and_gradient::<Cpu>(model.weights(), 7);
    for w in 0..Example::PARAMS {
        let mut moved = model.weights().to_vec();
        let step = 1e-3;
        moved[w] += step;
        let up = loss_and_gradient::<Reference>(&moved, 7).0;
        moved[w] -= 2.0 * step;
        let down = loss_and_gradient::<Reference>(&moved, 7).0;
        let expected = ((up - down) / (2.0 * f64::from(step))) as f32;
        assert!(
            (gradient[w] - expected).abs() < 2e-2 * (1.0 + expected.abs()),
            "{w}: {} {expected}",
            gradient[w]
        );
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let model = Example::seeded(3);
    // Enough for all shards, and not divisible by their number.
    let count = MAX_SHARDS * (LEAST_SHARD_FLOPS / 120 + 1) + 5;
    assert_eq!(shard_count(Example::training(), count, DtypePolicy::Float32), MAX_SHARDS);
    let bits = |threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let (loss, gradient) = pool.install(|| loss_and_gradient::<Cpu>(model.weights(), count));
        (loss.to_bits(), gradient.iter().map(|g| g.to_bits()).collect::<Vec<_>>())
    };
    let one = bits(1);
    assert_eq!(one, bits(2));
    assert_eq!(one, bits(3));
}

/// Refuses to compute at another level than the plainest.
fn run_at_portable(op: &Op, call: Call<'_>) {
    assert_eq!(Level::current(), Level::Portable, "{}", op.name());
    crate::kernels::run::<Cpu>(op, call);
}

#[test]
fn all_threads_compute_at_the_level_of_the_caller() {
    let model = Example::seeded(3);
    let count = MAX_SHARDS * (LEAST_SHARD_FLOPS / 120 + 1);
    let (x, targets) = (samples::<3>(count, "x"), samples::<2>(count, "y"));
    let batch = Batch { x: &x.as_slice(), rows: Rows::Range(0..count), seed: 0, step: 0 };
    let pool = ThreadPoolBuilder::new().num_threads(3).build().expect("threads");
    let mut execution = Execution::with_run::<Cpu>(
        DtypePolicy::Float32,
        Example::training(),
        Keep::Sums,
        run_at_portable,
    );
    let step = || {
        let step = || {
            execution.run(model.weights(), &batch, &Squares { targets: &targets });
            execution.gradient(&batch);
        };
        with_level(Level::Portable, step).expect("it is everywhere");
    };
    pool.install(step);
}

#[test]
fn flat_numbers_give_outputs_and_gradients() {
    let model = Example::seeded(3);
    let (x, upstream) = (samples::<3>(5, "x"), samples::<2>(5, "u"));
    let flat = [x.as_flattened().to_vec()];
    let upstream = [upstream.as_flattened().to_vec()];
    let found = gradients::<Cpu>(
        Example::training(),
        model.weights(),
        &FlatSamples::new(5, &flat),
        &upstream,
    );
    let mut outputs = vec![0.0; 10];
    predict::<Reference>(Example::inference(), model.weights(), &x.as_slice(), &mut [&mut outputs]);
    assert!(found.outputs[0].iter().zip(&outputs).all(|(a, b)| (a - b).abs() < 1e-5));
    // The last layer's bias gets the plain sum.
    let sum: f32 = upstream[0].iter().skip(1).step_by(2).sum();
    assert!((found.weights[25] - sum).abs() < 1e-5);
    assert_eq!(found.inputs, [Vec::<f32>::new()]);
}

#[test]
fn rows_are_taken_in_the_order_asked_for() {
    let model = Example::seeded(8);
    let x = samples::<3>(9, "rows");
    let mut execution = Execution::new::<Cpu>(Example::inference(), Keep::Outputs);
    let rows = [4, 0, 8, 4, 2];
    let batch = Batch { x: &x.as_slice(), rows: Rows::List(&rows), seed: 0, step: 0 };
    execution.run(model.weights(), &batch, &NoHead);
    let mut found = [[0.0; 2]; 5];
    execution.copy_output(0, found.as_flattened_mut());
    for (found, row) in found.into_iter().zip(rows) {
        let expected = model.call(&x[row]);
        assert!(
            found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5),
            "{found:?} {expected:?}"
        );
    }
}

#[test]
fn a_batch_is_cut_by_plan_and_size_alone() {
    let plan = Example::training();
    assert_eq!(shard_count(plan, 1, DtypePolicy::Float32), 1);
    // A shard has at least 4370 samples, which is 2^19 operations; shards are a power of two.
    assert_eq!(shard_count(plan, 8739, DtypePolicy::Float32), 1);
    assert_eq!(shard_count(plan, 8740, DtypePolicy::Float32), 2);
    assert_eq!(shard_count(plan, 3 * 4370, DtypePolicy::Float32), 2);
    assert_eq!(shard_count(plan, 1_000_000, DtypePolicy::Float32), MAX_SHARDS);
    // Where weights are streamed, products of bfloat16 take twice as many samples for it to cost as
    // little.
    let large = Plan { weights_len: 1 << 20, flops: 1 << 20, reduced_len: 0, ..plan.clone() };
    assert_eq!(shard_count(&large, 192, DtypePolicy::Float32), 4);
    assert_eq!(shard_count(&large, 192, DtypePolicy::MixedBfloat16), 2);
    let cuts = Cut::of_segments(plan);
    assert_eq!(cuts.iter().map(|cut| cut.block_len).max(), Some(plan.block_len));
    let [cut] = cuts[..] else { panic!("nothing of the example couples samples") };
    assert_eq!(cut.block_samples(5), 5);
    // A block's share of the cache is 13797 samples; three even blocks.
    assert_eq!(cut.block_samples(30_000), 10_000);
    // What lies in the shard goes through the cache as well, each tensor once.
    let mut wide = plan.clone();
    let x = Place { storage: Storage::Shard, offset: 0, len: 1 << 17 };
    let mut steps = wide.steps.to_vec();
    let x = Operand { value: ValueId(0), place: x };
    steps[0].inputs = [x].to_vec().into();
    steps[1].inputs = [x].to_vec().into();
    wide.steps = steps.into();
    assert_eq!(Cut::of_segments(&wide)[0].block_samples(7), 1);
    assert_eq!(Cut::of_segments(&wide)[0].block_len, cut.block_len);
}
