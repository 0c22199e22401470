//! AVX-512F: sixteen lanes, thirty-two registers, masks.

use core::arch::x86_64::*;

use super::avx2::Avx2;
use super::detect::has;
use super::{EXPONENT_SHIFT, Kernel, Simd, UPPER_HALF};

const LANES: usize = 16;

/// Each second lane of two vectors, from the first on.
const EVEN: [u32; LANES] = each_second(0);
/// Likewise from the second on.
const ODD: [u32; LANES] = each_second(1);

const fn each_second(first: u32) -> [u32; LANES] {
    let mut lanes = [first; LANES];
    let mut i = 1;
    while i < LANES {
        lanes[i] = lanes[i - 1] + 2;
        i += 1;
    }
    lanes
}

/// Exists only where AVX-512F was detected.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(Avx2);

impl Avx512 {
    pub(super) fn detect() -> Option<Avx512> {
        Avx2::detect().filter(|_| has!("avx512f")).map(Avx512)
    }

    /// The shorter vectors, which wait for nothing and waste less where few lanes are used.
    #[inline(always)]
    pub(super) fn narrower(self) -> Avx2 {
        self.0
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f,fma")]
fn enter<K: Kernel>(simd: Avx512, kernel: K) -> K::Output {
    kernel.run(simd)
}

/// The first `len` lanes.
#[inline(always)]
fn mask(len: usize) -> __mmask16 {
    assert!(len <= LANES);
    ((1u32 << len) - 1) as __mmask16
}

impl Simd for Avx512 {
    const LANES: usize = LANES;
    const REGISTERS: usize = 32;
    type F32 = __m512;

    #[inline(always)]
    fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token exists, so AVX-512F and FMA were detected.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, x: &[f32]) -> __m512 {
        let x = &x[..LANES];
        // SAFETY: AVX-512F was detected, and `x` holds 16 elements; no alignment is asked for.
        unsafe { _mm512_loadu_ps(x.as_ptr()) }
    }

    #[inline(always)]
    fn load_part(self, x: &[f32]) -> __m512 {
        let mask = mask(x.len());
        // SAFETY: AVX-512F was detected, and the mask admits no lane past the end of `x`.
        unsafe { _mm512_maskz_loadu_ps(mask, x.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, vector: __m512, y: &mut [f32]) {
        let y = &mut y[..LANES];
        // SAFETY: AVX-512F was detected, and `y` holds 16 elements; no alignment is asked for.
        unsafe { _mm512_storeu_ps(y.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn store_part(self, vector: __m512, y: &mut [f32]) {
        let mask = mask(y.len());
        // SAFETY: AVX-512F was detected, and the mask admits no lane past the end of `y`.
        unsafe { _mm512_mask_storeu_ps(y.as_mut_ptr(), mask, vector) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn maximum(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token exists, so AVX-512F was detected.
        let a_is_nan = unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a) };
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_mask_mov_ps(self.max(a, b), a_is_nan, a) }
    }

    #[inline(always)]
    fn where_equal(self, a: __m512, b: __m512, then: __m512, otherwise: __m512) -> __m512 {
        // SAFETY: the token exists, so AVX-512F was detected.
        let equal = unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b) };
        // SAFETY: the token exists, so AVX-512F was detected.
        let a_is_nan = unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a) };
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_mask_blend_ps(equal | a_is_nan, otherwise, then) }
    }

    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn to_exponent(self, vector: __m512) -> __m512 {
        // SAFETY: the token exists, so AVX-512F was detected.
        let bits = unsafe { _mm512_castps_si512(vector) };
        // SAFETY: as above.
        let bits = unsafe { _mm512_slli_epi32::<EXPONENT_SHIFT>(bits) };
        // SAFETY: as above.
        unsafe { _mm512_castsi512_ps(bits) }
    }

