//! SIMD behind one trait, chosen once.
//!
//! A kernel is safe code, generic over a token `S: Simd`. A token exists only where its
//! instructions were detected, so its methods are safe. `dispatch` picks the best token of the
//! processor and enters the kernel through a function that is compiled with those instructions
//! enabled; everything that is `#[inline(always)]` below it is compiled so as well. [`with_level`]
//! forces another choice, for tests and benches. All `unsafe` of the kernels is in this folder.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512bf16;
#[cfg(feature = "std")]
mod choice;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod detect;
mod dispatch;
mod level;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pairs;
mod peak;
mod portable;
mod together;
mod token;

#[cfg(feature = "std")]
pub use choice::{Choice, UnsupportedLevel, with_level};
pub use dispatch::dispatch;
#[doc(hidden)]
pub use dispatch::dispatch_narrow;
pub(crate) use dispatch::dispatch_pairs;
pub use level::Level;
pub(crate) use pairs::{Pairs, pair, rounded};
pub use peak::multiply_adds;
use portable::Portable;
pub(crate) use together::Together;

/// Where a `f32` keeps its exponent.
const EXPONENT_SHIFT: u32 = 23;

/// A computation that is compiled for each instruction set. Emitted code implements it; no part of
/// the public interface.
#[doc(hidden)]
pub trait Kernel {
    /// What it returns.
    type Output;

    /// Computes. Implementations are `#[inline(always)]`, or they would be compiled without the
    /// instructions.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

mod sealed {
    /// Keeps [`Simd`](super::Simd) to the tokens of this module.
    pub trait Token {}
    impl Token for super::Portable {}
    #[cfg(target_arch = "aarch64")]
    impl Token for super::neon::Neon {}
    #[cfg(target_arch = "x86_64")]
    impl Token for super::avx2::Avx2 {}
    #[cfg(target_arch = "x86_64")]
    impl Token for super::avx512::Avx512 {}
    #[cfg(target_arch = "x86_64")]
    impl Token for super::avx512bf16::Avx512Bf16 {}
}

/// Vectors of `f32`. Slices shorter than documented make a method panic. Emitted code is generic
/// over it, and gets a token from [`dispatch`] alone; no part of the public interface.
#[doc(hidden)]
pub trait Simd: Copy + sealed::Token {
    /// Elements of a vector.
    const LANES: usize;
    /// Vector registers.
    const REGISTERS: usize;
    /// Whether [`add_product`](Simd::add_product) multiplies pairs of bfloat16 numbers.
    const OF_PAIRS: bool = false;
    /// A vector.
    type F32: Copy;

    /// Runs a kernel in a function of its own that is compiled with this instruction set.
    fn enter<K: Kernel>(self, kernel: K) -> K::Output;

    /// `value` in each lane.
    fn splat(self, value: f32) -> Self::F32;
    /// The first `LANES` elements of `x`.
    fn load(self, x: &[f32]) -> Self::F32;
    /// The elements of `x`, at most `LANES`; the other lanes are 0.
    fn load_part(self, x: &[f32]) -> Self::F32;
    /// Writes the vector to the first `LANES` elements of `y`.
    fn store(self, vector: Self::F32, y: &mut [f32]);
    /// Writes the first lanes to `y`, which holds at most `LANES` elements.
    fn store_part(self, vector: Self::F32, y: &mut [f32]);

    /// The vectors that begin at `0`, `stride`, `2 · stride` … of `x`, whose length is checked once
    /// for all of them.
    #[inline(always)]
    fn load_each<const N: usize>(self, x: &[f32], stride: usize) -> [Self::F32; N] {
        assert!(reaches(x.len(), Self::LANES, stride, N));
        let mut vectors = [self.splat(0.0); N];
        for (i, vector) in vectors.iter_mut().enumerate() {
            // SAFETY: `reaches` says that the vector which begins at `i · stride` ends within `x`.
            let cells = unsafe { x.get_unchecked(i * stride..i * stride + Self::LANES) };
            *vector = self.load(cells);
        }
        vectors
    }

    /// The elements `0`, `stride`, `2 · stride` … of `x`, each in all lanes of a vector, likewise.
    #[inline(always)]
    fn splat_each<const N: usize>(self, x: &[f32], stride: usize) -> [Self::F32; N] {
        assert!(reaches(x.len(), 1, stride, N));
        let mut vectors = [self.splat(0.0); N];
        for (i, vector) in vectors.iter_mut().enumerate() {
            // SAFETY: `reaches` says that element `i · stride` lies within `x`.
            *vector = self.splat(unsafe { *x.get_unchecked(i * stride) });
        }
        vectors
    }

    /// Writes vectors to where `0`, `stride`, `2 · stride` … of `y` begin, as
    /// [`load_each`](Simd::load_each) reads them.
    #[inline(always)]
    fn store_each<const N: usize>(self, vectors: [Self::F32; N], y: &mut [f32], stride: usize) {
        assert!(reaches(y.len(), Self::LANES, stride, N));
        for (i, vector) in vectors.into_iter().enumerate() {
            // SAFETY: `reaches` says that the vector which begins at `i · stride` ends within `y`.
            let cells = unsafe { y.get_unchecked_mut(i * stride..i * stride + Self::LANES) };
            self.store(vector, cells);
        }
    }

