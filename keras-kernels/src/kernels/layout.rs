//! Ops that move elements: broadcast and its sum, transposition, joining, cutting and padding.
//!
//! Nothing is computed, so the fast versions differ from the oracle only in copying whole rows.

use super::strided::{Strided, repeated_offset};
use super::vectorized::vectorized;
use super::{Call, Cpu, Reference, lanes};
use crate::simd::Simd;
use keras_ir::ops as op;

impl Reference {
    pub(crate) fn broadcast(op: &op::Broadcast, call: Call<'_>) {
        let [x] = call.inputs();
        let (from, to) = lengths(op.rank, &op.from, &op.to);
        for (x, y) in x.chunks_exact(from).zip(call.output.chunks_exact_mut(to)) {
            for (flat, y) in y.iter_mut().enumerate() {
                *y = x[repeated_offset(op.rank, &op.from, &op.to, flat)];
            }
        }
    }

    pub(crate) fn sum_to(op: &op::SumTo, call: Call<'_>) {
        let [x] = call.inputs();
        let (from, to) = lengths(op.rank, &op.from, &op.to);
        call.output.fill(0.0);
        for (x, y) in x.chunks_exact(from).zip(call.output.chunks_exact_mut(to)) {
            for (flat, x) in x.iter().enumerate() {
                y[repeated_offset(op.rank, &op.to, &op.from, flat)] += x;
            }
        }
    }

    pub(crate) fn transpose(op: &op::Transpose, call: Call<'_>) {
        let [x] = call.inputs();
        let len = op.from[..op.rank].iter().product();
        for (x, y) in x.chunks_exact(len).zip(call.output.chunks_exact_mut(len)) {
            for (mut flat, y) in y.iter_mut().enumerate() {
                let mut offset = 0;
                for axis in op.axes[..op.rank].iter().rev() {
                    let step: usize = op.from[axis + 1..op.rank].iter().product();
                    offset += flat % op.from[*axis] * step;
                    flat /= op.from[*axis];
                }
                *y = x[offset];
            }
        }
    }

    pub(crate) fn reshape(_: &op::Reshape, call: Call<'_>) {
        let [x] = call.inputs();
        call.output.copy_from_slice(x);
    }

    pub(crate) fn concat(op: &op::Concat, call: Call<'_>) {
        let outer = op.outer * call.samples;
        let row = op.extent * op.inner;
        let mut begin = 0;
        for x in call.inputs {
            let len = x.len() / outer;
            for (x, y) in x.chunks_exact(len).zip(call.output.chunks_exact_mut(row)) {
                y[begin..begin + len].copy_from_slice(x);
            }
            begin += len;
        }
    }

    pub(crate) fn slice(op: &op::Slice, call: Call<'_>) {
        let [x] = call.inputs();
        let (from, to) = (op.extent * op.inner, op.len * op.inner);
        for (x, y) in x.chunks_exact(from).zip(call.output.chunks_exact_mut(to)) {
            y.copy_from_slice(&x[op.begin * op.inner..][..to]);
        }
    }

    pub(crate) fn pad2d(op: &op::Pad2D, call: Call<'_>) {
        let [x] = call.inputs();
        let (h, w) = (op.h + op.top + op.bottom, op.w + op.left + op.right);
        call.output.fill(0.0);
        let images = call.output.chunks_exact_mut(h * w * op.c);
        for (x, y) in x.chunks_exact(op.h * op.w * op.c).zip(images) {
            let rows = y[op.top * w * op.c..].chunks_exact_mut(w * op.c);
            for (x, y) in x.chunks_exact(op.w * op.c).zip(rows) {
                y[op.left * op.c..][..op.w * op.c].copy_from_slice(x);
            }
        }
    }

    pub(crate) fn crop2d(op: &op::Crop2D, call: Call<'_>) {
        let [x] = call.inputs();
        let (h, w) = (op.h + op.top + op.bottom, op.w + op.left + op.right);
        let len = op.h * op.w * op.c;
        for (x, y) in x.chunks_exact(h * w * op.c).zip(call.output.chunks_exact_mut(len)) {
            let rows = x[op.top * w * op.c..].chunks_exact(w * op.c);
            for (x, y) in rows.zip(y.chunks_exact_mut(op.w * op.c)) {
                y.copy_from_slice(&x[op.left * op.c..][..op.w * op.c]);
            }
        }
    }
}

