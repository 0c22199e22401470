//! Ways to save memory or time give the numbers of the plain way.

use keras::array::Array;
use keras::prelude::*;
use keras_graph::plan::Step;
use keras_runtime::execute::{Batch, Execution, Head, Keep, Rows};
use keras_runtime::kernels::Cpu;

model! {
    /// Weights large enough that their gradients go into the optimizer as they are computed, and a
    /// table.
    struct Large;

    Sequential([
        Input(shape = (7,), dtype = "int32"),
        Embedding(1200, 9),
        Flatten(),
        Dense(150, activation = "relu"),
        Dense(120, activation = "tanh"),
        Dense(3, activation = "softmax"),
    ])
}

/// The weights after some steps.
fn trained_large(optimizer: Adam, threads: usize) -> Vec<u32> {
    let x: Vec<[i32; 7]> =
        (0..50).map(|i| core::array::from_fn(|j| (i * 89 + j as i32 * 311) % 1200)).collect();
    let y: Vec<u32> = (0..50).map(|i| i * 7 % 3).collect();
    let mut model = Large::seeded(3);
    let loss = SparseCategoricalCrossentropy::default();
    let mut training = model.compile(optimizer, loss).threads(threads);
    for _ in 0..3 {
        training.train_on_batch(&x, &y).unwrap();
    }
    model.weights().iter().map(|w| w.to_bits()).collect()
}

#[test]
fn steps_taken_part_by_part_are_those_of_the_whole_gradient() {
    let plain = Adam { learning_rate: 0.01, weight_decay: Some(0.1), ..Adam::default() };
    // A gradient that might be clipped must be complete before the step, though here no element is.
    let whole = trained_large(Adam { clipvalue: Some(f32::MAX), ..plain }, 1);
    for threads in [1, 2, 3] {
        assert_eq!(trained_large(plain, threads), whole, "{threads} threads");
    }
    assert_ne!(trained_large(Adam { clipvalue: Some(1e-4), ..plain }, 1), whole);
}

model! {
    /// Its input is needed until the prediction is there, and then gives way to the gradient of the
    /// loss.
    struct Residual;

    let x = Input(shape = (6,));
    let y = Dense(6, use_bias = False)(ReLU(max_value = 0.5)(x));
    Model(x, Add()([x, y]))
}

/// Compares a step on neighbouring rows, which are read where they are, with one on the same rows
/// by their numbers, which are copied.
#[test]
fn inputs_are_the_same_in_place_and_copied() {
    let x: Vec<[f32; 6]> = (0..40)
        .map(|i| core::array::from_fn(|j| ((i * 6 + j) * 37 % 101) as f32 / 50.0 - 1.0))
        .collect();
    let (mut in_place, mut copied) = (Residual::seeded(3), Residual::seeded(3));
    let loss = MeanSquaredError::default;
    in_place.compile(SGD::default(), loss()).train_on_batch(&x, &x).unwrap();
    let fit = Fit { batch_size: 40, shuffle: false, verbose: Verbose::Silent, ..Fit::default() };
    copied.compile(SGD::default(), loss()).fit(&x, &x, fit).unwrap();
    assert_eq!(in_place.weights(), copied.weights());
}

model! {
    /// An image that is normalized anew for the gradient of the layer that reads it.
    struct Recomputed;

    let x = Input(shape = (24, 24, 3));
    let y = ReLU(name = "image")(BatchNormalization()(Conv2D(8, 3, padding = "same")(x)));
    let y = BatchNormalization()(DepthwiseConv2D(3, activation = "tanh")(y));
    Model(x, Dense(4, name = "label")(GlobalAveragePooling2D()(y)))
}

model! {
    /// The same, but for an output that has to be kept.
    struct Kept;

    let x = Input(shape = (24, 24, 3));
    let image = ReLU(name = "image")(BatchNormalization()(Conv2D(8, 3, padding = "same")(x)));
    let y = BatchNormalization()(DepthwiseConv2D(3, activation = "tanh")(image));
    Model(inputs = x, outputs = [Dense(4, name = "label")(GlobalAveragePooling2D()(y)), image])
}

