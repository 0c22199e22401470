//! Any number of threads computes the same bits: for each workload of the bench, two steps of
//! training and predictions.

use keras::array::Array;
use keras::losses::{Loss, Losses};
use keras::metrics::MetricSet;
use keras::optimizers::Optimizer;
use keras::prelude::*;
use keras::sample::Sample;
use keras_runtime::execute::{FlatSamples, gradients};
use keras_runtime::kernels::Cpu;

#[path = "../examples/bench/models.rs"]
mod bench;

/// A batch that two and three threads cannot share evenly.
const SAMPLES: usize = 19;
const STEPS: usize = 2;
/// Samples that are predicted on their own as well, which threads share in another way.
const ALONE: usize = 3;

/// Numbers of both signs.
fn numbers<X: Array<Element = f32>>() -> Vec<X> {
    let mut x = X::zeros(SAMPLES);
    for (i, x) in X::flat_mut(&mut x).iter_mut().enumerate() {
        *x = ((i * 7919) % 1013) as f32 / 506.0 - 1.0;
    }
    x
}

fn labels() -> Vec<u32> {
    (0..SAMPLES as u32).map(|i| i * 7 % 10).collect()
}

/// Bits of the losses, of the weights after the steps, of the predictions with them and of those of
/// single samples.
fn bits<M, T, L>(
    policy: DtypePolicy,
    threads: usize,
    optimizer: impl Optimizer + 'static,
    loss: L,
    y: &[T],
) -> [Vec<u32>; 4]
where
    M: Model<Input: Array<Element = f32>, Output: Array<Element = f32>>,
    T: Sample,
    L: Loss<M::Output, T> + Losses + 'static,
    (): MetricSet<M::Output, T>,
{
    let x = numbers::<M::Input>();
    let mut model = M::seeded(5);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let (losses, predictions, alone) =
        pool.expect("the system has threads to give").install(|| {
            let mut training = model.compile(optimizer, loss).dtype_policy(policy);
            let step = |_| training.train_on_batch(&x, y).expect("good data")["loss"];
            let losses = Vec::from_iter((0..STEPS).map(step));
            let mut predictions = M::Output::zeros(x.len());
            let predicted = Predictor::under(policy).predict(&*model, &x, &mut predictions);
            predicted.expect("as many outputs as samples");
            let mut alone = M::Output::zeros(ALONE);
            let mut predictor = Predictor::under(policy).bind(&*model);
            for i in 0..ALONE {
                predictor.predict(&x[i..=i], &mut alone[i..=i]).expect("one output for one sample");
            }
            if policy == DtypePolicy::Float32 {
                assert!(M::Output::flat(&alone) == M::Output::flat(&predictions[..ALONE]));
            }
            (losses, predictions, alone)
        });
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    let [predictions, alone] = [&predictions, &alone].map(|y| bits(M::Output::flat(y)));
    [bits(&losses), bits(model.weights()), predictions, alone]
}

