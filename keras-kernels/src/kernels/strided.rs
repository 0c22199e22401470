//! Walks a tensor beside another one that repeats or is permuted: extents with a step each, axes
//! joined where they can be.

use keras_ir::ops::MAX_RANK;

/// Row-major extents of one tensor with the steps, in elements, that each axis takes in another
/// one.
///
/// Axes of extent 1 are gone and axes that follow each other in both tensors are one, so that the
/// rows are long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Strided {
    rank: usize,
    extents: [usize; MAX_RANK],
    steps: [usize; MAX_RANK],
}

impl Strided {
    /// Extents `to`, beside a tensor of extents `from` that repeats where its extent is 1.
    /// Panics if the extents differ elsewhere.
    pub(super) fn broadcast(rank: usize, from: &[usize], to: &[usize]) -> Strided {
        let mut steps = [0; MAX_RANK];
        let mut step = 1;
        for axis in (0..rank).rev() {
            assert!(from[axis] == to[axis] || from[axis] == 1, "only an extent of 1 repeats");
            steps[axis] = if from[axis] == 1 { 0 } else { step };
            step *= from[axis];
        }
        Strided::new(rank, to, &steps)
    }

    /// The extents of `from` in the order of `axes`, beside the tensor of extents `from`.
    pub(super) fn transpose(rank: usize, from: &[usize], axes: &[usize]) -> Strided {
        let step = |axis: usize| from[axis + 1..rank].iter().product::<usize>();
        let (mut extents, mut steps) = ([1; MAX_RANK], [0; MAX_RANK]);
        for ((extent, own), axis) in extents.iter_mut().zip(&mut steps).zip(&axes[..rank]) {
            (*extent, *own) = (from[*axis], step(*axis));
        }
        Strided::new(rank, &extents, &steps)
    }

    fn new(rank: usize, extents: &[usize], steps: &[usize]) -> Strided {
        let mut joined = Strided { rank: 0, extents: [1; MAX_RANK], steps: [0; MAX_RANK] };
        for axis in (0..rank).filter(|axis| extents[*axis] != 1) {
            let (extent, step) = (extents[axis], steps[axis]);
            let last = joined.rank.wrapping_sub(1);
            if joined.rank > 0 && joined.steps[last] == step * extent {
                joined.extents[last] *= extent;
                joined.steps[last] = step;
            } else {
                joined.extents[joined.rank] = extent;
                joined.steps[joined.rank] = step;
                joined.rank += 1;
            }
        }
        joined.rank = joined.rank.max(1);
        joined
    }

    /// Number of elements of the walked tensor.
    pub(super) fn len(&self) -> usize {
        self.extents.iter().product()
    }

    /// Extent of the last axis: the length of a row.
    pub(super) fn row(&self) -> usize {
        self.extents[self.rank - 1]
    }

    /// Step of the other tensor along a row.
    pub(super) fn row_step(&self) -> usize {
        self.steps[self.rank - 1]
    }

    /// Calls `visit` for each row in order, with the offset at which the other tensor's row begins.
    #[inline(always)]
    pub(super) fn for_each_row(&self, mut visit: impl FnMut(usize)) {
        let outer = self.rank - 1;
        let mut index = [0; MAX_RANK];
        let mut offset = 0;
        for _ in 0..self.extents[..outer].iter().product::<usize>() {
            visit(offset);
            for axis in (0..outer).rev() {
                index[axis] += 1;
                offset += self.steps[axis];
                if index[axis] < self.extents[axis] {
                    break;
                }
                offset -= self.steps[axis] * index[axis];
                index[axis] = 0;
            }
        }
    }
}

/// The offset in a tensor of extents `from`, repeated to `to`, that belongs to element `flat` of
/// the latter: by division, for the oracle.
pub(super) fn repeated_offset(rank: usize, from: &[usize], to: &[usize], mut flat: usize) -> usize {
    let (mut offset, mut step) = (0, 1);
    for axis in (0..rank).rev() {
        if from[axis] != 1 {
            offset += flat % to[axis] * step;
        }
        step *= from[axis];
        flat /= to[axis];
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_joined() {
        let all = Strided::broadcast(3, &[2, 3, 5], &[2, 3, 5]);
        assert_eq!((all.rank, all.row(), all.row_step()), (1, 30, 1));
        let none = Strided::broadcast(3, &[1, 1, 1], &[2, 3, 5]);
        assert_eq!((none.rank, none.row(), none.row_step()), (1, 30, 0));
        let last = Strided::broadcast(4, &[1, 1, 5, 1], &[2, 3, 5, 1]);
        assert_eq!((last.rank, last.row(), last.row_step(), last.len()), (2, 5, 1, 30));
        assert_eq!(Strided::broadcast(0, &[], &[]).len(), 1);
    }

    #[test]
    fn rows_begin_where_division_says() {
        let (from, to) = ([2, 1, 3, 1, 5], [2, 4, 3, 7, 5]);
        let walk = Strided::broadcast(5, &from, &to);
        let mut flat = 0;
        walk.for_each_row(|offset| {
            assert_eq!(offset, repeated_offset(5, &from, &to, flat));
            flat += walk.row();
        });
        assert_eq!(flat, walk.len());
    }
}
