//! Stack for what the crates below take of it when they are not optimised.
//!
//! Users call this crate on threads whose stacks may be as small as 256 KiB. Without optimisation,
//! the state of an inflater is moved on the stack several times, 300 KiB in all, so in debug builds
//! files are read on a thread of their own.

use std::panic::resume_unwind;
use std::thread;

/// Stack of the thread.
const STACK_BYTES: usize = 2 << 20;

/// Does something that takes much stack in a debug build.
pub(crate) fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if cfg!(not(debug_assertions)) {
        return work();
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let thread = thread.expect("the system has a thread to give");
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}
