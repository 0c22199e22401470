//! Windows of time, and what went on in them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::machine;

/// Counts samples in windows of equal length.
pub(crate) struct Meter {
    window: Duration,
    windows: usize,
    /// Samples per second of each window that has ended.
    rates: Vec<f64>,
    /// Seconds of single calls, or the mean of those between two looks at the clock.
    calls: Vec<f64>,
    /// Processors that others used in each window.
    others: Vec<f64>,
    load_before: Option<f64>,
    samples: usize,
    others_before: Option<f64>,
    start: Instant,
    last: Instant,
}

impl Meter {
    /// A meter that starts now.
    pub(crate) fn start(seconds: f64, windows: usize) -> Meter {
        /// Room for calls, so that it seldom grows while the clock runs.
        const CALLS: usize = 1 << 20;
        let load_before = machine::load();
        let others_before = machine::seconds_of_others();
        let calls = Vec::with_capacity(CALLS);
        let now = Instant::now();
        Meter {
            window: Duration::from_secs_f64(seconds),
            windows,
            rates: Vec::new(),
            calls,
            others: Vec::new(),
            load_before,
            samples: 0,
            others_before,
            start: now,
            last: now,
        }
    }

    /// Looks at the clock after `calls` calls of so many samples in all. Returns whether the last
    /// window has ended.
    pub(crate) fn tick(&mut self, samples: usize, calls: usize) -> bool {
        let now = Instant::now();
        self.calls.push((now - self.last).as_secs_f64() / calls as f64);
        self.last = now;
        self.samples += samples;
        let elapsed = now - self.start;
        if elapsed < self.window {
            return false;
        }
        self.rates.push(self.samples as f64 / elapsed.as_secs_f64());
        let others = machine::seconds_of_others();
        if let (Some(before), Some(after)) = (self.others_before, others) {
            self.others.push((after - before).max(0.0) / elapsed.as_secs_f64());
        }
        if self.rates.len() >= self.windows {
            return true;
        }
        (self.samples, self.others_before) = (0, others);
        self.start = Instant::now();
        self.last = self.start;
        false
    }

    /// What was measured, as the bench's peers report it.
    pub(crate) fn report(&mut self) -> Value {
        let reps: Vec<f64> = self.rates.iter().map(|rate| round(*rate, 2)).collect();
        let [least, median, most] = [0.0, 0.5, 1.0].map(|share| percentile(&mut self.rates, share));
        let [p10, p50, p90] = [0.1, 0.5, 0.9].map(|share| percentile(&mut self.calls, share) * 1e6);
        json!({
            "samples_per_s": round(median, 2),
            "spread": round((most - least) / median, 4),
            "reps": reps,
            "latency_us": { "median": round(p50, 3), "p10": round(p10, 3), "p90": round(p90, 3) },
            "load_before": self.load_before,
            "other_cpu": (!self.others.is_empty())
                .then(|| round(percentile(&mut self.others, 0.5), 3)),
        })
    }
}

/// The value that a share of all values is not above, between neighbours in proportion. Panics: if
/// there is none.
fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = share * (values.len() - 1) as f64;
    let (below, above) = (place as usize, place.ceil() as usize);
    values[below] + place.fract() * (values[above] - values[below])
}

/// Rounds to so many digits after the point.
pub(crate) fn round(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}
