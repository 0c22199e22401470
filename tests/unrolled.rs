//! Calls of small dense nets, which builds without debug assertions compile into one function,
//! against predictions, which the general kernels make. With debug assertions a call takes the
//! general kernels too: run this with `--release` as well.

use std::borrow::Borrow;

use keras::array::Array;
use keras::prelude::*;
use keras_runtime::simd::{Level, with_level};

model! {
    /// Widths that fill no vector.
    struct Odd;

    Sequential([
        Input(shape = (13,)),
        Dense(70, activation = "tanh"),
        Dense(5, activation = "sigmoid", use_bias = False),
        Dense(33, activation = "silu"),
        Dense(10, activation = "gelu"),
        Dense(3, activation = "softmax"),
    ])
}

model! {
    /// Begins and ends with what is no product.
    struct Scaled;

    Sequential([
        Input(shape = (2, 3, 3)),
        Rescaling(0.5, offset = -1.0),
        Flatten(),
        Activation("tanh"),
        Dense(9),
        LeakyReLU(negative_slope = 0.2),
        Dense(1),
        Dense(11, activation = "elu"),
        ReLU(),
        Reshape(target_shape = (11, 1)),
    ])
}

model! {
    /// Two inputs and two outputs, one of them read again; a layer that is called twice.
    struct Forked;

    let left = Input(shape = (4,), name = "left");
    let right = Input(shape = (6,), name = "right");
    let shared = Dense(6, activation = "relu", name = "shared");
    let x = shared(Dense(6, activation = "tanh")(left));
    let y = shared(right);
    let score = Dense(1, activation = "sigmoid", name = "score")(x);
    Model(inputs = [left, right], outputs = [score, Dense(7, name = "rest")(y), y])
}

model! {
    /// Activations that no stack holds.
    struct Image;

    Sequential([
        Input(shape = (35, 37, 3)),
        Conv2D(17, 3, activation = "relu"),
        BatchNormalization(),
        GlobalAveragePooling2D(),
        Dense(2),
    ])
}

model! {
    /// A sum is no step of an unrolled call.
    struct Residual;

    let x = Input(shape = (7,));
    let y = Dense(7, activation = "relu")(x);
    Model(inputs = x, outputs = Dense(2)(Add()([x, y])))
}

/// Numbers of both signs.
fn samples<X: Array<Element = f32>>(count: usize) -> Vec<X> {
    let mut x = X::zeros(count);
    for (i, x) in X::flat_mut(&mut x).iter_mut().enumerate() {
        *x = ((i * 37) % 101) as f32 / 25.0 - 2.0;
    }
    x
}

/// Biases start as zeros, which would hide a wrong one.
fn model<M: Model>() -> Box<M> {
    let mut model = M::seeded(7);
    for (i, w) in model.weights_mut().iter_mut().enumerate() {
        *w += ((i * 29) % 31) as f32 / 150.0 - 0.1;
    }
    model
}

fn assert_close(called: &[f32], predicted: &[f32], name: &str, level: Level) {
    assert_eq!(called.len(), predicted.len());
    for (called, predicted) in called.iter().zip(predicted) {
        let tolerance = 2e-6 * predicted.abs().max(1.0);
        assert!((called - predicted).abs() <= tolerance, "{name}: {called} {predicted}, {level:?}");
    }
}

fn calls_are_predictions<M>()
where
    M: Model<Input: Array<Element = f32>, Output: Array<Element = f32>>,
{
    let model = model::<M>();
    let x = samples::<M::Input>(9);
    let predicted = model.predict(&x);
    assert!(M::Output::flat(&predicted).iter().any(|y| *y != 0.0));
    let mut scratch = vec![f32::NAN; M::SCRATCH_BYTES / size_of::<f32>()];
    for level in Level::available() {
        for (x, predicted) in x.iter().zip(&predicted) {
            let [called, again, other] = with_level(level, || {
                let other = std::thread::scope(|scope| {
                    let call = || with_level(level, || model.call(x)).expect("it is available");
                    scope.spawn(call).join().expect("no panic")
                });
                [model.call(x), model.call_in(&mut scratch, x), other]
            })
            .expect("it is available");
            let flat =
                |y: &M::CallOutput| M::Output::flat(std::slice::from_ref(y.borrow())).to_vec();
            let name = &M::description().name;
            let predicted = M::Output::flat(std::slice::from_ref(predicted));
            assert_close(&flat(&called), predicted, name, level);
            let bits = |y| flat(y).into_iter().map(f32::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(&called), bits(&again), "{name}");
            assert_eq!(bits(&called), bits(&other), "{name} on another thread");
        }
    }
}

#[test]
fn widths_that_fill_no_vector() {
    calls_are_predictions::<Odd>();
}

#[test]
fn steps_that_are_no_products() {
    calls_are_predictions::<Scaled>();
}

#[test]
fn steps_without_an_inline_form() {
    calls_are_predictions::<Residual>();
}

#[test]
fn several_inputs_and_outputs() {
    let model = model::<Forked>();
    let (left, right) = (samples::<[f32; 4]>(1)[0], samples::<[f32; 6]>(2)[1]);
    let x = ForkedInputs { left, right };
    let predicted = model.predict(std::slice::from_ref(&x));
    for level in Level::available() {
        let called = with_level(level, || model.call(&x)).expect("it is available");
        assert_close(&called.score, &predicted[0].score, "score", level);
        assert_close(&called.rest, &predicted[0].rest, "rest", level);
        assert_close(&called.shared, &predicted[0].shared, "shared", level);
    }
}

/// A call that skips what stands before its scratch's first cache line.
#[test]
fn a_large_scratch_may_begin_anywhere() {
    let model = model::<Image>();
    let x = &samples::<[[[f32; 3]; 37]; 35]>(1)[0];
    let predicted = model.predict(std::slice::from_ref(x));
    let len = Image::SCRATCH_BYTES / size_of::<f32>();
    let mut scratch = vec![f32::NAN; len + 16];
    for begin in 0..17 {
        let called = model.call_in(&mut scratch[begin..begin + len], x);
        assert_close(&called, &predicted[0], "image", Level::current());
    }
}

#[test]
#[should_panic(expected = "the scratch is shorter")]
fn a_short_scratch_is_refused() {
    Odd::seeded(1).call_in(&mut [], &[0.0; 13]);
}
