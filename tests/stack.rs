//! No public function needs much of the stack, in debug builds too: models whose samples are
//! megabytes are used on a thread that has less of it than one sample takes.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use std::borrow::Borrow;
use std::thread;

use keras::array::Array;
use keras::arrays::{from_ndarray, to_ndarray};
use keras::prelude::*;
use rayon::ThreadPoolBuilder;

/// The most that a public function may take, and what a thread itself and a test's own frames take.
const STACK_BYTES: usize = 256 * 1024 + 32 * 1024;

/// Does something on a small stack, on rayon's threads too. A stack that is too small ends the
/// process.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let pool = ThreadPoolBuilder::new().num_threads(2).stack_size(STACK_BYTES).build().unwrap();
    let work = move || {
        pool.install(|| {
            thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap()
        })
    };
    work();
}

model! {
    /// Samples of 1 MiB, predictions of 12 MiB.
    struct Wide;

    Sequential([Input(shape = (512, 512, 1)), Conv2D(12, 3, padding = "same", name = "conv")])
}

model! {
    /// Two inputs, two outputs, of each a large one and a small one.
    struct Pair;

    let image = Input(shape = (160, 160, 3), name = "image");
    let scale = Input(shape = (4,), name = "scale");
    let y = Conv2D(3, 3, padding = "same", activation = "relu")(image);
    let mean = Concatenate()([GlobalAveragePooling2D()(y), scale]);
    let sharp = BatchNormalization(name = "sharp")(y);
    Model(inputs = [image, scale], outputs = [sharp, Dense(2, name = "score")(mean)])
}

model! {
    /// An output as large as is returned by value, and much scratch on the stack.
    struct Edge;

    Sequential([
        Input(shape = (32, 32, 4)),
        Conv2D(4, 3, padding = "same", activation = "tanh"),
        Conv2D(4, 3, padding = "same"),
    ])
}

model! {
    /// Weights of 5 MB.
    struct Heavy;

    Sequential([
        Input(shape = (1000,)),
        Dense(1200, activation = "relu"),
        Dense(3, activation = "softmax"),
    ])
}

type Image = <Wide as Infer>::Input;
type Maps = <Wide as Infer>::Output;

fn images(count: usize) -> Vec<Image> {
    let mut images = Image::zeros(count);
    for (i, pixel) in Image::flat_mut(&mut images).iter_mut().enumerate() {
        *pixel = ((i * 37) % 101) as f32 / 50.0 - 1.0;
    }
    images
}

/// Whether two predictions differ by less than rounding.
fn are_near<A: Array<Element = f32>>(a: &A, b: &A) -> bool {
    let flat = |y| A::flat(std::slice::from_ref(y)).iter();
    flat(a).zip(flat(b)).all(|(a, b)| (a - b).abs() <= 1e-5) && flat(a).any(|a| *a != 0.0)
}

#[test]
fn a_call_returns_a_large_output_in_a_box() {
    on_a_small_stack(|| {
        let (model, x) = (Wide::seeded(1), images(1));
        let y: Box<Maps> = model.call(&x[0]);
        let predicted = model.predict(&x);
        assert!(are_near(&*y, &predicted[0]));
        let mut scratch = vec![f32::NAN; Wide::SCRATCH_BYTES / size_of::<f32>()];
        assert_eq!(*model.call_in(&mut scratch, &x[0]), *y);
        let mut into = Maps::zeros(1);
        Maps::flat_mut(&mut into).fill(f32::NAN);
        model.call_into(&mut scratch, &x[0], &mut into[0]);
        assert_eq!(into[0], *y);
    });
}

#[test]
fn a_call_returns_up_to_16_kib_by_value() {
    fn called<M: Model<Output: Array>>(model: &M, x: &M::Input) -> usize {
        let y = model.call(x);
        assert!(y.borrow() as *const M::Output as usize != 0);
        size_of_val(&y)
    }
    on_a_small_stack(|| {
        let (model, x) = (Edge::seeded(1), <Edge as Infer>::Input::zeros(1));
        assert_eq!(called(&*model, &x[0]), 16 * 1024);
        let y: [[[f32; 4]; 32]; 32] = model.call(&x[0]);
        assert_eq!(y[31][31], model.predict(&x)[0][31][31]);
        let mut scratch = vec![f32::NAN; Edge::SCRATCH_BYTES / size_of::<f32>()];
        assert_eq!(model.call_in(&mut scratch, &x[0]), y);
    });
}

