//! AVX-512 with products of bfloat16 pairs: 32 multiply-adds an instruction.

use core::arch::x86_64::*;

use super::avx512::Avx512;
use super::detect::has;
use super::pairs::as_inner;
use super::{Kernel, Simd};

const LANES: usize = 16;

/// Exists only where AVX-512F, AVX-512BW and AVX512_BF16 were detected.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Bf16(Avx512);

impl Avx512Bf16 {
    pub(super) fn detect() -> Option<Avx512Bf16> {
        let is_there = has!("avx512bw", "avx512bf16");
        Avx512::detect().filter(|_| is_there).map(Avx512Bf16)
    }

    /// The token of all that knows no bfloat16.
    #[inline(always)]
    pub(super) fn without_pairs(self) -> Avx512 {
        self.0
    }

    /// `first`, then `second`, rounded.
    #[inline(always)]
    fn round(self, first: __m512, second: __m512) -> __m512i {
        // SAFETY: the token exists, so AVX512_BF16 was detected.
        let rounded = unsafe { _mm512_cvtne2ps_pbh(second, first) };
        // SAFETY: both types are 64 bytes that may hold anything.
        unsafe { core::mem::transmute::<__m512bh, __m512i>(rounded) }
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16,fma")]
fn enter<K: Kernel>(simd: Avx512Bf16, kernel: K) -> K::Output {
    kernel.run(simd)
}

/// For each half of a lane, where it stands in the rounded `low` and `high`, one after the other.
const INTERLEAVED: [u16; 2 * LANES] = {
    let mut places = [0; 2 * LANES];
    let mut lane = 0;
    while lane < LANES {
        places[2 * lane] = lane as u16;
        places[2 * lane + 1] = (LANES + lane) as u16;
        lane += 1;
    }
    places
};

impl Simd for Avx512Bf16 {
    as_inner!(of Avx512);

    #[inline(always)]
    fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token exists, so AVX-512F, AVX-512BW, AVX512_BF16 and FMA were detected.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn pair(self, low: __m512, high: __m512) -> __m512 {
        let rounded = self.round(low, high);
        // SAFETY: AVX-512F was detected, and the array holds 64 bytes; no alignment is asked for.
        let places = unsafe { _mm512_loadu_si512(INTERLEAVED.as_ptr().cast()) };
        // SAFETY: the token exists, so AVX-512BW was detected.
        let pairs = unsafe { _mm512_permutexvar_epi16(places, rounded) };
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_castsi512_ps(pairs) }
    }

    #[inline(always)]
    fn pair_neighbors(self, first: __m512, second: __m512) -> __m512 {
        let pairs = self.round(first, second);
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_castsi512_ps(pairs) }
    }

    #[inline(always)]
    fn dot_pairs(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: both types are 64 bytes that may hold anything.
        let a = unsafe { core::mem::transmute::<__m512, __m512bh>(a) };
        // SAFETY: as above.
        let b = unsafe { core::mem::transmute::<__m512, __m512bh>(b) };
        // SAFETY: the token exists, so AVX512_BF16 was detected.
        unsafe { _mm512_dpbf16_ps(c, a, b) }
    }
}
