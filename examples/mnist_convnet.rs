//! The convnet of the Keras example `mnist_convnet`, trained on MNIST for 12 epochs.
//!
//! Reads `$KERAS_HOME/datasets/mnist/` or downloads it. The last line is `test_accuracy: X` with X
//! of about 0.992.

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

fn main() -> keras::Result<()> {
    let (train, test) = datasets::mnist::load()?;
    let mut model = Mnist::seeded(7);
    println!("{}", model.summary());
    let mut training = model
        .compile(Adam::default(), SparseCategoricalCrossentropy::default())
        .metrics([SparseCategoricalAccuracy::default()]);
    training.fit(
        &train.images,
        &train.labels,
        Fit { batch_size: 128, epochs: 12, validation_split: 0.1, ..Fit::default() },
    )?;
    let scores = training.evaluate(&test.images, &test.labels)?;
    println!("test_accuracy: {:.4}", scores["sparse_categorical_accuracy"]);
    Ok(())
}
