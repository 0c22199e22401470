//! The architectures that are exchanged with Keras: one for each way in which files could go wrong.

use keras::prelude::*;

use crate::random::{Draw, Random};

model! {
    /// Dense layers alone.
    pub(crate) struct Mlp;

    Sequential([
        Input(shape = (9,)),
        Dense(16, activation = "relu"),
        Dropout(0.3),
        Dense(12, activation = "selu", kernel_initializer = "lecun_normal"),
        Dense(4, activation = "softmax"),
    ])
}

model! {
    /// Convolutions with moving statistics between them.
    pub(crate) struct Convnet;

    Sequential([
        Input(shape = (12, 10, 3)),
        Conv2D(6, kernel_size = (3, 2), padding = "same", use_bias = False),
        BatchNormalization(momentum = 0.9),
        Activation("relu"),
        MaxPooling2D(2),
        Conv2D(
            8, 3, strides = (2, 1), activation = "tanh", kernel_regularizer = regularizers.L2(1e-4),
        ),
        BatchNormalization(scale = False, epsilon = 1e-4),
        Flatten(),
        Dense(5),
    ])
}

model! {
    /// Depthwise and separable convolutions, as in MobileNet.
    pub(crate) struct Separable;

    Sequential([
        Input(shape = (13, 11, 2)),
        Rescaling(0.5, offset = -0.25),
        ZeroPadding2D(((0, 1), (2, 1))),
        Conv2D(4, 3, strides = 2, use_bias = False),
        BatchNormalization(),
        ReLU(max_value = 6.0),
        DepthwiseConv2D(3, padding = "same", depth_multiplier = 2),
        BatchNormalization(center = False),
        ReLU(negative_slope = 0.1),
        SeparableConv2D(7, 3, activation = "elu"),
        GlobalAveragePooling2D(),
        Dense(3, activation = "sigmoid"),
    ])
}

model! {
    /// Transposed convolutions behind a narrow code.
    pub(crate) struct Autoencoder;

    Sequential([
        Input(shape = (8, 12, 1)),
        Conv2D(4, 3, strides = 2, padding = "same", activation = "elu"),
        Flatten(),
        Dense(10, name = "code"),
        Dense(4 * 6 * 3, activation = "elu"),
        Reshape((4, 6, 3)),
        Conv2DTranspose(5, 3, strides = 2, padding = "same", activation = "elu"),
        Conv2DTranspose(1, (2, 3), padding = "same", activation = "sigmoid"),
    ])
}

model! {
    /// Skips that are joined by concatenation, on the way down and up.
    pub(crate) struct Unet;

    let image = Input(shape = (8, 16, 2), name = "image");
    let a = Conv2D(5, 3, padding = "same", activation = "relu")(image);
    let b = Conv2D(7, 3, padding = "same", activation = "relu")(MaxPooling2D()(a));
    let c = Conv2D(9, 3, padding = "same", activation = "relu")(MaxPooling2D()(b));
    let d = Concatenate()([UpSampling2D()(c), b]);
    let d = Conv2D(7, 3, padding = "same", activation = "relu")(d);
    let e = Concatenate()([Conv2DTranspose(6, 2, strides = 2)(d), a]);
    let e = Conv2D(5, 3, padding = "same", activation = "relu")(e);
    Model(inputs = image, outputs = Conv2D(1, 1, activation = "sigmoid")(e))
}

model! {
    /// Residual blocks from a template.
    pub(crate) struct Resnet;

    let residual = |x, filters, strides| {
        let mut y = Conv2D(filters, 3, strides = strides, padding = "same", use_bias = False)(x);
        y = ReLU()(BatchNormalization()(y));
        y = BatchNormalization()(Conv2D(filters, 3, padding = "same", use_bias = False)(y));
        let mut skip = x;
        if strides != 1 {
            skip = Conv2D(filters, 1, strides = strides, use_bias = False)(x);
            skip = BatchNormalization()(skip);
        }
        ReLU()(Add()([skip, y]))
    };

    let image = Input(shape = (10, 8, 3), name = "image");
    let mut x = ReLU()(BatchNormalization()(Conv2D(4, 3, padding = "same")(image)));
    for stage in 0..2 {
        x = residual(x, 4 << stage, 1 + stage);
    }
    Model(inputs = image, outputs = Dense(6)(GlobalAveragePooling2D()(x)))
}

