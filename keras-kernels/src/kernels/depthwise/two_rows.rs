//! Two neighbouring rows of a depthwise convolution of 3 x 3 with a stride of 1, which share two of
//! four rows of the input: so loads, checks and the loop itself take less than the multiplications.
//! Sums are those of the rows one by one, see [`three`](super::three).

#![allow(clippy::needless_range_loop, reason = "indices are what taps are about")]

use super::image::{EXTENT, Image, Vector, add_products, load_column};
use crate::kernels::epilogue::{Clip, Epilogue, VectorEpilogue};
use crate::kernels::vectors::{for_each_vector, store};
use crate::simd::{Kernel, Simd};

/// Rows of the output, and of the input.
const OUT: usize = 2;
const IN: usize = EXTENT + OUT - 1;

/// Two rows of the output, in a function of its own: with all that else a convolution is, registers
/// would not do.
pub(super) struct TwoRows<'a> {
    pub(super) image: &'a Image<'a>,
    /// The first row of the input that they read.
    pub(super) first: usize,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) epilogue: Epilogue<'a>,
    /// Both rows, one behind the other.
    pub(super) y: &'a mut [f32],
}

impl Kernel for TwoRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let TwoRows { image, first, bias, epilogue, y } = self;
        let (y_0, y_1) = y.split_at_mut(image.columns.output * image.channels);
        let does_nothing = epilogue.scale.is_none() && epilogue.clip == Clip::Nothing;
        for_each_vector!(S, image.channels, |c, len| {
            let y = [&mut y_0[c..], &mut y_1[c..]];
            let vector = Vector::new(simd, bias, c, len);
            if does_nothing {
                vector.rows::<false>(simd, image, first, epilogue, y);
            } else {
                vector.rows::<true>(simd, image, first, epilogue, y);
            }
        });
    }
}

impl<S: Simd> Vector<S> {
    /// Computes it, in `y` from its first channel on.
    #[inline(always)]
    fn rows<const HAS_EPILOGUE: bool>(
        &self,
        simd: S,
        image: &Image<'_>,
        first: usize,
        epilogue: Epilogue<'_>,
        y: [&mut [f32]; OUT],
    ) {
        let Vector { c, len, .. } = *self;
        let Image { columns, channels, is_backwards, .. } = *image;
        // Rows are of one length, so that a single check does for all of them.
        let (x_len, y_len) = (columns.input * channels - c, columns.output * channels - c);
        let mut x: [&[f32]; IN] = [&[]; IN];
        for r in 0..IN {
            x[r] = &image.row(first + r, columns.input, c)[..x_len];
        }
        let [y_0, y_1] = y;
        let (y_0, y_1) = (&mut y_0[..y_len], &mut y_1[..y_len]);
        let cells = if is_backwards { [2, 1, 0] } else { [0, 1, 2] };
        let weights = image.weights::<S, EXTENT>(simd, cells, c, len);
        let last = VectorEpilogue::<S>::of(simd, epilogue, c, len);
        // A closure may be compiled without the instructions.
        macro_rules! put {
            ($sums:expr, $to:expr) => {{
                let mut sums = $sums;
                if HAS_EPILOGUE {
                    for o in 0..OUT {
                        sums[o] = last.clipped(simd, last.scaled(simd, sums[o]));
                    }
                }
                store(simd, sums[0], &mut y_0[$to..], len);
                store(simd, sums[1], &mut y_1[$to..], len);
            }};
        }
        let start = [self.start; OUT];
        let (mut older, mut old) = (start, start);
        let (mut from, mut to) = (0, 0);
        // Columns that end no window.
        let head = (EXTENT - 1).saturating_sub(columns.pad).min(columns.input);
        for _ in 0..head {
            let x = load_column(simd, x, from, len);
            older = add(simd, x, &weights, 1, old);
            old = add(simd, x, &weights, 0, start);
            from += channels;
        }
        for _ in 0..(columns.input - head).min(columns.output) {
            let x = load_column(simd, x, from, len);
            put!(add(simd, x, &weights, 2, older), to);
            older = add(simd, x, &weights, 1, old);
            old = add(simd, x, &weights, 0, start);
            from += channels;
            to += channels;
        }
        // What begins in the last columns, and windows in the padding alone.
        for done in [older, old] {
            if to < y_len {
                put!(done, to);
                to += channels;
            }
        }
        while to < y_len {
            put!(start, to);
            to += channels;
        }
    }
}

/// Adds the products of a column of the input with a column of the kernel to the sums of both rows.
#[inline(always)]
fn add<S: Simd>(
    simd: S,
    x: [S::F32; IN],
    weights: &[[S::F32; EXTENT]; EXTENT],
    b: usize,
    sums: [S::F32; OUT],
) -> [S::F32; OUT] {
    [
        add_products(simd, [x[0], x[1], x[2]], weights, b, sums[0]),
        add_products(simd, [x[1], x[2], x[3]], weights, b, sums[1]),
    ]
}