#[test]
fn what_is_computed_anew_is_what_was_not_kept() {
    let normalizations = |plan: &keras_graph::plan::Plan| {
        plan.steps.iter().filter(|step| step.op.name() == "batch_norm").count()
    };
    assert_eq!([Recomputed::training(), Kept::training()].map(normalizations), [3, 2]);
    let x: Vec<[[[f32; 3]; 24]; 24]> = {
        let mut x = Array::zeros(5);
        let flat = <[[[f32; 3]; 24]; 24]>::flat_mut(&mut x);
        flat.iter_mut().enumerate().for_each(|(i, x)| *x = (i * 37 % 101) as f32 / 50.0 - 1.0);
        x
    };
    let y: Vec<[f32; 4]> = (0..5).map(|i| core::array::from_fn(|j| (i * j) as f32 - 3.0)).collect();
    let both: Vec<_> =
        y.iter().map(|&label| KeptOutputs { label, image: [[[0.0; 8]; 24]; 24] }).collect();
    let (mut recomputed, mut kept) = (Recomputed::seeded(3), Kept::seeded(3));
    kept.weights_mut().copy_from_slice(recomputed.weights());
    let before = recomputed.weights().to_vec();
    let loss = MeanSquaredError::default;
    recomputed.compile(SGD::default(), loss()).train_on_batch(&x, &y).unwrap();
    kept.compile(SGD::default(), KeptOutputs { label: loss(), image: loss() })
        .loss_weights(KeptOutputs { label: 1.0, image: 0.0 })
        .train_on_batch(&x, &both)
        .unwrap();
    for ((before, a), b) in before.iter().zip(recomputed.weights()).zip(kept.weights()) {
        let (a, b) = (a - before, b - before);
        assert!((a - b).abs() <= 1e-4 * b.abs() + 1e-6, "a weight moves by {a}, not by {b}");
    }
}

model! {
    /// Only the first steps read the input: a normalization without weights has no gradient.
    struct Whitened;

    Sequential([
        Input(shape = (3,)),
        BatchNormalization(scale = False, center = False),
        Dense(3, activation = "tanh"),
        BatchNormalization(),
        Dense(3, activation = "tanh"),
        BatchNormalization(),
        Dense(2),
    ])
}

/// The gradient of the loss by every output is 1.
struct Ones;

impl Head for Ones {
    fn sums(&self) -> usize {
        0
    }

    fn samples(
        &self,
        _: usize,
        _: core::ops::Range<usize>,
        _: &[f32],
        d_y_pred: Option<&mut [f32]>,
        _: &mut [f64],
    ) {
        d_y_pred.unwrap().fill(1.0);
    }
}

/// The place of an input is used again once nobody reads it: a copy of the input must not be
/// written over what stands there by then.
#[test]
fn rows_in_any_order_give_what_neighbours_give() {
    let x: Vec<[f32; 3]> = (0..9)
        .map(|row| core::array::from_fn(|i| ((row * 3 + i) * 7919 % 1009) as f32 / 504.0 - 1.0))
        .collect();
    let model = Whitened::seeded(2);
    let order: Vec<usize> = (0..x.len()).collect();
    let run = |rows: Rows<'_>| {
        let mut execution = Execution::new::<Cpu>(Whitened::training(), Keep::Sums);
        let batch = Batch { x: &x.as_slice(), rows, seed: 0, step: 0 };
        execution.run(model.weights(), &batch, &Ones);
        execution.gradient(&batch).to_vec()
    };
    let place = Whitened::training().inputs[0].place;
    let is_used_again = |step: &Step| step.output == place;
    assert!(Whitened::training().steps.iter().any(is_used_again), "{}", Whitened::training());
    assert_eq!(run(Rows::List(&order)), run(Rows::Range(0..x.len())));
}
