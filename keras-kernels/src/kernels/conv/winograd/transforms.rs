//! Products of a vector of cells with the matrices of the algorithm, and with their transposes.
//!
//! Here and beside there are loops where `map` would do: a closure is not compiled for the
//! instructions of its caller unless it is inlined, which nobody promises.

use keras_target::winograd::{SPAN, TILE};

use crate::simd::Simd;

/// The smaller of the two points that are neither 0 nor infinite, its square and its cube.
const P: [f32; 3] = [2.0 / 3.0, 4.0 / 9.0, 8.0 / 27.0];
/// The larger one.
const Q: [f32; 3] = [3.0 / 2.0, 9.0 / 4.0, 27.0 / 8.0];
/// The sum of their squares.
const SQUARES: f32 = 97.0 / 36.0;
/// Rows of `G` at the smaller point: 1, the point and its square, by the product of its distances
/// from all others.
const G_P: [f32; 3] = [-81.0 / 130.0, -27.0 / 65.0, -18.0 / 65.0];
/// At the larger point.
const G_Q: [f32; 3] = [8.0 / 65.0, 12.0 / 65.0, 18.0 / 65.0];

/// `a + factor · b`
#[inline(always)]
fn plus<S: Simd>(simd: S, a: S::F32, factor: f32, b: S::F32) -> S::F32 {
    simd.mul_add(b, simd.splat(factor), a)
}

/// `factor · a`
#[inline(always)]
fn times<S: Simd>(simd: S, factor: f32, a: S::F32) -> S::F32 {
    simd.mul(simd.splat(factor), a)
}

/// `a - b`
#[inline(always)]
fn minus<S: Simd>(simd: S, a: S::F32, b: S::F32) -> S::F32 {
    plus(simd, a, -1.0, b)
}

/// `Bᵀ · d`
#[inline(always)]
pub(super) fn of_input<S: Simd>(simd: S, d: [S::F32; SPAN]) -> [S::F32; SPAN] {
    let even = [plus(simd, d[4], -Q[1], d[2]), plus(simd, d[4], -P[1], d[2])];
    let odd = [plus(simd, d[3], -Q[1], d[1]), plus(simd, d[3], -P[1], d[1])];
    [
        plus(simd, simd.add(d[0], d[4]), -SQUARES, d[2]),
        plus(simd, even[0], P[0], odd[0]),
        plus(simd, even[0], -P[0], odd[0]),
        plus(simd, even[1], Q[0], odd[1]),
        plus(simd, even[1], -Q[0], odd[1]),
        plus(simd, simd.add(d[1], d[5]), -SQUARES, d[3]),
    ]
}

/// `G · g`
#[inline(always)]
pub(super) fn of_kernel<S: Simd>(simd: S, g: [S::F32; 3]) -> [S::F32; SPAN] {
    let even = [
        plus(simd, times(simd, G_P[0], g[0]), G_P[2], g[2]),
        plus(simd, times(simd, G_Q[0], g[0]), G_Q[2], g[2]),
    ];
    [
        g[0],
        plus(simd, even[0], G_P[1], g[1]),
        plus(simd, even[0], -G_P[1], g[1]),
        plus(simd, even[1], G_Q[1], g[1]),
        plus(simd, even[1], -G_Q[1], g[1]),
        g[2],
    ]
}

/// `Aᵀ · m`
#[inline(always)]
pub(super) fn to_output<S: Simd>(simd: S, m: [S::F32; SPAN]) -> [S::F32; TILE] {
    let even = [simd.add(m[1], m[2]), simd.add(m[3], m[4])];
    let odd = [minus(simd, m[1], m[2]), minus(simd, m[3], m[4])];
    [
        simd.add(m[0], simd.add(even[0], even[1])),
        plus(simd, times(simd, P[0], odd[0]), Q[0], odd[1]),
        plus(simd, times(simd, P[1], even[0]), Q[1], even[1]),
        plus(simd, plus(simd, m[5], P[2], odd[0]), Q[2], odd[1]),
    ]
}

/// `A · d_y`
#[inline(always)]
pub(super) fn of_output<S: Simd>(simd: S, d_y: [S::F32; TILE]) -> [S::F32; SPAN] {
    let even = [plus(simd, d_y[0], P[1], d_y[2]), plus(simd, d_y[0], Q[1], d_y[2])];
    let odd = [
        plus(simd, times(simd, P[0], d_y[1]), P[2], d_y[3]),
        plus(simd, times(simd, Q[0], d_y[1]), Q[2], d_y[3]),
    ];
    [
        d_y[0],
        simd.add(even[0], odd[0]),
        minus(simd, even[0], odd[0]),
        simd.add(even[1], odd[1]),
        minus(simd, even[1], odd[1]),
        d_y[3],
    ]
}

/// `Gᵀ · m`
#[inline(always)]
pub(super) fn to_kernel<S: Simd>(simd: S, m: [S::F32; SPAN]) -> [S::F32; 3] {
    let even = [simd.add(m[1], m[2]), simd.add(m[3], m[4])];
    let odd = [minus(simd, m[1], m[2]), minus(simd, m[3], m[4])];
    [
        plus(simd, plus(simd, m[0], G_P[0], even[0]), G_Q[0], even[1]),
        plus(simd, times(simd, G_P[1], odd[0]), G_Q[1], odd[1]),
        plus(simd, plus(simd, m[5], G_P[2], even[0]), G_Q[2], even[1]),
    ]
}
