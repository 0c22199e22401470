//! Times a workload, in training or in inference, and prints one line of JSON.
//!
//! ```text
//! cargo run --release --example bench -- WORKLOAD --mode train|infer [--batch B] [--threads T]
//!     [--seconds S] [--reps R] [--dtype f32|bf16] [--simd portable|neon|avx2|avx512|avx512bf16]
//!     [--weights FILE] [--data FOLDER] [--save FILE] [--losses N]
//! ```
//!
//! `--weights` starts from a file of Keras' weights, `--data` takes inputs and targets from
//! `WORKLOAD.x.npy` and `WORKLOAD.y.npy`, `--save` writes the weights it starts from, and
//! `--losses` prints the losses of the first steps in place of times. What cannot be run ends with
//! a message and the exit code 2.
#![forbid(unsafe_code)]

mod arguments;
mod machine;
mod measure;
mod meter;
mod models;
mod npy;
mod numbers;
#[cfg(test)]
mod tests;
mod workloads;

use std::ffi::OsString;
use std::process::ExitCode;

use arguments::Arguments;
use keras_runtime::simd::{Level, with_level};
use rayon::ThreadPoolBuilder;
use serde_json::Value;

/// What went wrong, and whose mistake it is.
#[derive(Debug)]
enum Failure {
    /// The command line asks for what cannot be.
    Usage(String),
    /// It should have worked.
    Run(String),
}

impl Failure {
    fn message(&self) -> &str {
        match self {
            Failure::Usage(message) | Failure::Run(message) => message,
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Run(_) => 1,
        }
    }
}

impl From<keras::Error> for Failure {
    fn from(error: keras::Error) -> Failure {
        Failure::Run(error.to_string())
    }
}

type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    match run(std::env::args_os().skip(1)) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{}", failure.message());
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Does what the command line asks for. Returns the line to print.
fn run(words: impl Iterator<Item = OsString>) -> Result<Value> {
    let arguments = Arguments::parse(words)?;
    let level = arguments.level.unwrap_or(Level::best());
    let pool = ThreadPoolBuilder::new().num_threads(arguments.threads).build();
    let pool = pool.map_err(|error| Failure::Run(error.to_string()))?;
    let outcome = pool.install(|| with_level(level, || workloads::run(&arguments)));
    outcome.map_err(|unsupported| Failure::Usage(unsupported.to_string()))?
}
