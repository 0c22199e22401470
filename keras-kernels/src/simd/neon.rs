//! NEON: four lanes, thirty-two registers.

use core::arch::aarch64::*;

use super::detect::has;
use super::{Kernel, Simd, UPPER_HALF};

/// As the shift takes it.
const EXPONENT_SHIFT: i32 = super::EXPONENT_SHIFT as i32;
const LANES: usize = 4;

/// Exists only where NEON was detected.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    pub(super) fn detect() -> Option<Neon> {
        has!("neon").then_some(Neon(()))
    }
}

#[inline(never)]
#[target_feature(enable = "neon")]
fn enter<K: Kernel>(simd: Neon, kernel: K) -> K::Output {
    kernel.run(simd)
}

// Some targets have NEON always, and there calls without pointers are safe already.
#[allow(unused_unsafe)]
impl Simd for Neon {
    const LANES: usize = LANES;
    const REGISTERS: usize = 32;
    type F32 = float32x4_t;

    #[inline(always)]
    fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token exists, so NEON was detected.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> float32x4_t {
        // SAFETY: the token exists, so NEON was detected.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    fn load(self, x: &[f32]) -> float32x4_t {
        let x = &x[..LANES];
        // SAFETY: NEON was detected, and `x` holds 4 elements.
        unsafe { vld1q_f32(x.as_ptr()) }
    }

    #[inline(always)]
    fn load_part(self, x: &[f32]) -> float32x4_t {
        let mut lanes = [0.0; LANES];
        lanes[..x.len()].copy_from_slice(x);
        self.load(&lanes)
    }

    #[inline(always)]
    fn store(self, vector: float32x4_t, y: &mut [f32]) {
        let y = &mut y[..LANES];
        // SAFETY: NEON was detected, and `y` holds 4 elements.
        unsafe { vst1q_f32(y.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn store_part(self, vector: float32x4_t, y: &mut [f32]) {
        let mut lanes = [0.0; LANES];
        self.store(vector, &mut lanes);
        y.copy_from_slice(&lanes[..y.len()]);
    }

    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token exists, so NEON was detected.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token exists, so NEON was detected.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: the token exists, so NEON was detected.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    fn div(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token exists, so NEON was detected.
        unsafe { vdivq_f32(a, b) }
    }

    #[inline(always)]
    fn max(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token exists, so NEON was detected.
        let a_is_larger = unsafe { vcgtq_f32(a, b) };
        // SAFETY: the token exists, so NEON was detected.
        unsafe { vbslq_f32(a_is_larger, a, b) }
    }

    #[inline(always)]
    fn maximum(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token exists, so NEON was detected.
        unsafe { vmaxq_f32(a, b) }
    }

    #[inline(always)]
    fn where_equal(
        self,
        a: float32x4_t,
        b: float32x4_t,
        then: float32x4_t,
        otherwise: float32x4_t,
    ) -> float32x4_t {
        // SAFETY: the token exists, so NEON was detected.
        let equal = unsafe { vceqq_f32(a, b) };
        // SAFETY: the token exists, so NEON was detected.
        let number = unsafe { vceqq_f32(a, a) };
        // SAFETY: the token exists, so NEON was detected.
        let equal_or_nan = unsafe { vornq_u32(equal, number) };
        // SAFETY: the token exists, so NEON was detected.
        unsafe { vbslq_f32(equal_or_nan, then, otherwise) }
    }

    #[inline(always)]
    fn min(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token exists, so NEON was detected.
        let a_is_smaller = unsafe { vcltq_f32(a, b) };
        // SAFETY: the token exists, so NEON was detected.
        unsafe { vbslq_f32(a_is_smaller, a, b) }
    }

    #[inline(always)]
    fn to_exponent(self, vector: float32x4_t) -> float32x4_t {
        // SAFETY: the token exists, so NEON was detected.
        let bits = unsafe { vreinterpretq_s32_f32(vector) };
        // SAFETY: the token exists, so NEON was detected.
        let bits = unsafe { vshlq_n_s32::<EXPONENT_SHIFT>(bits) };
        // SAFETY: the token exists, so NEON was detected.
        unsafe { vreinterpretq_f32_s32(bits) }
    }

    #[inline(always)]
    fn unpair(self, pairs: float32x4_t) -> [float32x4_t; 2] {
        // SAFETY: the token exists, so NEON was detected.
        let bits = unsafe { vreinterpretq_u32_f32(pairs) };
        // SAFETY: the token exists, so NEON was detected.
        let low = unsafe { vshlq_n_u32::<16>(bits) };
        // SAFETY: the token exists, so NEON was detected.
        let mask = unsafe { vdupq_n_u32(UPPER_HALF) };
        // SAFETY: the token exists, so NEON was detected.
        let high = unsafe { vandq_u32(bits, mask) };
        // SAFETY: the token exists, so NEON was detected.
        [low, high].map(|half| unsafe { vreinterpretq_f32_u32(half) })
    }

    #[inline(always)]
    fn sum(self, vector: float32x4_t) -> f32 {
        // SAFETY: the token exists, so NEON was detected.
        unsafe { vaddvq_f32(vector) }
    }
}
