//! Classifies digits with a trained model that is part of the binary: nothing is read, parsed or
//! allocated.
//!
//! `examples/digits.keras` was saved by the example `digits`. Prints one line per digit and how
//! many were right.

use keras::prelude::*;

model! {
    /// The model of the example `digits`.
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

static DIGITS: Embedded<Digits> = embed!("examples/digits.keras");

fn main() {
    let (_, test) = datasets::digits::load();
    let mut right = 0;
    for (image, label) in test.images.iter().zip(&test.labels) {
        let probabilities = DIGITS.call(image);
        let (digit, probability) = probabilities
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .expect("there are ten classes");
        right += usize::from(digit == *label as usize);
        println!("digit {label}: read as {digit} with probability {probability:.3}");
    }
    println!("{right} of {} right", test.labels.len());
}
