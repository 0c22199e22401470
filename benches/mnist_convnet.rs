//! Trains and calls the convnet of the example `mnist_convnet` on random images; prints one JSON
//! line.
//!
//! `cargo bench --bench mnist_convnet -- SECONDS THREADS`. `benches/side_by_side.py` runs it in
//! turn with Keras.

use std::hint::black_box;
use std::time::{Duration, Instant};

use keras::prelude::*;

model! {
    /// The convnet of the Keras example `mnist_convnet`.
    pub struct Mnist;

    Sequential([
        Input(shape = (28, 28, 1)),
        Conv2D(32, kernel_size = (3, 3), activation = "relu"),
        MaxPooling2D(pool_size = (2, 2)),
        Conv2D(64, kernel_size = (3, 3), activation = "relu"),
        MaxPooling2D(pool_size = (2, 2)),
        Flatten(),
        Dropout(0.5),
        Dense(10, activation = "softmax"),
    ])
}

const BATCH: usize = 128;
const IMAGES: usize = 50 * BATCH;

/// How often `work` runs per second, after one run to warm up.
fn rate(seconds: f64, mut work: impl FnMut()) -> f64 {
    work();
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < Duration::from_secs_f64(seconds) {
        work();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

fn main() -> keras::Result<()> {
    let numbers: Vec<f64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let seconds = numbers.first().copied().unwrap_or(5.0);
    let threads = numbers.get(1).map_or(2, |threads| *threads as usize);

    // A linear congruential generator: speed does not depend on what the images show.
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let images: Vec<[[[f32; 1]; 28]; 28]> = (0..IMAGES)
        .map(|_| std::array::from_fn(|_| std::array::from_fn(|_| [next() as f32 / 16_777_216.0])))
        .collect();
    let labels: Vec<u32> = (0..IMAGES).map(|_| next() % 10).collect();

    let mut model = Mnist::seeded(7);
    let one = images[0];
    let calls = rate(seconds / 4.0, || {
        for _ in 0..100 {
            black_box(model.call(black_box(&one)));
        }
    });
    let mut training =
        model.compile(Adam::default(), SparseCategoricalCrossentropy::default()).threads(threads);
    let mut batch = 0;
    let mut failed = None;
    let steps = rate(seconds, || {
        let range = batch * BATCH..(batch + 1) * BATCH;
        batch = (batch + 1) % (IMAGES / BATCH);
        let step = training.train_on_batch(&images[range.clone()], &labels[range]);
        failed = failed.take().or(step.err());
    });
    if let Some(error) = failed {
        return Err(error);
    }
    println!(
        "{{\"train_samples_per_second\": {:.0}, \"call_us\": {:.2}}}",
        steps * BATCH as f64,
        1e6 / (calls * 100.0)
    );
    Ok(())
}
