//! The two loops that are timed: steps of training, and calls.

use std::time::{Duration, Instant};

use keras::array::Array;
use keras::losses::{Loss, Losses};
use keras::metrics::MetricSet;
use keras::optimizers::Optimizer;
use keras::prelude::*;
use keras_runtime::simd::Level;
use serde_json::{Map, Value, json};

use crate::arguments::{Arguments, Mode};
use crate::meter::{Meter, round};
use crate::numbers::{Number, SEED, Target, inputs};
use crate::{Result, machine};

/// Different inputs of inference, taken in turn.
const INPUTS: usize = 4;
/// Time between two looks at the clock, at least, for which it is looked at seldom enough.
const LOOK: Duration = Duration::from_micros(4);

/// Times steps of training, or prints their losses.
pub(crate) fn train<M, T, L>(
    arguments: &Arguments,
    optimizer: impl Optimizer + 'static,
    loss: L,
) -> Result<Value>
where
    M: Model<Input: Array<Element: Number>>,
    T: Target<M::Input>,
    L: Loss<M::Output, T> + Losses + 'static,
    (): MetricSet<M::Output, T>,
{
    const WARM_UP: Duration = Duration::from_millis(500);
    const WARM_UP_STEPS: usize = 2000;
    let (workload, batch) = (arguments.workload, arguments.batch);
    let folder = arguments.data.as_deref();
    // A loss belongs to a batch that was not seen before.
    let batches = arguments.losses.unwrap_or(workload.steps);
    let x = inputs::<M::Input>(folder, workload.name, batch * batches)?;
    let targets = folder.map(|folder| folder.join(format!("{}.y.npy", workload.name)));
    let y = T::read(targets.as_deref(), &x)?;
    let mut model = model::<M>(arguments)?;
    let mut training = model.compile(optimizer, loss).dtype_policy(arguments.policy);
    let mut taken = 0;
    let mut step = || -> Result<f32> {
        let first = taken % batches * batch;
        taken += 1;
        let rows = first..first + batch;
        Ok(training.train_on_batch(&x[rows.clone()], &y[rows])?["loss"])
    };

    if let Some(count) = arguments.losses {
        let losses = (0..count).map(|_| step().map(f64::from)).collect::<Result<Vec<f64>>>()?;
        return Ok(json!({ "workload": workload.name, "batch": batch, "losses": losses }));
    }
    let loss_first = step()?;
    let time_to_first = machine::seconds_since_start();
    let start = Instant::now();
    let mut warm = 1;
    while warm < INPUTS || (start.elapsed() < WARM_UP && warm < WARM_UP_STEPS) {
        step()?;
        warm += 1;
    }
    let mut meter = Meter::start(arguments.seconds, arguments.reps);
    let steps = workload.steps_per_look;
    let loss_last = loop {
        let mut loss = 0.0;
        for _ in 0..steps {
            loss = step()?;
        }
        if meter.tick(batch * steps, steps) {
            break loss;
        }
    };
    let outcome = json!({
        "loss_first": loss_first,
        "loss_last": loss_last,
        "out_check": null,
        "time_to_first_prediction_s": null,
        "time_to_first_step_s": time_to_first.map(|seconds| round(seconds, 3)),
    });
    Ok(report(arguments, &mut meter, outcome))
}

/// A net of so few floating-point operations is fastest as the straight line that the macro emits.
const SMALL_FLOPS: u64 = 1 << 18;

