//! The plans of four models as text, in `tests/plans`: what the compiler made of them, for review.
//!
//! `UPDATE=1` writes the files anew.

use keras::prelude::*;

model! {
    /// Two dense layers.
    struct Mlp;

    Sequential([Input((6,)), Dense(10, activation = "relu"), Dense(3, activation = "softmax")])
}

model! {
    /// The convnet of the Keras example `mnist_convnet`.
    struct MnistConvnet;

    Sequential([
        Input((28, 28, 1)),
        Conv2D(32, kernel_size = (3, 3), activation = "relu"),
        MaxPooling2D(pool_size = (2, 2)),
        Conv2D(64, kernel_size = (3, 3), activation = "relu"),
        MaxPooling2D(pool_size = (2, 2)),
        Flatten(),
        Dropout(0.5),
        Dense(10, activation = "softmax"),
    ])
}

model! {
    /// A block with batch normalizations and a shortcut.
    struct ResidualBlock;

    let image = Input((8, 6, 3));
    let mut x = Conv2D(5, 3, padding = "same", use_bias = False)(image);
    x = Activation("relu")(BatchNormalization()(x));
    x = BatchNormalization()(Conv2D(5, 3, padding = "same", use_bias = False)(x));
    let skip = Conv2D(5, 1, use_bias = False)(image);
    Model(inputs = image, outputs = Activation("relu")(Add()([skip, x])))
}

model! {
    /// Two inputs of two kinds, two outputs.
    struct TwoInTwoOut;

    let words = Input((4,), dtype = "int32");
    let numbers = Input((3,));
    let joined = Concatenate()([Flatten()(Embedding(7, 2)(words)), numbers]);
    let hidden = Dense(9, activation = "tanh")(joined);
    Model(inputs = [words, numbers], outputs = [Dense(1)(hidden), Dense(5, activation = "softmax")(hidden)])
}

/// Compares the plans of a model with those in its file.
fn check<M: Model>() {
    let name = &M::description().name;
    let found = format!("predict\n{}\ntrain\n{}", M::inference(), M::training());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/plans");
    let path = format!("{folder}/{name}.plan");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(&path, found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    for (i, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "{name}.plan, line {}; UPDATE=1 rewrites it", i + 1);
    }
    assert_eq!(found, expected, "{name}.plan; UPDATE=1 rewrites it");
}

#[test]
fn plans_are_those_on_file() {
    check::<Mlp>();
    check::<MnistConvnet>();
    check::<ResidualBlock>();
    check::<TwoInTwoOut>();
}
