//! Counts allocations: predicting makes none, and neither does a training step after the first.
//!
//! The counter sees all threads, so there is a single test, without the threads of a test harness
//! beside it.
#![allow(unsafe_code, reason = "a global allocator cannot be had without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use keras::array::Array;
use keras::losses::{Loss, Losses};
use keras::metrics::MetricSet;
use keras::optimizers::Optimizer;
use keras::prelude::*;
use keras::sample::Sample;
use rayon::ThreadPool;

#[path = "../examples/bench/models.rs"]
mod bench;

/// The system's allocator with a count of what is asked of it.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every method is the system allocator's own; the count beside it allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the ones asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System`, by `alloc` or `realloc` here.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as in `dealloc`, and the caller's promises are the ones asked for.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of all threads while `work` is done.
fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    work();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

model! {
    /// A dense net.
    struct Mlp;

    Sequential([
        Input(shape = (20,)),
        Dense(48, activation = "gelu"),
        Dropout(0.25),
        Dense(7, activation = "softmax"),
    ])
}

model! {
    /// The convnet of the digits.
    struct Convnet;

    Sequential([
        Input(shape = (8, 8, 1)),
        Conv2D(32, kernel_size = 3, padding = "same", activation = "relu"),
        Conv2D(32, kernel_size = 3, activation = "relu"),
        MaxPooling2D(pool_size = 2),
        Flatten(),
        Dropout(0.3),
        Dense(64, activation = "relu"),
        Dense(10, activation = "softmax"),
    ])
}

model! {
    /// Batch normalization, so that training has segments, and a sum of more tensors than an op
    /// usually has.
    struct Normalized;

    let image = Input(shape = (6, 5, 2));
    let mut x = Conv2D(4, 3, padding = "same", use_bias = False)(image);
    x = ReLU()(BatchNormalization()(x));
    let mut joined = Concatenate()([x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x]);
    joined = BatchNormalization(gamma_constraint = NonNeg())(Conv2D(
        3,
        2,
        kernel_regularizer = regularizers.L2(1e-3),
        kernel_constraint = constraints.MaxNorm(2, axis = [0, 1, 2]),
    )(joined));
    Model(inputs = image, outputs = Dense(4)(GlobalAveragePooling2D()(joined)))
}

static DIGITS: Embedded<Convnet> = embed!("../examples/digits.keras");

model! {
    /// Needs more scratch than a stack should give.
    struct Large;

    Sequential([
        Input(shape = (64, 64, 3)),
        Conv2D(8, kernel_size = 3, strides = 2, activation = "relu"),
        GlobalMaxPooling2D(),
        Dense(2),
    ])
}

/// Numbers of both signs, and labels of `classes`.
fn samples<X: Array<Element = f32>>(count: usize, classes: u32) -> (Vec<X>, Vec<u32>) {
    let mut x = X::zeros(count);
    for (i, x) in X::flat_mut(&mut x).iter_mut().enumerate() {
        *x = ((i * 37) % 101) as f32 / 50.0 - 1.0;
    }
    (x, (0..count as u32).map(|i| i * 5 % classes).collect())
}

fn calls_allocate_nothing<M: Model>(model: &M, calls: usize)
where
    M::Input: Array<Element = f32>,
{
    let (x, _) = samples::<M::Input>(1, 2);
    let _warm = model.call(&x[0]);
    let count = allocations(|| {
        for _ in 0..calls {
            std::hint::black_box(model.call(&x[0]));
        }
    });
    assert_eq!(count, 0, "allocations of {calls} calls of {}", M::description().name);
}

/// Of a predictor that is bound to its model, whose threads share a sample.
fn single_samples_allocate_nothing<M>(pools: &[ThreadPool])
where
    M: Model<Input: Array<Element = f32>, Output: Array<Element = f32>>,
{
    let (model, x, mut y) = (M::seeded(3), M::Input::zeros(1), M::Output::zeros(1));
    let mut predictor = Predictor::new().bind(&*model);
    let mut predict = || predictor.predict(&x, &mut y).expect("one output for one sample");
    for pool in pools {
        pool.install(|| {
            predict();
            // Threads allocate when they start.
            std::thread::sleep(std::time::Duration::from_millis(50));
            let count = allocations(|| (0..CALLS).for_each(|_| predict()));
            assert_eq!(count, 0, "allocations of {CALLS} predictions on one of {pools:?}");
        });
    }
}

