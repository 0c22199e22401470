//! Pairs of bfloat16 numbers: a lane of four bytes holds two of them, the first in its lower half.
//!
//! A `bfloat16` is the upper half of an `f32`: the same exponents, eight bits of precision. A
//! vector of pairs travels as a vector of `f32`, which is copied and never computed with. [`Pairs`]
//! turns a kernel of products into one of pairs: its [`add_product`](Simd::add_product) multiplies
//! both halves and adds both products.

use super::{Kernel, Simd, sealed};

/// Bits of half a lane.
const HALF: u32 = 16;

/// The bfloat16 that is nearest to `x`, the even one of two; NaN stays NaN.
pub(crate) fn to_bfloat16(x: f32) -> u16 {
    /// Makes a NaN a quiet one, which is one still without its lower half.
    const QUIET: u32 = 1 << 22;
    let bits = x.to_bits();
    let is_odd = bits >> HALF & 1;
    let rounded = if x.is_nan() { bits | QUIET } else { bits + 0x7fff + is_odd };
    (rounded >> HALF) as u16
}

/// `x` rounded to a bfloat16.
pub(crate) fn rounded(x: f32) -> f32 {
    f32::from_bits(u32::from(to_bfloat16(x)) << HALF)
}

/// Two numbers in a lane.
pub(crate) fn pair(low: f32, high: f32) -> f32 {
    f32::from_bits(u32::from(to_bfloat16(low)) | u32::from(to_bfloat16(high)) << HALF)
}

/// The methods of a token around another, `self.0`, that computes what does not differ.
macro_rules! as_inner {
    (of $inner:ty) => {
        const LANES: usize = <$inner>::LANES;
        const REGISTERS: usize = <$inner>::REGISTERS;
        type F32 = <$inner as Simd>::F32;

        as_inner! {
            splat(value: f32) -> Self::F32;
            load(x: &[f32]) -> Self::F32;
            load_part(x: &[f32]) -> Self::F32;
            store(vector: Self::F32, y: &mut [f32]) -> ();
            store_part(vector: Self::F32, y: &mut [f32]) -> ();
            add(a: Self::F32, b: Self::F32) -> Self::F32;
            mul(a: Self::F32, b: Self::F32) -> Self::F32;
            mul_add(a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
            div(a: Self::F32, b: Self::F32) -> Self::F32;
            max(a: Self::F32, b: Self::F32) -> Self::F32;
            min(a: Self::F32, b: Self::F32) -> Self::F32;
            to_exponent(vector: Self::F32) -> Self::F32;
            unpair(pairs: Self::F32) -> [Self::F32; 2];
            maximum(a: Self::F32, b: Self::F32) -> Self::F32;
            where_equal(
                a: Self::F32,
                b: Self::F32,
                then: Self::F32,
                otherwise: Self::F32
            ) -> Self::F32;
            sum(vector: Self::F32) -> f32;
            largest(vector: Self::F32) -> Self::F32;
            transpose(from: &[f32], stride: usize, to: &mut [f32], to_stride: usize) -> ();
        }
    };
    ($($method:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        $(
            #[inline(always)]
            fn $method(self, $($argument: $type),*) -> $output {
                self.0.$method($($argument),*)
            }
        )*
    };
}
#[cfg(target_arch = "x86_64")]
pub(super) use as_inner;

/// A token whose [`Simd::add_product`] is [`Simd::dot_pairs`]; all else is as the token's own.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<S>(pub(crate) S);

impl<S: Simd> sealed::Token for Pairs<S> {}

/// A kernel that is given the token of pairs.
struct OfPairs<K>(K);

impl<K: Kernel> Kernel for OfPairs<K> {
    type Output = K::Output;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> K::Output {
        self.0.run(Pairs(simd))
    }
}

impl<S: Simd> Simd for Pairs<S> {
    as_inner!(of S);
    const OF_PAIRS: bool = true;

    #[inline(always)]
    fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        self.0.enter(OfPairs(kernel))
    }

    #[inline(always)]
    fn add_product(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        self.0.dot_pairs(a, b, c)
    }
}
