//! The progress of an epoch, drawn as Keras draws it.
//!
//! On a terminal a line is drawn over and over: steps, a bar of 20 characters, the time left, the
//! time of a step and the values so far. Elsewhere, as in a log file, each epoch writes one plain
//! line. A step's time leaves out the first step, which warms caches up. Source: Keras 3.15
//! `utils/progbar.py` and `callbacks/progbar_logger.py`.

use core::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::time::Instant;

use crate::logs::Logs;
use crate::python::{METRIC_DIGITS, MetricValue, SMALLEST_FIXED_VALUE, exponent};

/// Characters of the bar.
const BAR_WIDTH: usize = 20;
/// What the bar is made of.
const BLOCK: &str = "━";
/// Between two drawings of a running bar lie at least this many seconds.
const INTERVAL_S: f64 = 0.05;
const BOLD: &str = "\x1b[1m";
const GREEN: &str = "\x1b[32m";
const WHITE: &str = "\x1b[37m";
const PLAIN: &str = "\x1b[0m";
const BACKSPACE: &str = "\x08";

/// What is shown of the progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbose {
    /// A bar if standard output is a terminal, else a line for each epoch.
    #[default]
    Auto,
    /// Nothing; `verbose=0` of Keras.
    Silent,
    /// A bar that is drawn over and over; `verbose=1` of Keras.
    Bar,
    /// A plain line for each epoch; `verbose=2` of Keras.
    Line,
}

/// Shows the progress of a training or an evaluation on standard output.
///
/// What cannot be written, since nobody reads it any more, is dropped: it must not end the
/// training.
#[derive(Debug)]
pub struct ProgressBar {
    verbose: Verbose,
    epochs: usize,
    steps: Option<usize>,
    started: Instant,
    pass: Pass,
}

/// One pass over the batches: what has been drawn of it, and when, in seconds from its start.
#[derive(Debug, Default)]
struct Pass {
    seen: usize,
    first_step_s: Option<f64>,
    drawn_s: Option<f64>,
    width: usize,
    values: Logs,
}

impl ProgressBar {
    /// A display for `epochs` epochs of `steps` batches; `None` if their number shows only at the
    /// end of an epoch.
    pub fn new(verbose: Verbose, epochs: usize, steps: Option<usize>) -> Self {
        let verbose = match verbose {
            Verbose::Auto if std::io::stdout().is_terminal() => Verbose::Bar,
            Verbose::Auto => Verbose::Line,
            chosen => chosen,
        };
        ProgressBar { verbose, epochs, steps, started: Instant::now(), pass: Pass::default() }
    }

    /// Begins an epoch, counted from 0, and names it if there are several. An evaluation is one
    /// epoch.
    pub fn begin(&mut self, epoch: usize) {
        self.pass = Pass::default();
        self.started = Instant::now();
        if self.verbose != Verbose::Silent && self.epochs > 1 {
            show(&format!("Epoch {}/{}\n", epoch + 1, self.epochs));
        }
    }

    /// Shows that a batch, counted from 0, is done. `logs` hold the means since the epoch began.
    pub fn step(&mut self, batch: usize, logs: &Logs) {
        let now_s = self.started.elapsed().as_secs_f64();
        self.pass.seen = batch + 1;
        if self.verbose != Verbose::Bar {
            return;
        }
        if let Some(text) = self.pass.running(self.steps, logs, now_s) {
            show(&text);
        }
    }

    /// Ends an epoch, with its validation's values among `logs`.
    pub fn end(&mut self, logs: &Logs) {
        let now_s = self.started.elapsed().as_secs_f64();
        // From the first epoch on it is known how many batches there are.
        let steps = *self.steps.get_or_insert(self.pass.seen);
        match self.verbose {
            Verbose::Bar => show(&self.pass.ended(steps, logs, now_s)),
            Verbose::Line => show(&self.pass.line(steps, logs, now_s)),
            Verbose::Silent | Verbose::Auto => {}
        }
    }
}

impl Pass {
    /// The text that draws the bar of a running epoch; `None` if it was drawn just before.
    fn running(&mut self, steps: Option<usize>, logs: &Logs, now_s: f64) -> Option<String> {
        self.take(logs);
        let step_s = self.step_s(self.seen, now_s);
        if self.drawn_s.is_some_and(|drawn_s| now_s - drawn_s < INTERVAL_S) {
            return None;
        }
        let time = match steps.filter(|steps| *steps > 0) {
            Some(steps) => remaining(step_s * (steps as f64 - self.seen as f64)),
            None => format!("{now_s:.0}s"),
        };
        let text = self.draw((self.seen, steps), &time, step_s);
        self.drawn_s = Some(now_s);
        Some(text)
    }

