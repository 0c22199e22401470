//! The inner loops of every product: tiles of the result that stay in registers.
//!
//! A product is cut into *panels* of a few vectors of columns, and a panel into tiles of rows. A
//! tile's sums are built by one fused multiply-add for each element of the inner axis, in its
//! order; so an element's value depends on its own row and column alone, never on the rows that
//! come with it.
//!
//! A left matrix by [`Rows`] is read along its rows, which may overlap and consist of several runs:
//! that makes a convolution a product without copies. One by [`Columns`] is read down its columns,
//! as gradients of weights need it. Source: Goto and van de Geijn, "Anatomy of High-Performance
//! Matrix Multiplication", 2008.

#![allow(clippy::needless_range_loop, reason = "indices are what tiles are about")]

use keras_target::cost::PANEL_COLUMNS;

use super::finish::Finish;
use crate::simd::{Kernel, Simd, prefetch, prefetch_far};

/// Most vectors of a panel, so that sums, a row of the panel and a broadcast fit the registers.
const PANEL_VECTORS: usize = 3;

/// As [`PANEL_VECTORS`], for a product of one row, which needs more columns to keep the multipliers
/// busy.
const ROW_PANEL_VECTORS: usize = 8;

/// Rows of a tile of one vector: as many sums as multiplications are under way at a time.
const HEIGHT_OF_ONE_VECTOR: usize = 8;

/// Elements of a cache line.
pub(super) const CACHE_LINE: usize = 16;

/// Rows that are brought near before they are copied: a processor does not guess lines that stand
/// far apart.
const PREFETCHED_ROWS: usize = 16;

/// Lines of a row that are brought near before they are transposed.
const PREFETCHED_LINES: usize = 2;

/// Columns of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panel {
    /// First column.
    pub(super) begin: usize,
    /// Number of columns.
    pub(super) len: usize,
}

/// The panels that columns are cut into, of nearly equal numbers of vectors.
#[derive(Clone, Copy)]
pub(super) struct Panels {
    columns: usize,
    lanes: usize,
    vectors: usize,
    /// How many there are.
    pub(super) count: usize,
}

impl Panels {
    /// Cuts `columns`, for a product of `rows` rows.
    #[inline(always)]
    pub(super) fn new<S: Simd>(rows: usize, columns: usize) -> Panels {
        debug_assert!(PANEL_VECTORS * S::LANES <= PANEL_COLUMNS);
        let largest = if rows == 1 { ROW_PANEL_VECTORS } else { PANEL_VECTORS };
        let vectors = columns.div_ceil(S::LANES);
        Panels { columns, lanes: S::LANES, vectors, count: vectors.div_ceil(largest) }
    }

    /// Panel `i`.
    #[inline(always)]
    pub(super) fn at(self, i: usize) -> Panel {
        let begin = self.vectors * i / self.count * self.lanes;
        let end = (self.vectors * (i + 1) / self.count * self.lanes).min(self.columns);
        Panel { begin, len: end - begin }
    }

    /// All panels.
    #[inline(always)]
    pub(super) fn iter(self) -> impl Iterator<Item = Panel> {
        (0..self.count).map(move |i| self.at(i))
    }
}

/// Most rows of a tile.
pub(super) const fn largest_height<S: Simd>() -> usize {
    if S::REGISTERS >= 32 { 8 } else { 4 }
}

/// Most rows of a tile of so many vectors: those of one leave room for more.
const fn largest_height_of<S: Simd, L: Left>(vectors: usize) -> usize {
    match vectors {
        1 if S::REGISTERS >= 32 => L::HEIGHT_OF_ONE_VECTOR,
        1 => HEIGHT_OF_ONE_VECTOR,
        _ => largest_height::<S>(),
    }
}

/// A left matrix: something whose rows can be multiplied, a tile at a time.
pub(super) trait Left: Copy {
    /// Most vectors of a panel that it is multiplied with.
    const PANEL_VECTORS: usize = ROW_PANEL_VECTORS;
    /// Most rows of a tile of one vector, where there are many registers.
    const HEIGHT_OF_ONE_VECTOR: usize = HEIGHT_OF_ONE_VECTOR;

