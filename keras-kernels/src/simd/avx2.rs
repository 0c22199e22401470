//! AVX2 and FMA: eight lanes, sixteen registers.

use core::arch::x86_64::*;

use super::detect::has;
use super::{Kernel, Simd, UPPER_HALF};

/// As the shift takes it.
const EXPONENT_SHIFT: i32 = super::EXPONENT_SHIFT as i32;
const LANES: usize = 8;

/// Exists only where AVX2 and FMA were detected.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Avx2> {
        has!("avx2", "fma").then_some(Avx2(()))
    }

    /// The first `len` lanes, as the sign bits that masked loads and stores look at.
    #[inline(always)]
    fn mask(self, len: usize) -> __m256i {
        /// Eight lanes read from element `LANES - len` on begin with `len` set ones.
        const ONES_THEN_ZEROS: [i32; 2 * LANES] =
            [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(len <= LANES);
        let lanes = &ONES_THEN_ZEROS[LANES - len..][..LANES];
        // SAFETY: AVX was detected, and `lanes` holds 8 elements of 4 bytes; no alignment is asked
        // for.
        unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) }
    }
}

#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn enter<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
    kernel.run(simd)
}

impl Simd for Avx2 {
    const LANES: usize = LANES;
    const REGISTERS: usize = 16;
    type F32 = __m256;

    #[inline(always)]
    fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token exists, so AVX2 and FMA were detected.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: the token exists, so AVX was detected.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, x: &[f32]) -> __m256 {
        let x = &x[..LANES];
        // SAFETY: AVX was detected, and `x` holds 8 elements; no alignment is asked for.
        unsafe { _mm256_loadu_ps(x.as_ptr()) }
    }

    #[inline(always)]
    fn load_part(self, x: &[f32]) -> __m256 {
        let mask = self.mask(x.len());
        // SAFETY: AVX was detected, and the mask admits no lane past the end of `x`.
        unsafe { _mm256_maskload_ps(x.as_ptr(), mask) }
    }

    #[inline(always)]
    fn store(self, vector: __m256, y: &mut [f32]) {
        let y = &mut y[..LANES];
        // SAFETY: AVX was detected, and `y` holds 8 elements; no alignment is asked for.
        unsafe { _mm256_storeu_ps(y.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn store_part(self, vector: __m256, y: &mut [f32]) {
        let mask = self.mask(y.len());
        // SAFETY: AVX was detected, and the mask admits no lane past the end of `y`.
        unsafe { _mm256_maskstore_ps(y.as_mut_ptr(), mask, vector) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token exists, so AVX was detected.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token exists, so AVX was detected.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the token exists, so FMA was detected.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token exists, so AVX was detected.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token exists, so AVX was detected.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    fn maximum(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token exists, so AVX was detected.
        let a_is_nan = unsafe { _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a) };
        // SAFETY: the token exists, so AVX was detected.
        unsafe { _mm256_blendv_ps(self.max(a, b), a, a_is_nan) }
    }

    #[inline(always)]
    fn where_equal(self, a: __m256, b: __m256, then: __m256, otherwise: __m256) -> __m256 {
        // SAFETY: the token exists, so AVX was detected.
        let equal = unsafe { _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b) };
        // SAFETY: the token exists, so AVX was detected.
        let a_is_nan = unsafe { _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a) };
        // SAFETY: the token exists, so AVX was detected.
        let equal_or_nan = unsafe { _mm256_or_ps(equal, a_is_nan) };
        // SAFETY: the token exists, so AVX was detected.
        unsafe { _mm256_blendv_ps(otherwise, then, equal_or_nan) }
    }

    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token exists, so AVX was detected.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    fn to_exponent(self, vector: __m256) -> __m256 {
        // SAFETY: the token exists, so AVX was detected.
        let bits = unsafe { _mm256_castps_si256(vector) };
        // SAFETY: the token exists, so AVX2 was detected.
        let bits = unsafe { _mm256_slli_epi32::<EXPONENT_SHIFT>(bits) };
        // SAFETY: the token exists, so AVX was detected.
        unsafe { _mm256_castsi256_ps(bits) }
    }

    #[inline(always)]
    fn unpair(self, pairs: __m256) -> [__m256; 2] {
        // SAFETY: the token exists, so AVX was detected.
        let bits = unsafe { _mm256_castps_si256(pairs) };
        // SAFETY: the token exists, so AVX2 was detected.
        let low = unsafe { _mm256_slli_epi32::<16>(bits) };
        // SAFETY: the token exists, so AVX was detected.
        let mask = unsafe { _mm256_set1_epi32(UPPER_HALF as i32) };
        // SAFETY: the token exists, so AVX2 was detected.
        let high = unsafe { _mm256_and_si256(bits, mask) };
        // SAFETY: the token exists, so AVX was detected.
        [low, high].map(|half| unsafe { _mm256_castsi256_ps(half) })
    }

    #[inline(always)]
    fn sum(self, vector: __m256) -> f32 {
        let mut lanes = [0.0; LANES];
        self.store(vector, &mut lanes);
        let [a, b, c, d, e, f, g, h] = lanes;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }

    #[inline(always)]
    fn largest(self, vector: __m256) -> __m256 {
        // SAFETY: the token exists, so AVX was detected.
        unsafe { largest(vector) }
    }

    #[inline(always)]
    fn transpose(self, from: &[f32], stride: usize, to: &mut [f32], to_stride: usize) {
        let mut rows = [self.splat(0.0); LANES];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = self.load(&from[i * stride..]);
        }
        // SAFETY: the token exists, so AVX was detected.
        let columns = unsafe { transposed(rows) };
        for (j, column) in columns.into_iter().enumerate() {
            self.store(column, &mut to[j * to_stride..]);
        }
    }
}

/// The largest lane, in each lane: that of both halves, of both halves of these, and of neighbours.
#[inline]
#[target_feature(enable = "avx")]
fn largest(x: __m256) -> __m256 {
    let x = _mm256_max_ps(x, _mm256_permute2f128_ps::<0x01>(x, x));
    let x = _mm256_max_ps(x, _mm256_permute_ps::<0b01_00_11_10>(x));
    _mm256_max_ps(x, _mm256_permute_ps::<0b10_11_00_01>(x))
}

/// The columns of a square as rows: first within halves of four lanes, then the halves.
#[inline]
#[target_feature(enable = "avx")]
fn transposed(rows: [__m256; LANES]) -> [__m256; LANES] {
    let mut halves = rows;
    for i in (0..LANES).step_by(4) {
        let [a, b, c, d] = [rows[i], rows[i + 1], rows[i + 2], rows[i + 3]];
        let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
        let [ab, cd, above_ab, above_cd] = [
            _mm256_castps_pd(ab),
            _mm256_castps_pd(cd),
            _mm256_castps_pd(_mm256_unpackhi_ps(a, b)),
            _mm256_castps_pd(_mm256_unpackhi_ps(c, d)),
        ];
        halves[i] = _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd));
        halves[i + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd));
        halves[i + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(above_ab, above_cd));
        halves[i + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(above_ab, above_cd));
    }
    let mut columns = rows;
    for i in 0..4 {
        columns[i] = _mm256_permute2f128_ps::<0x20>(halves[i], halves[i + 4]);
        columns[i + 4] = _mm256_permute2f128_ps::<0x31>(halves[i], halves[i + 4]);
    }
    columns
}
