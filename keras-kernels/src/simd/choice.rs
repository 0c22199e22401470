//! A level that a thread chooses for its kernels, for tests and benches.

use core::cell::Cell;
use core::fmt;

use super::level::Level;
use super::token::Token;

/// The processor lacks the instructions of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsupportedLevel(
    /// The level asked for.
    pub Level,
);

impl fmt::Display for UnsupportedLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this processor lacks the instructions of {:?}", self.0)
    }
}

impl core::error::Error for UnsupportedLevel {}

/// Calls `f` with the kernels of this thread at `level`, and with those that run for it on other
/// threads.
///
/// Errors: the processor lacks the level; then `f` is not called. What other threads do of their
/// own is not affected.
pub fn with_level<R>(level: Level, f: impl FnOnce() -> R) -> Result<R, UnsupportedLevel> {
    let token = Token::detect(level).ok_or(UnsupportedLevel(level))?;
    Ok(Choice(Some(token)).apply(f))
}

/// What a thread has chosen, so that the threads which it shares its work with compute likewise.
#[derive(Clone, Copy)]
pub struct Choice(Option<Token>);

impl Choice {
    /// The choice of this thread.
    pub fn current() -> Choice {
        Choice(FORCED.get())
    }

    /// Calls `f` with this choice on the thread at hand.
    pub fn apply<R>(self, f: impl FnOnce() -> R) -> R {
        /// Restores what was forced before, also when `f` panics.
        struct Restore(Option<Token>);
        impl Drop for Restore {
            fn drop(&mut self) {
                FORCED.set(self.0);
            }
        }
        let _restore = Restore(FORCED.replace(self.0));
        f()
    }
}

thread_local! {
    static FORCED: Cell<Option<Token>> = const { Cell::new(None) };
}

/// What this thread has chosen.
#[inline]
pub(super) fn forced() -> Option<Token> {
    FORCED.get()
}
