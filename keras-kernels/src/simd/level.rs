//! The instruction sets, which of them this processor has, and the entry into code that is compiled
//! for one of them.
//!
//! With the standard library the processor is asked once, while the program runs, and a thread may
//! choose otherwise ([`with_level`](super::with_level)). Without it nobody says whether the system
//! saves the larger registers, so the levels are those that the crate is compiled for, as by
//! `-C target-feature=+avx2,+fma`, and the choice costs nothing.

use super::portable::Portable;
use super::{Kernel, Simd};
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512, avx512bf16::Avx512Bf16};

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Plain Rust on four lanes, without fused multiply-add. Always there.
    Portable,
    /// ARM NEON, four lanes.
    Neon,
    /// x86-64 AVX2 and FMA, eight lanes.
    Avx2,
    /// x86-64 AVX-512F, sixteen lanes.
    Avx512,
    /// The same with AVX512_BF16, which multiplies pairs of bfloat16 numbers; `f32` is computed as
    /// by [`Level::Avx512`].
    Avx512Bf16,
}

/// Every level, the best last.
pub(super) const LEVELS: [Level; 5] =
    [Level::Portable, Level::Neon, Level::Avx2, Level::Avx512, Level::Avx512Bf16];

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
        Token::current().level()
    }
}

/// Runs a kernel with the best instructions of this processor, or those that
/// [`with_level`](super::with_level) forces.
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    match Token::current() {
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
    match Token::current() {
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
    match Token::current() {
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

/// The token of a level that this processor has.
#[derive(Clone, Copy)]
pub(super) enum Token {
    Portable(Portable),
    #[cfg(target_arch = "aarch64")]
    Neon(super::neon::Neon),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(Avx512Bf16),
}

impl Token {
    /// The token of a level, if the processor has its instructions.
    #[cfg_attr(not(feature = "std"), inline(always))]
    pub(super) fn detect(level: Level) -> Option<Token> {
        match level {
            Level::Portable => Some(Token::Portable(Portable)),
            #[cfg(target_arch = "aarch64")]
            Level::Neon => super::neon::Neon::detect().map(Token::Neon),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => Avx2::detect().map(Token::Avx2),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => Avx512::detect().map(Token::Avx512),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Bf16 => Avx512Bf16::detect().map(Token::Avx512Bf16),
            #[allow(unreachable_patterns, reason = "which levels are left depends on the target")]
            _ => None,
        }
    }

    /// The token of the best level.
    #[cfg(feature = "std")]
    #[inline]
    fn best() -> Token {
        static BEST: std::sync::OnceLock<Token> = std::sync::OnceLock::new();
        *BEST.get_or_init(Token::detect_best)
    }

    /// The token of the best level, which is known while compiling.
    #[cfg(not(feature = "std"))]
    #[inline(always)]
    fn best() -> Token {
        Token::detect_best()
    }

    #[cfg_attr(not(feature = "std"), inline(always))]
    fn detect_best() -> Token {
        let best = LEVELS.into_iter().rev().find_map(Token::detect);
        best.unwrap_or(Token::Portable(Portable))
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

    fn level(self) -> Level {
        match self {
            Token::Portable(_) => Level::Portable,
            #[cfg(target_arch = "aarch64")]
            Token::Neon(_) => Level::Neon,
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(_) => Level::Avx2,
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(_) => Level::Avx512,
            #[cfg(target_arch = "x86_64")]
            Token::Avx512Bf16(_) => Level::Avx512Bf16,
        }
    }
}