/// Counts the allocations of so many steps after the first one.
fn steps<M, L, N, W, T>(
    training: &mut Training<'_, M, L, N, W>,
    x: &[M::Input],
    y: &[T],
    count: usize,
) -> usize
where
    M: Model,
    T: Sample,
    L: Loss<M::Output, T> + Losses,
    N: MetricSet<M::Output, T>,
    W: MetricSet<M::Output, T>,
{
    let sample_weight: Vec<f32> = (0..x.len()).map(|i| (i % 3) as f32).collect();
    let mut step = || {
        let by_sample = TrainOnBatch { sample_weight: Some(&sample_weight), class_weight: &[] };
        let by_class = TrainOnBatch { sample_weight: None, class_weight: &[(1, 3.0), (0, 0.5)] };
        for weights in [TrainOnBatch::default(), by_sample, by_class] {
            let logs = training.train_on_batch_with(x, y, weights).expect("good data");
            assert!(logs["loss"].is_finite());
        }
    };
    step();
    allocations(|| (0..count).for_each(|_| step()))
}

/// Threads of the pools.
const THREADS: [usize; 2] = [1, 2];
/// Calls of a model.
const CALLS: usize = 1000;
/// More steps than a block of a pool's queue has places.
const STEPS: usize = 70;

/// A training of a model from labels.
fn steps_allocate_nothing<M: Model>(
    pools: &[ThreadPool],
    optimizer: impl Optimizer + Clone + 'static,
    from_logits: bool,
    classes: u32,
) where
    M::Input: Array<Element = f32>,
    SparseCategoricalCrossentropy: Loss<M::Output, u32>,
    (SparseCategoricalAccuracy, SparseCategoricalCrossentropy): MetricSet<M::Output, u32>,
    [SparseCategoricalAccuracy; 1]: MetricSet<M::Output, u32>,
{
    let (x, y) = samples::<M::Input>(37, classes);
    let loss = SparseCategoricalCrossentropy { from_logits, ..Default::default() };
    for pool in pools {
        let count = pool.install(|| {
            let mut model = M::seeded(3);
            let mut training = model
                .compile(optimizer.clone(), loss)
                .metrics((SparseCategoricalAccuracy::default(), loss))
                .weighted_metrics([SparseCategoricalAccuracy::default()]);
            steps(&mut training, &x, &y, STEPS)
        });
        let name = (&M::description().name, optimizer.class(), pool.current_num_threads());
        assert_eq!(count, 0, "allocations of {STEPS} steps: {name:?}");
    }
}

/// A training of one of the models of the bench, which are too large for many steps.
fn bench_steps_allocate_nothing<M: Model, T: Sample>(
    pools: &[ThreadPool],
    optimizer: impl Optimizer + Clone + 'static,
    loss: impl Loss<M::Output, T> + Copy + 'static,
    y: impl Fn(usize) -> Vec<T>,
) where
    M::Input: Array<Element = f32>,
    (): MetricSet<M::Output, T>,
{
    const SAMPLES: usize = 5;
    const STEPS: usize = 3;
    let ((x, _), y) = (samples::<M::Input>(SAMPLES, 10), y(SAMPLES));
    let model = M::seeded(3);
    calls_allocate_nothing(&*model, STEPS);
    for pool in pools {
        let count = pool.install(|| {
            let mut model = M::seeded(3);
            let mut training = model.compile(optimizer.clone(), loss);
            let exact = steps(&mut training, &x, &y, STEPS);
            let mut mixed = training.dtype_policy(DtypePolicy::MixedBfloat16);
            exact + steps(&mut mixed, &x, &y, STEPS)
        });
        let name = (&M::description().name, pool.current_num_threads());
        assert_eq!(count, 0, "allocations of {STEPS} steps: {name:?}");
    }
}

