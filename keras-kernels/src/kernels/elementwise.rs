//! Element-wise ops: activations and their gradients, sums and products of equal tensors,
//! conversions.
//!
//! Fast versions work on a chunk that stays in the first-level cache, so that a copy before an
//! activation in place is free.

use super::vectorized::vectorized;
use super::{Call, Cpu, Reference, activate, activate_reference};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::simd::Simd;
use keras_ir::ops::{self as op, BinaryFunction};

impl Reference {
    pub(crate) fn unary(op: &op::Unary, call: Call<'_>) {
        let [x] = call.inputs();
        let y = call.output;
        for (y, x) in y.iter_mut().zip(x) {
            *y = activate_reference::value(op.f, *x);
        }
    }

    pub(crate) fn unary_grad(op: &op::UnaryGrad, call: Call<'_>) {
        let [kept, d_y] = call.inputs();
        let d_x = call.output;
        for ((d_x, kept), d_y) in d_x.iter_mut().zip(kept).zip(d_y) {
            *d_x = d_y * activate_reference::slope(op.f, *kept);
        }
    }

    pub(crate) fn affine(op: &op::Affine, call: Call<'_>) {
        let [x] = call.inputs();
        let y = call.output;
        for (y, x) in y.iter_mut().zip(x) {
            *y = op.scale * x + op.offset;
        }
    }

    pub(crate) fn binary(op: &op::Binary, call: Call<'_>) {
        let [a, b] = call.inputs();
        let y = call.output;
        let f = match op.f {
            BinaryFunction::Add => |a, b| a + b,
            BinaryFunction::Subtract => |a, b| a - b,
            BinaryFunction::Multiply => |a, b| a * b,
            BinaryFunction::Maximum => maximum,
            BinaryFunction::Minimum => minimum,
            BinaryFunction::Divide => |a, b| a / b,
            BinaryFunction::Power => |a: f32, b| a.powf(b),
        };
        for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
            *y = f(*a, *b);
        }
    }

    pub(crate) fn select_grad(op: &op::SelectGrad, call: Call<'_>) {
        let [a, b, d_y] = call.inputs();
        let output = call.output;
        let largest = op.f == BinaryFunction::Maximum;
        for (((output, a), b), d_y) in output.iter_mut().zip(a).zip(b).zip(d_y) {
            let first = if largest { a >= b } else { a <= b };
            *output = if first != op.second { *d_y } else { 0.0 };
        }
    }

    pub(crate) fn cast_float(_: &op::CastFloat, call: Call<'_>) {
        let [x] = call.inputs();
        let y = call.output;
        for (y, x) in y.iter_mut().zip(x) {
            *y = integer(*x) as f32;
        }
    }
}

impl Cpu {
    pub(crate) fn unary(op: &op::Unary, call: Call<'_>) {
        let [x] = call.inputs();
        let y = call.output;
        for (y, x) in y.chunks_mut(CHUNK).zip(x.chunks(CHUNK)) {
            y.copy_from_slice(x);
            activate::activate(op.f, y);
        }
    }

    pub(crate) fn unary_grad(op: &op::UnaryGrad, call: Call<'_>) {
        let [kept, d_y] = call.inputs();
        let d_x = call.output;
        activate::derivative(op.f, kept, d_y, d_x);
    }

    pub(crate) fn cast_float(op: &op::CastFloat, call: Call<'_>) {
        Reference::cast_float(op, call);
    }
}

vectorized! {
    affine: Affine,
    binary: Binary,
    select_grad: SelectGrad,
}

#[inline(always)]
fn affine<S: Simd>(op: &op::Affine, call: Call<'_>) {
    let [x] = call.inputs();
    let y = call.output;
    for (y, x) in y.iter_mut().zip(x) {
        *y = op.scale * x + op.offset;
    }
}

#[inline(always)]
fn binary<S: Simd>(op: &op::Binary, call: Call<'_>) {
    let [a, b] = call.inputs();
    let y = call.output;
    match op.f {
        BinaryFunction::Add => zip(y, a, b, |a, b| a + b),
        BinaryFunction::Subtract => zip(y, a, b, |a, b| a - b),
        BinaryFunction::Multiply => zip(y, a, b, |a, b| a * b),
        BinaryFunction::Maximum => zip(y, a, b, maximum),
        BinaryFunction::Minimum => zip(y, a, b, minimum),
        BinaryFunction::Divide => zip(y, a, b, |a, b| a / b),
        BinaryFunction::Power => zip(y, a, b, |a, b| a.powf(b)),
    }
}

