//! The models of whole trainings, as the cases of `training` have them.

use keras::prelude::*;

model! {
    /// Three dense layers.
    pub(crate) struct MlpClassifier;

    Sequential([
        Input((6,)),
        Dense(10, activation = "relu"),
        Dense(8, activation = "tanh"),
        Dense(3, activation = "softmax"),
    ])
}

model! {
    /// Two numbers out of five.
    pub(crate) struct MlpRegression;

    Sequential([
        Input((5,)),
        Dense(12, activation = "gelu"),
        Dense(6, activation = "elu"),
        Dense(2),
    ])
}

model! {
    /// Convolutions and batch normalizations.
    pub(crate) struct ConvnetBn;

    Sequential([
        Input((8, 8, 2)),
        Conv2D(4, 3, padding = "same", use_bias = False),
        BatchNormalization(momentum = 0.9),
        Activation("relu"),
        MaxPooling2D(2),
        Conv2D(6, 3, use_bias = False),
        BatchNormalization(momentum = 0.9),
        ReLU(),
        Flatten(),
        Dense(3),
    ])
}

model! {
    /// One number.
    pub(crate) struct WeightedBinary;

    Sequential([Input((4,)), Dense(6, activation = "relu"), Dense(1)])
}

model! {
    /// Two dense layers.
    pub(crate) struct ClassWeight;

    Sequential([Input((6,)), Dense(9, activation = "relu"), Dense(3, activation = "softmax")])
}

model! {
    /// Two inputs and two outputs.
    pub(crate) struct TwoOutputs;

    let a = Input((5,), name = "a");
    let b = Input((4, 3), name = "b");
    let x = Dense(6, activation = "relu")(a);
    let y = Flatten()(Dense(2, activation = "tanh")(b));
    let z = Dense(7, activation = "silu")(Concatenate()([x, y]));
    let label = Dense(3, activation = "softmax", name = "label")(z);
    let value = Dense(1, name = "value")(z);
    Model(inputs = [a, b], outputs = [label, value])
}

model! {
    /// A constraint of every class, on large and small weights and on one that is not trained.
    pub(crate) struct Constrained;

    Sequential([
        Input((90,)),
        Dense(
            100,
            activation = "tanh",
            kernel_constraint = MaxNorm(0.9),
            bias_constraint = NonNeg(),
        ),
        Dense(7, trainable = False, kernel_constraint = UnitNorm()),
        Dense(
            5,
            activation = "elu",
            kernel_constraint = constraints.MinMaxNorm(0.5, 0.9, rate = 0.5, axis = 1),
            bias_constraint = UnitNorm(axis = [0]),
        ),
        Dense(
            3,
            activation = "softmax",
            kernel_constraint = UnitNorm(),
            bias_constraint = "max_norm",
        ),
    ])
}

model! {
    /// A truth value for each sequence of tokens.
    pub(crate) struct LstmClassifier;

    Sequential([
        Input((7,), dtype = "int32"),
        Embedding(11, 4, mask_zero = True),
        LSTM(5),
        Dense(1, activation = "sigmoid"),
    ])
}

model! {
    /// A class for each token.
    pub(crate) struct GruTagger;

    Sequential([
        Input((6,), dtype = "int32"),
        Embedding(10, 5, mask_zero = True),
        GRU(4, return_sequences = True),
        Dense(3, activation = "softmax"),
    ])
}

model! {
    /// A vector and a sequence in, two outputs.
    pub(crate) struct TwoInTwoOut;

    let a = Input((5,), name = "a");
    let b = Input((6, 3), name = "b");
    let x = Dense(6, activation = "relu")(a);
    let y = GRU(4)(b);
    let z = Dense(7, activation = "silu")(Concatenate()([x, y]));
    let label = Dense(3, activation = "softmax", name = "label")(z);
    let value = Dense(1, name = "value")(z);
    Model(inputs = [a, b], outputs = [label, value])
}

model! {
    /// A layer of a transformer, with normalizations in front.
    pub(crate) struct TinyTransformer;

    let tokens = Input((6,), dtype = "int32", name = "tokens");
    let mut x = Embedding(9, 8)(tokens);
    let normal = LayerNormalization(epsilon = 1e-6)(x);
    x = Add()([x, MultiHeadAttention(num_heads = 2, key_dim = 4)(normal, normal)]);
    let wide = Dense(16, activation = "gelu")(LayerNormalization(epsilon = 1e-6)(x));
    x = GlobalAveragePooling1D()(Add()([x, Dense(8)(wide)]));
    Model(tokens, Dense(4, activation = "softmax")(x))
}