    /// The same matrix from row `row` on.
    fn skip(self, row: usize) -> Self;

    /// The elements in their order, if they are rows of `LEN` elements one after the other.
    fn rows_of<const LEN: usize>(&self) -> Option<&[f32]> {
        None
    }

    /// Adds the product of the first `ROWS` rows with the panel `right` of `columns` columns.
    fn accumulate<S: Simd, const ROWS: usize, const VECTORS: usize, const PART: bool>(
        self,
        simd: S,
        right: Right<'_>,
        columns: usize,
        sums: [[S::F32; VECTORS]; ROWS],
    ) -> [[S::F32; VECTORS]; ROWS];
}

/// A matrix whose row `r` is made of `outer · inner` runs of `run` elements; run `(a, b)` begins at
/// `r · row_stride + a · outer_stride + b · inner_stride`.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) cells: &'a [f32],
    pub(super) row_stride: usize,
    pub(super) outer: usize,
    pub(super) outer_stride: usize,
    pub(super) inner: usize,
    pub(super) inner_stride: usize,
    pub(super) run: usize,
}

impl<'a> Rows<'a> {
    /// Rows of one run.
    #[inline(always)]
    pub(super) fn plain(cells: &'a [f32], row_stride: usize, run: usize) -> Rows<'a> {
        Rows { cells, row_stride, outer: 1, outer_stride: 0, inner: 1, inner_stride: 0, run }
    }
}

impl Left for Rows<'_> {
    /// So many sums that none is waited for, also where something comes in between.
    const HEIGHT_OF_ONE_VECTOR: usize = 12;

    #[inline(always)]
    fn skip(self, row: usize) -> Self {
        Rows { cells: &self.cells[row * self.row_stride..], ..self }
    }

    #[inline(always)]
    fn rows_of<const LEN: usize>(&self) -> Option<&[f32]> {
        let is_plain = (self.outer, self.inner, self.run, self.row_stride) == (1, 1, LEN, LEN);
        is_plain.then_some(self.cells)
    }

    #[inline(always)]
    fn accumulate<S: Simd, const ROWS: usize, const VECTORS: usize, const PART: bool>(
        self,
        simd: S,
        right: Right<'_>,
        columns: usize,
        mut sums: [[S::F32; VECTORS]; ROWS],
    ) -> [[S::F32; VECTORS]; ROWS] {
        let mut i = 0;
        for a in 0..self.outer {
            for b in 0..self.inner {
                let cells = &self.cells[a * self.outer_stride + b * self.inner_stride..];
                let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
                for r in 0..ROWS {
                    rows[r] = &cells[r * self.row_stride..][..self.run];
                }
                for q in 0..self.run {
                    let w = right.row::<S, VECTORS, PART>(simd, i, columns);
                    for r in 0..ROWS {
                        let x = simd.splat(rows[r][q]);
                        for v in 0..VECTORS {
                            sums[r][v] = simd.add_product(x, w[v], sums[r][v]);
                        }
                    }
                    i += 1;
                }
            }
        }
        sums
    }
}

/// A matrix whose element `(row, i)` stands at `line · line_stride + step · step_stride + row`,
/// where `i = line · steps + step` counts along the inner axis.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) cells: &'a [f32],
    pub(super) lines: usize,
    pub(super) line_stride: usize,
    pub(super) steps: usize,
    pub(super) step_stride: usize,
    /// Elements of the right matrix from the rows of one line to those of the next.
    pub(super) right_line_stride: usize,
}

impl<'a> Columns<'a> {
    /// One line of `steps` columns.
    #[inline(always)]
    pub(super) fn plain(cells: &'a [f32], step_stride: usize, steps: usize) -> Columns<'a> {
        Columns { cells, lines: 1, line_stride: 0, steps, step_stride, right_line_stride: 0 }
    }
}

impl Left for Columns<'_> {
    #[inline(always)]
    fn skip(self, row: usize) -> Self {
        Columns { cells: &self.cells[row..], ..self }
    }

