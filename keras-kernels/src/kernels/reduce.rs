//! The largest or the smallest element along an axis, and its gradient, which elements that tie
//! share evenly; running sums along one.

use super::vectorized::vectorized;
use super::{Call, Reference, lanes};
use crate::simd::Simd;
use keras_ir::ops::{self as op, ReduceFunction};

/// Lines along the axis that are worked on at a time.
const COLUMNS: usize = 32;

impl Reference {
    pub(crate) fn reduce(op: &op::Reduce, call: Call<'_>) {
        let op::Reduce { extent, inner, f, .. } = *op;
        let [x] = call.inputs();
        let lines = x.chunks_exact(extent * inner).zip(call.output.chunks_exact_mut(inner));
        for (x, y) in lines {
            for (i, y) in y.iter_mut().enumerate() {
                let cells = x[i..].iter().step_by(inner).copied();
                *y = cells.reduce(|a, b| kept(f, a, b)).expect("there is an element");
            }
        }
    }

    pub(crate) fn reduce_grad(op: &op::ReduceGrad, call: Call<'_>) {
        let op::ReduceGrad { extent, inner, .. } = *op;
        let [x, y, d_y] = call.inputs();
        let small = y.chunks_exact(inner).zip(d_y.chunks_exact(inner));
        let large = x.chunks_exact(extent * inner);
        let large = large.zip(call.output.chunks_exact_mut(extent * inner));
        for ((x, d_x), (y, d_y)) in large.zip(small) {
            for i in 0..inner {
                let cells = x[i..].iter().step_by(inner);
                let holders = cells.clone().filter(|x| **x == y[i]).count();
                let share = d_y[i] / holders as f32;
                for (x, d_x) in cells.zip(d_x[i..].iter_mut().step_by(inner)) {
                    *d_x = if *x == y[i] { share } else { 0.0 };
                }
            }
        }
    }

    pub(crate) fn cumsum(op: &op::Cumsum, call: Call<'_>) {
        let op::Cumsum { extent, inner, reverse, .. } = *op;
        let [x] = call.inputs();
        let len = extent * inner;
        for (x, y) in x.chunks_exact(len).zip(call.output.chunks_exact_mut(len)) {
            for i in 0..inner {
                let mut sum = 0.0;
                for a in 0..extent {
                    let place = if reverse { extent - 1 - a } else { a } * inner + i;
                    sum += f64::from(x[place]);
                    y[place] = sum as f32;
                }
            }
        }
    }
}

vectorized! {
    reduce: Reduce,
    reduce_grad: ReduceGrad,
    cumsum: Cumsum,
}

#[inline(always)]
fn cumsum<S: Simd>(op: &op::Cumsum, call: Call<'_>) {
    let op::Cumsum { extent, inner, reverse, .. } = *op;
    let [x] = call.inputs();
    let len = extent * inner;
    call.output.copy_from_slice(x);
    for y in call.output.chunks_exact_mut(len) {
        for a in 1..extent {
            // The sums before, then those that follow from them.
            let (sums, row) = if reverse {
                let (front, sums) = y.split_at_mut(len - a * inner);
                (&*sums, &mut front[len - (a + 1) * inner..])
            } else {
                let (sums, rest) = y.split_at_mut(a * inner);
                (&sums[(a - 1) * inner..], rest)
            };
            for (y, sum) in row[..inner].iter_mut().zip(sums) {
                *y += sum;
            }
        }
    }
}

#[inline(always)]
fn reduce<S: Simd>(op: &op::Reduce, call: Call<'_>) {
    let op::Reduce { extent, inner, f, .. } = *op;
    let [x] = call.inputs();
    match f {
        ReduceFunction::Max => {
            reduce_each(extent, inner, x, call.output, |a, b| kept(ReduceFunction::Max, a, b));
        }
        ReduceFunction::Min => {
            reduce_each(extent, inner, x, call.output, |a, b| kept(ReduceFunction::Min, a, b));
        }
    }
}

