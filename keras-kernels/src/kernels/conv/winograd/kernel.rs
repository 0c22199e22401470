//! The transform of the kernel, which all samples share.

use keras_target::winograd::{SPAN, Winograd, plane_pitch};

use super::transforms::of_kernel;
use crate::simd::{Kernel, Simd};

/// Cells of the kernel.
pub(super) const KERNEL_CELLS: usize = 9;

/// Elements of a square of the longest vectors.
const LARGEST_SQUARE: usize = 16 * 16;

/// The transformed kernel of a convolution, `[36, channels, filters]`.
pub(in crate::kernels) struct Transform<'a> {
    pub(in crate::kernels) shape: Winograd,
    pub(in crate::kernels) kernel: &'a [f32],
    /// Whether it is that of a gradient by the input: backwards and transposed.
    pub(in crate::kernels) transposed: bool,
    pub(in crate::kernels) u: &'a mut [f32],
}

impl Kernel for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Transform { shape: Winograd { channels, filters, .. }, kernel, transposed, u } = self;
        let tap_len = channels * filters;
        let pitch = plane_pitch(tap_len);
        if !transposed {
            for i in (0..tap_len).step_by(S::LANES) {
                let taps = simd.load_each(&kernel[i..], tap_len);
                transform_taps(simd, taps, pitch, &mut u[i..]);
            }
            return;
        }
        let mut squares = [[0.0; LARGEST_SQUARE]; KERNEL_CELLS];
        for c in (0..channels).step_by(S::LANES) {
            for f in (0..filters).step_by(S::LANES) {
                for (tap, square) in squares.iter_mut().enumerate() {
                    let first = (KERNEL_CELLS - 1 - tap) * tap_len + f * channels + c;
                    simd.transpose(&kernel[first..], channels, square, S::LANES);
                }
                for i in 0..S::LANES {
                    let mut taps = [simd.splat(0.0); KERNEL_CELLS];
                    for tap in 0..KERNEL_CELLS {
                        taps[tap] = simd.load(&squares[tap][i * S::LANES..]);
                    }
                    transform_taps(simd, taps, pitch, &mut u[(c + i) * filters + f..]);
                }
            }
        }
    }
}

/// Transforms a vector of each tap to those of the planes of `u`, which lie `pitch` apart.
#[inline(always)]
fn transform_taps<S: Simd>(simd: S, taps: [S::F32; KERNEL_CELLS], pitch: usize, u: &mut [f32]) {
    let mut columns = [[simd.splat(0.0); SPAN]; 3];
    for b in 0..3 {
        columns[b] = of_kernel(simd, [taps[b], taps[3 + b], taps[6 + b]]);
    }
    for a in 0..SPAN {
        let row = of_kernel(simd, [columns[0][a], columns[1][a], columns[2][a]]);
        simd.store_each(row, &mut u[a * SPAN * pitch..], pitch);
    }
}
