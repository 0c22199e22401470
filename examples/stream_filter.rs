//! Trains a small LSTM to be a guitar pedal, then runs it sample by sample, as an audio plug-in
//! does.
//!
//! ```text
//! cargo run --release --example stream_filter
//! ```
//!
//! The pedal is made up: what is loud is bent, around a level that follows the signal slowly. The
//! model learns it from 64 samples at a time and then runs as a stream, whose state is all that it
//! knows of the past.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::Instant;

use keras::prelude::*;

/// Samples of a sequence that is trained on.
const STEPS: usize = 64;
/// Sequences that are trained on.
const SEQUENCES: usize = 2048;
/// Samples that are run as a stream, ten seconds of sound.
const STREAMED: usize = 480_000;
/// Largest part of the signal's power that the error may have.
const LARGEST_ERROR: f32 = 0.02;

model! {
    /// Eight units that remember, and the sample itself.
    struct Pedal;

    let x = Input(shape = (64, 1), name = "x");
    let y = Dense(1)(LSTM(8, return_sequences = True)(x));
    Model(inputs = x, outputs = Add()([x, y]))
}

/// The pedal: bends what is far from a level that follows the signal.
#[derive(Default)]
struct Distortion {
    level: f32,
}

impl Distortion {
    fn next(&mut self, x: f32) -> f32 {
        self.level += 0.1 * (x - self.level);
        (2.5 * (x - 0.5 * self.level)).tanh()
    }
}

/// Sound: a few tones that swell and fade, at 48 kHz.
fn sound(sample: usize) -> f32 {
    let t = sample as f32 / 48_000.0;
    let swell = (2.3 * t).sin() * (0.7 * t).cos();
    let tone = |hertz: f32| (std::f32::consts::TAU * hertz * t).sin();
    swell * (0.6 * tone(220.0) + 0.3 * tone(447.0) + 0.2 * tone(1501.0))
}

fn main() -> keras::Result<()> {
    let mut pedal = Distortion::default();
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for sequence in 0..SEQUENCES {
        let dry: [[f32; 1]; STEPS] =
            std::array::from_fn(|step| [sound(97 * sequence * STEPS + step)]);
        // The level starts from zero, as the state of the model does.
        pedal.level = 0.0;
        y.push(dry.map(|[x]| [pedal.next(x)]));
        x.push(dry);
    }
    let mut model = Pedal::seeded(1);
    let adam = Adam { learning_rate: 0.01, ..Adam::default() };
    let mut training = model.compile(adam, MeanSquaredError::default());
    training.fit(&x, &y, Fit { batch_size: 64, epochs: 12, ..Fit::default() })?;

    let dry: Vec<[f32; 1]> = (0..STREAMED).map(|sample| [sound(sample)]).collect();
    pedal.level = 0.0;
    let mut stream = Pedal::stream();
    let (mut error, mut power) = (0.0, 0.0);
    for [x] in &dry {
        let expected = pedal.next(*x);
        let [found] = stream.step(&model, &[*x]);
        error += (found - expected) * (found - expected);
        power += expected * expected;
    }
    println!("error: {:.4}", error / power);
    if error > LARGEST_ERROR * power {
        println!("the model has not learnt the pedal: at most {LARGEST_ERROR} was expected");
        std::process::exit(1);
    }

    stream.reset();
    let start = Instant::now();
    for frame in &dry {
        black_box(stream.step(&model, black_box(frame)));
    }
    let nanoseconds = start.elapsed().as_nanos() as f64 / STREAMED as f64;
    println!("ns_per_sample: {nanoseconds:.1}");
    Ok(())
}