#[test]
fn several_large_inputs_and_outputs() {
    on_a_small_stack(|| {
        let mut model = Pair::seeded(1);
        let mut x = PairInputs::zeros(3);
        x[1].image[7][9][2] = -1.5;
        x[2].scale = [0.5, -1.0, 2.0, 0.25];
        let y = model.call(&x[1]);
        let predicted = model.predict(&x);
        assert!(are_near(&y.sharp, &predicted[1].sharp));
        assert!(are_near(&y.score, &predicted[1].score));
        let mut written = PairOutputs::zeros(1);
        let mut predictor = Predictor::new().bind(&*model);
        predictor.predict(&x[1..2], &mut written).unwrap();
        assert!(are_near(&y.sharp, &written[0].sharp));

        let targets = PairOutputs::<[[[f32; 3]; 160]; 160], u32>::zeros(3);
        let loss = PairOutputs {
            sharp: MeanSquaredError::default(),
            score: SparseCategoricalCrossentropy { from_logits: true, ..Default::default() },
        };
        let mut training = model.compile(Adam::default(), loss).threads(1);
        let fit = Fit { batch_size: 2, verbose: Verbose::Silent, ..Fit::default() };
        assert!(training.fit(&x, &targets, fit).unwrap()["loss"][0] > 0.0);
        assert!(training.evaluate(&x, &targets).unwrap()["score_loss"] > 0.0);
    });
}

#[test]
fn large_samples_are_predicted_and_learned() {
    on_a_small_stack(|| {
        let (mut model, x) = (Wide::new(), images(2));
        let mut y = Maps::zeros(2);
        Predictor::new().predict(&*model, &x, &mut y).unwrap();
        Predictor::new().bind(&*model).predict(&x[..1], &mut y[..1]).unwrap();
        assert!(are_near(&y[0], &model.predict_with(&x, Predict { batch_size: 1 }).unwrap()[0]));

        let mut training = model
            .compile(SGD::default(), MeanSquaredError::default())
            .metrics([MeanAbsoluteError::default()]);
        let fit = || Fit {
            batch_size: 1,
            validation_split: 0.5,
            verbose: Verbose::Silent,
            ..Fit::default()
        };
        let history = training.fit(&x, &y, fit()).unwrap();
        assert!(history["val_loss"][0].is_finite());
        assert!(training.train_on_batch(&x, &y).unwrap()["loss"].is_finite());
        assert!(training.evaluate(&x, &y).unwrap()["mean_absolute_error"].is_finite());
        let batches = |_| [Ok((images(1), Maps::zeros(1)))];
        training.fit_batches(batches, Fit { validation_split: 0.0, ..fit() }).unwrap();
    });
}

#[test]
fn large_samples_go_to_ndarray_and_back() {
    on_a_small_stack(|| {
        let x = images(1);
        let back: Vec<Image> = from_ndarray(to_ndarray(&x)).unwrap();
        assert_eq!(back, x);
    });
}

#[test]
fn large_weights_are_made_copied_saved_and_loaded() {
    on_a_small_stack(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut model = Heavy::new();
        let copy = model.clone_boxed();
        model.copy_weights_from(&Heavy::seeded(4));
        assert_ne!(model.weights(), copy.weights());
        for name in ["heavy.keras", "heavy.weights.h5"] {
            let path = folder.path().join(name);
            model.save(&path).unwrap();
            assert_eq!(Heavy::load(&path).unwrap().weights(), model.weights());
        }
        let loss = SparseCategoricalCrossentropy::default();
        let mut training =
            model.compile(Adam::default(), loss).metrics([SparseCategoricalAccuracy::default()]);
        let (x, path) = (<[f32; 1000]>::zeros(2), folder.path().join("training.keras"));
        training.train_on_batch(&x, &[1_u32, 2]).unwrap();
        training.save(&path).unwrap();
        training.load(&path).unwrap();
        assert!(copy.summary().contains("dense_1"));
        assert_eq!(copy.call(&x[0]).len(), 3);
    });
}

model! {
    /// The convnet of the digits.
    struct Digits;

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

static DIGITS: Embedded<Digits> = embed!("../examples/digits.keras");

#[test]
fn datasets_and_embedded_models() {
    on_a_small_stack(|| {
        let (_, test) = datasets::digits::load();
        let y = DIGITS.call(&test.images[0]);
        assert!(y[test.labels[0] as usize] > 0.5);
    });
}
