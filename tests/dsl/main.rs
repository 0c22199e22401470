//! The models of the documentation, and every form of the language, through the whole compiler.
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations, unused, nonstandard_style, clippy::all)]

mod spellings;

use keras::prelude::*;

model! {
    /// The convnet of the Keras example `mnist_convnet`.
    pub struct Mnist;

    const CLASSES: usize = 10;

    Sequential([
        Input(shape = (28, 28, 1)),
        Conv2D(32, kernel_size = (3, 3), activation = "relu"),
        MaxPooling2D(pool_size = (2, 2)),
        Conv2D(64, kernel_size = (3, 3), activation = "relu"),
        MaxPooling2D(pool_size = (2, 2)),
        Flatten(),
        Dropout(0.5),
        Dense(CLASSES, activation = "softmax"),
    ])
}

#[test]
fn the_convnet_has_keras_numbers() {
    assert_eq!(Mnist::PARAMS, 34_826);
    assert_eq!(Mnist::INPUT_SHAPE, [28, 28, 1]);
    assert_eq!(Mnist::OUTPUT_SHAPE, [10]);
    assert_eq!(Mnist::CLASSES, 10);
    assert_eq!(Mnist::FLOPS, <Mnist as Infer>::FLOPS);
    assert_eq!(size_of::<Mnist>(), 4 * Mnist::PARAMS);
    assert_eq!(Mnist::description().name, "mnist");
    assert_eq!(Mnist::WEIGHTS[0].path, "layers/conv2d/vars/0");
}

model! {
    /// A small residual network.
    pub struct ResNet20;

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

    let image = Input(shape = (32, 32, 3), name = "image");
    let mut x = Activation("relu")(BatchNormalization()(conv(image, 16, 3, 1)));
    for stage in 0..3 {
        for block in 0..3 {
            x = residual(x, 16 << stage, if stage > 0 && block == 0 { 2 } else { 1 });
        }
    }
    let label = Dense(10, activation = "softmax")(Flatten()(AveragePooling2D(8)(x)));
    Model(inputs = image, outputs = label)
}

#[test]
fn the_residual_network_has_keras_numbers() {
    // Of Keras 3.15: `model.count_params()`.
    assert_eq!(ResNet20::PARAMS, RESNET20_PARAMS);
    assert_eq!(ResNet20::INPUT_SHAPE, [32, 32, 3]);
    assert_eq!(ResNet20::inference().inputs[0].name, "image");
    assert_eq!(ResNet20::OUTPUT_SHAPE, [10]);
}

const RESNET20_PARAMS: usize = 274_442;

model! {
    /// Divisions with a remainder, where numbers and where counts are wanted.
    pub struct Divided;

    const OFFSET: f32 = -1 / 2;
    const UNITS: usize = 7 / 2;

    let sizes = [5, 3];
    Sequential([
        Input(shape = (2,)),
        Rescaling(1/255, offset = 3 * (1 / 2) + 2 * OFFSET),
        Dense(UNITS + sizes[3 / 2] / 2, use_bias = False, kernel_initializer = Constant(2 / 4)),
    ])
}

#[test]
fn a_division_is_what_its_reader_wants() {
    assert_eq!((Divided::OFFSET, Divided::UNITS), (-0.5, 3));
    let model = Divided::seeded(1);
    assert_eq!(model.dense.kernel, [[0.5; 4]; 2]);
    // 1 and 0.2, each with 0.5 added.
    let y = model.call(&[255.0, 51.0]);
    assert!(y.iter().all(|y| (y - 1.1).abs() < 1e-6), "{y:?}");
}

model! {
    /// Layers as activations, and functions on tensors: the model of
    /// `golden/files/activations.keras`.
    struct Activated;

    let x = Input((6,), name = "x");
    let mut y = Dense(5, activation = LeakyReLU(0.1))(x);
    y = Dense(4, activation = ReLU(max_value = 0.75, negative_slope = 0.2))(y);
    y = keras.activations.relu(y, 0.3, max_value = 0.5, threshold = 0.1);
    y = Dense(5, activation = keras.activations.hard_swish)(y);
    y = activations.elu(activations.leaky_relu(y), alpha = 0.5);
    y = Dense(6, activation = Activation("gelu"))(y);
    y = activations.tanh(activations.gelu(y));
    y = Dense(4, activation = ELU(0.7))(y);
    Model(x, activations.softmax(Dense(3, activation = Softmax())(y)), name = "activations")
}

