//! The state of an optimizer in a file: taken over from every version of Keras, or refused with a
//! reason.

use keras::optimizers::Optimizer;
use keras::prelude::*;

use super::{Mlp, batch, fixture, numbers};

/// Goes on from a file for one step, which must lead where Keras goes.
fn goes_on(name: &str, optimizer: impl Optimizer + 'static) {
    let (x, y) = batch();
    let mut model = Mlp::seeded(1);
    let mut training = model.compile(optimizer, MeanSquaredError::default());
    training.load(fixture(&format!("{name}.keras"))).unwrap_or_else(|e| panic!("{name}: {e}"));
    training.train_on_batch(&x, &y).unwrap();
    let expected = numbers(&format!("{name}.w"));
    assert_eq!(model.weights().len(), expected.len());
    for (i, (found, expected)) in model.weights().iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() <= 1e-6, "{name}: weight {i}: {found}, not {expected}");
    }
}

#[test]
fn the_state_of_any_version_of_keras_goes_on() {
    for version in ["3.6.0", "3.10.0"] {
        // The rate is the file's.
        let sgd = SGD { momentum: 0.9, ..SGD::default() };
        goes_on(&format!("SGD_{version}"), sgd);
        goes_on(&format!("AdamW_{version}"), AdamW::default());
        let rmsprop = RMSprop { momentum: 0.2, centered: true, ..RMSprop::default() };
        goes_on(&format!("RMSprop_{version}"), rmsprop);
    }
}

#[test]
fn the_name_of_an_optimizer_does_not_matter() {
    goes_on("named", SGD { momentum: 0.9, ..SGD::default() });
    let mut model = Binary::seeded(1);
    let adam = Adam { amsgrad: true, ..Adam::default() };
    let mut training = model.compile(adam, BinaryCrossentropy::default());
    training.load(fixture("adam_3.keras")).unwrap();
    assert_eq!((training.iterations(), training.learning_rate()), (10, 0.05));
}

model! {
    /// The architecture of `adam_3.keras`.
    struct Binary;

    Sequential([
        Input(shape = (4,)),
        Dense(3, activation = "relu"),
        Dense(1, activation = "sigmoid"),
    ])
}

#[test]
fn an_optimizer_that_never_stepped_starts_from_zero() {
    goes_on("never_stepped", Adam::default());
    // What the training has gathered before is gone.
    let (x, y) = batch();
    let mut model = Mlp::seeded(1);
    let mut training = model.compile(Adam::default(), MeanSquaredError::default());
    training.train_on_batch(&x, &y).unwrap();
    training.load(fixture("never_stepped.keras")).unwrap();
    training.train_on_batch(&x, &y).unwrap();
    let expected = numbers("never_stepped.w");
    assert!(
        model.weights().iter().zip(&expected).all(|(w, expected)| (w - expected).abs() <= 1e-6)
    );
}

#[test]
fn where_a_schedule_stands_the_rate_is_that_of_this_training() {
    // 0.1 · 0.5^(3 / 2), that of step 3 of the schedule.
    goes_on("schedule", Adam { learning_rate: 0.1 * 0.5_f32.powf(1.5), ..Adam::default() });
}

/// What a training says that cannot go on from a file.
fn refusal(name: &str, optimizer: impl Optimizer + 'static) -> String {
    let mut model = Mlp::seeded(1);
    let before = model.weights().to_vec();
    let mut training = model.compile(optimizer, MeanSquaredError::default());
    let refusal = training.load(fixture(name)).unwrap_err().to_string();
    assert_eq!(model.weights(), before, "{name}: a refused file changes nothing");
    refusal
}

#[test]
fn what_cannot_be_gone_on_with_says_why() {
    let expected = |refusal: String, expected: &str| {
        assert!(refusal.contains(expected), "expected {expected}\nfound {refusal}");
    };
    expected(
        refusal("AdamW_3.6.0.keras", SGD::default()),
        "expected the state of the optimizer `SGD`, found that of `AdamW`; compile with `AdamW`",
    );
    expected(
        refusal("SGD_3.6.0.keras", SGD::default()),
        "found one with `momentum` 0.9 where it is 0.0 here: they keep different slots",
    );
    // As many slots as with a momentum, and others.
    let centered = RMSprop { momentum: 0.2, ..RMSprop::default() };
    expected(refusal("RMSprop_3.6.0.keras", centered), "`centered` true where it is False here");
    let sgd = SGD { momentum: 0.9, ..SGD::default() };
    expected(refusal("averaged.keras", sgd), "one with `use_ema`, which keeps averages");
    expected(refusal("accumulated.keras", sgd), "one with `gradient_accumulation_steps`");
    expected(
        refusal("without_optimizer.keras", sgd),
        "found a model that was saved without one; load its weights",
    );
}

#[test]
fn a_file_of_weights_says_no_more_than_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.weights.h5");
    let (x, y) = batch();
    let mut model = Mlp::seeded(1);
    let mut training = model.compile(Adam::default(), MeanSquaredError::default());
    training.train_on_batch(&x, &y).unwrap();
    training.save(&path).unwrap();
    let mut other = Mlp::seeded(2);
    let mut training = other.compile(AdamW::default(), MeanSquaredError::default());
    let refusal = training.load(&path).unwrap_err().to_string();
    assert!(refusal.contains("found that of `Adam`"), "{refusal}");
    let amsgrad = Adam { amsgrad: true, ..Adam::default() };
    let mut training = other.compile(amsgrad, MeanSquaredError::default());
    let refusal = training.load(&path).unwrap_err().to_string();
    assert!(refusal.contains("has 8 slots after 1 steps where this one has 12"), "{refusal}");
}
