//! Trains one LSTM or GRU on random sequences; prints one line of JSON.
//!
//! `cargo bench --bench recurrent -- LAYER UNITS STEPS BATCH [--threads N] [--seconds S]`.
//! `benches/recurrent.py` runs it in turn with other frameworks. Extents are part of a model's
//! type, so only the sizes below can be asked for; any batch can.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use keras::array::Array;
use keras::losses::{Loss, Losses};
use keras::metrics::MetricSet;
use keras::prelude::*;
use lexopt::prelude::*;

/// Batches that are held in memory and taken in turn.
const BATCHES: usize = 4;
/// Steps before the clock runs.
const WARM_UP: usize = 4;

/// Declares a model of each size, and the function that finds it.
macro_rules! sizes {
    ($($name:ident: $layer:ident $kind:literal $units:literal $steps:literal,)*) => {
        $(model! {
            /// One recurrent layer on sequences of 16 features, and a unit on its last output.
            pub struct $name;

            Sequential([
                Input(shape = ($steps, 16)),
                $layer($units),
                Dense(1),
            ])
        })*

        fn measure(of: &Size) -> Result<Option<Measured>, keras::Error> {
            match (of.layer.as_str(), of.units, of.steps) {
                $(($kind, $units, $steps) => train::<$name>(of).map(Some),)*
                _ => Ok(None),
            }
        }
    };
}

sizes! {
    Lstm8: LSTM "lstm" 8 100,
    Lstm32: LSTM "lstm" 32 100,
    Lstm64: LSTM "lstm" 64 100,
    Lstm128: LSTM "lstm" 128 100,
    Lstm512: LSTM "lstm" 512 100,
    Lstm32Short: LSTM "lstm" 32 10,
    Lstm32Long: LSTM "lstm" 32 1000,
    Lstm8Long: LSTM "lstm" 8 1000,
    Lstm512Short: LSTM "lstm" 512 10,
    Gru8: GRU "gru" 8 100,
    Gru32: GRU "gru" 32 100,
    Gru64: GRU "gru" 64 100,
    Gru128: GRU "gru" 128 100,
    Gru512: GRU "gru" 512 100,
    Gru32Short: GRU "gru" 32 10,
    Gru32Long: GRU "gru" 32 1000,
    Gru8Long: GRU "gru" 8 1000,
    Gru512Short: GRU "gru" 512 10,
}

/// What is trained.
struct Size {
    layer: String,
    units: usize,
    steps: usize,
    batch: usize,
    seconds: f64,
}

/// What is found.
struct Measured {
    step_us: f64,
    loss_first: f32,
}

fn train<M>(of: &Size) -> Result<Measured, keras::Error>
where
    M: Model<Input: Array<Element = f32>, Output = [f32; 1]>,
    MeanSquaredError: Loss<M::Output, [f32; 1]> + Losses,
    (): MetricSet<M::Output, [f32; 1]>,
{
    // A linear congruential generator: speed does not depend on what the numbers are.
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    let mut x = M::Input::zeros(of.batch * BATCHES);
    M::Input::flat_mut(&mut x).fill_with(&mut next);
    let y: Vec<[f32; 1]> = (0..x.len()).map(|_| [next()]).collect();
    let mut model = M::seeded(7);
    let optimizer = SGD { learning_rate: 0.01, ..SGD::default() };
    let mut training = model.compile(optimizer, MeanSquaredError::default());
    let mut step = |i: usize| {
        let first = i % BATCHES * of.batch;
        let rows = first..first + of.batch;
        training.train_on_batch(&x[rows.clone()], &y[rows]).map(|logs| logs["loss"])
    };
    let loss_first = step(0)?;
    for i in 1..WARM_UP {
        step(i)?;
    }
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs_f64(of.seconds) || times.len() < 3 {
        let begin = Instant::now();
        step(times.len())?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    Ok(Measured { step_us: times[times.len() / 2].as_secs_f64() * 1e6, loss_first })
}

/// Reads the command line: what to train, on how many threads.
fn arguments() -> Result<(Size, usize), lexopt::Error> {
    let (mut layer, mut sizes) = (None, Vec::new());
    let (mut threads, mut seconds) = (1, 2.0);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("threads") => threads = parser.value()?.parse()?,
            Long("seconds") => seconds = parser.value()?.parse()?,
            // Cargo's own.
            Long("bench") => {}
            Value(value) if layer.is_none() => layer = Some(value.string()?),
            Value(value) => sizes.push(value.parse()?),
            _ => return Err(argument.unexpected()),
        }
    }
    match (layer, sizes.as_slice()) {
        (Some(layer), &[units, steps, batch]) if batch > 0 => {
            Ok((Size { layer, units, steps, batch, seconds }, threads))
        }
        _ => Err("expected LAYER UNITS STEPS BATCH, such as `lstm 32 100 32`".into()),
    }
}

fn main() -> ExitCode {
    let (of, threads) = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let measured = match pool.map(|pool| pool.install(|| measure(&of))) {
        Ok(Ok(Some(measured))) => measured,
        Ok(Ok(None)) => {
            eprintln!("{} of {} units on {} steps is no size here", of.layer, of.units, of.steps);
            return ExitCode::from(2);
        }
        Ok(Err(error)) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let line = serde_json::json!({
        "layer": of.layer,
        "units": of.units,
        "steps": of.steps,
        "batch": of.batch,
        "peer": "keras-rs",
        "threads": threads,
        "step_us": measured.step_us,
        "loss_first": measured.loss_first,
        "version": concat!("keras-rs ", env!("CARGO_PKG_VERSION")),
    });
    println!("{line}");
    ExitCode::SUCCESS
}