impl Cpu {
    pub(crate) fn broadcast(op: &op::Broadcast, call: Call<'_>) {
        let [x] = call.inputs();
        let (from, to) = lengths(op.rank, &op.from, &op.to);
        let walk = Strided::broadcast(op.rank, &op.from, &op.to);
        for (x, y) in x.chunks_exact(from).zip(call.output.chunks_exact_mut(to)) {
            let mut rows = y.chunks_exact_mut(walk.row());
            walk.for_each_row(|offset| {
                let y = rows.next().expect("a walk has as many rows as its tensor");
                if walk.row_step() == 0 {
                    y.fill(x[offset]);
                } else {
                    y.copy_from_slice(&x[offset..][..y.len()]);
                }
            });
        }
    }

    pub(crate) fn transpose(op: &op::Transpose, call: Call<'_>) {
        let [x] = call.inputs();
        let walk = Strided::transpose(op.rank, &op.from, &op.axes);
        let len = walk.len();
        for (x, y) in x.chunks_exact(len).zip(call.output.chunks_exact_mut(len)) {
            let mut rows = y.chunks_exact_mut(walk.row());
            walk.for_each_row(|offset| {
                let y = rows.next().expect("a walk has as many rows as its tensor");
                if walk.row_step() == 1 {
                    y.copy_from_slice(&x[offset..][..y.len()]);
                } else {
                    let cells = x[offset..].iter().step_by(walk.row_step().max(1));
                    for (y, x) in y.iter_mut().zip(cells) {
                        *y = *x;
                    }
                }
            });
        }
    }

    pub(crate) fn reshape(op: &op::Reshape, call: Call<'_>) {
        Reference::reshape(op, call);
    }

    pub(crate) fn concat(op: &op::Concat, call: Call<'_>) {
        Reference::concat(op, call);
    }

    pub(crate) fn slice(op: &op::Slice, call: Call<'_>) {
        Reference::slice(op, call);
    }

    pub(crate) fn pad2d(op: &op::Pad2D, call: Call<'_>) {
        Reference::pad2d(op, call);
    }

    pub(crate) fn crop2d(op: &op::Crop2D, call: Call<'_>) {
        Reference::crop2d(op, call);
    }
}

vectorized! {
    sum_to: SumTo,
}

#[inline(always)]
fn sum_to<S: Simd>(op: &op::SumTo, call: Call<'_>) {
    let [x] = call.inputs();
    let (from, to) = lengths(op.rank, &op.from, &op.to);
    let walk = Strided::broadcast(op.rank, &op.to, &op.from);
    call.output.fill(0.0);
    for (x, y) in x.chunks_exact(from).zip(call.output.chunks_exact_mut(to)) {
        let mut rows = x.chunks_exact(walk.row());
        walk.for_each_row(|offset| {
            let x = rows.next().expect("a walk has as many rows as its tensor");
            if walk.row_step() == 0 {
                y[offset] += lanes::sum(x);
            } else {
                add(&mut y[offset..], x);
            }
        });
    }
}

/// Elements of both sides of a broadcast.
fn lengths(rank: usize, from: &[usize], to: &[usize]) -> (usize, usize) {
    (from[..rank].iter().product(), to[..rank].iter().product())
}

