//! Recognizes spoken digits: convolutions over the frames of a recording, layers over sequences
//! alone.
//!
//! Reads `$KERAS_HOME/datasets/fsdd/fsdd_900.tar.gz`: 900 recordings of the Free Spoken Digit
//! Dataset, of six speakers who say each of ten digits 15 times. The first five takes of each are
//! the test, as its authors have it. The last line is `test_accuracy: X`.

mod frames;
mod recordings;

use std::error::Error;

use frames::{BANDS, FRAMES, frames};
use keras::prelude::*;

model! {
    /// Frames of a recording to the digit that is said.
    pub struct SpokenDigits;

    let conv = |x, filters| {
        let y = Conv1D(filters, kernel_size = 5, padding = "same", use_bias = False)(x);
        Activation("relu")(BatchNormalization(momentum = 0.9)(y))
    };

    let sound = Input(shape = (64, 24), name = "sound");
    let mut x = BatchNormalization(momentum = 0.9)(sound);
    for filters in [48, 64, 96] {
        x = SpatialDropout1D(0.1)(MaxPooling1D()(conv(x, filters)));
    }
    let x = GlobalMaxPooling1D()(x);
    let digit = Dense(10, activation = "softmax", name = "digit")(Dropout(0.4)(x));
    Model(inputs = sound, outputs = digit)
}

const EPOCHS: usize = 30;

/// Takes of each digit by each speaker that are kept for the test.
const TEST_TAKES: u32 = 5;

/// Recordings as frames, and their digits.
#[derive(Default)]
struct Split {
    sounds: Vec<[[f32; BANDS]; FRAMES]>,
    digits: Vec<u32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut train, mut test) = (Split::default(), Split::default());
    for recording in recordings::read(&datasets::folder("fsdd").join("fsdd_900.tar.gz"))? {
        let split = if recording.take < TEST_TAKES { &mut test } else { &mut train };
        split.sounds.push(frames(&recording.samples));
        split.digits.push(recording.digit);
    }
    println!("{} recordings to learn from, {} to test", train.digits.len(), test.digits.len());
    let mut model = SpokenDigits::seeded(1);
    println!("{}", model.summary());
    let mut training = model
        .compile(Adam::default(), SparseCategoricalCrossentropy::default())
        .metrics([SparseCategoricalAccuracy::default()]);
    training.fit(
        &train.sounds,
        &train.digits,
        Fit { batch_size: 32, epochs: EPOCHS, ..Fit::default() },
    )?;
    let scores = training.evaluate(&test.sounds, &test.digits)?;
    println!("test_accuracy: {:.4}", scores["sparse_categorical_accuracy"]);
    Ok(())
}
