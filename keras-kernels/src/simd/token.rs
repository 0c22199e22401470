//! Which instruction sets this processor has: a token of one exists where it has it.

use super::level::{LEVELS, Level};
use super::portable::Portable;
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512, avx512bf16::Avx512Bf16};

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
    pub(super) fn best() -> Token {
        static BEST: std::sync::OnceLock<Token> = std::sync::OnceLock::new();
        *BEST.get_or_init(Token::detect_best)
    }

    /// The token of the best level, which is known while compiling.
    #[cfg(not(feature = "std"))]
    #[inline(always)]
    pub(super) fn best() -> Token {
        Token::detect_best()
    }

    #[cfg_attr(not(feature = "std"), inline(always))]
    fn detect_best() -> Token {
        let best = LEVELS.into_iter().rev().find_map(Token::detect);
        best.unwrap_or(Token::Portable(Portable))
    }

    pub(super) fn level(self) -> Level {
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