model! {
    /// The same model from Keras' file.
    struct ActivatedFile = include!("golden/files/activations.keras");
}

model! {
    /// Weights that started as arrays, which are not kept.
    struct Arrays = include!("golden/files/constant_matrix.keras");
}

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/files/");

#[test]
fn activations_are_layers_and_functions() -> keras::Result<()> {
    let path = format!("{FILES}activations.keras");
    let (block, file) = (Activated::load(&path)?, ActivatedFile::load(&path)?);
    let x = [0.5, -1.0, 2.0, -0.25, 1.5, -2.0];
    assert_eq!(block.call(&x), file.call(&x));
    // What is written is read again, with the layers that are activations.
    let scratch = tempfile::tempdir().expect("a folder for a while");
    let path = scratch.path().join("saved.keras");
    block.save(&path)?;
    assert_eq!(ActivatedFile::load(&path)?.call(&x), block.call(&x));
    Ok(())
}

#[test]
fn weights_that_started_as_arrays_are_loaded() -> keras::Result<()> {
    let model = Arrays::load(format!("{FILES}constant_matrix.keras"))?;
    assert_eq!(model.call(&[0.0; 4]), model.dense.bias);
    Ok(())
}

model! {
    /// One layer, called twice: it has its weights once.
    struct Siamese;

    let left = Input(shape = (3,));
    let right = Input(shape = (3,));
    let tower = Dense(2, use_bias = False, name = "tower");
    Model(inputs = [left, right], outputs = Subtract()([tower(left), tower(right)]))
}

#[test]
fn a_shared_layer_has_its_weights_once() {
    assert_eq!(Siamese::PARAMS, 6);
    let mut model: Box<Siamese> = model_of([1.0, -2.0, 0.5, 3.0, -1.5, 4.0]);
    let x = SiameseInputs { left: [1.0, 0.0, -2.0], right: [0.0, 1.0, 0.0] };
    // kernel: [[1, -2], [0.5, 3], [-1.5, 4]]
    assert_eq!(model.call(&x), [4.0 - 0.5, -10.0 - 3.0]);
    model.tower.kernel[0][1] = 0.0;
    assert_eq!(model.call(&x)[1], -8.0 - 3.0);
}

model! {
    /// Two inputs of two kinds, two outputs.
    struct Ranker;

    let words = Input(shape = (4,), dtype = "int32");
    let numbers = Input(shape = (3,), name = "block-1");
    let text = Flatten()(Embedding(5, 2)(words));
    let joined = Concatenate()([text, numbers]);
    let score = Dense(1, use_bias = False)(joined);
    let class = Dense(2, name = "type")(joined);
    Model(inputs = [words, numbers], outputs = [score, class])
}

#[test]
fn inputs_and_outputs_are_named() {
    assert_eq!(Ranker::PARAMS, 10 + 11 + 24);
    assert_eq!(Ranker::INPUT_SHAPE, ([4], [3]));
    assert_eq!(Ranker::OUTPUT_SHAPE, ([1], [2]));
    let weights: Vec<f32> = (0..Ranker::PARAMS).map(|i| (i as f32 - 20.0) / 8.0).collect();
    let model: Box<Ranker> = model_of(weights);
    let x = RankerInputs { words: [0, 4, 2, 1], block_1: [0.5, -1.0, 2.0] };
    let RankerOutputs { score, type_ } = model.call(&x);
    let joined: Vec<f32> = x
        .words
        .iter()
        .flat_map(|&word| model.embedding.embeddings[word as usize])
        .chain(x.block_1)
        .collect();
    let expected: f32 = joined.iter().zip(&model.dense.kernel).map(|(x, w)| x * w[0]).sum();
    assert!((score[0] - expected).abs() < 1e-4, "{} {expected}", score[0]);
    let expected: f32 = joined.iter().zip(&model.type_.kernel).map(|(x, w)| x * w[1]).sum::<f32>()
        + model.type_.bias[1];
    assert!((type_[1] - expected).abs() < 1e-4);
    let target: RankerOutputs<f32, u32> = RankerOutputs { score: 1.0, type_: 1 };
    assert_eq!(target.type_, 1);
}

model! {
    /// No step: both outputs are the input.
    struct Echo;

    let x = Input(shape = (3,), name = "x");
    Model(inputs = x, outputs = [x, Identity(name = "same")(x)])
}

