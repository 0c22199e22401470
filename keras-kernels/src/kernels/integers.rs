//! Integers: arithmetic that wraps around, and what becomes of floats. A buffer of floats holds
//! their bits.

use super::elementwise::integer;
use super::{Call, Cpu, Reference};
use keras_ir::ops::{self as op, BinaryFunction};

impl Reference {
    pub(crate) fn binary_int(op: &op::BinaryInt, call: Call<'_>) {
        let [a, b] = call.inputs();
        let y = call.output;
        let f = match op.f {
            BinaryFunction::Add => i32::wrapping_add,
            BinaryFunction::Subtract => i32::wrapping_sub,
            BinaryFunction::Multiply => i32::wrapping_mul,
            BinaryFunction::Maximum => i32::max,
            BinaryFunction::Minimum => i32::min,
            BinaryFunction::Divide | BinaryFunction::Power => {
                unreachable!("the graph divides integers as floats")
            }
        };
        for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
            *y = stored(f(integer(*a), integer(*b)));
        }
    }

    pub(crate) fn cast_int(_: &op::CastInt, call: Call<'_>) {
        let [x] = call.inputs();
        let y = call.output;
        for (y, x) in y.iter_mut().zip(x) {
            *y = stored(*x as i32);
        }
    }
}

impl Cpu {
    pub(crate) fn binary_int(op: &op::BinaryInt, call: Call<'_>) {
        Reference::binary_int(op, call);
    }

    pub(crate) fn cast_int(op: &op::CastInt, call: Call<'_>) {
        Reference::cast_int(op, call);
    }
}

/// An integer as a buffer of floats holds it.
fn stored(x: i32) -> f32 {
    f32::from_bits(x as u32)
}

#[cfg(test)]
mod tests {
    use super::super::check::output;
    use super::*;

    #[test]
    fn arithmetic_by_hand() {
        let [a, b] = [[7, -3, i32::MAX, 16_777_217], [2, 5, 1, -1]].map(|x| x.map(stored));
        for (f, expected) in [
            (BinaryFunction::Add, [9, 2, i32::MIN, 16_777_216]),
            (BinaryFunction::Subtract, [5, -8, i32::MAX - 1, 16_777_218]),
            (BinaryFunction::Multiply, [14, -15, i32::MAX, -16_777_217]),
            (BinaryFunction::Maximum, [7, 5, i32::MAX, 16_777_217]),
            (BinaryFunction::Minimum, [2, -3, 1, -1]),
        ] {
            let y = output::<Cpu>(op::BinaryInt { len: 4, f }, 1, &[&a, &b], 4);
            assert_eq!(y.iter().map(|y| integer(*y)).collect::<Vec<_>>(), expected, "{f:?}");
        }
    }

    #[test]
    fn floats_are_cut_off() {
        let x = [2.9, -2.9, f32::NAN, 1e20, -0.5];
        let y = output::<Cpu>(op::CastInt { len: 5 }, 1, &[&x], 5);
        let found: Vec<i32> = y.iter().map(|y| integer(*y)).collect();
        assert_eq!(found, [2, -2, 0, i32::MAX, 0]);
    }
}
