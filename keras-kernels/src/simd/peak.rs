//! A yardstick for benches: as many multiply-adds as the processor can do.

use super::{Kernel, Simd, dispatch};

/// Independent sums, enough to hide the latency of a multiply-add and few enough for the registers.
const SUMS: usize = 12;

/// Does `rounds` rounds of multiply-adds that need no memory, at the level in force; returns the
/// number of floating-point operations and a value that depends on all of them.
pub fn multiply_adds(rounds: usize) -> (u64, f32) {
    dispatch(MultiplyAdds { rounds })
}

struct MultiplyAdds {
    rounds: usize,
}

impl Kernel for MultiplyAdds {
    type Output = (u64, f32);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (u64, f32) {
        let (a, b) = (simd.splat(core::hint::black_box(0.5)), simd.splat(1.0));
        let mut sums = [simd.splat(0.0); SUMS];
        for (i, sum) in sums.iter_mut().enumerate() {
            // Equal sums would be computed once.
            *sum = simd.splat(i as f32);
        }
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = simd.mul_add(*sum, a, b);
            }
        }
        let total = sums.into_iter().fold(b, |total, sum| simd.add(total, sum));
        ((2 * SUMS * S::LANES * self.rounds) as u64, simd.sum(total))
    }
}
