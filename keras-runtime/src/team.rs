//! Threads that share work of some microseconds, for which waking a thread of a pool would take too
//! long.
//!
//! Between two pieces of work the helpers look for the next one all the time; after a millisecond
//! without any they sleep. A piece of work has parts, and whoever is free takes the next, the
//! calling thread as well: a helper that sleeps, or that the system runs elsewhere, is not waited
//! for.

use core::any::Any;
use core::hint::spin_loop;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long a helper looks for work before it sleeps.
const LOOKS_FOR: Duration = Duration::from_millis(1);

/// Looks between two looks at the clock.
const LOOKS: u32 = 256;

/// What is to be done: calls with the number of a part.
type Work<'w> = &'w (dyn Fn(usize) + Sync);

/// A word on a cache line of its own, so that who waits for one does not slow down who writes
/// another.
#[repr(align(128))]
#[derive(Default)]
struct Apart<T>(T);

/// What the threads share.
#[derive(Default)]
struct Board {
    /// See [`Ticket`].
    ticket: Apart<AtomicU64>,
    /// A `Work` on the caller's stack, valid until all parts that were taken are done.
    work: AtomicPtr<()>,
    /// Parts that are done.
    done: Apart<AtomicU32>,
    /// What a helper's part panicked with.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    quits: AtomicBool,
}

/// Who takes a part.
#[derive(Clone, Copy)]
enum Taker {
    /// Takes the first one.
    Caller,
    /// Takes the last one. So a thread mostly gets the same parts again, and finds in its cache
    /// what they read.
    Helper,
}

/// A number of a piece of work, how many parts it has, and how many are taken at the front and at
/// the back: 40, 8, 8 and 8 bits.
#[derive(Clone, Copy)]
struct Ticket(u64);

impl Ticket {
    const PARTS: u32 = 16;
    const FRONT: u32 = 8;
    const BACK: u32 = 0;
    const NUMBER: u32 = 24;

    /// The piece of work after this one.
    fn next(self, parts: u8) -> Ticket {
        let number = (self.0 >> Ticket::NUMBER).wrapping_add(1);
        Ticket(number << Ticket::NUMBER | u64::from(parts) << Ticket::PARTS)
    }

    fn field(self, shift: u32) -> usize {
        usize::from((self.0 >> shift) as u8)
    }

    /// A part that is left, and the ticket without it.
    fn take(self, taker: Taker) -> Option<(usize, Ticket)> {
        let (parts, front, back) =
            (self.field(Ticket::PARTS), self.field(Ticket::FRONT), self.field(Ticket::BACK));
        (front + back < parts).then(|| match taker {
            Taker::Caller => (front, Ticket(self.0 + (1 << Ticket::FRONT))),
            Taker::Helper => (parts - 1 - back, Ticket(self.0 + (1 << Ticket::BACK))),
        })
    }
}

impl Board {
    /// Takes a part of the work at hand.
    fn take(&self, taker: Taker) -> Option<usize> {
        let mut ticket = self.ticket.0.load(Ordering::Acquire);
        loop {
            let (part, rest) = Ticket(ticket).take(taker)?;
            let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
            match self.ticket.0.compare_exchange_weak(ticket, rest.0, success, failure) {
                Ok(_) => return Some(part),
                Err(found) => ticket = found,
            }
        }
    }

    /// Does a part that was taken.
    #[allow(unsafe_code, reason = "the work's lifetime is that of the call which waits for it")]
    fn do_part(&self, part: usize) {
        let work = self.work.load(Ordering::Relaxed).cast::<Work<'_>>();
        // SAFETY: `Team::each` wrote the pointer before the ticket that this part was taken from,
        // and its `Work`, which threads may share, lives until all parts that were taken are
        // counted as done: this one is counted only below.
        let work = unsafe { *work };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(part))) {
            *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
        }
        self.done.0.fetch_add(1, Ordering::Release);
    }

    /// What a helper does until it is told to end.
    fn help(&self, is_asleep: &AtomicBool) {
        let mut idle_since = Instant::now();
        loop {
            for _ in 0..LOOKS {
                if let Some(part) = self.take(Taker::Helper) {
                    self.do_part(part);
                    idle_since = Instant::now();
                }
                spin_loop();
            }
            if idle_since.elapsed() < LOOKS_FOR {
                continue;
            }
            is_asleep.store(true, Ordering::SeqCst);
            if self.quits.load(Ordering::SeqCst) {
                return;
            }
            while is_asleep.load(Ordering::SeqCst) {
                thread::park();
            }
            idle_since = Instant::now();
        }
    }
}

/// Some helping threads.
pub(crate) struct Team {
    board: Arc<Board>,
    helpers: Vec<Helper>,
}

