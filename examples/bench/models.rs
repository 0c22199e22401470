//! The models that are timed, as the bench's peers define them in Keras.

use keras::prelude::*;

model! {
    /// A dense net that fits in the first-level cache.
    pub(crate) struct TinyMlp;

    Sequential([
        Input(shape = (64,)),
        Dense(32, activation = "relu", name = "d1"),
        Dense(10, activation = "softmax", name = "d2"),
    ])
}

model! {
    /// A dense net whose weights fill a second-level cache.
    pub(crate) struct Mlp;

    Sequential([
        Input(shape = (784,)),
        Dense(512, activation = "relu", name = "d1"),
        Dense(512, activation = "relu", name = "d2"),
        Dense(10, activation = "softmax", name = "d3"),
    ])
}

model! {
    /// The convnet of the Keras example `mnist_convnet`, without dropout.
    pub(crate) struct Convnet;

    Sequential([
        Input(shape = (28, 28, 1)),
        Conv2D(32, 3, activation = "relu", name = "c1"),
        MaxPooling2D(2),
        Conv2D(64, 3, activation = "relu", name = "c2"),
        MaxPooling2D(2),
        Flatten(),
        Dense(10, activation = "softmax", name = "d1"),
    ])
}

model! {
    /// ResNet-20 for images of CIFAR. Source: He et al. 2015, section 4.2.
    pub(crate) struct ResNet20;

    let conv = |x, filters, size, strides| {
        Conv2D(
            filters, size, strides = strides, padding = "same", kernel_initializer = "he_normal",
        )(x)
    };
    let residual = |x, filters, strides| {
        let mut y = Activation("relu")(BatchNormalization()(conv(x, filters, 3, strides)));
        y = BatchNormalization()(conv(y, filters, 3, 1));
        let mut skip = x;
        if strides != 1 { skip = conv(x, filters, 1, strides); }
        Activation("relu")(Add()([skip, y]))
    };

    let image = Input(shape = (32, 32, 3));
    let mut x = Activation("relu")(BatchNormalization()(conv(image, 16, 3, 1)));
    for stage in 0..3 {
        for block in 0..3 {
            x = residual(x, 16 << stage, if stage > 0 && block == 0 { 2 } else { 1 });
        }
    }
    x = Flatten()(AveragePooling2D(8)(x));
    let y = Dense(10, activation = "softmax", kernel_initializer = "he_normal")(x);
    Model(inputs = image, outputs = y)
}

model! {
    /// `keras.applications.MobileNetV2(input_shape=(96, 96, 3), alpha=0.35, weights=None,
    /// classes=10)`. Source: Sandler et al. 2018.
    pub(crate) struct MobileNet;

    let normalize = |x, name| {
        BatchNormalization(epsilon = 1e-3, momentum = 0.999, name = name)(x)
    };
    let pointwise = |x, filters, name| {
        Conv2D(filters, 1, padding = "same", use_bias = False, name = name)(x)
    };
    // The depthwise convolution of a block and the narrow layer after it.
    let squeeze = |x, prefix, filters, strides| {
        let mut y = x;
        if strides == 2 { y = ZeroPadding2D(((0, 1), (0, 1)), name = prefix + "pad")(y); }
        let padding = if strides == 1 { "same" } else { "valid" };
        y = DepthwiseConv2D(
            3, strides = strides, padding = padding, use_bias = False, name = prefix + "depthwise",
        )(y);
        y = ReLU(6.0, name = prefix + "depthwise_relu")(normalize(y, prefix + "depthwise_BN"));
        normalize(pointwise(y, filters, prefix + "project"), prefix + "project_BN")
    };
    let expand = |x, prefix, filters| {
        let y = normalize(pointwise(x, filters, prefix + "expand"), prefix + "expand_BN");
        ReLU(6.0, name = prefix + "expand_relu")(y)
    };

    let image = Input(shape = (96, 96, 3));
    let mut x = image;
    x = Conv2D(16, 3, strides = 2, padding = "same", use_bias = False, name = "Conv1")(x);
    x = ReLU(6.0, name = "Conv1_relu")(normalize(x, "bn_Conv1"));
    x = squeeze(x, "expanded_conv_", 8, 1);
    let mut channels = 8;
    // Filters are those of the paper times 0.35, made divisible by 8.
    for [prefix, filters, strides] in [
        ["block_1_", 8, 2], ["block_2_", 8, 1],
        ["block_3_", 16, 2], ["block_4_", 16, 1], ["block_5_", 16, 1],
        ["block_6_", 24, 2], ["block_7_", 24, 1], ["block_8_", 24, 1], ["block_9_", 24, 1],
        ["block_10_", 32, 1], ["block_11_", 32, 1], ["block_12_", 32, 1],
        ["block_13_", 56, 2], ["block_14_", 56, 1], ["block_15_", 56, 1],
        ["block_16_", 112, 1],
    ] {
        let y = squeeze(expand(x, prefix, 6 * channels), prefix, filters, strides);
        let joined = channels == filters && strides == 1;
        x = if joined { Add(name = prefix + "add")([x, y]) } else { y };
        channels = filters;
    }
    x = Conv2D(1280, 1, use_bias = False, name = "Conv_1")(x);
    x = GlobalAveragePooling2D()(ReLU(6.0, name = "out_relu")(normalize(x, "Conv_1_bn")));
    Model(inputs = image, outputs = Dense(10, activation = "softmax", name = "predictions")(x))
}