/// `y[i] += x[i]`, for each `i` of `x`.
#[inline(always)]
pub(super) fn add(y: &mut [f32], x: &[f32]) {
    for (y, x) in y[..x.len()].iter_mut().zip(x) {
        *y += x;
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_adjoint, values};
    use super::*;
    use keras_ir::ops::MAX_RANK;

    fn extents<const N: usize>(given: [usize; N]) -> [usize; MAX_RANK] {
        let mut extents = [1; MAX_RANK];
        extents[..N].copy_from_slice(&given);
        extents
    }

    #[test]
    fn broadcast_and_its_sum() {
        let to = extents([3, 5, 2, 17]);
        for from in [[3, 5, 2, 17], [1, 5, 1, 17], [3, 1, 2, 1], [1, 1, 2, 1], [1, 1, 1, 17]] {
            let small: usize = from.iter().product();
            let from = extents(from);
            let op = op::Broadcast { rank: 4, from, to };
            let back = op::SumTo { rank: 4, from: to, to: from };
            let (x, d_y) = (values(2 * small, 1), values(2 * 510, 2));
            agreed(op, 2, &[&x], &[f32::NAN; 2 * 510], 0.0);
            agreed(back, 2, &[&d_y], &vec![f32::NAN; 2 * small], 1e-5);
            assert_adjoint(op, back, |_, d_y| vec![d_y], 0, &[2 * small], 2 * 510, 2);
        }
        let op = op::Broadcast { rank: 2, from: extents([2, 1]), to: extents([2, 3]) };
        let y = agreed(op, 1, &[&[1.0, -2.0]], &[f32::NAN; 6], 0.0);
        assert_eq!(y, [1.0, 1.0, 1.0, -2.0, -2.0, -2.0]);
    }

    #[test]
    fn transposition() {
        let from = extents([2, 3]);
        let op = op::Transpose { rank: 2, from, axes: extents([1, 0]) };
        let y = agreed(op, 1, &[&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]], &[f32::NAN; 6], 0.0);
        assert_eq!(y, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let x = values(2 * 210, 1);
        for axes in [[0, 1, 2, 3], [3, 0, 2, 1], [1, 2, 3, 0], [0, 2, 1, 3], [2, 3, 0, 1]] {
            let op = op::Transpose { rank: 4, from: extents([2, 3, 5, 7]), axes: extents(axes) };
            let y = agreed(op, 2, &[&x], &[f32::NAN; 2 * 210], 0.0);
            let (mut back, mut from) = ([0; MAX_RANK], [1; MAX_RANK]);
            for (axis, source) in axes.into_iter().enumerate() {
                back[source] = axis;
                from[axis] = [2, 3, 5, 7][source];
            }
            let op = op::Transpose { rank: 4, from, axes: back };
            assert_eq!(agreed(op, 2, &[&y], &[f32::NAN; 2 * 210], 0.0), x);
        }
    }

    #[test]
    fn joining_and_cutting() {
        let (a, b) = (values(2 * 3 * 2 * 5, 1), values(2 * 3 * 4 * 5, 2));
        let op = op::Concat { outer: 3, extent: 6, inner: 5 };
        let y = agreed(op, 2, &[&a, &b], &[f32::NAN; 2 * 90], 0.0);
        assert_eq!((&y[..10], &y[10..30], &y[30..40]), (&a[..10], &b[..20], &a[10..20]));
        for (x, begin, len) in [(&a, 0, 2), (&b, 2, 4)] {
            let op = op::Slice { outer: 3, extent: 6, inner: 5, begin, len };
            assert_eq!(&agreed(op, 2, &[&y], &vec![f32::NAN; x.len()], 0.0), x);
        }
        assert_eq!(agreed(op::Reshape { len: 30 }, 2, &[&a], &[f32::NAN; 60], 0.0), a);
    }

    #[test]
    fn padding() {
        let (h, w, c, top, bottom, left, right) = (2, 3, 5, 1, 4, 2, 0);
        let op = op::Pad2D { h, w, c, top, bottom, left, right };
        let back = op::Crop2D { h, w, c, top, bottom, left, right };
        let x = values(2 * 30, 1);
        let y = agreed(op, 2, &[&x], &[f32::NAN; 2 * 7 * 5 * 5], 0.0);
        assert_eq!(y.iter().filter(|y| **y != 0.0).count(), 60);
        assert_eq!(&y[(5 + 2) * 5..][..15], &x[..15]);
        assert_eq!(agreed(back, 2, &[&y], &[f32::NAN; 60], 0.0), x);
    }
}
