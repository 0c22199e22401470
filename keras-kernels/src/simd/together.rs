//! Slices of one length that are read side by side, and checked once for all of them.

use super::Simd;

/// `N` slices of `len` elements each.
#[derive(Clone, Copy)]
pub(crate) struct Together<'a, const N: usize> {
    /// Each holds `len` elements: only [`Together::new`] makes one.
    slices: [&'a [f32]; N],
    len: usize,
}

impl<'a, const N: usize> Together<'a, N> {
    /// The first `len` elements of each slice. Panics: if one is shorter.
    #[inline(always)]
    pub(crate) fn new(slices: [&'a [f32]; N], len: usize) -> Together<'a, N> {
        assert!(slices.iter().all(|slice| slice.len() >= len));
        Together { slices, len }
    }

    /// The vector at `i` of each slice. Panics: if it reaches past the end.
    #[inline(always)]
    pub(crate) fn load<S: Simd>(&self, simd: S, i: usize) -> [S::F32; N] {
        assert!(i <= self.len && S::LANES <= self.len - i);
        let mut vectors = [simd.splat(0.0); N];
        for (vector, slice) in vectors.iter_mut().zip(&self.slices) {
            // SAFETY: the slice has at least `len` elements, and the vector ends before that.
            let cells = unsafe { slice.get_unchecked(i..i + S::LANES) };
            *vector = simd.load(cells);
        }
        vectors
    }
}
