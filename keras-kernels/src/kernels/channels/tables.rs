//! Vectors of columns: of inputs, and of the numbers of their channels.

use crate::kernels::vectors;
use crate::simd::Simd;

/// Columns of the widest vector.
pub(super) const LANES: usize = 16;
/// Columns taken together where there are as many.
pub(super) const WIDE: usize = 2 * LANES;
/// Vectors of [`WIDE`] columns where they are narrowest.
pub(super) const VECTORS: usize = 8;
/// Numbers of each kind in a table: some rows of few channels, or a part of many channels.
pub(super) const TABLE: usize = 256;

/// The numbers of each vector of columns.
#[inline(always)]
pub(super) fn load_table<S: Simd, const P: usize>(
    simd: S,
    table: &[[f32; WIDE]; P],
) -> [[S::F32; P]; VECTORS] {
    let mut vectors = [[simd.splat(0.0); P]; VECTORS];
    for (v, vectors) in vectors.iter_mut().enumerate().take(WIDE / S::LANES) {
        for (vector, kind) in vectors.iter_mut().zip(table) {
            *vector = simd.load(&kind[v * S::LANES..]);
        }
    }
    vectors
}

/// Vector `v` of each input.
#[inline(always)]
pub(super) fn load<S: Simd, const N: usize>(simd: S, inputs: [&[f32]; N], v: usize) -> [S::F32; N] {
    let mut vectors = [simd.splat(0.0); N];
    for (vector, x) in vectors.iter_mut().zip(inputs) {
        *vector = simd.load(&x[v * S::LANES..]);
    }
    vectors
}

/// The numbers of `width` neighbouring channels, `repeats` times, each kind side by side.
#[inline(always)]
pub(super) fn tabulate<const P: usize>(
    begin: usize,
    width: usize,
    repeats: usize,
    numbers: impl Fn(usize) -> [f32; P],
) -> [[f32; TABLE]; P] {
    let mut table = [[0.0; TABLE]; P];
    for c in 0..width {
        for (kind, number) in table.iter_mut().zip(numbers(begin + c)) {
            kind[c] = number;
        }
    }
    for kind in &mut table {
        (1..repeats).for_each(|i| kind.copy_within(..width, i * width));
    }
    table
}

/// The first `len` elements of each slice.
#[inline(always)]
pub(super) fn load_each<S: Simd, const N: usize>(
    simd: S,
    slices: [&[f32]; N],
    len: usize,
) -> [S::F32; N] {
    let mut vectors = [simd.splat(0.0); N];
    for (vector, x) in vectors.iter_mut().zip(slices) {
        *vector = vectors::load(simd, x, len);
    }
    vectors
}
