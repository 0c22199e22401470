//! Depthwise convolutions of 3 x 3 with strides of 1 or 2, as nearly all are: a row of the output
//! at a time, a vector of channels at a time, whose nine weights stay in registers while the
//! columns go by.
//!
//! Each cell of the input is loaded once for the three columns of the kernel. With a stride of 1,
//! column `q` of the padded input ends output `q - 2`, goes on with `q - 1` and begins `q`:
//!
//! ```text
//! y[q - 2] = older + x[q] · w[2];    older = old + x[q] · w[1];    old = x[q] · w[0]
//! ```
//! The gradient by `x` is the same with the kernel backwards, or for a stride of 2 spreads each
//! `d_y` over three cells.

#![allow(clippy::needless_range_loop, reason = "indices are what taps are about")]

use keras_ir::ops::Window;

use super::image::{EXTENT, Image, Vector, add_products, for_rows, load_column};
use super::two_rows::TwoRows;
use crate::kernels::epilogue::{Clip, Epilogue, VectorEpilogue};
use crate::kernels::vectors::{for_each_vector, store};
use crate::kernels::window::real_cells;
use crate::simd::Simd;

/// The convolution of a sample.
#[inline(always)]
pub(super) fn forward<S: Simd>(
    simd: S,
    [rows, columns]: [&Window; 2],
    channels: usize,
    [x, kernel]: [&[f32]; 2],
    bias: Option<&[f32]>,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    let image = Image { columns: *columns, channels, x, kernel, is_backwards: false };
    rows_of(simd, &image, rows, bias, epilogue, y);
}

/// The rows of an output: two at a time, where both have all their rows of the input and share two
/// of them.
#[inline(always)]
fn rows_of<S: Simd>(
    simd: S,
    image: &Image<'_>,
    rows: &Window,
    bias: Option<&[f32]>,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    let y_len = image.columns.output * image.channels;
    let is_whole = |i: usize| i < rows.output && real_cells(rows, i).len() == EXTENT;
    let mut i = 0;
    while i < rows.output {
        let y = &mut y[i * y_len..];
        if rows.stride == 1 && is_whole(i) && is_whole(i + 1) {
            let y = &mut y[..2 * y_len];
            simd.enter(TwoRows { image, first: i - rows.pad, bias, epilogue, y });
            i += 2;
            continue;
        }
        let real = real_cells(rows, i);
        let taps = [(i * rows.stride + real.start).saturating_sub(rows.pad), real.start];
        for_rows!(real.len(), row::<S>(simd, image, taps, bias, epilogue, &mut y[..y_len]));
        i += 1;
    }
}

/// A row of the output, from `ROWS` rows of the input on: the first of them, and the first row of
/// the kernel.
#[inline(always)]
fn row<S: Simd, const ROWS: usize>(
    simd: S,
    image: &Image<'_>,
    taps: [usize; 2],
    bias: Option<&[f32]>,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    let does_nothing = epilogue.scale.is_none() && epilogue.clip == Clip::Nothing;
    for_each_vector!(S, image.channels, |c, len| {
        let vector = Vector::new(simd, bias, c, len);
        if does_nothing {
            vector.row::<ROWS, false>(simd, image, taps, epilogue, &mut y[c..]);
        } else {
            vector.row::<ROWS, true>(simd, image, taps, epilogue, &mut y[c..]);
        }
    });
}

impl<S: Simd> Vector<S> {
    /// Computes it, in `y` from its first channel on.
    #[inline(always)]
    fn row<const ROWS: usize, const HAS_EPILOGUE: bool>(
        &self,
        simd: S,
        image: &Image<'_>,
        [first, cell]: [usize; 2],
        epilogue: Epilogue<'_>,
        y: &mut [f32],
    ) {
        let Vector { c, len, start } = *self;
        let Image { columns, channels, is_backwards, .. } = *image;
        let mut cells = [0; ROWS];
        // Of one length, so that a single check does for all of them.
        let x_len = columns.input * channels - c;
        let mut x: [&[f32]; ROWS] = [&[]; ROWS];
        for r in 0..ROWS {
            cells[r] = if is_backwards { EXTENT - 1 - cell - r } else { cell + r };
            x[r] = &image.row(first + r, columns.input, c)[..x_len];
        }
        let weights = image.weights::<S, ROWS>(simd, cells, c, len);
        let last = VectorEpilogue::<S>::of(simd, epilogue, c, len);
        let mut places = y.chunks_mut(channels);
        macro_rules! put {
            ($sum:expr, $y:expr) => {{
                let sum =
                    if HAS_EPILOGUE { last.clipped(simd, last.scaled(simd, $sum)) } else { $sum };
                store(simd, sum, $y, len);
            }};
        }
        if columns.stride == 1 {
            let (mut older, mut old) = (start, start);
            // Columns that end no window.
            let head = EXTENT.saturating_sub(1 + columns.pad).min(columns.input);
            for k in 0..head {
                let x = load_column(simd, x, k * channels, len);
                older = add_products(simd, x, &weights, 1, old);
                old = add_products(simd, x, &weights, 0, start);
            }
            let mut place = head * channels;
            for y in places.by_ref().take(columns.input - head) {
                let x = load_column(simd, x, place, len);
                put!(add_products(simd, x, &weights, 2, older), y);
                older = add_products(simd, x, &weights, 1, old);
                old = add_products(simd, x, &weights, 0, start);
                place += channels;
            }
            for (sum, y) in [older, old].into_iter().zip(places.by_ref()) {
                put!(sum, y);
            }
        } else {
            let mut sum = start;
            let mut k = 0;
            if columns.pad != 1 && columns.input > 0 {
                let x = load_column(simd, x, 0, len);
                if columns.pad > 1
                    && let Some(y) = places.next()
                {
                    put!(add_products(simd, x, &weights, 2, start), y);
                }
                sum = add_products(simd, x, &weights, 0, start);
                k = 1;
            }
            let pairs = (columns.input - k) / 2;
            let mut place = k * channels;
            for y in places.by_ref().take(pairs) {
                let middle = load_column(simd, x, place, len);
                sum = add_products(simd, middle, &weights, 1, sum);
                let x = load_column(simd, x, place + channels, len);
                put!(add_products(simd, x, &weights, 2, sum), y);
                sum = add_products(simd, x, &weights, 0, start);
                place += 2 * channels;
            }
            if let Some(y) = places.next() {
                if k + 2 * pairs < columns.input {
                    let x = load_column(simd, x, place, len);
                    sum = add_products(simd, x, &weights, 1, sum);
                }
                put!(sum, y);
            }
        }
        // Windows in the padding alone.
        for y in places {
            put!(start, y);
        }
    }
}

