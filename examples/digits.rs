//! Trains a convnet on the 8x8 digits that come with the crate, and saves it as `digits.keras`.
//!
//! Prints Keras' summary, its progress bar and, as the last line, `test_accuracy: X` with X of
//! about 0.98.

use keras::prelude::*;

model! {
    /// A small convnet for the 8x8 digits.
    pub struct Digits;

    Sequential([
        Input(shape = (8, 8, 1)),
        Conv2D(32, kernel_size = 3, padding = "same", activation = "relu"),
        Conv2D(32, kernel_size = 3, activation = "relu"),
        MaxPooling2D(pool_size = 2),
        Flatten(),
        Dropout(0.3),
        Dense(64, activation = "relu"),
        Dense(10, activation = "softmax"),
    ])
}

fn main() -> keras::Result<()> {
    let (train, test) = datasets::digits::load();
    let mut model = Digits::seeded(1);
    println!("{}", model.summary());
    let mut training = model
        .compile(
            Adam { learning_rate: 2e-3, ..Adam::default() },
            SparseCategoricalCrossentropy::default(),
        )
        .metrics([SparseCategoricalAccuracy::default()]);
    training.fit(
        &train.images,
        &train.labels,
        Fit { batch_size: 32, epochs: 20, validation_split: 0.1, ..Fit::default() },
    )?;
    training.save("digits.keras")?;
    let scores = training.evaluate(&test.images, &test.labels)?;
    println!("test_accuracy: {:.4}", scores["sparse_categorical_accuracy"]);
    Ok(())
}
