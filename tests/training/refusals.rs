//! What a training and a file refuse, and what they say of it.

use keras::prelude::*;

use super::{Image, Net, adam, bits, fit, images, loss, trained};

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