#[inline(always)]
fn reduce_each(
    extent: usize,
    inner: usize,
    x: &[f32],
    y: &mut [f32],
    f: impl Fn(f32, f32) -> f32 + Copy,
) {
    if inner == 1 {
        for (x, y) in x.chunks_exact(extent).zip(y) {
            *y = lanes::fold(x, x[0], f);
        }
        return;
    }
    for (x, y) in x.chunks_exact(extent * inner).zip(y.chunks_exact_mut(inner)) {
        let mut rows = x.chunks_exact(inner);
        y.copy_from_slice(rows.next().expect("there is a row"));
        for x in rows {
            for (y, x) in y.iter_mut().zip(x) {
                *y = f(*y, *x);
            }
        }
    }
}

#[inline(always)]
fn reduce_grad<S: Simd>(op: &op::ReduceGrad, call: Call<'_>) {
    let op::ReduceGrad { extent, inner, .. } = *op;
    let [x, y, d_y] = call.inputs();
    let large = x.chunks_exact(extent * inner);
    let large = large.zip(call.output.chunks_exact_mut(extent * inner));
    if inner == 1 {
        for ((x, d_x), (y, d_y)) in large.zip(y.iter().zip(d_y)) {
            let holders = x.iter().filter(|x| *x == y).count();
            let share = d_y / holders as f32;
            for (x, d_x) in x.iter().zip(d_x) {
                *d_x = if x == y { share } else { 0.0 };
            }
        }
        return;
    }
    let small = y.chunks_exact(inner).zip(d_y.chunks_exact(inner));
    for ((x, d_x), (y, d_y)) in large.zip(small) {
        for begin in (0..inner).step_by(COLUMNS) {
            let columns = begin..inner.min(begin + COLUMNS);
            let (y, d_y) = (&y[columns.clone()], &d_y[columns.clone()]);
            let mut share = [0.0_f32; COLUMNS];
            for x in x.chunks_exact(inner) {
                for ((share, x), y) in share.iter_mut().zip(&x[columns.clone()]).zip(y) {
                    *share += if x == y { 1.0 } else { 0.0 };
                }
            }
            for (share, d_y) in share.iter_mut().zip(d_y) {
                *share = d_y / *share;
            }
            for (x, d_x) in x.chunks_exact(inner).zip(d_x.chunks_exact_mut(inner)) {
                let cells = d_x[columns.clone()].iter_mut().zip(&x[columns.clone()]);
                for (((d_x, x), y), share) in cells.zip(y).zip(share) {
                    *d_x = if x == y { share } else { 0.0 };
                }
            }
        }
    }
}

