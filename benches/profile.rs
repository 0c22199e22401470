//! Where a batch's time goes: for each step of a plan the time per sample, the rate and its share
//! of the processor's peak.
//!
//! `cargo bench --bench profile -- WORKLOAD [train|infer] [BATCH] [f32|bf16] [LEVEL]`, on one
//! thread; the workloads are those of the example `bench`. An op's line holds all steps that
//! compute the very same op.

use std::collections::HashMap;
use std::hint::black_box;
use std::ops::Range;
use std::sync::{LazyLock, Mutex};
use std::time::Instant;

use keras::{DtypePolicy, Model};
use keras_ir::dtype::Dtype;
use keras_ir::ops::Op;
use keras_ir::ops::Operation as _;
use keras_ir::plan::Plan;
use keras_runtime::execute::{Batch, Execution, FlatSamples, Head, Keep, Rows};
use keras_runtime::kernels::{Call, Cpu, run};
use keras_runtime::simd::{Level, multiply_adds, with_level};

#[allow(dead_code, reason = "not every model is profiled")]
#[path = "../examples/bench/models.rs"]
mod models;

/// Batches that are run before the clock starts, and those that are timed.
const WARM_UP: usize = 2;
const TIMED: usize = 8;
/// Measurements of the peak, of which the largest counts: a processor takes a while to reach its
/// frequency.
const PEAKS: usize = 20;

/// What an op took.
#[derive(Default)]
struct Spent {
    seconds: f64,
    samples: usize,
    calls: usize,
    /// Floating-point operations of one sample.
    flops: u64,
}

/// Each op by its text.
type Times = HashMap<String, Spent>;

static TIMES: LazyLock<Mutex<Times>> = LazyLock::new(Mutex::default);

/// Computes an op and notes how long it took.
fn timed(op: &Op, call: Call<'_>) {
    let samples = call.samples;
    let start = Instant::now();
    run::<Cpu>(op, call);
    let seconds = start.elapsed().as_secs_f64();
    if let Ok(mut times) = TIMES.lock() {
        let spent = times.entry(op.to_string()).or_default();
        spent.seconds += seconds;
        spent.samples += samples;
        spent.calls += 1;
        spent.flops = op.flops();
    }
}

fn take_times() -> Times {
    TIMES.lock().map(|mut times| std::mem::take(&mut *times)).unwrap_or_default()
}

/// A loss whose gradient is the prediction itself.
struct Squares;

impl Head for Squares {
    fn sums(&self) -> usize {
        0
    }

    fn samples(
        &self,
        _: usize,
        _: Range<usize>,
        y: &[f32],
        d_y: Option<&mut [f32]>,
        _: &mut [f64],
    ) {
        if let Some(d_y) = d_y {
            d_y.copy_from_slice(y);
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let argument =
        |i: usize, default: &str| arguments.get(i).map_or(default.to_string(), Clone::clone);
    let is_training = argument(1, "train") == "train";
    let batch: usize = argument(2, "128").parse().unwrap_or(128);
    let policy = match argument(3, "f32").as_str() {
        "bf16" => DtypePolicy::MixedBfloat16,
        _ => DtypePolicy::Float32,
    };
    let level = argument(4, "");
    let found = Level::available().find(|found| format!("{found:?}").eq_ignore_ascii_case(&level));
    let profile: fn(bool, usize, DtypePolicy) = match argument(0, "convnet").as_str() {
        "tiny_mlp" => profile::<models::TinyMlp>,
        "mlp" => profile::<models::Mlp>,
        "convnet" => profile::<models::Convnet>,
        "resnet20" => profile::<models::ResNet20>,
        "mobilenet" => profile::<models::MobileNet>,
        "autoencoder" => profile::<models::Autoencoder>,
        "transformer" => profile::<models::Transformer>,
        "audio_dense" => profile::<models::AudioDense>,
        other => return eprintln!("no such workload: {other}"),
    };
    let outcome =
        with_level(found.unwrap_or(Level::best()), || profile(is_training, batch, policy));
    if let Err(unsupported) = outcome {
        eprintln!("{unsupported}");
    }
}

/// An element of an input.
fn number(i: usize) -> f32 {
    ((i * 7919) % 1013) as f32 / 1013.0 - 0.5
}

/// Likewise of words, as the bits of an integer.
fn word(i: usize) -> f32 {
    f32::from_bits(((i * 7919) % 20_000) as u32)
}

fn profile<M: Model>(is_training: bool, batch: usize, policy: DtypePolicy) {
    let model = M::seeded(1);
    let plan: &Plan = if is_training { M::training() } else { M::inference() };
    let x: Vec<Vec<f32>> = plan
        .inputs
        .iter()
        .map(|port| {
            let len = batch * port.shape.iter().product::<usize>();
            let element = if port.dtype == Dtype::Int32 { word } else { number };
            (0..len).map(element).collect()
        })
        .collect();
    let x = FlatSamples::new(batch, &x);
    let mut execution = Execution::with_run::<Cpu>(policy, plan, Keep::Sums, timed);
    let mut total = 0.0;
    for i in 0..WARM_UP + TIMED {
        if i == WARM_UP {
            take_times();
            total = 0.0;
        }
        let batch = Batch { x: &x, rows: Rows::Range(0..batch), seed: 1, step: 0 };
        let start = Instant::now();
        execution.run(model.weights(), &batch, &Squares);
        black_box(execution.gradient(&batch));
        total += start.elapsed().as_secs_f64();
    }
    report(total, batch * TIMED);
}

/// Floating-point operations a second where nothing is read.
fn rate_of_multiply_adds() -> f64 {
    let start = Instant::now();
    let (count, _) = black_box(multiply_adds(100_000));
    count as f64 / start.elapsed().as_secs_f64()
}

fn report(total: f64, samples: usize) {
    let peak = (0..PEAKS).map(|_| rate_of_multiply_adds()).fold(0.0, f64::max);
    let mut rows: Vec<_> = take_times().into_iter().collect();
    rows.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
    let in_ops: f64 = rows.iter().map(|(_, row)| row.seconds).sum();
    let per_sample = 1e6 / samples as f64;
    println!(
        "{:.2} us a sample, {:.2} of them in ops; peak {:.0} GFLOP/s",
        total * per_sample,
        in_ops * per_sample,
        peak / 1e9
    );
    println!("   us/sample  share  GFLOP/s  of peak  samples a call  op");
    for (op, Spent { seconds, samples: op_samples, calls, flops }) in rows {
        let rate = flops as f64 * op_samples as f64 / seconds;
        println!(
            "{:12.3} {:5.1}% {:8.1} {:7.1}% {:15.1}  {op}",
            seconds * per_sample,
            seconds / total * 100.0,
            rate / 1e9,
            rate / peak * 100.0,
            op_samples as f64 / calls as f64,
        );
    }
}
