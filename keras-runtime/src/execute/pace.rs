//! Whether threads share a sample: found by trying, since it depends on where a system runs them.
//!
//! Threads that meet every few microseconds gain if their cores are neighbours and idle; elsewhere
//! they lose more than they save. Of each [`PERIOD`] calls the first are timed, half of them
//! shared, and the way of the faster ones is kept for the others. The bits are the same either way.

use std::time::{Duration, Instant};

/// Calls of each way that are timed.
const TRIALS: usize = 16;

/// Calls after which both ways are timed again.
const PERIOD: usize = 2048;

/// How a sample is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By all threads.
    Shared,
    /// By the caller.
    Alone,
}

/// Which way calls go, and how long those took that were timed.
#[derive(Default)]
pub(super) struct Pace {
    /// Calls of this period.
    calls: usize,
    shared: [Duration; TRIALS],
    alone: [Duration; TRIALS],
}

impl Pace {
    /// Makes a call the way that its turn is or that was faster.
    pub(super) fn run(&mut self, call: impl FnOnce(Way)) {
        let (way, trial) = self.turn();
        let Some(trial) = trial else { return call(way) };
        let start = Instant::now();
        call(way);
        self.took(way, trial, start.elapsed());
    }

    /// The way of the next call, and which trial of it that is, if it is timed.
    fn turn(&mut self) -> (Way, Option<usize>) {
        let turn = self.calls;
        self.calls = (turn + 1) % PERIOD;
        match turn / TRIALS {
            0 => (Way::Shared, Some(turn % TRIALS)),
            1 => (Way::Alone, Some(turn % TRIALS)),
            _ => (self.faster(), None),
        }
    }

    /// Notes how long a trial took.
    fn took(&mut self, way: Way, trial: usize, time: Duration) {
        let times = match way {
            Way::Shared => &mut self.shared,
            Way::Alone => &mut self.alone,
        };
        times[trial] = time;
        if trial == TRIALS - 1 {
            times.sort_unstable();
        }
    }

    /// The way whose median is less.
    fn faster(&self) -> Way {
        if self.shared[TRIALS / 2] < self.alone[TRIALS / 2] { Way::Shared } else { Way::Alone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faster_way_is_kept_until_both_are_tried_again() {
        for (slow, fast) in [(Way::Shared, Way::Alone), (Way::Alone, Way::Shared)] {
            let (mut pace, mut ways) = (Pace::default(), Vec::new());
            for _ in 0..PERIOD + TRIALS {
                let (way, trial) = pace.turn();
                if let Some(trial) = trial {
                    // One of the slow ones is interrupted less than the others, and one of the fast
                    // ones more.
                    let odd = if trial == 3 { 90 } else { 0 };
                    let micros = if way == slow { 100 - odd } else { 50 + odd };
                    pace.took(way, trial, Duration::from_micros(micros));
                }
                ways.push(way);
            }
            let (trials, kept) = ways.split_at(2 * TRIALS);
            assert!(trials[..TRIALS].iter().all(|way| *way == Way::Shared));
            assert!(trials[TRIALS..].iter().all(|way| *way == Way::Alone));
            let (kept, again) = kept.split_at(PERIOD - 2 * TRIALS);
            assert!(kept.iter().all(|way| *way == fast));
            assert!(again.iter().all(|way| *way == Way::Shared));
        }
    }
}
