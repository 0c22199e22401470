//! Windows over images.

use crate::literal::literal;

literal! {
    /// One spatial axis of a window op: a convolution or a pooling.
    ///
    /// Output cell `o` reads the input cells `o · stride + k · dilation - pad` for `k` in
    /// `0..kernel`; cells outside of `0..input` are padding. `pad` is the padding in front; the
    /// rest follows from `output`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Window {
        /// Extent of the input along this axis.
        pub input: usize,
        /// Extent of the output along this axis.
        pub output: usize,
        /// Cells of the kernel along this axis.
        pub kernel: usize,
        /// Step between windows.
        pub stride: usize,
        /// Step between the cells of one window.
        pub dilation: usize,
        /// Cells of padding in front.
        pub pad: usize,
    }
}

/// Elements of the image that windows read.
#[inline(always)]
pub(super) fn image(rows: Window, columns: Window, channels: usize) -> usize {
    rows.input * columns.input * channels
}

/// Elements of the image that they make.
#[inline(always)]
pub(super) fn result(rows: Window, columns: Window, channels: usize) -> usize {
    rows.output * columns.output * channels
}
