//! The pool of most networks: the largest of two by two cells, no cell in two windows. Each cell is
//! read, and in the gradient written, once.

use keras_ir::ops::Window;
use keras_target::cost::POOLED;

use super::vectors::{for_each_vector, load, store};
use crate::simd::Simd;

/// The shape of such a pool. A last row or column of the input without a partner is in no window.
#[derive(Clone, Copy)]
pub(super) struct Pairs {
    rows: usize,
    columns: usize,
    channels: usize,
    /// Elements of a row of the input.
    pitch: usize,
}

impl Pairs {
    /// The shape, if a pool has it.
    pub(super) fn of(rows: &Window, columns: &Window, channels: usize) -> Option<Pairs> {
        let is_of_pairs = |window: &Window| {
            (window.kernel, window.stride, window.dilation, window.pad) == (POOLED, POOLED, 1, 0)
                && window.output * POOLED <= window.input
        };
        let pitch = columns.input * channels;
        (is_of_pairs(rows) && is_of_pairs(columns)).then_some(Pairs {
            rows: rows.output,
            columns: columns.output,
            channels,
            pitch,
        })
    }

    /// The largest cells `y` of a sample `x`.
    #[inline(always)]
    pub(super) fn largest<S: Simd>(self, simd: S, x: &[f32], y: &mut [f32]) {
        let Pairs { rows, columns, channels, pitch } = self;
        for i in 0..rows {
            let (upper, lower) = x[POOLED * i * pitch..][..POOLED * pitch].split_at(pitch);
            for j in 0..columns {
                let window = POOLED * j * channels..(POOLED * j + POOLED) * channels;
                let (upper, lower) = (&upper[window.clone()], &lower[window]);
                let y = &mut y[(i * columns + j) * channels..][..channels];
                for_each_vector!(S, channels, |c, len| {
                    let mut largest = load(simd, &upper[c..], len);
                    for cell in [&upper[channels + c..], &lower[c..], &lower[channels + c..]] {
                        largest = simd.maximum(largest, load(simd, cell, len));
                    }
                    store(simd, largest, &mut y[c..], len);
                });
            }
        }
    }

    /// The gradient `d_x` by a sample `x` that was pooled to `y`: the first largest cell of a
    /// window gets it.
    #[inline(always)]
    pub(super) fn gradient<S: Simd>(self, simd: S, [x, y, d_y]: [&[f32]; 3], d_x: &mut [f32]) {
        let Pairs { rows, columns, channels, pitch } = self;
        let zero = simd.splat(0.0);
        for i in 0..rows {
            let place = POOLED * i * pitch;
            let (upper, lower) = x[place..][..POOLED * pitch].split_at(pitch);
            let (d_upper, d_lower) = d_x[place..][..POOLED * pitch].split_at_mut(pitch);
            for j in 0..columns {
                let window = POOLED * j * channels..(POOLED * j + POOLED) * channels;
                let (upper, lower) = (&upper[window.clone()], &lower[window.clone()]);
                let (d_upper, d_lower) = (&mut d_upper[window.clone()], &mut d_lower[window]);
                let cell = (i * columns + j) * channels;
                let (y, d_y) = (&y[cell..][..channels], &d_y[cell..][..channels]);
                for_each_vector!(S, channels, |c, len| {
                    let y = load(simd, &y[c..], len);
                    // What the first largest cell has taken is gone.
                    let mut left = load(simd, &d_y[c..], len);
                    for (x, d_x) in [(upper, &mut *d_upper), (lower, &mut *d_lower)] {
                        for c in [c, channels + c] {
                            let x = load(simd, &x[c..], len);
                            store(simd, simd.where_equal(x, y, left, zero), &mut d_x[c..], len);
                            left = simd.where_equal(x, y, zero, left);
                        }
                    }
                });
            }
            for row in [d_upper, d_lower] {
                row[POOLED * columns * channels..].fill(0.0);
            }
        }
        d_x[POOLED * rows * pitch..].fill(0.0);
    }
}
