//! Architectures with masks, operators and functions, which are exchanged with Keras like those of
//! `models.rs`.

use keras::prelude::*;

model! {
    /// A mask of indices that is passed on, used and dropped.
    pub(crate) struct Masked;

    Sequential([
        Input(shape = (7,), dtype = "int32"),
        Embedding(10, 6, mask_zero = True),
        BatchNormalization(),
        TimeDistributed(Dense(5, activation = "tanh")),
        GlobalAveragePooling1D(),
        Dense(3),
    ])
}

model! {
    /// Steps that do not count.
    pub(crate) struct Padded;

    Sequential([
        Input(shape = (6, 2)),
        ReLU(),
        Masking(),
        TimeDistributed(Dense(4, activation = "elu")),
        GlobalAveragePooling1D(),
        Dense(3),
    ])
}

model! {
    /// A mask that is given by name, running sums and products of named axes.
    pub(crate) struct Attention;

    let tokens = Input(shape = (7,), dtype = "int32", name = "tokens");
    let x = TimeDistributed(Dense(5, activation = "tanh"))(Embedding(10, 6)(tokens));
    let scores = ops.squeeze(Dense(1)(x), axis = -1);
    let shares = Softmax()(scores, mask = tokens != 0);
    let seen = Dot(axes = 1)([shares, x]);
    let sums = ops.cumsum(x, axis = 1);
    let z = EinsumDense("abc,cd->abd", output_shape = (None, 5), bias_axes = "d")(sums);
    let both = seen * ops.mean(z, axis = 1) + ops.max(z[.., 1..4], axis = 1) / 2.0;
    let decay = ops.exp(-ops.square(seen));
    Model(inputs = tokens, outputs = Dense(3)(ops.concatenate([both, decay], axis = -1)))
}

model! {
    /// Activation functions on tensors, with arguments and without.
    pub(crate) struct Functions;

    let x = Input(shape = (5, 8), name = "x");
    let mut y = activations.relu(Dense(8)(x), 0.2, max_value = 0.75, threshold = 0.1);
    y = activations.leaky_relu(Dense(8)(y)) + ops.gelu(Dense(8)(x)) - activations.gelu(x);
    y = activations.elu(y, alpha = 0.5) * activations.threshold(y, 0.25, -0.5);
    y = activations.hard_shrink(activations.celu(y), threshold = 0.125);
    y = activations.glu(activations.squareplus(y, b = 3.0));
    y = activations.mish(Dense(6, activation = ReLU(max_value = 1.5))(y));
    Model(inputs = x, outputs = activations.sparsemax(Dense(4)(y)))
}

model! {
    /// Every layer over sequences.
    pub(crate) struct Waves;

    Sequential([
        Input(shape = (40, 2)),
        Conv1D(8, 5, padding = "causal", dilation_rate = 2, groups = 2, activation = "relu"),
        SpatialDropout1D(0.25),
        MaxPooling1D(),
        DepthwiseConv1D(3, depth_multiplier = 2, padding = "same"),
        GroupNormalization(groups = 4),
        SeparableConv1D(6, 3, strides = 2, activation = "tanh"),
        ZeroPadding1D((0, 2)),
        Conv1DTranspose(5, 3, strides = 2, padding = "same"),
        UpSampling1D(2),
        Cropping1D((1, 3)),
        AveragePooling1D(3, padding = "same"),
        GlobalMaxPooling1D(),
        Dense(3),
    ])
}

model! {
    /// A score for each next token, by the vectors of the tokens themselves.
    pub(crate) struct Tokens;

    let tokens = Input(shape = (6,), dtype = "int32", name = "tokens");
    let vectors = ReversibleEmbedding(10, 8, logit_soft_cap = 3.0, name = "vectors");
    let x = RMSNormalization()(vectors(tokens));
    let scores = ops.matmul(x, ops.swapaxes(x, 1, 2)) / 2.5;
    let scores = ops.where(ops.tril(ops.ones_like(scores)) > 0, scores, -1e9);
    let x = x + ops.matmul(ops.softmax(scores), ops.roll(x, 1, axis = 2));
    let y = vectors(UnitNormalization()(x), reverse = True);
    let total = ops.logsumexp(y, axis = -1, keepdims = True);
    let loud = ops.log1p(ops.abs(ops.sin(y))) + ops.ceil(y) - total;
    Model(inputs = tokens, outputs = ops.flip(loud, axis = 1))
}

model! {
    /// A number for each token that counts, to train.
    pub(crate) struct Tagger;

    Sequential([
        Input(shape = (7,), dtype = "int32"),
        Embedding(10, 5, mask_zero = True),
        Dense(4, activation = "tanh"),
        Dense(1),
    ])
}

model! {
    /// Weights within bounds, to train.
    pub(crate) struct Constrained;

    Sequential([
        Input(shape = (9,)),
        Dense(
            6,
            kernel_constraint = constraints.MaxNorm(0.75),
            bias_constraint = "non_neg",
            activation = LeakyReLU(0.1),
        ),
        Dense(5, kernel_constraint = constraints.UnitNorm(axis = 1), activation = "tanh"),
        Dense(2, kernel_constraint = constraints.MinMaxNorm(0.25, 0.5, rate = 0.5)),
    ])
}