    #[inline(always)]
    fn unpair(self, pairs: __m512) -> [__m512; 2] {
        // SAFETY: the token exists, so AVX-512F was detected.
        let bits = unsafe { _mm512_castps_si512(pairs) };
        // SAFETY: the token exists, so AVX-512F was detected.
        let low = unsafe { _mm512_slli_epi32::<16>(bits) };
        // SAFETY: the token exists, so AVX-512F was detected.
        let mask = unsafe { _mm512_set1_epi32(UPPER_HALF as i32) };
        // SAFETY: the token exists, so AVX-512F was detected.
        let high = unsafe { _mm512_and_si512(bits, mask) };
        // SAFETY: the token exists, so AVX-512F was detected.
        [low, high].map(|half| unsafe { _mm512_castsi512_ps(half) })
    }

    #[inline(always)]
    fn sum(self, vector: __m512) -> f32 {
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_reduce_add_ps(vector) }
    }

    #[inline(always)]
    fn splat_pair(self, pair: &[f32; 2]) -> __m512 {
        // SAFETY: SSE2 is always there, and the pair holds the 8 bytes that are read; no alignment
        // is asked for.
        let pair = unsafe { _mm_load_sd(pair.as_ptr().cast()) };
        // SAFETY: the token exists, so AVX-512F was detected.
        let pairs = unsafe { _mm512_broadcastsd_pd(pair) };
        // SAFETY: the token exists, so AVX-512F was detected.
        unsafe { _mm512_castpd_ps(pairs) }
    }

    #[inline(always)]
    fn add_neighbors(self, first: __m512, second: __m512) -> __m512 {
        // SAFETY: AVX-512F was detected, and the array holds 64 bytes; no alignment is asked for.
        let even = unsafe { _mm512_loadu_si512(EVEN.as_ptr().cast()) };
        // SAFETY: as above.
        let odd = unsafe { _mm512_loadu_si512(ODD.as_ptr().cast()) };
        // SAFETY: the token exists, so AVX-512F was detected.
        let even = unsafe { _mm512_permutex2var_ps(first, even, second) };
        // SAFETY: the token exists, so AVX-512F was detected.
        let odd = unsafe { _mm512_permutex2var_ps(first, odd, second) };
        self.add(even, odd)
    }

    #[inline(always)]
    fn transpose(self, from: &[f32], stride: usize, to: &mut [f32], to_stride: usize) {
        let mut rows = [self.splat(0.0); LANES];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = self.load(&from[i * stride..]);
        }
        // SAFETY: the token exists, so AVX-512F was detected.
        let columns = unsafe { transposed(rows) };
        for (j, column) in columns.into_iter().enumerate() {
            self.store(column, &mut to[j * to_stride..]);
        }
    }
}

/// The columns of a square as rows: first within quarters of four lanes, then the quarters.
#[inline]
#[target_feature(enable = "avx512f")]
fn transposed(rows: [__m512; LANES]) -> [__m512; LANES] {
    let mut quarters = rows;
    for i in (0..LANES).step_by(4) {
        let [a, b, c, d] = [rows[i], rows[i + 1], rows[i + 2], rows[i + 3]];
        let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
        let [ab, cd, above_ab, above_cd] = [
            _mm512_castps_pd(ab),
            _mm512_castps_pd(cd),
            _mm512_castps_pd(_mm512_unpackhi_ps(a, b)),
            _mm512_castps_pd(_mm512_unpackhi_ps(c, d)),
        ];
        quarters[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
        quarters[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
        quarters[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(above_ab, above_cd));
        quarters[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(above_ab, above_cd));
    }
    let mut columns = rows;
    for i in 0..4 {
        let [a, b, c, d] = [quarters[i], quarters[i + 4], quarters[i + 8], quarters[i + 12]];
        let (even_ab, odd_ab) =
            (_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xdd>(a, b));
        let (even_cd, odd_cd) =
            (_mm512_shuffle_f32x4::<0x88>(c, d), _mm512_shuffle_f32x4::<0xdd>(c, d));
        columns[i] = _mm512_shuffle_f32x4::<0x88>(even_ab, even_cd);
        columns[i + 4] = _mm512_shuffle_f32x4::<0x88>(odd_ab, odd_cd);
        columns[i + 8] = _mm512_shuffle_f32x4::<0xdd>(even_ab, even_cd);
        columns[i + 12] = _mm512_shuffle_f32x4::<0xdd>(odd_ab, odd_cd);
    }
    columns
}
