//! What a training promises, through the public interface: the same bits on any number of threads
//! and across a save, and a message for whatever it refuses.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras::array::Array;
use keras::prelude::*;
use keras_graph::plan::Step;
use keras_runtime::execute::{Batch, Execution, Head, Keep, Rows};
use keras_runtime::kernels::Cpu;

model! {
    /// Every layer whose training differs from its prediction.
    struct Net;

    Sequential([
        Input(shape = (6, 5, 2)),
        Conv2D(4, kernel_size = 3, padding = "same", use_bias = False),
        BatchNormalization(momentum = 0.9),
        ReLU(),
        Dropout(0.25),
        Conv2D(3, kernel_size = 2, activation = "tanh", kernel_regularizer = regularizers.L2(1e-3)),
        Flatten(),
        BatchNormalization(momentum = 0.8),
        Dense(4, activation = "softmax"),
    ])
}

model! {
    /// As `Net`, but for one extent.
    struct Other;

    Sequential([
        Input(shape = (6, 5, 2)),
        Conv2D(5, kernel_size = 3, padding = "same", use_bias = False),
        BatchNormalization(momentum = 0.9),
        ReLU(),
        Dropout(0.25),
        Conv2D(3, kernel_size = 2, activation = "tanh"),
        Flatten(),
        BatchNormalization(momentum = 0.8),
        Dense(4, activation = "softmax"),
    ])
}

type Image = [[[f32; 2]; 5]; 6];
const ROWS: usize = 93;

/// Images of four kinds, which differ in the mean of their first rows.
fn images() -> (Vec<Image>, Vec<u32>) {
    let mut x = Image::zeros(ROWS);
    for (i, x) in Image::flat_mut(&mut x).iter_mut().enumerate() {
        *x = ((i * 7919 + i / 60 * 31) % 1009) as f32 / 504.0 - 1.0;
    }
    let y = x.iter().map(|x| {
        let [upper, lower] = [0, 1].map(|row| x[row].as_flattened().iter().sum::<f32>());
        u32::from(upper > 0.0) * 2 + u32::from(lower > 0.0)
    });
    let y = y.collect();
    (x, y)
}

fn adam() -> Adam {
    Adam { learning_rate: 0.01, ..Adam::default() }
}

fn loss() -> SparseCategoricalCrossentropy {
    SparseCategoricalCrossentropy::default()
}

fn fit<'a>(epochs: usize) -> Fit<'a, Image, u32> {
    Fit { batch_size: 20, epochs, seed: 11, verbose: Verbose::Silent, ..Fit::default() }
}

fn bits(model: &impl Model) -> Vec<u32> {
    model.weights().iter().map(|w| w.to_bits()).collect()
}

/// A model after so many epochs.
fn trained(epochs: usize) -> Box<Net> {
    let (x, y) = images();
    let mut model = Net::seeded(2);
    model.compile(adam(), loss()).fit(&x, &y, fit(epochs)).unwrap();
    model
}

#[test]
fn a_training_gives_the_same_bits_on_any_number_of_threads() {
    let (x, y) = images();
    let trained = |threads, seed| {
        let mut model = Net::seeded(2);
        let mut training = model.compile(adam(), loss()).threads(threads);
        let history = training.fit(&x, &y, Fit { seed, validation_split: 0.1, ..fit(3) }).unwrap();
        (bits(&*model), history)
    };
    let one = trained(1, 11);
    assert_eq!(one, trained(2, 11), "two threads");
    assert_eq!(one, trained(3, 11), "three threads");
    assert_ne!(one.0, trained(1, 12).0, "another seed");
}

#[test]
fn a_training_that_goes_on_from_a_file_equals_one_that_never_stopped() {
    let (x, y) = images();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.keras");
    let whole = trained(4);
    let mut first = Net::seeded(2);
    let mut training = first.compile(adam(), loss());
    training.fit(&x, &y, fit(2)).unwrap();
    training.save(&path).unwrap();
    let mut second = Net::seeded(77);
    let mut training = second.compile(adam(), loss());
    training.load(&path).unwrap();
    assert_eq!(training.iterations(), 10);
    training.fit(&x, &y, Fit { initial_epoch: 2, ..fit(4) }).unwrap();
    assert_eq!(bits(&*second), bits(&*whole));
    assert_ne!(bits(&*first), bits(&*whole));
}

#[test]
fn a_saved_model_predicts_the_same() {
    let (x, _) = images();
    let model = trained(2);
    let folder = tempfile::tempdir().unwrap();
    for name in ["model.keras", "model.weights.h5"] {
        let path = folder.path().join(name);
        model.save(&path).unwrap();
        let loaded = Net::load(&path).unwrap();
        assert_eq!(loaded.predict(&x), model.predict(&x), "{name}");
    }
}

