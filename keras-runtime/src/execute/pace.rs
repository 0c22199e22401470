//! Whether threads share a sample: found by trying, since it depends on where a system runs them.
//!
//! Threads that meet every few microseconds gain if their cores are neighbours and idle; elsewhere they lose more than they save.
//! Of each [`PERIOD`] calls the first are timed, half of them shared, and the way of the faster ones is kept for the others. The bits
//! are the same either way.

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
        let turn = self.calls;
        self.calls = (turn + 1) % PERIOD;
        let (way, times) = match turn / TRIALS {
            0 => (Way::Shared, &mut self.shared),
            1 => (Way::Alone, &mut self.alone),
            _ => return call(self.faster()),
        };
        let start = Instant::now();
        call(way);
        times[turn % TRIALS] = start.elapsed();
        if turn % TRIALS == TRIALS - 1 {
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
                pace.run(|way| {
                    let start = Instant::now();
                    while way == slow && start.elapsed() < Duration::from_micros(50) {}
                    ways.push(way);
                });
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
