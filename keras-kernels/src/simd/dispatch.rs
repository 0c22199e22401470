//! The entry into code that is compiled for an instruction set.
//!
//! With the standard library the processor is asked once, while the program runs, and a thread may
//! choose otherwise ([`with_level`](super::with_level)). Without it nobody says whether the system
//! saves the larger registers, so the levels are those that the crate is compiled for, as by
//! `-C target-feature=+avx2,+fma`, and the choice costs nothing.

use super::level::{LEVELS, Level};
use super::token::Token;
use super::{Kernel, Simd};

impl Level {
    /// The best level of this processor.
    pub fn best() -> Level {
        Token::best().level()
    }

    /// The levels of this processor, the best last.
    pub fn available() -> impl Iterator<Item = Level> {
        LEVELS.into_iter().filter(|&level| Token::detect(level).is_some())
    }

    /// The level in force on this thread.
    pub fn current() -> Level {
        current().level()
    }
}

/// Runs a kernel with the best instructions of this processor, or those that
/// [`with_level`](super::with_level) forces.
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    match current() {
        Token::Portable(simd) => simd.enter(kernel),
        #[cfg(target_arch = "aarch64")]
        Token::Neon(simd) => simd.enter(kernel),
        #[cfg(target_arch = "x86_64")]
        Token::Avx2(simd) => simd.enter(kernel),
        #[cfg(target_arch = "x86_64")]
        Token::Avx512(simd) => simd.enter(kernel),
        #[cfg(target_arch = "x86_64")]
        Token::Avx512Bf16(simd) => simd.without_pairs().enter(kernel),
    }
}

/// As [`dispatch`], for a kernel that multiplies pairs of bfloat16 numbers.
pub(crate) fn dispatch_pairs<K: Kernel>(kernel: K) -> K::Output {
    match current() {
        #[cfg(target_arch = "x86_64")]
        Token::Avx512Bf16(simd) => simd.enter(kernel),
        _ => dispatch(kernel),
    }
}

/// As [`dispatch`], with eight lanes where the processor has sixteen: for what is too small to fill
/// those, and so short that loads across two cache lines are felt.
#[doc(hidden)]
#[inline]
pub fn dispatch_narrow<K: Kernel>(kernel: K) -> K::Output {
    match current() {
        Token::Portable(simd) => simd.enter(kernel),
        #[cfg(target_arch = "aarch64")]
        Token::Neon(simd) => simd.enter(kernel),
        #[cfg(target_arch = "x86_64")]
        Token::Avx2(simd) => simd.enter(kernel),
        #[cfg(target_arch = "x86_64")]
        Token::Avx512(simd) => simd.narrower().enter(kernel),
        #[cfg(target_arch = "x86_64")]
        Token::Avx512Bf16(simd) => simd.without_pairs().narrower().enter(kernel),
    }
}

/// The token in force on this thread.
#[cfg(feature = "std")]
#[inline]
fn current() -> Token {
    super::choice::forced().unwrap_or_else(Token::best)
}

/// The token in force.
#[cfg(not(feature = "std"))]
#[inline(always)]
fn current() -> Token {
    Token::best()
}
