//! The product of a left matrix with a panel, tile by tile.

#![allow(clippy::needless_range_loop, reason = "indices are what tiles are about")]

use super::left::Left;
use super::panels::{HEIGHT_OF_ONE_VECTOR, largest_height};
use super::right::{Right, load_row};
use crate::kernels::epilogue::Epilogue;
use crate::simd::{Kernel, Simd};

/// What becomes of the sums.
#[derive(Clone, Copy)]
pub(in crate::kernels) enum Write<'a> {
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
pub(in crate::kernels) struct Product<'a> {
    /// Columns, as many as one panel has.
    pub(in crate::kernels) columns: usize,
    /// The right matrix.
    pub(in crate::kernels) right: Right<'a>,
    /// What becomes of the sums.
    pub(in crate::kernels) write: Write<'a>,
    /// What happens to complete sums.
    pub(in crate::kernels) epilogue: Epilogue<'a>,
    /// The output, `stride` elements from one row to the next.
    pub(in crate::kernels) output: &'a mut [f32],
    /// Distance of the output's rows.
    pub(in crate::kernels) stride: usize,
}

/// Computes the panel `output[r, c] = Σ_i left[r, i] · right[i, c]` for `rows` rows.
#[inline(always)]
pub(in crate::kernels) fn multiply<S: Simd, L: Left>(
    simd: S,
    rows: usize,
    left: L,
    product: Product<'_>,
) {
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
            let epilogue = product.epilogue.cells_from(done * product.stride);
            let lower = Product { output, epilogue, ..product };
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
        let Product { columns, right, write, epilogue, output, stride } = product;
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
            if let Some([scale, shift]) = epilogue.scale {
                let scale = load_row::<S, VECTORS, PART>(simd, scale, columns);
                let shift = load_row::<S, VECTORS, PART>(simd, shift, columns);
                for r in 0..ROWS {
                    for v in 0..VECTORS {
                        sums[r][v] = simd.mul_add(sums[r][v], scale[v], shift[v]);
                    }
                }
            }
            if let Some(skip) = epilogue.skip {
                for r in 0..ROWS {
                    let skip = &skip[place + r * stride..];
                    let skip = load_row::<S, VECTORS, PART>(simd, skip, columns);
                    for v in 0..VECTORS {
                        sums[r][v] = simd.add(sums[r][v], skip[v]);
                    }
                }
            }
            epilogue.clip.apply_all(simd, &mut sums);
            for r in 0..ROWS {
                store_row::<S, VECTORS, PART>(simd, sums[r], &mut output[r * stride..], columns);
            }
        }
    }
}

/// Most rows of a tile of so many vectors: those of one leave room for more.
const fn largest_height_of<S: Simd, L: Left>(vectors: usize) -> usize {
    match vectors {
        1 if S::REGISTERS >= 32 => L::HEIGHT_OF_ONE_VECTOR,
        1 => HEIGHT_OF_ONE_VECTOR,
        _ => largest_height::<S>(),
    }
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
