//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use keras::DtypePolicy;
use keras_runtime::simd::Level;
use lexopt::{Arg, Parser};

use crate::workloads::{WORKLOADS, Workload};
use crate::{Failure, Result};

const USAGE: &str = "usage: bench WORKLOAD --mode train|infer [--batch B] [--threads T] \
[--seconds S] [--reps R] [--dtype f32|bf16] [--simd portable|neon|avx2|avx512|avx512bf16] \
[--weights FILE] [--data FOLDER] [--save FILE] [--losses N]";

/// Most threads that can be asked for: a typing error should not start a million.
const MAX_THREADS: usize = 1024;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Train,
    Infer,
}

/// What the command line asks for.
pub(crate) struct Arguments {
    pub workload: &'static Workload,
    pub mode: Mode,
    pub batch: usize,
    pub threads: usize,
    /// Length of a timed window.
    pub seconds: f64,
    /// Timed windows.
    pub reps: usize,
    pub policy: DtypePolicy,
    /// The instructions to use, if not the best.
    pub level: Option<Level>,
    pub weights: Option<PathBuf>,
    pub data: Option<PathBuf>,
    pub save: Option<PathBuf>,
    /// How many steps' losses to print in place of times.
    pub losses: Option<usize>,
}

impl Arguments {
    /// Reads them. Errors: what is missing, unknown or makes no sense.
    pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Arguments> {
        let mut given = Given::default();
        let mut parser = Parser::from_args(words);
        while let Some(argument) = parser.next().map_err(usage)? {
            match argument {
                Arg::Value(name) if given.workload.is_none() => {
                    given.workload = Some(workload(&name.to_string_lossy())?);
                }
                Arg::Long("mode") => given.mode = Some(mode(&text(&mut parser)?)?),
                Arg::Long("batch") => given.batch = Some(positive("--batch", &mut parser)?),
                Arg::Long("threads") => given.threads = Some(threads(&mut parser)?),
                Arg::Long("seconds") => given.seconds = Some(seconds(&mut parser)?),
                Arg::Long("reps") => given.reps = Some(positive("--reps", &mut parser)?),
                Arg::Long("dtype") => given.policy = dtype(&text(&mut parser)?)?,
                Arg::Long("simd") => given.level = Some(level(&text(&mut parser)?)?),
                Arg::Long("weights") => given.weights = Some(path(&mut parser)?),
                Arg::Long("data") => given.data = Some(path(&mut parser)?),
                Arg::Long("save") => given.save = Some(path(&mut parser)?),
                Arg::Long("losses") => given.losses = Some(positive("--losses", &mut parser)?),
                Arg::Long("help") | Arg::Short('h') => return Err(usage(names())),
                other => return Err(usage(other.unexpected())),
            }
        }
        given.complete()
    }
}

/// What was given so far.
#[derive(Default)]
struct Given {
    workload: Option<&'static Workload>,
    mode: Option<Mode>,
    batch: Option<usize>,
    threads: Option<usize>,
    seconds: Option<f64>,
    reps: Option<usize>,
    policy: DtypePolicy,
    level: Option<Level>,
    weights: Option<PathBuf>,
    data: Option<PathBuf>,
    save: Option<PathBuf>,
    losses: Option<usize>,
}

impl Given {
    fn complete(self) -> Result<Arguments> {
        const SECONDS: f64 = 5.0;
        const THREADS: usize = 2;
        let workload = self.workload.ok_or_else(|| usage(names()))?;
        let mode = self.mode.ok_or_else(|| usage("`--mode train` or `--mode infer` is missing"))?;
        if mode == Mode::Train && workload.train.is_none() {
            return Err(usage(format!("`{}` is timed in inference alone", workload.name)));
        }
        if mode == Mode::Infer && self.losses.is_some() {
            return Err(usage("`--losses` goes with `--mode train`"));
        }
        Ok(Arguments {
            workload,
            mode,
            batch: self.batch.unwrap_or(workload.batch),
            threads: self.threads.unwrap_or(THREADS),
            seconds: self.seconds.unwrap_or(SECONDS),
            reps: self.reps.unwrap_or(1),
            policy: self.policy,
            level: self.level,
            weights: self.weights,
            data: self.data,
            save: self.save,
            losses: self.losses,
        })
    }
}

fn usage(message: impl std::fmt::Display) -> Failure {
    Failure::Usage(format!("{message}\n{USAGE}"))
}

fn names() -> String {
    let names: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
    format!("workloads: {}", names.join(", "))
}

fn text(parser: &mut Parser) -> Result<String> {
    Ok(parser.value().map_err(usage)?.to_string_lossy().into_owned())
}

fn path(parser: &mut Parser) -> Result<PathBuf> {
    parser.value().map(PathBuf::from).map_err(usage)
}

fn number<T: FromStr>(name: &str, parser: &mut Parser) -> Result<T> {
    let text = text(parser)?;
    text.parse().map_err(|_| usage(format!("`{name}` expects a number, found `{text}`")))
}

fn positive(name: &str, parser: &mut Parser) -> Result<usize> {
    match number(name, parser)? {
        0 => Err(usage(format!("`{name}` expects at least 1, found 0"))),
        value => Ok(value),
    }
}

fn threads(parser: &mut Parser) -> Result<usize> {
    match positive("--threads", parser)? {
        value if value > MAX_THREADS => {
            Err(usage(format!("`--threads` expects at most {MAX_THREADS}, found {value}")))
        }
        value => Ok(value),
    }
}

fn seconds(parser: &mut Parser) -> Result<f64> {
    let value: f64 = number("--seconds", parser)?;
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(usage(format!("`--seconds` expects a positive number, found {value}")))
}

fn workload(name: &str) -> Result<&'static Workload> {
    let found = WORKLOADS.iter().find(|workload| workload.name == name);
    found.ok_or_else(|| usage(format!("there is no workload `{name}`; {}", names())))
}

fn mode(name: &str) -> Result<Mode> {
    match name {
        "train" => Ok(Mode::Train),
        "infer" => Ok(Mode::Infer),
        other => Err(usage(format!("`--mode` is `train` or `infer`, found `{other}`"))),
    }
}

fn dtype(name: &str) -> Result<DtypePolicy> {
    match name {
        "f32" => Ok(DtypePolicy::Float32),
        "bf16" => Ok(DtypePolicy::MixedBfloat16),
        other => Err(usage(format!("`--dtype` is `f32` or `bf16`, found `{other}`"))),
    }
}

fn level(name: &str) -> Result<Level> {
    match name {
        "portable" => Ok(Level::Portable),
        "neon" => Ok(Level::Neon),
        "avx2" => Ok(Level::Avx2),
        "avx512" => Ok(Level::Avx512),
        "avx512bf16" => Ok(Level::Avx512Bf16),
        other => {
            let levels = "portable, neon, avx2, avx512 or avx512bf16";
            Err(usage(format!("`--simd` is {levels}, found `{other}`")))
        }
    }
}
