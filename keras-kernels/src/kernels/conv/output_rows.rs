//! Forward passes whose filters fill vectors: a function for a row of the output and one or two
//! vectors, in which little is left to choose. Where a window is short, as that of a first layer of
//! one or three channels, choosing would take as long as the sums.
//!
//! Sums of a few neighbouring cells stay in registers. Where the result is pooled, two by two, so
//! do the largest of the two rows that a row of the pool reads, and nothing else is written.

#![allow(clippy::needless_range_loop, reason = "indices are what tiles are about")]

use keras_target::cost::POOLED;

use super::band::{self, Geometry, Image};
use crate::kernels::epilogue::Epilogue;
use crate::kernels::window::real_cells;
use crate::simd::{Kernel, Simd};

/// [`Conv2D`](keras_ir::ops::Conv2D) in one group and without dilation, with no activation but a
/// clip; its filters are a multiple of the longest vector's lanes.
pub(super) struct OutputRows<'a> {
    pub(super) geometry: Geometry,
    pub(super) x: &'a [f32],
    pub(super) kernel: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) epilogue: Epilogue<'a>,
    /// Whether of each two rows and two columns only the largest cell is written; a last one
    /// without a partner is left out.
    pub(super) pools: bool,
    pub(super) y: &'a mut [f32],
    pub(super) scratch: &'a mut [f32],
}

impl Kernel for OutputRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let OutputRows { geometry, x, kernel, bias, epilogue, pools, y, scratch } = self;
        let Geometry { rows, columns, channels, filters, .. } = geometry;
        let pitch = columns.input * channels;
        // Rows of cells that a row of what is written stands for.
        let height = if pools { POOLED } else { 1 };
        let y_pitch = columns.output / height * filters;
        let samples = x.chunks_exact(geometry.x_len());
        let samples = samples.zip(y.chunks_exact_mut(rows.output / height * y_pitch));
        for (sample, (x, y)) in samples.enumerate() {
            let (image, epilogue) =
                (Image { cells: x, pitch }, epilogue.cells_from(sample * geometry.y_len()));
            for outputs in geometry.parts_of(height) {
                let x = band::read(&geometry, image, &outputs, scratch);
                for i in outputs.clone().step_by(height).filter(|i| i + height <= rows.output) {
                    for row in i..i + height {
                        band::prefetch_row(&geometry, image, row + outputs.len());
                    }
                    let y = &mut y[i / height * y_pitch..][..y_pitch];
                    let lines = |i| Lines::of(&geometry, &x, i, kernel);
                    let epilogue = epilogue.cells_from(i * columns.output * filters);
                    let [step, run] = [columns.stride * channels, columns.kernel * channels];
                    let width = columns.output;
                    if pools {
                        let lines = [lines(i), lines(i + 1)];
                        Row { lines, width, step, run, filters, bias, epilogue }.run(simd, y);
                    } else {
                        let lines = [lines(i)];
                        Row { lines, width, step, run, filters, bias, epilogue }.run(simd, y);
                    }
                }
            }
        }
    }
}

/// The lines of the windows of a row of cells that are no padding, and their weights.
#[derive(Clone, Copy)]
struct Lines<'a> {
    count: usize,
    /// From the first line on.
    cells: &'a [f32],
    /// Elements from one line to the next.
    pitch: usize,
    /// From those of the first line on.
    weights: &'a [f32],
}

impl<'a> Lines<'a> {
    fn of(geometry: &Geometry, x: &band::Rows<'a>, i: usize, kernel: &'a [f32]) -> Lines<'a> {
        let Geometry { rows, columns, channels, filters, .. } = geometry;
        let (real, pitch) = (real_cells(rows, i), rows.dilation * x.pitch);
        if real.is_empty() {
            return Lines { count: 0, cells: &[], pitch, weights: &[] };
        }
        let first = i * rows.stride + real.start * rows.dilation - rows.pad - x.first;
        let weights = &kernel[real.start * columns.kernel * channels * filters..];
        Lines { count: real.len(), cells: &x.cells[first * x.pitch..], pitch, weights }
    }
}

/// A row of cells, or `ROWS` of them that are pooled.
#[derive(Clone, Copy)]
struct Row<'a, const ROWS: usize> {
    lines: [Lines<'a>; ROWS],
    /// Cells of a row.
    width: usize,
    /// Elements from a cell's window to that of the next.
    step: usize,
    /// Elements of a line of a window.
    run: usize,
    filters: usize,
    bias: Option<&'a [f32]>,
    epilogue: Epilogue<'a>,
}

impl<const ROWS: usize> Row<'_, ROWS> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S, y: &mut [f32]) {
        let pairs = self.filters - self.filters % (2 * S::LANES);
        for f in (0..pairs).step_by(2 * S::LANES) {
            simd.enter(Strip::<ROWS, 2> { row: self, f, y });
        }
        for f in (pairs..self.filters).step_by(S::LANES) {
            simd.enter(Strip::<ROWS, 1> { row: self, f, y });
        }
    }
}

/// `VECTORS` vectors of filters from `f` on, of all cells of a row.
struct Strip<'a, const ROWS: usize, const VECTORS: usize> {
    row: Row<'a, ROWS>,
    f: usize,
    y: &'a mut [f32],
}