#[test]
fn predict_equals_call() {
    let (x, _) = images();
    let model = trained(2);
    let predictions = model.predict(&x);
    assert_eq!(predictions.len(), ROWS);
    for (i, (x, predicted)) in x.iter().zip(&predictions).enumerate() {
        for (called, predicted) in model.call(x).iter().zip(predicted) {
            assert!((called - predicted).abs() <= 1e-5, "sample {i}: {called} {predicted}");
        }
    }
    assert!(model.predict(&[]).is_empty());
}

#[test]
fn a_validation_split_takes_the_last_rows() {
    let (x, y) = images();
    // floor(93 (1 - 0.2)) = 74 rows are learned from.
    let fitted = |x: &[Image], y: &[u32], fit| {
        let mut model = Net::seeded(2);
        let history = model
            .compile(adam(), loss())
            .metrics([SparseCategoricalAccuracy::default()])
            .fit(x, y, fit)
            .unwrap();
        (bits(&*model), history)
    };
    let split = fitted(&x, &y, Fit { validation_split: 0.2, ..fit(2) });
    let ((x, val_x), (y, val_y)) = (x.split_at(74), y.split_at(74));
    let given = fitted(x, y, Fit { validation_data: Some((val_x, val_y)), ..fit(2) });
    assert_eq!(split, given);
    assert_eq!(split.1["val_sparse_categorical_accuracy"].len(), 2);
}

/// What a fit of good data says once something was changed.
fn refusal(
    change: impl FnOnce(&mut Vec<Image>, &mut Vec<u32>, &mut Fit<'_, Image, u32>),
) -> String {
    let (mut x, mut y) = images();
    let mut model = Net::seeded(2);
    let mut arguments = fit(1);
    change(&mut x, &mut y, &mut arguments);
    let refusal = model.compile(adam(), loss()).fit(&x, &y, arguments).unwrap_err().to_string();
    assert_eq!(bits(&*model), bits(&*Net::seeded(2)), "nothing was learned: {refusal}");
    refusal
}

#[test]
fn bad_samples_are_named() {
    assert_eq!(refusal(|_, y, _| y[92] = 4), "label of sample 92: expected one of 0..4, found 4");
    assert_eq!(
        refusal(|x, _, _| x[91][5][4][1] = f32::NAN),
        "input of sample 91: expected finite numbers, found NaN"
    );
    assert_eq!(refusal(|x, _, _| x.clear()), "x: expected at least 1 sample, found 0");
    assert_eq!(
        refusal(|_, y, _| y.truncate(50)),
        "`y`: expected 93 samples, as many as `x` has, found 50"
    );
    let (x, mut y) = images();
    y[3] = 9;
    let mut model = Net::seeded(2);
    let mut training = model.compile(adam(), loss());
    let expected = "label of sample 3: expected one of 0..4, found 9";
    assert_eq!(training.evaluate(&x, &y).unwrap_err().to_string(), expected);
    assert_eq!(training.train_on_batch(&x, &y).unwrap_err().to_string(), expected);
}

#[test]
fn bad_arguments_are_named() {
    assert_eq!(
        refusal(|_, _, fit| fit.batch_size = 0),
        "`batch_size`: expected at least 1, found 0"
    );
    assert_eq!(refusal(|_, _, fit| fit.epochs = 0), "`epochs`: expected at least 1, found 0");
    assert_eq!(
        refusal(|_, _, fit| fit.validation_split = 1.5),
        "`validation_split`: expected a fraction in [0, 1), found 1.5"
    );
    assert_eq!(
        refusal(|_, _, fit| fit.sample_weight = Some(&[1.0, 2.0])),
        "`sample_weight`: expected 93 samples, as many as `y` has, found 2"
    );
    assert_eq!(
        refusal(|_, _, fit| fit.class_weight = &[(4, 2.0)]),
        "`class_weight`: expected classes of 0..4, found 4"
    );
    assert_eq!(
        refusal(|_, _, fit| fit.validation_sample_weight = Some(&[1.0])),
        "`validation_sample_weight`: expected `validation_data` beside it, found none"
    );
}

#[test]
fn bad_settings_of_an_optimizer_are_named() {
    let (x, y) = images();
    let mut model = Net::seeded(2);
    let sgd = SGD { clipnorm: Some(1.0), clipvalue: Some(0.5), ..SGD::default() };
    let expected = "`SGD`: `clipvalue`: expected only one of clipnorm, \
        clipvalue and global_clipnorm, found clipnorm and clipvalue";
    assert_eq!(model.compile(sgd, loss()).fit(&x, &y, fit(1)).unwrap_err().to_string(), expected);
    let adam = Adam { learning_rate: -0.5, ..Adam::default() };
    let refused = model.compile(adam, loss()).train_on_batch(&x, &y).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`Adam`: `learning_rate`: expected a finite number of at least 0, found -0.5"
    );
    assert_eq!(bits(&*model), bits(&*Net::seeded(2)));
}

