//! The instruction sets.

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