model! {
    /// A convolutional autoencoder for images of digits.
    pub(crate) struct Autoencoder;

    Sequential([
        Input(shape = (28, 28, 1)),
        Conv2D(32, 3, activation = "relu", padding = "same", name = "c1"),
        MaxPooling2D(2, padding = "same"),
        Conv2D(32, 3, activation = "relu", padding = "same", name = "c2"),
        MaxPooling2D(2, padding = "same"),
        Conv2DTranspose(32, 3, strides = 2, activation = "relu", padding = "same", name = "t1"),
        Conv2DTranspose(32, 3, strides = 2, activation = "relu", padding = "same", name = "t2"),
        Conv2D(1, 3, activation = "sigmoid", padding = "same", name = "c3"),
    ])
}

model! {
    /// A net of a few dozen weights that is called for every sample of a sound.
    pub(crate) struct AudioDense;

    Sequential([
        Input(shape = (1,)),
        Dense(8, activation = "tanh", name = "h0"),
        Dense(16, activation = "tanh", name = "h1"),
        Dense(8, activation = "tanh", name = "h2"),
        Dense(1, name = "d1"),
    ])
}

model! {
    /// A classifier of texts of 200 words, read from both ends.
    pub(crate) struct Lstm;

    Sequential([
        Input(shape = (200,), dtype = "int32"),
        Embedding(20000, 128, name = "emb"),
        Bidirectional(LSTM(64, return_sequences = True), name = "l1"),
        Bidirectional(LSTM(64), name = "l2"),
        Dense(1, activation = "sigmoid", name = "d1"),
    ])
}

model! {
    /// One number from 120 steps of seven measurements.
    pub(crate) struct Timeseries;

    Sequential([Input(shape = (120, 7)), LSTM(32, name = "l1"), Dense(1, name = "d1")])
}

model! {
    /// The miniature GPT of the Keras example `text_generation_with_miniature_gpt`, without
    /// dropout.
    pub(crate) struct Transformer;

    const WORDS: usize = 20_000;

    let words = Input(shape = (80,), dtype = "int32");
    let places = ops.cumsum(ops.ones_like(words), axis = 1) - 1;
    let mut x = Embedding(WORDS, 256, name = "tok")(words);
    x = x + Embedding(80, 256, name = "pos")(places);
    let a = MultiHeadAttention(2, 256, name = "mha")(x, x, use_causal_mask = True);
    x = LayerNormalization(epsilon = 1e-6, name = "n1")(x + a);
    let f = Dense(256, name = "f2")(Dense(256, activation = "relu", name = "f1")(x));
    x = LayerNormalization(epsilon = 1e-6, name = "n2")(x + f);
    Model(inputs = words, outputs = Dense(WORDS, name = "out")(x))
}
