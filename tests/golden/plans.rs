//! The plans of ten models as text, in `tests/plans`: what the compiler made of them, for review.
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
    Model(
        inputs = [words, numbers],
        outputs = [Dense(1)(hidden), Dense(5, activation = "softmax")(hidden)],
    )
}

model! {
    /// Strided convolutions and their transposes.
    struct Autoencoder;

    Sequential([
        Input((8, 6, 2)),
        Conv2D(5, 3, strides = 2, padding = "same", activation = "elu"),
        Conv2DTranspose(4, 3, strides = 2, padding = "same", activation = "elu"),
        Conv2DTranspose(2, 2, activation = "sigmoid"),
    ])
}

model! {
    /// A block of MobileNetV2 between an image and its label.
    struct MobileBlock;

    let image = Input((9, 7, 3));
    let mut x = Conv2D(4, 3, strides = 2, use_bias = False)(Rescaling(0.5, offset = -1.0)(image));
    x = ReLU(max_value = 6.0)(BatchNormalization()(x));
    let mut y = DepthwiseConv2D(3, strides = 2, use_bias = False)(ZeroPadding2D(1)(x));
    y = ReLU(max_value = 6.0)(BatchNormalization()(y));
    y = BatchNormalization()(Conv2D(6, 1, use_bias = False)(y));
    Model(inputs = image, outputs = Dense(5)(Dropout(0.25)(GlobalAveragePooling2D()(y))))
}

model! {
    /// Down and up again, joined at each size.
    struct Unet;

    let image = Input((8, 6, 2));
    let wide = Conv2D(3, 3, padding = "same", activation = "relu")(image);
    let narrow = Conv2D(5, 3, padding = "same", activation = "relu")(MaxPooling2D()(wide));
    let joined = Concatenate()([UpSampling2D()(narrow), wide]);
    Model(inputs = image, outputs = Conv2D(1, 1, activation = "sigmoid")(joined))
}

model! {
    /// Rows that are mixed along both axes, with normalized branches.
    struct Mixer;

    let rows = Input((4, 6));
    let mut x = Permute((2, 1))(LayerNormalization()(rows));
    x = Add()([rows, Permute((2, 1))(Dense(4, activation = "gelu")(x))]);
    x = Add()([x, Dense(6, activation = "silu")(LayerNormalization()(x))]);
    Model(inputs = rows, outputs = Softmax(axis = 1)(x))
}

model! {
    /// A layer that is called twice, and its results compared.
    struct Siamese;

    let left = Input((5,));
    let right = Input((5,));
    let tower = Dense(3, activation = "tanh");
    let a = tower(left);
    let b = tower(right);
    let joined = Concatenate()([Subtract()([a, b]), Multiply()([a, b]), Maximum()([a, b])]);
    Model(inputs = [left, right], outputs = Dense(1, activation = "sigmoid")(joined))
}

model! {
    /// Separable convolutions, pooling of both kinds, penalties.
    struct Separable;

    Sequential([
        Input((9, 8, 3)),
        SeparableConv2D(5, 3, depthwise_initializer = "he_normal"),
        PReLU(shared_axes = (1, 2)),
        AveragePooling2D(2),
        Conv2D(7, 2, kernel_regularizer = regularizers.L2(1e-3)),
        ActivityRegularization(l1 = 0.01),
        GlobalMaxPooling2D(),
        Dense(4, activation = "softmax"),
    ])
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
    check::<Autoencoder>();
    check::<MobileBlock>();
    check::<Unet>();
    check::<Mixer>();
    check::<Siamese>();
    check::<Separable>();
}