#[test]
fn an_input_may_be_an_output() {
    let mut model = Echo::seeded(1);
    let x = [[0.5, -1.0, 2.0], [4.0, 0.0, -8.0]];
    let EchoOutputs { x: first, same } = model.call(&x[0]);
    assert_eq!([first, same], [x[0]; 2]);
    let predicted = model.predict(&x);
    assert!(predicted.iter().zip(x).all(|(y, x)| [y.x, y.same] == [x; 2]));
    // The loss sees both outputs, though no step makes them.
    let losses = EchoOutputs { x: MeanSquaredError::default(), same: MeanAbsoluteError::default() };
    let y = x.map(|x| EchoOutputs { x, same: x.map(|x| x + 1.0) });
    let scores = model.compile(SGD::default(), losses).evaluate(&x, &y).unwrap();
    assert_eq!(scores["loss"], 1.0);
}

model! {
    /// More steps than one emitted function holds; the first and the last of them meet both inputs
    /// and both outputs.
    struct Deep;

    let near = Input(shape = (4,));
    let far = Input(shape = (3,));
    let early = Dense(2, activation = "tanh")(Concatenate()([near, far]));
    let mut x = near;
    for i in 0..150 {
        x = Dense(4, activation = "tanh", kernel_initializer = "orthogonal")(x);
    }
    let late = Dense(5)(Concatenate()([x, far]));
    Model(inputs = [near, far], outputs = [early, late])
}

#[test]
fn a_call_of_many_steps_predicts_what_the_plan_does() {
    let model = Deep::seeded(3);
    let sample = |sign: f32| DeepInputs {
        near: [0.5, -1.0, 2.0, 0.25].map(|x| sign * x),
        far: [-0.75, 1.5, 0.125].map(|x| sign * x),
    };
    let planned = model.predict(&[sample(1.0), sample(-1.0)]);
    for (x, planned) in [sample(1.0), sample(-1.0)].iter().zip(&planned) {
        let called = model.call(x);
        let called = called.early.iter().chain(&called.late);
        for (called, planned) in called.zip(planned.early.iter().chain(&planned.late)) {
            assert!((called - planned).abs() < 1e-5, "{called} {planned}");
        }
    }
    assert!((planned[0].late[0] - planned[1].late[0]).abs() > 1e-3);
}

model! {
    /// Models within a model.
    struct Nested;

    Sequential([
        Input(shape = (3,)),
        Sequential([Dense(4, activation = "relu"), Dense(2)], name = "encoder"),
        Sequential([Input(shape = (2,)), Dense(3)], name = "decoder"),
    ])
}

#[test]
fn nested_models_are_nested_structs() {
    assert_eq!(Nested::PARAMS, 16 + 10 + 9);
    let model: Box<Nested> = model_of(vec![0.5; Nested::PARAMS]);
    // Every hidden unit is 0.5 (1 + 2 + 3) + 0.5, every code 4 * 3.5 / 2 + 0.5, every result 7.5 +
    // 0.5.
    assert_eq!(model.call(&[1.0, 2.0, 3.0]), [8.0; 3]);
    assert_eq!(model.encoder.dense_1.kernel, [[0.5; 2]; 4]);
    assert_eq!(model.decoder.dense_2.bias, [0.5; 3]);
}

/// A model with these weights.
fn model_of<M: Model>(weights: impl AsRef<[f32]>) -> Box<M> {
    let mut model = M::new();
    model.weights_mut().copy_from_slice(weights.as_ref());
    model
}

model! {
    /// Operators on tensors, a slice and functions of `keras.ops`.
    pub struct Formula;

    let x = Input(shape = (2, 3));
    let scaled = (x * x + 1.0) / 2.0 - ops.max(x, axis = 2, keepdims = True);
    let first = ops.where(scaled[.., 0] > 0, scaled[.., 0, ..], -1.0);
    Model(inputs = x, outputs = Dense(3, use_bias = False, kernel_initializer = "identity")(first))
}

#[test]
fn operators_compute_and_are_saved() {
    let model = Formula::new();
    let x = [[1.0, 3.0, -2.0], [9.0, 9.0, 9.0]];
    // (x² + 1) / 2 - 3, where it is positive, else -1.
    assert_eq!(model.call(&x), [-1.0, 2.0, -1.0]);
    let folder = std::env::temp_dir().join(format!("keras-formula-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("formula.keras");
    model.save(&path).expect("a file");
    let loaded = Formula::load(&path).expect("the same model");
    assert_eq!(loaded.call(&x), model.call(&x));
    std::fs::remove_dir_all(&folder).expect("the folder");
}
