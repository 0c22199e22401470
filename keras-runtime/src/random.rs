//! Random numbers: a counter run through a mixing function, with a stream for every name.
//!
//! A stream starts from a seed and a name such as a weight's path, so that a new layer does not
//! change the numbers of the others. Source: SplitMix64, Steele, Lea, Flood 2014; names are hashed
//! by FNV-1a.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Step of the counter: 2⁶⁴ divided by the golden ratio, odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// FNV-1a's start.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
/// FNV-1a's factor.
const FNV_PRIME: u64 = 0x0100_0000_01b3;
/// A truncated normal is cut at this many standard deviations, as in Keras.
const CUT: f64 = 2.0;

/// A stream of random numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream called `name` of a seed.
    pub fn stream(seed: u64, name: &str) -> Random {
        let hash = name
            .bytes()
            .fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
        Random { state: mix(mix(seed.wrapping_add(STEP)) ^ hash) }
    }

    /// A number that all 64-bit numbers are equally likely to be.
    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// A multiple of 2⁻⁵³ in `[0, 1)`, all equally likely.
    pub fn uniform(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * UNIT
    }

    /// A number below `bound`, all equally likely. Panics: if `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "there is no number below 0");
        // The high half of the product; its bias is below bound / 2⁶⁴.
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Normal, of mean 0 and standard deviation 1. Source: Box, Muller 1958.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (core::f64::consts::TAU * self.uniform()).cos()
    }

    /// Normal, drawn again where it is beyond two standard deviations.
    pub fn truncated_normal(&mut self) -> f64 {
        loop {
            let x = self.normal();
            if x.abs() <= CUT {
                return x;
            }
        }
    }

    /// Puts items in a random order, all orders equally likely. Source: Fisher, Yates 1938.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// SplitMix64's mixing function.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed that differs from run to run.
pub fn fresh_seed() -> u64 {
    // The standard library seeds its hash maps from the operating system.
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 200_000;

    /// Mean and variance of many draws.
    fn moments(mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let values: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
        let mean = values.iter().sum::<f64>() / DRAWS as f64;
        (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / DRAWS as f64)
    }

    #[test]
    fn distributions_have_their_moments() {
        // Five standard errors.
        let tolerance = 5.0 / (DRAWS as f64).sqrt();
        let mut random = Random::stream(3, "a");
        let (mean, variance) = moments(|| random.uniform());
        assert!((mean - 0.5).abs() < tolerance && (variance - 1.0 / 12.0).abs() < tolerance);
        let (mean, variance) = moments(|| random.normal());
        assert!(mean.abs() < tolerance && (variance - 1.0).abs() < 2.0 * tolerance);
        // The variance of a normal cut at 2 is 0.8796².
        let (mean, variance) = moments(|| random.truncated_normal());
        assert!(mean.abs() < tolerance && (variance - 0.773_741_3).abs() < tolerance);
    }

    #[test]
    fn streams_depend_on_seed_and_name() {
        let first = |seed, name| Random::stream(seed, name).next_u64();
        assert_eq!(first(1, "dense/kernel"), first(1, "dense/kernel"));
        assert_ne!(first(1, "dense/kernel"), first(2, "dense/kernel"));
        assert_ne!(first(1, "dense/kernel"), first(1, "dense/bias"));
    }

    #[test]
    fn every_order_is_as_likely() {
        let mut random = Random::stream(5, "order");
        let mut counts = [0; 27];
        for _ in 0..6000 {
            let mut items = [0, 1, 2];
            random.shuffle(&mut items);
            counts[9 * items[0] + 3 * items[1] + items[2]] += 1;
        }
        let seen: Vec<i32> = counts.into_iter().filter(|&count| count > 0).collect();
        assert_eq!(seen.len(), 6);
        assert!(seen.iter().all(|count| (count - 1000).abs() < 150), "{seen:?}");
    }
}
