//! Sums over many weights, for norms and penalties.
//!
//! Sixteen sums in double precision run side by side and are added in a fixed order: as vectors
//! where the processor has them, and with the same bits everywhere.

use crate::simd::{Kernel, Simd, dispatch};

/// Sums that run side by side.
const LANES: usize = 16;

/// What is summed of each number.
pub(crate) trait Term: Copy {
    /// The term of a number.
    fn of(self, x: f64) -> f64;
}

/// `x²`.
#[derive(Clone, Copy)]
pub(crate) struct Square;

impl Term for Square {
    #[inline(always)]
    fn of(self, x: f64) -> f64 {
        x * x
    }
}

/// The sum of a term over all numbers.
pub(crate) fn sum(values: &[f32], term: impl Term) -> f64 {
    dispatch(Sum(values, term))
}

struct Sum<'a, T>(&'a [f32], T);

impl<T: Term> Kernel for Sum<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f64 {
        let Sum(values, term) = self;
        let (groups, rest) = values.as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for group in groups {
            for (sum, x) in sums.iter_mut().zip(group) {
                *sum += term.of(f64::from(*x));
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest) {
            *sum += term.of(f64::from(*x));
        }
        sums.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Level, with_level};

    #[test]
    fn every_number_counts_once_on_every_instruction_set() {
        for len in [0, 1, LANES - 1, LANES, LANES + 1, 101] {
            let values: Vec<f32> = (0..len).map(|i| (i as f32 - 7.0) / 2.0).collect();
            let expected: f64 = values.iter().map(|x| f64::from(x * x)).sum();
            for level in Level::available() {
                let found = with_level(level, || sum(&values, Square)).unwrap();
                assert_eq!(found, expected, "{len} numbers, {level:?}");
            }
        }
    }
}