fn same_bits<M, T, L>(optimizer: impl Optimizer + Clone + 'static, loss: L, y: &[T])
where
    M: Model<Input: Array<Element = f32>, Output: Array<Element = f32>>,
    T: Sample,
    L: Loss<M::Output, T> + Losses + Copy + 'static,
    (): MetricSet<M::Output, T>,
{
    for policy in [DtypePolicy::Float32, DtypePolicy::MixedBfloat16] {
        let one = bits::<M, T, L>(policy, 1, optimizer.clone(), loss, y);
        assert!(one[0].iter().all(|&loss| f32::from_bits(loss).is_finite()));
        for threads in [2, 3] {
            let many = bits::<M, T, L>(policy, threads, optimizer.clone(), loss, y);
            for (what, (one, many)) in ["losses", "weights", "predictions", "single predictions"]
                .iter()
                .zip(one.iter().zip(&many))
            {
                assert!(one == many, "{what} on {threads} threads under {policy}");
            }
        }
    }
}

#[test]
fn tiny_mlp() {
    let loss = SparseCategoricalCrossentropy::default();
    same_bits::<bench::TinyMlp, _, _>(SGD::default(), loss, &labels());
}

#[test]
fn mlp() {
    let loss = SparseCategoricalCrossentropy::default();
    same_bits::<bench::Mlp, _, _>(RMSprop::default(), loss, &labels());
}

#[test]
fn convnet() {
    let loss = SparseCategoricalCrossentropy::default();
    same_bits::<bench::Convnet, _, _>(Adam::default(), loss, &labels());
}

#[test]
fn resnet20() {
    let loss = SparseCategoricalCrossentropy::default();
    let momentum = SGD { learning_rate: 0.1, momentum: 0.9, ..SGD::default() };
    same_bits::<bench::ResNet20, _, _>(momentum, loss, &labels());
}

#[test]
fn mobilenet() {
    let loss = SparseCategoricalCrossentropy::default();
    same_bits::<bench::MobileNet, _, _>(Adam::default(), loss, &labels());
}

#[test]
fn autoencoder() {
    let mut images = numbers::<[[[f32; 1]; 28]; 28]>();
    <[[[f32; 1]; 28]; 28]>::flat_mut(&mut images).iter_mut().for_each(|y| *y = y.abs().min(1.0));
    same_bits::<bench::Autoencoder, _, _>(Adam::default(), BinaryCrossentropy::default(), &images);
}

#[test]
fn audio_dense() {
    // Its targets are the inputs of another shape.
    let y: Vec<[f32; 1]> = numbers();
    same_bits::<bench::AudioDense, _, _>(SGD::default(), MeanSquaredError::default(), &y);
}

model! {
    /// Two inputs and two outputs, and windows of all kinds that threads cut: strided, dilated, in
    /// groups, depthwise and pooled.
    struct Windows;

    let image = Input(shape = (40, 33, 8));
    let map = Input(shape = (20, 17, 6));
    let strided = Conv2D(24, 3, strides = 2, padding = "same", activation = "relu")(image);
    let dilated = Conv2D(16, 3, dilation_rate = 2, padding = "same", activation = "tanh")(map);
    let mut x = Concatenate()([strided, dilated]);
    x = Conv2D(40, 3, groups = 2, activation = "gelu")(x);
    x = DepthwiseConv2D(3, padding = "same", activation = "relu6")(x);
    let largest = MaxPooling2D(3, strides = 2, padding = "same")(x);
    let mean = AveragePooling2D(3, strides = 2, padding = "same")(x);
    x = Add()([largest, mean]);
    let score = Dense(11, activation = "softmax", name = "score")(Flatten()(x));
    let drawn = Conv2DTranspose(5, 3, strides = 2, padding = "same", name = "drawn")(x);
    Model(inputs = [image, map], outputs = [score, drawn])
}

/// Threads that share a sample cut its large steps; whichever way, each number is computed as in a
/// batch.
#[test]
fn windows_are_cut_where_threads_share_a_sample() {
    let images = numbers::<[[[f32; 8]; 33]; 40]>();
    let maps = numbers::<[[[f32; 6]; 17]; 20]>();
    let x: Vec<_> =
        images.into_iter().zip(maps).map(|(image, map)| WindowsInputs { image, map }).collect();
    let model = Windows::seeded(3);
    let expected = model.predict(&x);
    assert_ne!(expected[0].drawn, expected[1].drawn);
    for threads in [1, 2, 3, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("the system has threads to give").install(|| {
            let mut predictor = Predictor::new().bind(&*model);
            // The first calls are shared, the next are not.
            for i in (0..ALONE).cycle().take(40) {
                let expected = &expected[i];
                let mut alone = [*expected];
                alone[0].score.fill(f32::NAN);
                alone[0].drawn[0][0].iter_mut().for_each(|cell| *cell = f32::NAN);
                predictor.predict(&x[i..=i], &mut alone).expect("one output for one sample");
                assert!(alone[0].score == expected.score, "score {i} on {threads} threads");
                assert!(alone[0].drawn == expected.drawn, "drawn {i} on {threads} threads");
            }
        });
    }
}

/// A batch of many shards against samples on their own, of which each is one shard: nothing is lost
/// or taken twice where shards are merged, nor in the gradient of a large weight, which is computed
/// on the whole batch.
#[test]
fn the_gradient_of_a_batch_is_the_sum_over_its_samples() {
    type Input = <bench::Convnet as Infer>::Input;
    let (x, model) = (numbers::<Input>(), bench::Convnet::seeded(5));
    let plan = bench::Convnet::training();
    assert!(!plan.batch_steps.is_empty(), "the dense layer is large");
    let upstream: Vec<f32> = (0..SAMPLES * 10).map(|i| ((i * 37) % 23) as f32 - 11.0).collect();
    let gradient = |samples: std::ops::Range<usize>| {
        let x = [Input::flat(&x[samples.clone()]).to_vec()];
        let upstream = [upstream[samples.start * 10..samples.end * 10].to_vec()];
        let x = FlatSamples::new(samples.len(), &x);
        gradients::<Cpu>(plan, model.weights(), &x, &upstream).weights
    };
    let mut sum = vec![0.0; bench::Convnet::PARAMS];
    for sample in 0..SAMPLES {
        for (sum, part) in sum.iter_mut().zip(gradient(sample..sample + 1)) {
            *sum += f64::from(part);
        }
    }
    let largest = sum.iter().fold(0.0, |largest: f64, part| largest.max(part.abs()));
    for (i, (found, expected)) in gradient(0..SAMPLES).into_iter().zip(sum).enumerate() {
        let error = (f64::from(found) - expected).abs();
        assert!(error <= 1e-5 * largest, "weight {i}: {found}, expected {expected}");
    }
}