    /// `a + b`
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a · b`
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a · b + c`, rounded once where the instruction set can.
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// `a · b + c` where `a` and `b` are operands of a product, which may be pairs; see [`Pairs`].
    #[inline(always)]
    fn add_product(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        self.mul_add(a, b, c)
    }
    /// `a / b`
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a` where `a > b`, else `b`: so `b` where either is NaN.
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a` where `a < b`, else `b`: so `b` where either is NaN.
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// The bits of each lane, the lowest moved up to where a `f32` keeps its exponent and the
    /// highest dropped.
    fn to_exponent(self, vector: Self::F32) -> Self::F32;
    /// The larger of both; NaN where either is NaN.
    fn maximum(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `then` where `a == b` or `a` is NaN, else `otherwise`.
    fn where_equal(
        self,
        a: Self::F32,
        b: Self::F32,
        then: Self::F32,
        otherwise: Self::F32,
    ) -> Self::F32;
    /// The sum of the lanes.
    fn sum(self, vector: Self::F32) -> f32;
    /// The largest lane, in each lane; what it is where a lane is NaN is left open.
    #[inline(always)]
    fn largest(self, vector: Self::F32) -> Self::F32 {
        let mut lanes = [f32::NEG_INFINITY; MAX_LANES];
        self.store(vector, &mut lanes);
        let mut largest = f32::NEG_INFINITY;
        for lane in lanes {
            largest = if lane > largest { lane } else { largest };
        }
        self.splat(largest)
    }

    /// Two numbers in turn, from the first lane on.
    #[inline(always)]
    fn splat_pair(self, pair: &[f32; 2]) -> Self::F32 {
        self.load(&core::array::from_fn::<_, MAX_LANES, _>(|i| pair[i % 2]))
    }

    /// The sums of each two neighbours among the lanes of `first` and then of `second`.
    #[inline(always)]
    fn add_neighbors(self, first: Self::F32, second: Self::F32) -> Self::F32 {
        let mut lanes = [0.0; 2 * MAX_LANES];
        self.store(first, &mut lanes);
        self.store(second, &mut lanes[Self::LANES..]);
        self.load(&core::array::from_fn::<_, MAX_LANES, _>(|i| lanes[2 * i] + lanes[2 * i + 1]))
    }

    /// Writes the transpose of a square of `LANES` rows and columns: element `j` of row `i`, which
    /// begins at `i · stride` of `from`, becomes element `i` of row `j`, which begins at
    /// `j · to_stride` of `to`.
    #[inline(always)]
    fn transpose(self, from: &[f32], stride: usize, to: &mut [f32], to_stride: usize) {
        for i in 0..Self::LANES {
            let row = &from[i * stride..][..Self::LANES];
            for (j, &element) in row.iter().enumerate() {
                to[j * to_stride + i] = element;
            }
        }
    }

    /// The first and the second numbers of pairs of bfloat16 numbers.
    fn unpair(self, pairs: Self::F32) -> [Self::F32; 2];

    /// Pairs of bfloat16 numbers: lane `i` holds `low[i]` and `high[i]`, rounded to the nearest,
    /// the even one of two.
    #[inline(always)]
    fn pair(self, low: Self::F32, high: Self::F32) -> Self::F32 {
        let mut lanes = [[0.0; MAX_LANES]; 2];
        self.store(low, &mut lanes[0]);
        self.store(high, &mut lanes[1]);
        self.load(&core::array::from_fn::<_, MAX_LANES, _>(|i| pair(lanes[0][i], lanes[1][i])))
    }

    /// Likewise of numbers that are neighbours in `first` and then in `second`.
    #[inline(always)]
    fn pair_neighbors(self, first: Self::F32, second: Self::F32) -> Self::F32 {
        let mut lanes = [0.0; 2 * MAX_LANES];
        self.store(first, &mut lanes);
        self.store(second, &mut lanes[Self::LANES..]);
        self.load(&core::array::from_fn::<_, MAX_LANES, _>(|i| {
            pair(lanes[2 * i], lanes[2 * i + 1])
        }))
    }

    /// `c` and both products of the pairs `a` and `b`, added up in `f32`. Numbers too small for a
    /// normal `f32` may count as 0.
    #[inline(always)]
    fn dot_pairs(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        let ([a_low, a_high], [b_low, b_high]) = (self.unpair(a), self.unpair(b));
        self.mul_add(a_high, b_high, self.mul_add(a_low, b_low, c))
    }
}

/// Whether `count` vectors of so many lanes, `stride` elements apart, lie within `len` elements.
#[inline(always)]
fn reaches(len: usize, lanes: usize, stride: usize, count: usize) -> bool {
    let last = count.checked_sub(1).and_then(|last| last.checked_mul(stride));
    last.and_then(|last| last.checked_add(lanes)).is_some_and(|end| end <= len)
}

/// Asks the processor to bring the cache line of `cells[i]` near, which may be past the end. Has no
/// other effect.
#[inline(always)]
pub(crate) fn prefetch(cells: &[f32], i: usize) {
    #[cfg(target_arch = "x86_64")]
    hint::<{ core::arch::x86_64::_MM_HINT_T0 }>(cells, i);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (cells, i);
}

/// As [`prefetch`], into the second-level cache alone: for what is not needed soon.
#[inline(always)]
pub(crate) fn prefetch_far(cells: &[f32], i: usize) {
    #[cfg(target_arch = "x86_64")]
    hint::<{ core::arch::x86_64::_MM_HINT_T1 }>(cells, i);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (cells, i);
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn hint<const LEVEL: i32>(cells: &[f32], i: usize) {
    let address = cells.as_ptr().wrapping_add(i).cast::<i8>();
    // SAFETY: a prefetch reads nothing that the program sees, and no address makes it fail. Every
    // x86-64 processor has it.
    unsafe { core::arch::x86_64::_mm_prefetch::<LEVEL>(address) };
}

/// The most lanes that there are.
const MAX_LANES: usize = 16;

/// The upper half of a lane.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const UPPER_HALF: u32 = 0xffff_0000;

#[cfg(test)]
mod tests;