    #[inline(always)]
    fn accumulate<S: Simd, const ROWS: usize, const VECTORS: usize, const PART: bool>(
        self,
        simd: S,
        right: Right<'_>,
        columns: usize,
        mut sums: [[S::F32; VECTORS]; ROWS],
    ) -> [[S::F32; VECTORS]; ROWS] {
        for line in 0..self.lines {
            let cells = &self.cells[line * self.line_stride..];
            let right = Right { cells: &right.cells[line * self.right_line_stride..], ..right };
            for step in 0..self.steps {
                let w = right.row::<S, VECTORS, PART>(simd, step, columns);
                let column = &cells[step * self.step_stride..][..ROWS];
                for r in 0..ROWS {
                    let x = simd.splat(column[r]);
                    for v in 0..VECTORS {
                        sums[r][v] = simd.add_product(x, w[v], sums[r][v]);
                    }
                }
            }
        }
        sums
    }
}

/// A panel of the right matrix, `stride` elements from one row to the next.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    pub(super) cells: &'a [f32],
    pub(super) stride: usize,
}

impl<'a> Right<'a> {
    /// The first `rows` rows of the panel, copied to `scratch`, where they touch.
    #[inline(always)]
    pub(super) fn pack<S: Simd>(
        self,
        simd: S,
        rows: usize,
        columns: usize,
        scratch: &'a mut [f32],
    ) -> Right<'a> {
        let scratch = &mut scratch[..rows * columns];
        let whole = columns - columns % S::LANES;
        for (i, to) in scratch.chunks_exact_mut(columns).enumerate() {
            let ahead = (i + PREFETCHED_ROWS) * self.stride;
            for c in (0..columns).step_by(CACHE_LINE) {
                prefetch(self.cells, ahead + c);
            }
            let from = &self.cells[i * self.stride..][..columns];
            for c in (0..whole).step_by(S::LANES) {
                simd.store(simd.load(&from[c..]), &mut to[c..]);
            }
            if whole < columns {
                simd.store_part(simd.load_part(&from[whole..]), &mut to[whole..]);
            }
        }
        Right { cells: scratch, stride: columns }
    }

    /// The transpose of a matrix of `columns` rows, `stride` elements apart, of which the first
    /// `rows` elements count.
    #[inline(always)]
    pub(super) fn pack_transposed<S: Simd>(
        simd: S,
        cells: &[f32],
        stride: usize,
        rows: usize,
        columns: usize,
        scratch: &'a mut [f32],
    ) -> Right<'a> {
        let scratch = &mut scratch[..rows * columns];
        simd.enter(Transpose { cells, stride, columns, transposed: &mut *scratch });
        Right { cells: scratch, stride: columns }
    }

    /// Row `i` of the panel.
    #[inline(always)]
    pub(super) fn row<S: Simd, const VECTORS: usize, const PART: bool>(
        self,
        simd: S,
        i: usize,
        columns: usize,
    ) -> [S::F32; VECTORS] {
        load_row::<S, VECTORS, PART>(simd, &self.cells[i * self.stride..], columns)
    }
}

/// Copies the first elements of `columns` rows, `stride` elements apart, to the rows of their
/// transpose.
struct Transpose<'a> {
    cells: &'a [f32],
    stride: usize,
    columns: usize,
    transposed: &'a mut [f32],
}

impl Kernel for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Transpose { cells, stride, columns, transposed } = self;
        let rows = transposed.len() / columns;
        let whole = |len: usize| len - len % S::LANES;
        for c in (0..whole(columns)).step_by(S::LANES) {
            for r in (0..whole(rows)).step_by(S::LANES) {
                for i in 0..S::LANES {
                    prefetch(cells, (c + i) * stride + r + PREFETCHED_LINES * CACHE_LINE);
                    // What comes after these columns, and where the next rows are written.
                    prefetch_far(cells, (c + S::LANES + i) * stride + r);
                    prefetch(transposed, (r + S::LANES + i) * columns + c);
                }
                let to = &mut transposed[r * columns + c..];
                simd.transpose(&cells[c * stride + r..], stride, to, columns);
            }
        }
        for r in 0..rows {
            let from = if r < whole(rows) { whole(columns) } else { 0 };
            for c in from..columns {
                transposed[r * columns + c] = cells[c * stride + r];
            }
        }
    }
}