/// Times calls of one sample, or of a batch.
pub(crate) fn infer<M>(arguments: &Arguments) -> Result<Value>
where
    M: Model<Input: Array<Element: Number>, Output: Array<Element = f32>>,
{
    let (batch, folder) = (arguments.batch, arguments.data.as_deref());
    let x = inputs::<M::Input>(folder, arguments.workload.name, batch * INPUTS)?;
    let model = model::<M>(arguments)?;
    let outcome = |y: &[M::Output]| {
        let seconds = machine::seconds_since_start();
        json!({
            "loss_first": null,
            "loss_last": null,
            "out_check": round(check(M::Output::flat(y)), 6),
            "time_to_first_prediction_s": seconds.map(|seconds| round(seconds, 3)),
            "time_to_first_step_s": null,
        })
    };
    // The emitted call is in `f32`; weights are prepared, and threads share a sample, in a
    // predictor.
    let is_small = batch == 1 && M::FLOPS <= SMALL_FLOPS;
    let (mut meter, outcome) = if is_small && arguments.policy == DtypePolicy::Float32 {
        let mut scratch = vec![0.0; M::SCRATCH_BYTES / size_of::<f32>()];
        let mut y = M::Output::zeros(1);
        model.call_into(&mut scratch, &x[0], &mut y[0]);
        let outcome = outcome(&y);
        let call = |i: usize| {
            std::hint::black_box(model.call_in(&mut scratch, std::hint::black_box(&x[i])));
        };
        (time_calls(arguments, call), outcome)
    } else {
        let mut y = M::Output::zeros(batch);
        let mut predictor = Predictor::under(arguments.policy).bind(&*model);
        predictor.predict(&x[..batch], &mut y)?;
        let outcome = outcome(&y);
        let call = |i: usize| {
            let batch = std::hint::black_box(&x[i * batch..(i + 1) * batch]);
            if let Err(error) = predictor.predict(batch, &mut y) {
                unreachable!("there are as many outputs as inputs: {error}");
            }
            std::hint::black_box(&y);
        };
        (time_calls(arguments, call), outcome)
    };
    Ok(report(arguments, &mut meter, outcome))
}

/// Calls with the number of an input, as long as asked for.
fn time_calls(arguments: &Arguments, mut call: impl FnMut(usize)) -> Meter {
    const WARM_UP: Duration = Duration::from_millis(300);
    const WARM_UP_CALLS: u32 = 200_000;
    let start = Instant::now();
    let mut warm = 0;
    while warm < INPUTS as u32 || (start.elapsed() < WARM_UP && warm < WARM_UP_CALLS) {
        call(warm as usize % INPUTS);
        warm += 1;
    }
    let seconds = start.elapsed().as_secs_f64() / f64::from(warm);
    let calls = (LOOK.as_secs_f64() / seconds).ceil().max(1.0) as usize;
    let mut input = 0;
    let mut meter = Meter::start(arguments.seconds, arguments.reps);
    loop {
        for _ in 0..calls {
            call(input);
            input = (input + 1) % INPUTS;
        }
        if meter.tick(arguments.batch * calls, calls) {
            return meter;
        }
    }
}

/// The model, with the weights that it starts from.
fn model<M: Model>(arguments: &Arguments) -> Result<Box<M>> {
    let model = match &arguments.weights {
        Some(path) => M::load(path)?,
        None => M::seeded(SEED),
    };
    if let Some(path) = &arguments.save {
        model.save(path)?;
    }
    Ok(model)
}

/// One number that any difference of the outputs `y` shows in: `Σ y[i] · cos(i) / √len`.
fn check(y: &[f32]) -> f64 {
    let sum: f64 = y.iter().enumerate().map(|(i, y)| f64::from(*y) * (i as f64).cos()).sum();
    sum / (y.len() as f64).sqrt()
}

/// The fields of a line, in the order in which the bench's peers print them.
fn report(arguments: &Arguments, meter: &mut Meter, outcome: Value) -> Value {
    let version = format!("keras-rs {}, {:?}", env!("CARGO_PKG_VERSION"), Level::current());
    let fixed = json!({
        "workload": arguments.workload.name,
        "peer": "keras-rs",
        "mode": if arguments.mode == Mode::Train { "train" } else { "infer" },
        "batch": arguments.batch,
        "threads": arguments.threads,
        "dtype": if arguments.policy == DtypePolicy::Float32 { "f32" } else { "bf16" },
        "version": version,
        "peak_rss_mb": machine::peak_mebibytes().map(|mebibytes| round(mebibytes, 1)),
        "import_s": null,
        "seconds": arguments.seconds,
    });
    const ORDER: [&str; 21] = [
        "workload",
        "peer",
        "mode",
        "batch",
        "threads",
        "dtype",
        "samples_per_s",
        "spread",
        "reps",
        "latency_us",
        "loss_first",
        "loss_last",
        "out_check",
        "version",
        "peak_rss_mb",
        "import_s",
        "time_to_first_prediction_s",
        "time_to_first_step_s",
        "seconds",
        "load_before",
        "other_cpu",
    ];
    let parts = [fixed, meter.report(), outcome];
    let find = |key| parts.iter().find_map(|part| part.get(key)).cloned();
    let line: Map<String, Value> =
        ORDER.iter().map(|&key| (key.to_string(), find(key).unwrap_or_default())).collect();
    Value::Object(line)
}