/// One of them.
struct Helper {
    is_asleep: Arc<AtomicBool>,
    thread: Thread,
    handle: Option<JoinHandle<()>>,
}

impl Team {
    /// A team of the calling thread and so many others, or of fewer if the system has no more
    /// threads.
    pub(crate) fn new(helpers: usize) -> Team {
        let board = Arc::new(Board::default());
        let helper = |i: usize| {
            let (board, is_asleep) = (Arc::clone(&board), Arc::new(AtomicBool::new(false)));
            let sleeps = Arc::clone(&is_asleep);
            let name = format!("keras-helper-{i}");
            let handle = thread::Builder::new().name(name).spawn(move || board.help(&sleeps));
            let handle = handle.ok()?;
            Some(Helper { is_asleep, thread: handle.thread().clone(), handle: Some(handle) })
        };
        let helpers = (0..helpers).map_while(helper).collect();
        Team { board, helpers }
    }

    /// Wakes who sleeps: work is coming.
    pub(crate) fn wake(&self) {
        for helper in &self.helpers {
            if helper.is_asleep.load(Ordering::SeqCst) {
                helper.is_asleep.store(false, Ordering::SeqCst);
                helper.thread.unpark();
            }
        }
    }

    /// Calls `work` with each of `0..parts`, on whatever threads are free.
    /// Panics: if a call does, after all that were begun.
    pub(crate) fn each(&mut self, parts: u8, work: Work<'_>) {
        let board = &*self.board;
        // All parts of the work before are taken and done, so nobody reads the board but for its
        // ticket.
        board.work.store((&raw const work).cast_mut().cast(), Ordering::Relaxed);
        board.done.0.store(0, Ordering::Relaxed);
        let ticket = Ticket(board.ticket.0.load(Ordering::Relaxed)).next(parts);
        board.ticket.0.store(ticket.0, Ordering::Release);
        // Panics of parts are caught, so this is not left before all are done.
        while let Some(part) = board.take(Taker::Caller) {
            board.do_part(part);
        }
        let mut looks = 0_u32;
        while board.done.0.load(Ordering::Acquire) < u32::from(parts) {
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(LOOKS * LOOKS) {
                thread::yield_now();
            }
            spin_loop();
        }
        let mut panic = board.panic.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(panic) = panic.take() {
            resume_unwind(panic);
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.board.quits.store(true, Ordering::SeqCst);
        for helper in &mut self.helpers {
            helper.is_asleep.store(false, Ordering::SeqCst);
            helper.thread.unpark();
            if let Some(handle) = helper.handle.take() {
                // Panics of parts are caught, and a helper does nothing else that could.
                let _ = handle.join();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_done_once() {
        for helpers in [0, 1, 3] {
            let mut team = Team::new(helpers);
            for round in 0..20_000_u32 {
                let parts = (round % 5) as u8;
                let sums: [AtomicU32; 5] = Default::default();
                if round % 5000 == 0 {
                    // Long enough for all to fall asleep.
                    thread::sleep(2 * LOOKS_FOR);
                    team.wake();
                }
                team.each(parts, &|part| {
                    sums[part].fetch_add(round + part as u32, Ordering::Relaxed);
                });
                for (part, sum) in sums.into_iter().enumerate() {
                    let expected = if part < parts.into() { round + part as u32 } else { 0 };
                    assert_eq!(sum.into_inner(), expected, "part {part} of round {round}");
                }
            }
            thread::sleep(LOOKS_FOR);
            let mut handles = team.helpers.iter().flat_map(|helper| &helper.handle);
            assert!(handles.all(|handle| !handle.is_finished()), "a helper ended");
        }
    }

    #[test]
    fn helpers_take_parts() {
        let mut team = Team::new(1);
        let caller = thread::current().id();
        let was_helped = AtomicBool::new(false);
        // A part that waits for the other can end only if two threads are at work.
        let both = std::sync::Barrier::new(2);
        team.wake();
        team.each(2, &|_| {
            both.wait();
            was_helped.fetch_or(thread::current().id() != caller, Ordering::Relaxed);
        });
        assert!(was_helped.into_inner());
    }

    #[test]
    fn a_panic_reaches_the_caller_when_all_is_done() {
        let mut team = Team::new(1);
        let done = AtomicU32::new(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            team.each(8, &|part| {
                assert!(part != 3, "part 3");
                done.fetch_add(1, Ordering::Relaxed);
            });
        }));
        assert!(outcome.is_err());
        assert_eq!(done.into_inner(), 7);
        let again = AtomicU32::new(0);
        team.each(4, &|_| {
            again.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(again.into_inner(), 4);
    }
}