/// What becomes of the sums.
#[derive(Clone, Copy)]
pub(super) enum Write<'a> {
    /// They replace the output.
    Set,
    /// They are added to the output, row after row; output rows may overlap.
    Add,
    /// They start from the output, whose rows do not overlap, and replace it: as if one sum had
    /// gone on.
    Continue,
    /// They start from this panel of a bias and replace the output.
    Bias(&'a [f32]),
}

/// What a product needs beside its left matrix.
pub(super) struct Product<'a> {
    /// Columns, as many as one panel has.
    pub(super) columns: usize,
    /// The right matrix.
    pub(super) right: Right<'a>,
    /// What becomes of the sums.
    pub(super) write: Write<'a>,
    /// What happens to finished sums.
    pub(super) finish: Finish<'a>,
    /// The output, `stride` elements from one row to the next.
    pub(super) output: &'a mut [f32],
    /// Distance of the output's rows.
    pub(super) stride: usize,
}

/// Computes the panel `output[r, c] = Σ_i left[r, i] · right[i, c]` for `rows` rows.
#[inline(always)]
pub(super) fn multiply<S: Simd, L: Left>(simd: S, rows: usize, left: L, product: Product<'_>) {
    if rows > 0 && product.columns > 0 {
        simd.enter(Multiply { rows, left, product });
    }
}

/// [`multiply`] in a function of its own: the choice among tiles is long.
struct Multiply<'a, L> {
    rows: usize,
    left: L,
    product: Product<'a>,
}

impl<L: Left> Kernel for Multiply<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Multiply { rows, left, product } = self;
        // Tiles of nearly equal height: the first ones of `height` rows, the others of one row
        // less.
        let vectors = product.columns.div_ceil(S::LANES);
        let tiles = rows.div_ceil(largest_height_of::<S, L>(vectors));
        let height = rows.div_ceil(tiles);
        let high = rows - (height - 1) * tiles;
        let upper = Product { output: &mut *product.output, ..product };
        strip(simd, height, Strip { left, tiles: high, product: upper });
        if high < tiles {
            let done = high * height;
            let output = &mut product.output[done * product.stride..];
            let finish = product.finish.cells_from(done * product.stride);
            let lower = Product { output, finish, ..product };
            let strip_below = Strip { left: left.skip(done), tiles: tiles - high, product: lower };
            strip(simd, height - 1, strip_below);
        }
    }
}

/// Tiles of equal height, one below the other.
struct Strip<'a, L> {
    left: L,
    tiles: usize,
    product: Product<'a>,
}

/// A strip whose extents the compiler knows.
struct SizedStrip<'a, L, const ROWS: usize, const VECTORS: usize, const PART: bool>(Strip<'a, L>);

/// Computes a strip of tiles of `height` rows in the code made for its extents.
fn strip<S: Simd, L: Left>(simd: S, height: usize, strip: Strip<'_, L>) {
    let columns = strip.product.columns;
    let vectors = columns.div_ceil(S::LANES);
    let part = !columns.is_multiple_of(S::LANES);
    macro_rules! sized {
        ($(($rows:literal, $vectors:literal))*) => {
            match (height, vectors, part) {
                $(
                    ($rows, $vectors, false) => {
                        simd.enter(SizedStrip::<L, $rows, $vectors, false>(strip))
                    }
                    ($rows, $vectors, true) => {
                        simd.enter(SizedStrip::<L, $rows, $vectors, true>(strip))
                    }
                )*
                _ => unreachable!(
                    "a tile has at most 8 rows and 3 vectors, 12 rows and 1, or 1 row and 8"
                ),
            }
        };
    }
    sized! {
        (1, 1) (1, 2) (1, 3) (1, 4) (1, 5) (1, 6) (1, 7) (1, 8)
        (2, 1) (2, 2) (2, 3) (3, 1) (3, 2) (3, 3) (4, 1) (4, 2) (4, 3) (5, 1) (5, 2) (5, 3)
        (6, 1) (6, 2) (6, 3) (7, 1) (7, 2) (7, 3) (8, 1) (8, 2) (8, 3)
        (9, 1) (10, 1) (11, 1) (12, 1)
    }
}