/// The gradient by `x` of a sample.
#[inline(always)]
pub(super) fn grad_x<S: Simd>(
    simd: S,
    [rows, columns]: [&Window; 2],
    channels: usize,
    [d_y, kernel]: [&[f32]; 2],
    d_x: &mut [f32],
) {
    if columns.stride == 1 {
        let [back_rows, back_columns] = [rows, columns].map(|window| Window {
            input: window.output,
            output: window.input,
            pad: EXTENT - 1 - window.pad,
            ..*window
        });
        let image = Image { columns: back_columns, channels, x: d_y, kernel, is_backwards: true };
        rows_of(simd, &image, &back_rows, None, Epilogue::NOTHING, d_x);
        return;
    }
    let image = Image { columns: *columns, channels, x: d_y, kernel, is_backwards: false };
    for (i, d_x) in d_x.chunks_exact_mut(columns.input * channels).enumerate() {
        // Row `a` of the kernel brings row `(i + pad - a) / 2` of `d_y`, the next but one the row
        // before that.
        let place = i + rows.pad;
        let mut taps = [[0; 2]; 2];
        let mut count = 0;
        for a in [place % 2, place % 2 + 2] {
            if a < EXTENT && a <= place && (place - a) / 2 < rows.output {
                taps[count] = [(place - a) / 2, a];
                count += 1;
            }
        }
        for_rows!(count, spread::<S>(simd, &image, taps, d_x));
    }
}

/// A row of `d_x` with a stride of 2, from `ROWS` rows of `d_y` and of the kernel.
#[inline(always)]
fn spread<S: Simd, const ROWS: usize>(
    simd: S,
    image: &Image<'_>,
    taps: [[usize; 2]; 2],
    d_x: &mut [f32],
) {
    let Image { columns, channels, .. } = *image;
    for_each_vector!(S, channels, |c, len| {
        let weights =
            image.weights::<S, ROWS>(simd, core::array::from_fn(|r| taps[r % 2][1]), c, len);
        let d_y: [&[f32]; ROWS] =
            core::array::from_fn(|r| image.row(taps[r % 2][0], columns.output, c));
        let zero = simd.splat(0.0);
        let mut out = Spread { d_x: &mut d_x[c..], columns, channels, len };
        let mut before = [zero; ROWS];
        for j in 0..columns.output {
            let d_y = load_column(simd, d_y, j * channels, len);
            let even = add_products(simd, before, &weights, 2, zero);
            out.put(simd, 2 * j, add_products(simd, d_y, &weights, 0, even));
            out.put(simd, 2 * j + 1, add_products(simd, d_y, &weights, 1, zero));
            before = d_y;
        }
        out.put(simd, 2 * columns.output, add_products(simd, before, &weights, 2, zero));
        // Cells that no window reads.
        for q in 2 * columns.output + 1..columns.input + columns.pad {
            out.put(simd, q, zero);
        }
    });
}

/// A row of `d_x`, from a channel on.
struct Spread<'a> {
    d_x: &'a mut [f32],
    columns: Window,
    channels: usize,
    len: usize,
}

impl Spread<'_> {
    /// Writes column `q` of the padded row, unless it is padding.
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, q: usize, d_x: S::F32) {
        let Window { pad, input, .. } = self.columns;
        if q >= pad && q - pad < input {
            store(simd, d_x, &mut self.d_x[(q - pad) * self.channels..], self.len);
        }
    }
}