/// The one of two that is kept; NaN if one is NaN.
#[inline(always)]
fn kept(f: ReduceFunction, a: f32, b: f32) -> f32 {
    let first = match f {
        ReduceFunction::Max => a >= b,
        ReduceFunction::Min => a <= b,
    };
    let kept = if first { a } else { b };
    if a.is_nan() { a } else { kept }
}

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_gradient, output, values};
    use super::*;

    const BOTH: [ReduceFunction; 2] = [ReduceFunction::Max, ReduceFunction::Min];

    #[test]
    fn fast_is_plain_at_any_extent() {
        for (outer, extent, inner) in
            [(1, 1, 1), (3, 5, 1), (2, 16, 1), (2, 97, 1), (1, 7, 31), (3, 2, 33), (2, 67, 65)]
        {
            let (len, lines) = (2 * outer * extent * inner, 2 * outer * inner);
            // Few values, so that some tie.
            let mut x: Vec<f32> = values(len, 1).iter().map(|x| (x * 8.0).round() / 4.0).collect();
            let d_y = values(lines, 2);
            for f in BOTH {
                let op = op::Reduce { outer, extent, inner, f };
                let y = agreed(op, 2, &[&x], &vec![f32::NAN; lines], 0.0);
                let op = op::ReduceGrad { outer, extent, inner };
                let d_x = agreed(op, 2, &[&x, &y, &d_y], &vec![f32::NAN; len], 1e-6);
                let (given, received): (f32, f32) = (d_y.iter().sum(), d_x.iter().sum());
                assert!((given - received).abs() < 1e-3, "{given} was shared, {received} arrived");
            }
            x[len / 2] = f32::NAN;
            let op = op::Reduce { outer, extent, inner, f: ReduceFunction::Min };
            let y = agreed(op, 2, &[&x], &vec![0.0; lines], 0.0);
            assert_eq!(y.iter().filter(|y| y.is_nan()).count(), 1);
        }
    }

    #[test]
    fn extrema_by_hand() {
        let x = [1.0, -5.0, 4.0, -2.0, 4.0, -5.0];
        let op = op::Reduce { outer: 1, extent: 3, inner: 2, f: ReduceFunction::Max };
        assert_eq!(agreed(op, 1, &[&x], &[0.0; 2], 0.0), [4.0, -2.0]);
        let op = op::Reduce { f: ReduceFunction::Min, ..op };
        assert_eq!(agreed(op, 1, &[&x], &[0.0; 2], 0.0), [1.0, -5.0]);
        let op = op::ReduceGrad { outer: 1, extent: 3, inner: 2 };
        let d_x = agreed(op, 1, &[&x, &[1.0, -5.0], &[3.0, 5.0]], &[f32::NAN; 6], 0.0);
        assert_eq!(d_x, [3.0, 2.5, 0.0, 0.0, 0.0, 2.5]);
    }

    #[test]
    fn running_sums_of_any_extent() {
        let x = [1.0, -5.0, 4.0, -2.0, 4.0, -5.0];
        let op = op::Cumsum { outer: 1, extent: 3, inner: 2, reverse: false };
        let expected = [1.0, -5.0, 5.0, -7.0, 9.0, -12.0];
        assert_eq!(agreed(op, 1, &[&x], &[f32::NAN; 6], 0.0), expected);
        let op = op::Cumsum { reverse: true, ..op };
        let expected = [9.0, -12.0, 8.0, -7.0, 4.0, -5.0];
        assert_eq!(agreed(op, 1, &[&x], &[f32::NAN; 6], 0.0), expected);
        for (outer, extent, inner) in
            [(1, 1, 1), (3, 5, 1), (2, 97, 1), (1, 7, 31), (3, 2, 33), (2, 16, 16)]
        {
            let len = 2 * outer * extent * inner;
            let (x, d_y) = (values(len, 1), values(len, 2));
            for reverse in [false, true] {
                let op = op::Cumsum { outer, extent, inner, reverse };
                let tolerance = 4.0 * f32::EPSILON * extent as f32;
                let y = agreed(op, 2, &[&x], &vec![f32::NAN; len], tolerance);
                let back = op::Cumsum { reverse: !reverse, ..op };
                let d_x = agreed(back, 2, &[&d_y], &vec![f32::NAN; len], tolerance);
                let dot = |a: &[f32], b: &[f32]| -> f64 {
                    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
                };
                let (forth, back) = (dot(&y, &d_y), dot(&x, &d_x));
                assert!((forth - back).abs() < 1e-4 * (1.0 + forth.abs()), "{forth}, {back}");
            }
        }
    }

    #[test]
    fn gradients() {
        let (outer, extent, inner) = (2, 5, 3);
        // A sixth apart, so that no step changes which is kept.
        let x: Vec<f32> = (0..60).map(|i| ((i * 7) % 60) as f32 / 6.0 - 2.0).collect();
        let d_y = values(12, 2);
        for f in BOTH {
            let op = op::Reduce { outer, extent, inner, f };
            let y = output::<Reference>(op, 2, &[&x], 12);
            let back = op::ReduceGrad { outer, extent, inner };
            let found = output::<Reference>(back, 2, &[&x, &y, &d_y], 60);
            assert_gradient(op, 2, &[&x], 0, &d_y, &found);
        }
    }
}
