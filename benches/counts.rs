//! Instructions of a few calls and training steps, counted by callgrind and compared with those on
//! file: what a clock of a shared machine cannot show.
//!
//! ```text
//! tools/counts.sh           # compares with benches/counts.txt; fails if one has grown too much
//! tools/counts.sh record    # writes benches/counts.txt
//! ```
//!
//! Each case runs twice, with few and with more repeats, and the difference is taken, so that what
//! happens once does not count. Callgrind knows no AVX-512, so the counts are of AVX2 and of plain
//! Rust. They depend on the compiler: the file names its version. `VALGRIND` names the program, if
//! it is not to be found; the script installs it.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use keras::array::Array;
use keras::losses::{Loss, Losses};
use keras::metrics::MetricSet;
use keras::optimizers::Optimizer;
use keras::prelude::*;
use keras_runtime::simd::{Level, with_level};
use models::{AudioDense, Autoencoder, Convnet, Mlp, MobileNet, TinyMlp};

#[allow(dead_code, reason = "not every model is counted")]
#[path = "../examples/bench/models.rs"]
mod models;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/counts.txt");

/// How much a count may grow before it is refused: more than another run or processor changes it.
const MARGIN: f64 = 0.05;

const LEVELS: [&str; 2] = ["portable", "avx2"];

/// A model and what is done with it, over and over.
struct Case {
    name: &'static str,
    /// Repeats of the shorter run; the longer has three times as many.
    repeats: usize,
    run: fn(usize),
}

const CASES: &[Case] = &[
    Case {
        name: "tiny_mlp/train",
        repeats: 20,
        run: |repeats| train::<TinyMlp, _>(SGD::default(), 32, repeats),
    },
    Case {
        name: "mlp/train",
        repeats: 1,
        run: |repeats| train::<Mlp, _>(RMSprop::default(), 32, repeats),
    },
    Case {
        name: "convnet/train",
        repeats: 1,
        run: |repeats| train::<Convnet, _>(Adam::default(), 8, repeats),
    },
    Case { name: "mobilenet/call", repeats: 1, run: call::<MobileNet> },
    Case { name: "autoencoder/call", repeats: 1, run: call::<Autoencoder> },
    Case { name: "audio_dense/call", repeats: 1000, run: call::<AudioDense> },
];

/// Numbers of both signs.
fn numbers<X: Array<Element = f32>>(count: usize) -> Vec<X> {
    let mut x = X::zeros(count);
    for (i, x) in X::flat_mut(&mut x).iter_mut().enumerate() {
        *x = ((i * 7919) % 1013) as f32 / 506.0 - 1.0;
    }
    x
}

/// Trains a classifier on one batch for so many steps.
fn train<M, O>(optimizer: O, batch: usize, steps: usize)
where
    M: Model<Input: Array<Element = f32>>,
    O: Optimizer + 'static,
    SparseCategoricalCrossentropy: Loss<M::Output, u32> + Losses,
    (): MetricSet<M::Output, u32>,
{
    let x = numbers::<M::Input>(batch);
    let y: Vec<u32> = (0..batch as u32).map(|i| i * 7 % 10).collect();
    let mut model = M::seeded(1);
    let mut training = model.compile(optimizer, SparseCategoricalCrossentropy::default());
    for _ in 0..steps {
        training.train_on_batch(&x, &y).expect("good data");
    }
}

