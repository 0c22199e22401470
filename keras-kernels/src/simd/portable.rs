//! Four lanes in plain Rust, which compilers turn into whatever the target has.

use super::{EXPONENT_SHIFT, Kernel, Simd};

const LANES: usize = 4;

/// Plain Rust; needs no detection.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

#[inline(always)]
fn zip(a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

impl Simd for Portable {
    const LANES: usize = LANES;
    const REGISTERS: usize = 16;
    type F32 = [f32; LANES];

    #[inline(never)]
    fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; LANES] {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, x: &[f32]) -> [f32; LANES] {
        *x.first_chunk().expect("a vector's elements")
    }

    #[inline(always)]
    fn load_part(self, x: &[f32]) -> [f32; LANES] {
        let mut vector = [0.0; LANES];
        vector[..x.len()].copy_from_slice(x);
        vector
    }

    #[inline(always)]
    fn store(self, vector: [f32; LANES], y: &mut [f32]) {
        *y.first_chunk_mut().expect("a vector's elements") = vector;
    }

    #[inline(always)]
    fn store_part(self, vector: [f32; LANES], y: &mut [f32]) {
        y.copy_from_slice(&vector[..y.len()]);
    }

    #[inline(always)]
    fn add(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn mul(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        // `f32::mul_add` would be a library call where the target has no such instruction.
        self.add(self.mul(a, b), c)
    }

    #[inline(always)]
    fn div(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| a / b)
    }

    #[inline(always)]
    fn max(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn maximum(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| if (a > b) | a.is_nan() { a } else { b })
    }

    #[inline(always)]
    fn where_equal(
        self,
        a: [f32; LANES],
        b: [f32; LANES],
        then: [f32; LANES],
        otherwise: [f32; LANES],
    ) -> [f32; LANES] {
        core::array::from_fn(
            |i| if (a[i] == b[i]) | a[i].is_nan() { then[i] } else { otherwise[i] },
        )
    }

    #[inline(always)]
    fn min(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn to_exponent(self, vector: [f32; LANES]) -> [f32; LANES] {
        vector.map(|x| f32::from_bits(x.to_bits() << EXPONENT_SHIFT))
    }

    #[inline(always)]
    fn unpair(self, pairs: [f32; LANES]) -> [[f32; LANES]; 2] {
        [
            pairs.map(|pair| f32::from_bits(pair.to_bits() << 16)),
            pairs.map(|pair| f32::from_bits(pair.to_bits() & 0xffff_0000)),
        ]
    }

    #[inline(always)]
    fn sum(self, vector: [f32; LANES]) -> f32 {
        (vector[0] + vector[2]) + (vector[1] + vector[3])
    }
}