/// The workloads of the bench, each with its optimizer and loss.
fn the_bench_allocates_nothing(pools: &[ThreadPool]) {
    use bench::{AudioDense, Autoencoder, Convnet, Mlp, MobileNet, ResNet20, TinyMlp};
    let labels = |count| samples::<f32>(count, 10).1;
    let images = |count| {
        let mut images: Vec<[[[f32; 1]; 28]; 28]> = samples(count, 10).0;
        <[[[f32; 1]; 28]; 28]>::flat_mut(&mut images)
            .iter_mut()
            .for_each(|y| *y = y.abs().min(1.0));
        images
    };
    let classes = SparseCategoricalCrossentropy::default();
    let momentum = SGD { momentum: 0.9, ..SGD::default() };
    bench_steps_allocate_nothing::<TinyMlp, u32>(pools, SGD::default(), classes, labels);
    bench_steps_allocate_nothing::<Mlp, u32>(pools, RMSprop::default(), classes, labels);
    bench_steps_allocate_nothing::<Convnet, u32>(pools, Adam::default(), classes, labels);
    bench_steps_allocate_nothing::<ResNet20, u32>(pools, momentum, classes, labels);
    bench_steps_allocate_nothing::<MobileNet, u32>(pools, Adam::default(), classes, labels);
    let entropy = BinaryCrossentropy::default();
    bench_steps_allocate_nothing::<Autoencoder, _>(pools, Adam::default(), entropy, images);
    calls_allocate_nothing(&*AudioDense::seeded(3), CALLS);
}

/// From outside of a pool, each step stands in the pool's queue, which takes a block for every 63
/// of them.
fn steps_from_outside_allocate_next_to_nothing() {
    let (x, y) = samples(37, 10);
    for threads in THREADS {
        let mut model = Convnet::seeded(3);
        let mut training = model
            .compile(Adam::default(), SparseCategoricalCrossentropy::default())
            .threads(threads);
        let count = steps(&mut training, &x, &y, STEPS);
        // A thread allocates once when it first looks for work, and once when its pool has ended.
        let most = (3 * STEPS).div_ceil(63) + 2 * threads;
        assert!(count <= most, "{count} allocations of {STEPS} steps on {threads} threads");
    }
}

/// Pools, whose threads have looked for work: a thread registers with the queues then.
fn pools() -> [ThreadPool; 2] {
    THREADS.map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.expect("the system has threads to give");
        pool.broadcast(|_| ());
        pool
    })
}

fn main() {
    calls_allocate_nothing(&*Mlp::seeded(3), CALLS);
    calls_allocate_nothing(&*Convnet::seeded(3), CALLS);
    calls_allocate_nothing(&*Normalized::seeded(3), CALLS);
    calls_allocate_nothing::<Convnet>(&DIGITS, CALLS);
    const { assert!(Large::SCRATCH_BYTES > 64 * 1024) };
    calls_allocate_nothing(&*Large::seeded(3), CALLS);

    // They stay until the end, since a thread that ends allocates.
    let pools = pools();
    single_samples_allocate_nothing::<Convnet>(&pools);
    single_samples_allocate_nothing::<Normalized>(&pools);
    single_samples_allocate_nothing::<bench::MobileNet>(&pools);
    let momentum = SGD { momentum: 0.9, ..SGD::default() };
    let clipped = Adam { clipnorm: Some(1.0), ..Adam::default() };
    steps_allocate_nothing::<Mlp>(&pools, Adam::default(), false, 7);
    steps_allocate_nothing::<Mlp>(&pools, momentum, false, 7);
    steps_allocate_nothing::<Convnet>(&pools, Adam::default(), false, 10);
    steps_allocate_nothing::<Normalized>(&pools, clipped, true, 4);
    steps_allocate_nothing::<Normalized>(&pools, momentum, true, 4);
    the_bench_allocates_nothing(&pools);
    steps_from_outside_allocate_next_to_nothing();
    println!("nothing is allocated once it is warm");
}
