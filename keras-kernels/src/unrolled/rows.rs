//! Element-wise steps and softmax, of constant lengths.
//!
//! Each reads `N` numbers that may end within a vector, and writes whole vectors.

use super::{Function, load};
use crate::kernels::exp::exp_to_one;
use crate::simd::Simd;

/// More lanes than any vector here has.
const MOST_LANES: usize = 16;

/// The vectors of `0..N`: where each begins.
#[inline(always)]
fn vectors<S: Simd, const N: usize>() -> impl Iterator<Item = usize> {
    (0..N).step_by(S::LANES)
}

/// `y[i] = f(x[i])`, `N` of them. Panics: if a row is too short.
#[inline(always)]
pub fn map<S: Simd, F: Function, const N: usize>(simd: S, x: &[f32], y: &mut [f32]) {
    assert!(x.len() >= N && y.len() >= N.next_multiple_of(S::LANES));
    for at in vectors::<S, N>() {
        simd.store(F::apply(simd, load(simd, &x[at..])), &mut y[at..]);
    }
}

/// `y[i] = scale · x[i] + offset`, `N` of them. Panics: if a row is too short.
#[inline(always)]
pub fn affine<S: Simd, const N: usize>(simd: S, scale: f32, offset: f32, x: &[f32], y: &mut [f32]) {
    assert!(x.len() >= N && y.len() >= N.next_multiple_of(S::LANES));
    for at in vectors::<S, N>() {
        // Rounded twice, as in the general kernel.
        let scaled = simd.mul(simd.splat(scale), load(simd, &x[at..]));
        simd.store(simd.add(scaled, simd.splat(offset)), &mut y[at..]);
    }
}

/// What takes the lanes from `len` on out of a maximum; none of them if `len` is 0.
const fn penalty(len: usize) -> [f32; MOST_LANES] {
    let mut penalty = [0.0; MOST_LANES];
    let mut lane = len;
    while len > 0 && lane < MOST_LANES {
        penalty[lane] = f32::NEG_INFINITY;
        lane += 1;
    }
    penalty
}

/// The vector of a row at a column, minus infinity past the end.
#[inline(always)]
fn cells<S: Simd, const N: usize>(simd: S, x: &[f32], at: usize) -> S::F32 {
    let cells = load(simd, &x[at..]);
    if at + S::LANES <= N {
        return cells;
    }
    simd.add(cells, simd.load(const { &penalty(N % S::LANES) }))
}

/// `y[i] = exp(x[i]) / Σ_i exp(x[i])`, `N` of them. Panics: if a row is too short.
#[inline(always)]
pub fn softmax<S: Simd, const N: usize>(simd: S, x: &[f32], y: &mut [f32]) {
    assert!(x.len() >= N && y.len() >= N.next_multiple_of(S::LANES));
    let mut largest = simd.splat(f32::NEG_INFINITY);
    for at in vectors::<S, N>() {
        largest = simd.max(cells::<S, N>(simd, x, at), largest);
    }
    let below = simd.mul(simd.largest(largest), simd.splat(-1.0));
    let mut sum = simd.splat(0.0);
    for at in vectors::<S, N>() {
        let power = exp_to_one(simd, simd.add(cells::<S, N>(simd, x, at), below));
        sum = simd.add(sum, power);
        simd.store(power, &mut y[at..]);
    }
    let scale = simd.div(simd.splat(1.0), simd.splat(simd.sum(sum)));
    for at in vectors::<S, N>() {
        simd.store(simd.mul(simd.load(&y[at..]), scale), &mut y[at..]);
    }
}