    /// The text that draws the bar of an epoch at its end.
    fn ended(&mut self, steps: usize, logs: &Logs, now_s: f64) -> String {
        self.take(logs);
        let step_s = self.step_s(steps, now_s);
        self.draw((steps, Some(steps)), &format!("{now_s:.0}s"), step_s) + "\n"
    }

    /// The plain line of an epoch.
    fn line(&mut self, steps: usize, logs: &Logs, now_s: f64) -> String {
        if steps == 0 {
            return String::new();
        }
        self.take(logs);
        let mut text = format!("{steps}/{steps} - {now_s:.0}s - ");
        text += &step_time(self.step_s(steps, now_s));
        for (name, value) in &self.values {
            let value = f64::from(value);
            // Unlike the bar, Keras' line shows every negative value with an exponent.
            let shown = match value < -SMALLEST_FIXED_VALUE {
                true => exponent(value, METRIC_DIGITS),
                false => MetricValue(value).to_string(),
            };
            let _ = write!(text, " - {name}: {shown}");
        }
        text + "\n"
    }

    /// Keeps the latest values; names stay where they first appeared.
    fn take(&mut self, logs: &Logs) {
        logs.iter().for_each(|(name, value)| self.values.push(name, value));
    }

    /// Seconds that a step takes, estimated after `steps` of them.
    fn step_s(&mut self, steps: usize, now_s: f64) -> f64 {
        if steps == 0 {
            return 0.0;
        }
        let step_s = match self.first_step_s {
            Some(first_step_s) if steps > 1 => (now_s - first_step_s) / (steps - 1) as f64,
            _ => now_s / steps as f64,
        };
        if steps == 1 {
            self.first_step_s = Some(now_s);
        }
        step_s
    }

    /// The text that replaces what was drawn before by a bar at `seen` of `steps`.
    fn draw(&mut self, (seen, steps): (usize, Option<usize>), time: &str, step_s: f64) -> String {
        let (mut text, mut width) = (BACKSPACE.repeat(self.width) + "\r", 0);
        match steps.filter(|steps| *steps > 0) {
            Some(steps) => {
                let count = format!("{seen:digits$}/{steps}", digits = steps.to_string().len());
                let filled = (BAR_WIDTH as f64 * (seen as f64 / steps as f64)) as usize;
                width += count.len() + 1 + BAR_WIDTH.max(filled);
                let _ = write!(text, "{BOLD}{count}{PLAIN} ");
                if filled > 0 {
                    let _ = write!(text, "{GREEN}{}{PLAIN}", BLOCK.repeat(filled));
                }
                let rest = BLOCK.repeat(BAR_WIDTH.saturating_sub(filled));
                let _ = write!(text, "{WHITE}{rest}{PLAIN}");
            }
            None => {
                let count = format!("{seen:7}/Unknown");
                width += count.len();
                text += &count;
            }
        }
        let mut info = format!(" {}", step_time(step_s));
        for (name, value) in &self.values {
            let _ = write!(info, " - {name}: {}", MetricValue(f64::from(value)));
        }
        width += 1 + time.len() + info.chars().count();
        let _ = write!(text, " {BOLD}{time}{PLAIN}{info}");
        text += &" ".repeat(self.width.saturating_sub(width));
        self.width = width;
        text
    }
}

/// The time left: `1:23:18`, `1:21`, `18s`.
fn remaining(seconds: f64) -> String {
    const MINUTE_S: u64 = 60;
    const HOUR_S: u64 = 60 * MINUTE_S;
    let whole = seconds as u64;
    let (minutes, rest) = (whole % HOUR_S / MINUTE_S, whole % MINUTE_S);
    if seconds > HOUR_S as f64 {
        format!("{}:{minutes:02}:{rest:02}", whole / HOUR_S)
    } else if seconds > MINUTE_S as f64 {
        format!("{}:{rest:02}", whole / MINUTE_S)
    } else {
        format!("{whole}s")
    }
}

/// The time of a step: `2s/step`, `488ms/step`, `60us/step`.
fn step_time(seconds: f64) -> String {
    const MS: f64 = 1e3;
    const US: f64 = 1e6;
    if seconds >= 1.0 || seconds == 0.0 {
        format!("{seconds:.0}s/step")
    } else if seconds >= 1.0 / MS {
        format!("{:.0}ms/step", seconds * MS)
    } else {
        format!("{:.0}us/step", seconds * US)
    }
}

/// Writes at once to standard output.
fn show(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe must not end a training that still has its model to save.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests;