impl<L: Left, const ROWS: usize, const VECTORS: usize, const PART: bool> Kernel
    for SizedStrip<'_, L, ROWS, VECTORS, PART>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        if ROWS > largest_height_of::<S, L>(VECTORS) {
            // Says so to the compiler, which then makes no code for tiles that `multiply` never
            // asks for.
            unreachable!("a tile has at most {} rows", largest_height_of::<S, L>(VECTORS));
        }
        if VECTORS > L::PANEL_VECTORS {
            unreachable!("a panel has at most {} vectors", L::PANEL_VECTORS);
        }
        let Strip { left, tiles, product } = self.0;
        let Product { columns, right, write, finish, output, stride } = product;
        let zero = simd.splat(0.0);
        for tile in 0..tiles {
            let start = match write {
                Write::Set | Write::Add => [[zero; VECTORS]; ROWS],
                Write::Bias(bias) => [load_row::<S, VECTORS, PART>(simd, bias, columns); ROWS],
                Write::Continue => {
                    let mut old = [[zero; VECTORS]; ROWS];
                    for r in 0..ROWS {
                        let y = &output[(tile * ROWS + r) * stride..];
                        old[r] = load_row::<S, VECTORS, PART>(simd, y, columns);
                    }
                    old
                }
            };
            let mut sums = left
                .skip(tile * ROWS)
                .accumulate::<S, ROWS, VECTORS, PART>(simd, right, columns, start);
            let place = tile * ROWS * stride;
            let output = &mut output[place..];
            if let Write::Add = write {
                for r in 0..ROWS {
                    let old = load_row::<S, VECTORS, PART>(simd, &output[r * stride..], columns);
                    for v in 0..VECTORS {
                        sums[r][v] = simd.add(old[v], sums[r][v]);
                    }
                }
            }
            if let Some([scale, shift]) = finish.scale {
                let scale = load_row::<S, VECTORS, PART>(simd, scale, columns);
                let shift = load_row::<S, VECTORS, PART>(simd, shift, columns);
                for r in 0..ROWS {
                    for v in 0..VECTORS {
                        sums[r][v] = simd.mul_add(sums[r][v], scale[v], shift[v]);
                    }
                }
            }
            if let Some(skip) = finish.skip {
                for r in 0..ROWS {
                    let skip = &skip[place + r * stride..];
                    let skip = load_row::<S, VECTORS, PART>(simd, skip, columns);
                    for v in 0..VECTORS {
                        sums[r][v] = simd.add(sums[r][v], skip[v]);
                    }
                }
            }
            finish.clip.apply_all(simd, &mut sums);
            for r in 0..ROWS {
                store_row::<S, VECTORS, PART>(simd, sums[r], &mut output[r * stride..], columns);
            }
        }
    }
}

/// Loads the first `columns` elements; where `PART`, the last vector has lanes beyond them, which
/// become 0.
#[inline(always)]
fn load_row<S: Simd, const VECTORS: usize, const PART: bool>(
    simd: S,
    cells: &[f32],
    columns: usize,
) -> [S::F32; VECTORS] {
    let whole = if PART { VECTORS - 1 } else { VECTORS };
    let cells = &cells[..if PART { columns } else { VECTORS * S::LANES }];
    let mut row = [simd.splat(0.0); VECTORS];
    for v in 0..whole {
        row[v] = simd.load(&cells[v * S::LANES..]);
    }
    if PART {
        row[whole] = simd.load_part(&cells[whole * S::LANES..columns]);
    }
    row
}

/// Stores the first `columns` elements.
#[inline(always)]
fn store_row<S: Simd, const VECTORS: usize, const PART: bool>(
    simd: S,
    row: [S::F32; VECTORS],
    cells: &mut [f32],
    columns: usize,
) {
    let whole = if PART { VECTORS - 1 } else { VECTORS };
    let cells = &mut cells[..if PART { columns } else { VECTORS * S::LANES }];
    for v in 0..whole {
        simd.store(row[v], &mut cells[v * S::LANES..]);
    }
    if PART {
        simd.store_part(row[whole], &mut cells[whole * S::LANES..columns]);
    }
}
