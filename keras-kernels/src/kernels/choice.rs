//! Comparisons, the choice between two tensors, and constants. A truth value is 1 or 0.
//!
//! Plain loops: the compiler vectorises what is compiled for each instruction set.

use super::elementwise::integer;
use super::vectorized::vectorized;
use super::{Call, Cpu, Reference};
use crate::simd::Simd;
use keras_ir::ops::{self as op, Comparison};

impl Reference {
    pub(crate) fn compare(op: &op::Compare, call: Call<'_>) {
        let [a, b] = call.inputs();
        let y = call.output;
        for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
            let order = match op.integers {
                true => Some(integer(*a).cmp(&integer(*b))),
                false => a.partial_cmp(b),
            };
            let holds = match op.f {
                Comparison::Equal => order.is_some_and(|order| order.is_eq()),
                Comparison::NotEqual => !order.is_some_and(|order| order.is_eq()),
                Comparison::Less => order.is_some_and(|order| order.is_lt()),
                Comparison::LessEqual => order.is_some_and(|order| order.is_le()),
                Comparison::Greater => order.is_some_and(|order| order.is_gt()),
                Comparison::GreaterEqual => order.is_some_and(|order| order.is_ge()),
            };
            *y = truth(holds);
        }
    }

    #[inline(always)]
    pub(crate) fn select(_: &op::Select, call: Call<'_>) {
        let [condition, a, b] = call.inputs();
        let y = call.output;
        for (((y, condition), a), b) in y.iter_mut().zip(condition).zip(a).zip(b) {
            *y = if *condition != 0.0 { *a } else { *b };
        }
    }

    pub(crate) fn ramp(op: &op::Ramp, call: Call<'_>) {
        let [] = call.inputs();
        for y in call.output.chunks_exact_mut(op.len) {
            for (i, y) in y.iter_mut().enumerate() {
                // Rounded once: a constant is what it was written as, and whole numbers stay whole.
                *y = (f64::from(op.start) + f64::from(op.step) * i as f64) as f32;
            }
        }
    }
}

impl Cpu {
    pub(crate) fn ramp(op: &op::Ramp, call: Call<'_>) {
        if op.step == 0.0 {
            let [] = call.inputs();
            return call.output.fill(op.start);
        }
        Reference::ramp(op, call);
    }
}

vectorized! {
    compare: Compare,
    select: Select,
}

#[inline(always)]
fn compare<S: Simd>(op: &op::Compare, call: Call<'_>) {
    let [a, b] = call.inputs();
    let y = call.output;
    if op.integers {
        compare_each(op.f, a, b, y, integer);
    } else {
        compare_each(op.f, a, b, y, |x| x);
    }
}

/// Compares what `read` makes of each element.
#[inline(always)]
fn compare_each<T: PartialOrd>(
    f: Comparison,
    a: &[f32],
    b: &[f32],
    y: &mut [f32],
    read: impl Fn(f32) -> T,
) {
    let cells = y.iter_mut().zip(a).zip(b).map(|((y, a), b)| (y, read(*a), read(*b)));
    match f {
        Comparison::Equal => cells.for_each(|(y, a, b)| *y = truth(a == b)),
        Comparison::NotEqual => cells.for_each(|(y, a, b)| *y = truth(a != b)),
        Comparison::Less => cells.for_each(|(y, a, b)| *y = truth(a < b)),
        Comparison::LessEqual => cells.for_each(|(y, a, b)| *y = truth(a <= b)),
        Comparison::Greater => cells.for_each(|(y, a, b)| *y = truth(a > b)),
        Comparison::GreaterEqual => cells.for_each(|(y, a, b)| *y = truth(a >= b)),
    }
}

#[inline(always)]
fn select<S: Simd>(op: &op::Select, call: Call<'_>) {
    Reference::select(op, call);
}

#[inline(always)]
fn truth(holds: bool) -> f32 {
    if holds { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_gradient, output, values};
    use super::*;

    const COMPARISONS: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessEqual,
        Comparison::Greater,
        Comparison::GreaterEqual,
    ];

    #[test]
    fn comparisons_by_hand() {
        let (a, b) = ([1.0, 2.0, 3.0, f32::NAN, -0.0], [2.0, 2.0, 2.0, 2.0, 0.0]);
        let expected = [
            [0.0, 1.0, 0.0, 0.0, 1.0],
            [1.0, 0.0, 1.0, 1.0, 0.0],
            [1.0, 0.0, 0.0, 0.0, 0.0],
            [1.0, 1.0, 0.0, 0.0, 1.0],
            [0.0, 0.0, 1.0, 0.0, 0.0],
            [0.0, 1.0, 1.0, 0.0, 1.0],
        ];
        for (f, expected) in COMPARISONS.into_iter().zip(expected) {
            let op = op::Compare { len: 5, f, integers: false };
            assert_eq!(agreed(op, 1, &[&a, &b], &[f32::NAN; 5], 0.0), expected, "{f:?}");
        }
        // The bits of these are NaN, or equal as floats.
        let whole = |x: [i32; 4]| x.map(|x| f32::from_bits(x as u32));
        let (a, b) = (whole([-1, i32::MIN, 16_777_217, 3]), whole([-1, 0, 16_777_216, 7]));
        let op = op::Compare { len: 4, f: Comparison::Less, integers: true };
        assert_eq!(agreed(op, 1, &[&a, &b], &[f32::NAN; 4], 0.0), [0.0, 1.0, 0.0, 1.0]);
        let op = op::Compare { f: Comparison::Equal, ..op };
        assert_eq!(agreed(op, 1, &[&a, &b], &[f32::NAN; 4], 0.0), [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn fast_is_plain_at_any_length() {
        for len in [1, 15, 16, 17, 97] {
            let few = |seed| values(2 * len, seed).iter().map(|x| (3.0 * x).round()).collect();
            let [a, b]: [Vec<f32>; 2] = [few(1), few(2)];
            let start = vec![f32::NAN; 2 * len];
            for f in COMPARISONS {
                for integers in [false, true] {
                    agreed(op::Compare { len, f, integers }, 2, &[&a, &b], &start, 0.0);
                }
            }
            agreed(op::Select { len }, 2, &[&a, &b, &values(2 * len, 3)], &start, 0.0);
            for step in [0.0, 0.5, -1.0] {
                agreed(op::Ramp { len, start: -3.0, step }, 2, &[], &start, 0.0);
            }
        }
    }

    #[test]
    fn choices_by_hand() {
        let condition = [0.0, 1.0, 0.0, 1.0];
        let inputs: [&[f32]; 3] = [&condition, &[1.0, f32::NAN, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0]];
        let y = output::<Cpu>(op::Select { len: 4 }, 1, &inputs, 4);
        assert!(y[1].is_nan());
        assert_eq!([y[0], y[2], y[3]], [5.0, 7.0, 4.0]);
        let [a, b, d_y] = [1, 2, 3].map(|seed| values(4, seed));
        let found =
            output::<Reference>(op::Select { len: 4 }, 1, &[&condition, &d_y, &[0.0; 4]], 4);
        assert_gradient(op::Select { len: 4 }, 1, &[&condition, &a, &b], 1, &d_y, &found);
        let y = output::<Cpu>(op::Ramp { len: 3, start: 2.0, step: -1.5 }, 2, &[], 6);
        assert_eq!(y, [2.0, 0.5, -1.0, 2.0, 0.5, -1.0]);
    }
}
