//! Numbers that look random and are the same on every run.

/// A generator. Source: Steele, Lea, Flood 2014, `splitmix64`.
pub(crate) struct Random(u64);

impl Random {
    /// A generator of the numbers of this seed.
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `-1.0..1.0`.
    pub(crate) fn unit(&mut self) -> f32 {
        const STEPS: f32 = (1 << 23) as f32;
        (self.bits() >> 40) as f32 / STEPS - 1.0
    }
}

/// Data that can be drawn: numbers in `-1.0..1.0`, indices in `0..10`, arrays of these.
pub(crate) trait Draw {
    /// One sample.
    fn draw(random: &mut Random) -> Self;
}

impl Draw for f32 {
    fn draw(random: &mut Random) -> f32 {
        random.unit()
    }
}

impl Draw for i32 {
    fn draw(random: &mut Random) -> i32 {
        (random.bits() % 10) as i32
    }
}

impl<T: Draw, const N: usize> Draw for [T; N] {
    fn draw(random: &mut Random) -> [T; N] {
        std::array::from_fn(|_| T::draw(random))
    }
}
