//! The gradient by the kernel of a depthwise convolution of 3 x 3; see [`three`](super::three).

#![allow(clippy::needless_range_loop, reason = "indices are what taps are about")]

use keras_ir::ops::Window;

use super::image::{EXTENT, Image, for_rows, load_column, load_or_0};
use crate::kernels::vectors::{for_each_vector, load, store};
use crate::kernels::window::real_cells;
use crate::simd::Simd;

/// Adds the gradient by the kernel of a sample to `d_w`.
#[inline(always)]
pub(super) fn grad_w<S: Simd>(
    simd: S,
    [rows, columns]: [&Window; 2],
    channels: usize,
    [x, d_y]: [&[f32]; 2],
    d_w: &mut [f32],
) {
    let image = Image { columns: *columns, channels, x, kernel: &[], is_backwards: false };
    for (i, d_y) in d_y.chunks_exact(columns.output * channels).enumerate() {
        let real = real_cells(rows, i);
        if !real.is_empty() {
            let first = i * rows.stride + real.start - rows.pad;
            let d_w = &mut d_w[real.start * EXTENT * channels..];
            for_rows!(real.len(), add_by_w::<S>(simd, &image, first, d_y, d_w));
        }
    }
}

/// What a row of `d_y` and `ROWS` rows of `x` from `first` on give to as many rows of the kernel.
#[inline(always)]
fn add_by_w<S: Simd, const ROWS: usize>(
    simd: S,
    image: &Image<'_>,
    first: usize,
    d_y: &[f32],
    d_w: &mut [f32],
) {
    let Image { columns, channels, .. } = *image;
    for_each_vector!(S, channels, |c, len| {
        let zero = simd.splat(0.0);
        let x: [&[f32]; ROWS] = core::array::from_fn(|r| image.row(first + r, columns.input, c));
        let d_y = &d_y[c..];
        let mut sums = [[zero; EXTENT]; ROWS];
        // The outputs that begin at a column, at the one before, and at the one before that.
        let mut begun = [zero; EXTENT];
        if columns.stride == 1 {
            for q in 0..columns.pad {
                begun = [load_or_0(simd, d_y, q * channels, len), begun[0], begun[1]];
            }
            for k in 0..columns.input {
                let place = (k + columns.pad) * channels;
                begun = [load_or_0(simd, d_y, place, len), begun[0], begun[1]];
                let x = load_column(simd, x, k * channels, len);
                for r in 0..ROWS {
                    for b in 0..EXTENT {
                        sums[r][b] = simd.mul_add(x[r], begun[b], sums[r][b]);
                    }
                }
            }
        } else {
            if columns.pad > 0 {
                begun[0] = load(simd, d_y, len);
            }
            for k in 0..columns.input {
                let x = load_column(simd, x, k * channels, len);
                if (k + columns.pad) % 2 == 1 {
                    for r in 0..ROWS {
                        sums[r][1] = simd.mul_add(x[r], begun[0], sums[r][1]);
                    }
                    continue;
                }
                let place = (k + columns.pad) / 2 * channels;
                begun = [load_or_0(simd, d_y, place, len), zero, begun[0]];
                for r in 0..ROWS {
                    for b in [0, 2] {
                        sums[r][b] = simd.mul_add(x[r], begun[b], sums[r][b]);
                    }
                }
            }
        }
        for r in 0..ROWS {
            for b in 0..EXTENT {
                let d_w = &mut d_w[(r * EXTENT + b) * channels + c..];
                store(simd, simd.add(load(simd, d_w, len), sums[r][b]), d_w, len);
            }
        }
    });
}
