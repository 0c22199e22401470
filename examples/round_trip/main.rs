//! Rust's side of the exchange with real Keras that `tools/round_trip.sh` runs.
//!
//! `write FOLDER` saves each architecture with weights far from where they start, moving statistics
//! among them, with inputs and predictions beside it; `tools/round_trip.py` loads and changes them;
//! `read FOLDER` loads what Keras saved and compares predictions. Others are trained, and resumed
//! on either side from the other's file.
#![forbid(unsafe_code)]

mod models;
mod random;
mod recurrent;
mod sequences;
mod trainings;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use keras::prelude::*;
use keras::sample::{Sample, Values};
use random::{Draw, Random};

/// Samples that are predicted.
const SAMPLES: usize = 5;
/// Predictions `a` and `b` agree if `|a - b| <= ATOL + RTOL · |b|`.
const ATOL: f32 = 1e-5;
const RTOL: f32 = 2e-5;

/// What went wrong, in words.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Which half of the exchange is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Write,
    Read,
}

/// Name, folder and half of one exchange; returns the largest error, in units of the tolerance.
type Exchange = fn(&Path, Half) -> Result<f32>;

const EXCHANGES: &[(&str, Exchange)] = &[
    ("mlp", model::<models::Mlp>),
    ("convnet", model::<models::Convnet>),
    ("separable", model::<models::Separable>),
    ("autoencoder", model::<models::Autoencoder>),
    ("unet", model::<models::Unet>),
    ("resnet", model::<models::Resnet>),
    ("tokens", model::<models::Tokens>),
    ("several", model::<models::Several>),
    ("shared", model::<models::Shared>),
    ("nested", model::<models::Nested>),
    ("activations", model::<models::Activations>),
    ("depths", model::<models::Depths>),
    ("masked", model::<sequences::Masked>),
    ("padded", model::<sequences::Padded>),
    ("attention", model::<sequences::Attention>),
    ("functions", model::<sequences::Functions>),
    ("waves", model::<sequences::Waves>),
    ("reversible", model::<sequences::Tokens>),
    ("recurrent", model::<recurrent::Recurrent>),
    ("bidirected", model::<recurrent::Bidirected>),
    ("stacked", model::<recurrent::Stacked>),
    ("states", model::<recurrent::States>),
    ("training_adam", trainings::adam),
    ("training_sgd", trainings::sgd),
    ("training_masked", trainings::masked),
    ("training_constrained", trainings::constrained),
    ("training_recurrent", trainings::recurrent),
    ("training_states", trainings::states),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (half, folder) = match arguments.as_slice() {
        [half, folder] if half == "write" => (Half::Write, PathBuf::from(folder)),
        [half, folder] if half == "read" => (Half::Read, PathBuf::from(folder)),
        _ => {
            eprintln!("usage: round_trip write|read FOLDER");
            return ExitCode::FAILURE;
        }
    };
    let mut failed = false;
    for (name, exchange) in EXCHANGES {
        let result = exchange(&folder.join(name), half);
        let (line, fine) = match &result {
            Ok(error) => (format!("{error:8.4} of the tolerance"), *error <= 1.0),
            Err(error) => (error.to_string(), false),
        };
        if half == Half::Read || !fine {
            println!("{name:24} Keras -> Rust {line}  {}", if fine { "ok" } else { "FAILED" });
        }
        failed |= !fine;
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Exchanges the weights of a model.
fn model<M: Model>(folder: &Path, half: Half) -> Result<f32>
where
    M::Input: Draw,
{
    let x = inputs::<M>();
    match half {
        Half::Write => {
            std::fs::create_dir_all(folder)?;
            let mut model = M::seeded(7);
            change(&mut *model);
            model.save(folder.join("rust.keras"))?;
            write(folder, "x", &x)?;
            write(folder, "rust_y", &model.predict(&x))?;
            Ok(0.0)
        }
        Half::Read => {
            let model = M::load(folder.join("keras.keras"))?;
            error(folder, "keras_y", &model.predict(&x))
        }
    }
}

/// The samples of a model, the same on each call.
fn inputs<M: Model>() -> Vec<M::Input>
where
    M::Input: Draw,
{
    let mut random = Random::new(M::PARAMS as u64);
    (0..SAMPLES).map(|_| M::Input::draw(&mut random)).collect()
}

/// Moves each weight away from where it starts; a variance stays positive.
fn change<M: Model>(model: &mut M) {
    const CHANGE: f32 = 0.2;
    const LEAST_VARIANCE: f32 = 0.3;
    let mut random = Random::new(3);
    for info in M::WEIGHTS {
        let len: usize = info.shape.iter().product();
        for weight in &mut model.weights_mut()[info.offset..info.offset + len] {
            *weight += CHANGE * random.unit();
            if &*info.name == "moving_variance" {
                *weight = weight.abs() + LEAST_VARIANCE;
            }
        }
    }
}

/// Writes each port of samples as a file of raw numbers.
fn write<S: Sample>(folder: &Path, name: &str, samples: &[S]) -> Result<()> {
    for port in 0..S::PORTS {
        let mut bytes = Vec::new();
        for sample in samples {
            match sample.port(port) {
                Values::Floats(values) => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
                Values::Labels(values) => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            }
        }
        std::fs::write(folder.join(format!("{name}{port}.bin")), bytes)?;
    }
    Ok(())
}

/// The largest difference of predictions from those in files, in units of the tolerance.
fn error<S: Sample>(folder: &Path, name: &str, found: &[S]) -> Result<f32> {
    let mut worst = 0.0f32;
    for port in 0..S::PORTS {
        let bytes = std::fs::read(folder.join(format!("{name}{port}.bin")))?;
        let (numbers, _) = bytes.as_chunks::<4>();
        let mut expected = numbers.iter().map(|&bytes| f32::from_le_bytes(bytes));
        for sample in found {
            for &a in sample.port(port).bits() {
                let b = expected.next().ok_or("Keras wrote fewer predictions")?;
                let error = (a - b).abs() / (ATOL + RTOL * b.abs());
                worst = if error.is_nan() { f32::INFINITY } else { worst.max(error) };
            }
        }
        if expected.next().is_some() {
            return Err("Keras wrote more predictions".into());
        }
    }
    Ok(worst)
}
