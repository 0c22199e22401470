//! The models of the documentation, and every form of the language, through the whole compiler.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

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
    assert_eq!(Mnist::FLOPS, <Mnist as Model>::FLOPS);
}
