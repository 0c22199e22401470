//! Elements picked along an axis by indices, and the adjoint that sends gradients back. As in Keras
//! on jax, an index below 0 counts from the end; one that names no element gives NaN and gets no
//! gradient.

use super::elementwise::integer;
use super::{Call, Cpu, Reference};
use keras_ir::ops as op;

impl Reference {
    pub(crate) fn gather(op: &op::Gather, call: Call<'_>) {
        let op::Gather { extent, inner, count, .. } = *op;
        let [x, ids] = call.inputs();
        let samples = x.chunks_exact(extent * inner).zip(ids.chunks_exact(count * inner));
        for ((x, ids), y) in samples.zip(call.output.chunks_exact_mut(count * inner)) {
            for (cell, (y, id)) in y.iter_mut().zip(ids).enumerate() {
                *y = place(*id, extent).map_or(f32::NAN, |a| x[a * inner + cell % inner]);
            }
        }
    }

    pub(crate) fn gather_grad(op: &op::GatherGrad, call: Call<'_>) {
        let op::GatherGrad { extent, inner, count, .. } = *op;
        let [ids, d_y] = call.inputs();
        call.output.fill(0.0);
        let samples = ids.chunks_exact(count * inner).zip(d_y.chunks_exact(count * inner));
        for ((ids, d_y), d_x) in samples.zip(call.output.chunks_exact_mut(extent * inner)) {
            for (cell, (id, d_y)) in ids.iter().zip(d_y).enumerate() {
                if let Some(a) = place(*id, extent) {
                    d_x[a * inner + cell % inner] += d_y;
                }
            }
        }
    }
}

impl Cpu {
    pub(crate) fn gather(op: &op::Gather, call: Call<'_>) {
        Reference::gather(op, call);
    }

    pub(crate) fn gather_grad(op: &op::GatherGrad, call: Call<'_>) {
        Reference::gather_grad(op, call);
    }
}

/// The element that an index names, if there is one.
pub(super) fn place(id: f32, extent: usize) -> Option<usize> {
    let id = i64::from(integer(id));
    let from_start = if id < 0 { id + extent as i64 } else { id };
    usize::try_from(from_start).ok().filter(|place| *place < extent)
}

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, values};
    use super::*;

    fn ids(ids: impl IntoIterator<Item = i32>) -> Vec<f32> {
        ids.into_iter().map(|id| f32::from_bits(id as u32)).collect()
    }

    #[test]
    fn elements_by_hand() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let op = op::Gather { outer: 1, extent: 3, inner: 2, count: 2 };
        let picked = ids([2, 0, -3, 1]);
        let y = agreed(op, 1, &[&x, &picked], &[0.0; 4], 0.0);
        assert_eq!(y, [5.0, 2.0, 1.0, 4.0]);
        let op = op::GatherGrad { outer: 1, extent: 3, inner: 2, count: 2 };
        let d_x = agreed(op, 1, &[&ids([2, 0, 2, 3]), &[1.0, 2.0, 4.0, 8.0]], &[9.0; 6], 0.0);
        assert_eq!(d_x, [0.0, 2.0, 0.0, 0.0, 5.0, 0.0]);
        let op = op::Gather { outer: 1, extent: 3, inner: 1, count: 2 };
        let y = agreed(op, 1, &[&x[..3], &ids([3, -4])], &[0.0; 2], 0.0);
        assert!(y.iter().all(|y| y.is_nan()));
    }

    #[test]
    fn the_gradient_is_the_adjoint() {
        let (outer, extent, inner, count, samples) = (3, 5, 2, 4, 2);
        let len = samples * outer * count * inner;
        let picked = ids((0..len as i32).map(|i| (i * 7) % 8 - 3));
        let op = op::Gather { outer, extent, inner, count };
        let back = op::GatherGrad { outer, extent, inner, count };
        // As a function of what is picked from: the indices stay.
        let x = values(samples * outer * extent * inner, 1);
        let d_y = values(len, 2);
        let y = agreed(op, samples, &[&x, &picked], &vec![0.0; len], 0.0);
        let d_x = agreed(back, samples, &[&picked, &d_y], &vec![0.0; x.len()], 0.0);
        let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        assert!((dot(&y, &d_y) - dot(&x, &d_x)).abs() < 1e-5);
    }
}
