//! Times a workload, in training or in inference, and prints one line of JSON.
//!
//! ```text
//! cargo run --release --example bench -- WORKLOAD --mode train|infer [--batch B] [--threads T] [--seconds S] [--reps R]
//!     [--dtype f32|bf16] [--simd portable|neon|avx2|avx512] [--weights FILE] [--data FOLDER] [--save FILE] [--losses N]
//! ```
//!
//! `--weights` starts from a file of Keras' weights, `--data` takes inputs and targets from `WORKLOAD.x.npy` and `WORKLOAD.y.npy`,
//! `--save` writes the weights it starts from, and `--losses` prints the losses of the first steps in place of times.
//! What cannot be run ends with a message and the exit code 2.
#![forbid(unsafe_code)]

mod arguments;
mod machine;
mod measure;
mod meter;
mod models;
mod npy;
mod numbers;
mod workloads;

use std::process::ExitCode;

use arguments::Arguments;
use keras_runtime::simd::{Level, with_level};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// What went wrong, and whose mistake it is.
#[derive(Debug)]
enum Failure {
    /// The command line asks for what cannot be.
    Usage(String),
    /// It should have worked.
    Run(String),
}

impl From<keras::Error> for Failure {
    fn from(error: keras::Error) -> Failure {
        Failure::Run(error.to_string())
    }
}

type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let result = Arguments::parse(std::env::args_os().skip(1)).and_then(|arguments| {
        let level = arguments.level.unwrap_or(Level::best());
        threads(arguments.threads, level)?.install(|| workloads::run(&arguments))
    });
    match result {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(Failure::Usage(message)) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
        Err(Failure::Run(message)) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Threads whose kernels are at `level`.
fn threads(count: usize, level: Level) -> Result<ThreadPool> {
    with_level(level, || ()).map_err(|unsupported| Failure::Usage(unsupported.to_string()))?;
    let spawn = move |thread: rayon::ThreadBuilder| {
        let work = move || with_level(level, || thread.run()).expect("the level was tried before");
        std::thread::Builder::new().spawn(work).map(|_| ())
    };
    let pool = ThreadPoolBuilder::new().num_threads(count).spawn_handler(spawn).build();
    pool.map_err(|error| Failure::Run(error.to_string()))
}