#[inline(always)]
fn select_grad<S: Simd>(op: &op::SelectGrad, call: Call<'_>) {
    let [a, b, d_y] = call.inputs();
    let output = call.output;
    for (((output, a), b), d_y) in output.iter_mut().zip(a).zip(b).zip(d_y) {
        let first = match op.f {
            BinaryFunction::Maximum => a >= b,
            _ => a <= b,
        };
        *output = if first != op.second { *d_y } else { 0.0 };
    }
}

/// Elements that are copied and then changed in place, half of a first-level cache.
const CHUNK: usize = 4096;

/// The `i32` that a buffer of floats holds bit by bit.
#[inline(always)]
pub(super) fn integer(x: f32) -> i32 {
    x.to_bits() as i32
}

/// The larger; NaN if one is NaN.
#[inline(always)]
fn maximum(a: f32, b: f32) -> f32 {
    let larger = if a >= b { a } else { b };
    if a.is_nan() { a } else { larger }
}

/// The smaller; NaN if one is NaN.
#[inline(always)]
fn minimum(a: f32, b: f32) -> f32 {
    let smaller = if a <= b { a } else { b };
    if a.is_nan() { a } else { smaller }
}

#[inline(always)]
fn zip(y: &mut [f32], a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) {
    for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
        *y = f(*a, *b);
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_gradient, output, values};
    use super::*;
    use keras_ir::activation::Activation;

    const FUNCTIONS: [BinaryFunction; 7] = [
        BinaryFunction::Add,
        BinaryFunction::Subtract,
        BinaryFunction::Multiply,
        BinaryFunction::Maximum,
        BinaryFunction::Minimum,
        BinaryFunction::Divide,
        BinaryFunction::Power,
    ];

    #[test]
    fn fast_is_plain_at_any_length() {
        for len in [1, 15, 16, 17, 31, 97, CHUNK + 3] {
            let [a, b, d_y] = [1, 2, 3].map(|seed| values(2 * len, seed));
            let start = vec![f32::NAN; 2 * len];
            let f = Activation::Gelu;
            agreed(op::Unary { len, f }, 2, &[&a], &start, 1e-6);
            agreed(op::UnaryGrad { len, f }, 2, &[&a, &d_y], &start, 1e-6);
            agreed(op::Affine { len, scale: -1.5, offset: 0.3 }, 2, &[&a], &start, 0.0);
            for f in FUNCTIONS {
                agreed(op::Binary { len, f }, 2, &[&a, &b], &start, 0.0);
            }
            for f in [BinaryFunction::Maximum, BinaryFunction::Minimum] {
                for second in [false, true] {
                    let op = op::SelectGrad { len, f, second };
                    agreed(op, 2, &[&a, &b, &d_y], &start, 0.0);
                }
            }
        }
    }

    #[test]
    fn selected_gradients() {
        let [a, d_y] = [1, 3].map(|seed| values(7, seed));
        // Far enough that no step changes which is chosen.
        let b: Vec<f32> = (0..7).map(|i| a[i] + if i % 3 == 0 { 0.4 } else { -0.4 }).collect();
        for f in [BinaryFunction::Maximum, BinaryFunction::Minimum] {
            for (input, second) in [(0, false), (1, true)] {
                let op = op::SelectGrad { len: 7, f, second };
                let found = output::<Reference>(op, 1, &[&a, &b, &d_y], 7);
                assert_gradient(op::Binary { len: 7, f }, 1, &[&a, &b], input, &d_y, &found);
            }
            // Of equals the first is chosen.
            let op = op::SelectGrad { len: 7, f, second: false };
            assert_eq!(output::<Reference>(op, 1, &[&a, &a, &d_y], 7), d_y);
        }
    }

    #[test]
    fn nan_wins() {
        let (a, b) = ([f32::NAN, 1.0, -2.0], [1.0, f32::NAN, 3.0]);
        for f in [BinaryFunction::Maximum, BinaryFunction::Minimum] {
            let y = output::<Cpu>(op::Binary { len: 3, f }, 1, &[&a, &b], 3);
            assert!(y[0].is_nan() && y[1].is_nan() && !y[2].is_nan());
        }
    }

    #[test]
    fn integers_become_floats() {
        let x = [-7, 0, i32::MAX].map(|x: i32| f32::from_bits(x as u32));
        let y = agreed(op::CastFloat { len: 3 }, 1, &[&x], &[f32::NAN; 3], 0.0);
        assert_eq!(y, [-7.0, 0.0, 2_147_483_648.0]);
    }
}