/// What loading says of a file of these bytes.
fn load_refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    std::fs::write(&path, bytes).unwrap();
    let refusal = match Net::load(&path) {
        Ok(_) => panic!("{} bytes were taken for a model", bytes.len()),
        Err(error) => error.to_string(),
    };
    assert!(refusal.contains("model.keras"), "{refusal}");
    refusal
}

#[test]
fn files_that_hold_no_such_model_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    trained(1).save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for len in [0, 3, 100, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let refusal = load_refusal(&whole[..len]);
        assert!(refusal.contains("expected a `.keras` archive"), "{len} bytes: {refusal}");
    }
    let refusal = load_refusal(b"PNG, or whatever else a user may mistake for a model");
    assert!(refusal.contains("expected a `.keras` archive"), "{refusal}");
    Other::seeded(1).save(&path).unwrap();
    let refusal = Net::load(&path).map(drop).unwrap_err().to_string();
    let kernel = "model.keras/layers/conv2d/vars/0`: expected kernel of the shape [3, 3, 2, 4], \
                  found [3, 3, 2, 5]";
    assert!(refusal.ends_with(kernel), "{refusal}");
    // A training stays as it is.
    let mut model = Net::seeded(2);
    let refusal = model.compile(adam(), loss()).load(&path).unwrap_err().to_string();
    assert!(refusal.ends_with(kernel), "{refusal}");
    assert_eq!(bits(&*model), bits(&*Net::seeded(2)));
    let refusal = Net::load(folder.path().join("none.keras")).map(drop).unwrap_err().to_string();
    assert!(refusal.contains("cannot read") && refusal.contains("none.keras"), "{refusal}");
}

#[test]
fn a_save_that_fails_leaves_the_old_file_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    let mut model = Net::seeded(2);
    model.save(&path).unwrap();
    let old = std::fs::read(&path).unwrap();
    model.weights_mut()[7] = f32::NAN;
    let refusal = model.save(&path).unwrap_err().to_string();
    assert!(refusal.contains("expected finite numbers, found NaN"), "{refusal}");
    let refusal = model.compile(adam(), loss()).save(&path).unwrap_err().to_string();
    assert!(refusal.contains("expected finite numbers, found NaN"), "{refusal}");
    assert_eq!(std::fs::read(&path).unwrap(), old);
    assert_eq!(bits(&*Net::load(&path).unwrap()), bits(&*Net::seeded(2)));
    // A folder stands where the file should go.
    let taken = folder.path().join("folder.keras");
    std::fs::create_dir(&taken).unwrap();
    let refusal = Net::seeded(3).save(&taken).unwrap_err().to_string();
    assert!(refusal.contains("folder.keras") && refusal.contains("found a folder"), "{refusal}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

model! {
    /// A small net.
    struct Rectified;

    Sequential([Input(shape = (3,)), Dense(4, activation = "relu"), Dense(2)])
}

model! {
    /// The same weights, another function.
    struct Hyperbolic;

    Sequential([Input(shape = (3,)), Dense(4, activation = "tanh"), Dense(2)])
}

#[test]
fn the_same_weights_in_another_architecture_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rectified.keras");
    Rectified::seeded(1).save(&path).unwrap();
    let refusal = Hyperbolic::load(&path).map(drop).unwrap_err().to_string();
    assert!(refusal.contains("expected the architecture of `hyperbolic`"), "{refusal}");
    assert!(Rectified::load(&path).is_ok());
}

#[test]
fn the_state_of_another_optimizer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adam.keras");
    let mut model = Rectified::seeded(1);
    let (x, y) = ([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5]], [[1.0, -1.0], [0.5, 0.0]]);
    let mut training = model.compile(Adam::default(), MeanSquaredError::default());
    training.train_on_batch(&x, &y).unwrap();
    training.save(&path).unwrap();
    let mut training = model.compile(AdamW::default(), MeanSquaredError::default());
    let refusal = training.load(&path).unwrap_err().to_string();
    assert!(refusal.contains("found that of `Adam`"), "{refusal}");
}

model! {
    /// Looks indices up.
    struct Looked;

    Sequential([Input(shape = (4,), dtype = "int32"), Embedding(7, 3), Flatten(), Dense(2)])
}

#[test]
fn an_index_outside_of_an_embedding_is_named() {
    let mut model = Looked::seeded(1);
    let before = bits(&*model);
    let mut training = model.compile(adam(), MeanSquaredError::default());
    let (x, y) = ([[0, 1, -7, 6], [0, 7, 1, 2]], [[0.5, -1.0], [1.0, 0.0]]);
    let refusal = training.train_on_batch(&x, &y).map(drop).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "input of sample 1: expected indices below 7, the rows of the embedding, found 7"
    );
    assert_eq!(bits(&*model), before);
}

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
