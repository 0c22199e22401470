//! From samples to frames: how loud a recording is in each band of frequencies, every 16 ms.
//!
//! A frame is the spectrum of 32 ms under a Hann window, summed up in bands that are equally wide
//! to the ear (mel scale), as a logarithm.

use std::f32::consts::TAU;

/// Frames of a recording, a second in all: longer ones are cut, shorter ones end in silence.
pub(crate) const FRAMES: usize = 64;
/// Bands of a frame.
pub(crate) const BANDS: usize = 24;

/// Samples a second.
pub(crate) const RATE: u32 = 8000;
/// Samples of a frame.
const WINDOW: usize = 256;
/// Samples from a frame to the next.
const HOP: usize = 128;
/// Frequencies of a frame, half as many as samples.
const BINS: usize = WINDOW / 2;
/// The lowest frequency that counts, in Hz.
const LOWEST: f32 = 100.0;
/// What silence counts as.
const SILENCE: f32 = 1e-6;

/// The frames of samples between -1 and 1.
pub(crate) fn frames(samples: &[f32]) -> [[f32; BANDS]; FRAMES] {
    let cosines: Vec<f32> = (0..WINDOW).map(|i| (TAU * i as f32 / WINDOW as f32).cos()).collect();
    let edges = edges();
    std::array::from_fn(|frame| {
        let sample = |i: usize| {
            let hann = 0.5 - 0.5 * cosines[i];
            hann * samples.get(frame * HOP + i).copied().unwrap_or(0.0)
        };
        let windowed: Vec<f32> = (0..WINDOW).map(sample).collect();
        let powers: Vec<f32> = (0..BINS).map(|bin| power(&windowed, &cosines, bin)).collect();
        std::array::from_fn(|band| {
            let [low, middle, high] = [edges[band], edges[band + 1], edges[band + 2]];
            let weighted = powers.iter().enumerate().map(|(bin, power)| {
                let rise = (bin as f32 - low) / (middle - low);
                let fall = (high - bin as f32) / (high - middle);
                power * rise.min(fall).max(0.0)
            });
            (weighted.sum::<f32>() + SILENCE).ln()
        })
    })
}

/// The power of a frame at one frequency.
fn power(windowed: &[f32], cosines: &[f32], bin: usize) -> f32 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (i, x) in windowed.iter().enumerate() {
        let angle = bin * i;
        real += x * cosines[angle % WINDOW];
        // A sine is a cosine a quarter of a turn later.
        imaginary += x * cosines[(angle + WINDOW - WINDOW / 4) % WINDOW];
    }
    real * real + imaginary * imaginary
}

/// Where the bands begin, have their middle and end, in bins.
fn edges() -> [f32; BANDS + 2] {
    let mel = |hertz: f32| (1.0 + hertz / 700.0).ln();
    let (low, high) = (mel(LOWEST), mel(RATE as f32 / 2.0));
    std::array::from_fn(|i| {
        let place = low + (high - low) * i as f32 / (BANDS + 1) as f32;
        700.0 * (place.exp() - 1.0) * WINDOW as f32 / RATE as f32
    })
}