/// Calls a model so many times.
fn call<M: Model<Input: Array<Element = f32>>>(calls: usize) {
    let x = numbers::<M::Input>(1);
    let model = M::seeded(1);
    let mut scratch = vec![0.0; M::SCRATCH_BYTES / size_of::<f32>()];
    for _ in 0..calls {
        black_box(model.call_in(&mut scratch, black_box(&x[0])));
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [] => count_all().and_then(|found| compare(&found)),
        ["record"] => count_all().and_then(|found| record(&found)),
        ["run", name, level, repeats] => run(name, level, repeats),
        _ => Err("usage: counts [record]".to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// What is counted: a case at a level.
fn run(name: &str, level: &str, repeats: &str) -> Result<(), String> {
    let case = CASES.iter().find(|case| case.name == name).ok_or("no such case")?;
    let repeats = repeats.parse().map_err(|_| "no number of repeats")?;
    let is_named = |found: &Level| format!("{found:?}").eq_ignore_ascii_case(level);
    let level = Level::available().find(is_named).ok_or("no such level here")?;
    with_level(level, || (case.run)(repeats)).map_err(|unsupported| unsupported.to_string())
}

/// Instructions of one repeat, by case and level.
type Counts = BTreeMap<String, u64>;

fn count_all() -> Result<Counts, String> {
    let at = |level: &'static str| CASES.iter().map(move |case| count(case, level));
    // The processor's other cores may help: nothing is timed.
    let counts: Vec<_> = std::thread::scope(|scope| {
        let levels = LEVELS.map(|level| scope.spawn(move || at(level).collect::<Vec<_>>()));
        levels
            .into_iter()
            .flat_map(|level| level.join().expect("counting does not panic"))
            .collect()
    });
    counts.into_iter().collect()
}

/// Instructions of one repeat of a case, and its name.
fn count(case: &Case, level: &str) -> Result<(String, u64), String> {
    let few = instructions(case, level, case.repeats)?;
    let more = instructions(case, level, 3 * case.repeats)?;
    let each = more.saturating_sub(few) / (2 * case.repeats as u64);
    Ok((format!("{} {level}", case.name), each))
}

/// All instructions of a program that runs a case.
fn instructions(case: &Case, level: &str, repeats: usize) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let valgrind = std::env::var("VALGRIND").unwrap_or("valgrind".to_string());
    let mut command = Command::new(&valgrind);
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    command.args(["run", case.name, level, &repeats.to_string()]).env("RAYON_NUM_THREADS", "1");
    let output = command.output().map_err(|error| format!("{valgrind}: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let found = log.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    found.filter(|_| output.status.success()).ok_or(format!("{command:?}\n{log}"))
}

/// The version of the compiler.
fn compiler() -> String {
    let compiler = std::env::var("RUSTC").unwrap_or("rustc".to_string());
    let output = Command::new(compiler).arg("--version").output();
    output.map_or("an unknown compiler".to_string(), |output| {
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    })
}

fn record(counts: &Counts) -> Result<(), String> {
    let mut text = format!("# Instructions; by `tools/counts.sh record`\n{}\n", compiler());
    for (name, count) in counts {
        writeln!(text, "{name} {count}").map_err(|error| error.to_string())?;
        println!("{name:30} {count:12}");
    }
    std::fs::write(FILE, text).map_err(|error| format!("{FILE}: {error}"))
}

fn compare(counts: &Counts) -> Result<(), String> {
    let text = std::fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
    let on_file = |name: &str| -> Option<u64> {
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    };
    let (mut grown, mut shrunk) = (Vec::new(), false);
    for (name, &count) in counts {
        let before = on_file(name).ok_or(format!("{FILE} has no `{name}`: record it"))?;
        let change = count as f64 / before as f64 - 1.0;
        println!("{name:30} {count:12} {:+6.1} %", 100.0 * change);
        shrunk |= change < -MARGIN;
        if change > MARGIN {
            grown.push(name.as_str());
        }
    }
    if shrunk {
        println!("some have fallen: record them (`tools/counts.sh record`)");
    }
    if grown.is_empty() {
        return Ok(());
    }
    let recorded = text.lines().nth(1).unwrap_or_default();
    Err(format!(
        "more than {:.0} % above {FILE}: {}\nrecorded with {recorded}, counted with {}",
        100.0 * MARGIN,
        grown.join(", "),
        compiler()
    ))
}