model! {
    /// Indices as input.
    pub(crate) struct Tokens;

    Sequential([
        Input(shape = (7,), dtype = "int32"),
        Embedding(11, 5),
        Flatten(),
        Dense(3, activation = "tanh"),
    ])
}

model! {
    /// Several inputs and outputs, each named.
    pub(crate) struct Several;

    let image = Input(shape = (6, 5, 2), name = "image");
    let extra = Input(shape = (4,), name = "extra");
    let seen = GlobalMaxPooling2D()(Conv2D(3, 2, activation = "relu")(image));
    let both = Concatenate()([seen, Dense(3, activation = "tanh")(extra)]);
    let score = Dense(1, name = "score")(both);
    let label = Dense(4, activation = "softmax", name = "label")(both);
    Model(inputs = [image, extra], outputs = [score, label])
}

model! {
    /// A layer that is called three times, at different depths.
    pub(crate) struct Shared;

    let left = Input(shape = (7,), name = "left");
    let right = Input(shape = (5,), name = "right");
    let code = Dense(5, activation = "tanh", name = "code");
    let first = code(Dense(5)(left));
    let second = code(code(right));
    Model(inputs = [left, right], outputs = Multiply()([first, second]))
}

model! {
    /// Models as layers, one within the other.
    pub(crate) struct Nested;

    Sequential([
        Input(shape = (6, 7, 2)),
        Sequential([
            Input(shape = (6, 7, 2)),
            Conv2D(4, 3, activation = "relu"),
            BatchNormalization(),
        ], name = "stem"),
        Flatten(),
        Sequential([
            Input(shape = (80,)),
            Dense(6, activation = "gelu"),
            Sequential([Input(shape = (6,)), Dense(6)], name = "inner"),
            Dense(3),
        ], name = "head"),
    ])
}

model! {
    /// Activations with weights, and the normalization of layers.
    pub(crate) struct Activations;

    Sequential([
        Input(shape = (5, 6)),
        Dense(7),
        PReLU(shared_axes = [1]),
        LayerNormalization(),
        Dense(4),
        LeakyReLU(negative_slope = 0.2),
        LayerNormalization(axis = [1, 2], epsilon = 1e-4, center = False),
        PReLU(),
        Flatten(),
        Dense(3),
        Softmax(),
    ])
}

model! {
    /// Branches whose depth is not the order of the source, with layers of one shape: a file's
    /// paths count along the order by depth, and equal shapes would be swapped without an error.
    pub(crate) struct Depths;

    let x = Input(shape = (6,), name = "x");
    let last = Dense(6, activation = "tanh")(x);
    let mut deep = x;
    for step in 0..3 { deep = Dense(6, activation = "relu")(deep); }
    let middle = Dense(6)(Dense(6, activation = "sigmoid")(x));
    Model(inputs = x, outputs = Subtract()([Add()([last, deep]), middle]))
}

model! {
    /// A small classifier to train. A bias that a normalization takes off again has a gradient of
    /// nothing but rounding errors, which Adam would make whole steps of.
    pub(crate) struct Trained;

    Sequential([
        Input(shape = (9,)),
        Dense(10, activation = "relu", use_bias = False),
        BatchNormalization(momentum = 0.8),
        Dense(3, activation = "softmax"),
    ])
}

impl Draw for SeveralInputs {
    fn draw(random: &mut Random) -> Self {
        SeveralInputs { image: Draw::draw(random), extra: Draw::draw(random) }
    }
}

impl Draw for SharedInputs {
    fn draw(random: &mut Random) -> Self {
        SharedInputs { left: Draw::draw(random), right: Draw::draw(random) }
    }
}