impl<const ROWS: usize, const VECTORS: usize> Kernel for Strip<'_, ROWS, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        // Tiles of nearly equal numbers of what is written: the first ones of `cells`, the others
        // of one less.
        let (width, most) = (self.row.width / ROWS, most_cells::<S, VECTORS>() / ROWS);
        let tiles = width.div_ceil(most);
        let cells = width.div_ceil(tiles);
        let large = width - (cells - 1) * tiles;
        let mut j = 0;
        for tile in 0..tiles {
            let cells = if tile < large { cells } else { cells - 1 };
            self.tile(simd, cells, ROWS * j);
            j += cells;
        }
    }
}

impl<const ROWS: usize, const VECTORS: usize> Strip<'_, ROWS, VECTORS> {
    /// Writes so many cells, or largest ones, from cell `j` of the row on, in the code made for
    /// their number.
    #[inline(always)]
    fn tile<S: Simd>(&mut self, simd: S, cells: usize, j: usize) {
        macro_rules! sized {
            ($($cells:literal)*) => {
                match (ROWS, cells) {
                    $(
                        (1, $cells) if $cells <= most_cells::<S, VECTORS>() => {
                            self.plain::<S, $cells>(simd, j);
                        }
                        (POOLED, $cells) if POOLED * $cells <= most_cells::<S, VECTORS>() => {
                            self.pooled::<S, { POOLED * $cells }, $cells>(simd, j);
                        }
                    )*
                    _ => unreachable!("a tile has at most {} cells", most_cells::<S, VECTORS>()),
                }
            };
        }
        sized! { 1 2 3 4 5 6 7 8 9 10 11 12 }
    }

    /// Writes cells from `j` on.
    #[inline(always)]
    fn plain<S: Simd, const CELLS: usize>(&mut self, simd: S, j: usize) {
        let cells = self.cells::<S, CELLS>(simd, 0, j);
        for p in 0..CELLS {
            let y = &mut self.y[(j + p) * self.row.filters + self.f..];
            simd.store_each(cells[p], y, S::LANES);
        }
    }

    /// Writes the largest of each two rows and columns from `j` on.
    #[inline(always)]
    fn pooled<S: Simd, const CELLS: usize, const HALF: usize>(&mut self, simd: S, j: usize) {
        let mut largest = [[simd.splat(f32::NEG_INFINITY); VECTORS]; HALF];
        for row in 0..ROWS {
            let cells = self.cells::<S, CELLS>(simd, row, j);
            for p in 0..CELLS {
                for v in 0..VECTORS {
                    largest[p / POOLED][v] = simd.maximum(largest[p / POOLED][v], cells[p][v]);
                }
            }
        }
        for p in 0..HALF {
            let y = &mut self.y[(j / POOLED + p) * self.row.filters + self.f..];
            simd.store_each(largest[p], y, S::LANES);
        }
    }

    /// What becomes of `CELLS` cells from `j` on, of one row.
    #[inline(always)]
    fn cells<S: Simd, const CELLS: usize>(
        &self,
        simd: S,
        row: usize,
        j: usize,
    ) -> [[S::F32; VECTORS]; CELLS] {
        let Row { lines, width, step, run, filters, bias, epilogue } = self.row;
        let (f, lines) = (self.f, lines[row]);
        let start = match bias {
            Some(bias) => simd.load_each::<VECTORS>(&bias[f..], S::LANES),
            None => [simd.splat(0.0); VECTORS],
        };
        let mut sums = [start; CELLS];
        for a in 0..lines.count {
            let line = &lines.cells[a * lines.pitch + j * step..];
            let weights = &lines.weights[a * run * filters + f..];
            for q in 0..run {
                let weights = simd.load_each::<VECTORS>(&weights[q * filters..], S::LANES);
                let cells = simd.splat_each::<CELLS>(&line[q..], step);
                for p in 0..CELLS {
                    for v in 0..VECTORS {
                        sums[p][v] = simd.mul_add(cells[p], weights[v], sums[p][v]);
                    }
                }
            }
        }
        if let Some([scale, shift]) = epilogue.scale {
            let scale = simd.load_each::<VECTORS>(&scale[f..], S::LANES);
            let shift = simd.load_each::<VECTORS>(&shift[f..], S::LANES);
            for p in 0..CELLS {
                for v in 0..VECTORS {
                    sums[p][v] = simd.mul_add(sums[p][v], scale[v], shift[v]);
                }
            }
        }
        if let Some(skip) = epilogue.skip {
            for p in 0..CELLS {
                let skip = &skip[(row * width + j + p) * filters + f..];
                let skip = simd.load_each::<VECTORS>(skip, S::LANES);
                for v in 0..VECTORS {
                    sums[p][v] = simd.add(sums[p][v], skip[v]);
                }
            }
        }
        epilogue.clip.apply_all(simd, &mut sums);
        sums
    }
}

/// Most cells of a tile, so that its sums, a row of weights and a cell of the input fit the
/// registers.
const fn most_cells<S: Simd, const VECTORS: usize>() -> usize {
    match VECTORS {
        1 if S::REGISTERS >= 32 => 12,
        1 => 8,
        _ if S::REGISTERS >= 32 => 8,
        _ => 4,
    }
}
