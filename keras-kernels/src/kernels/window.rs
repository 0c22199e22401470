//! Which cells a window reads: the geometry that convolutions and poolings share.

use core::ops::Range;

use keras_ir::ops::Window;

/// The input cell that cell `k` of the window of output `o` reads, unless it is padding.
pub(super) fn cell(window: &Window, o: usize, k: usize) -> Option<usize> {
    (o * window.stride + k * window.dilation)
        .checked_sub(window.pad)
        .filter(|&input| input < window.input)
}

/// The real cells of one window.
#[derive(Clone, Debug)]
pub(super) struct Taps {
    /// The output cell, `i · columns.output + j`.
    pub(super) y_cell: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    kernel_columns: usize,
    /// The input cell of the first tap, and the distances to the next row and column.
    first: usize,
    row_step: usize,
    column_step: usize,
}

impl Taps {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// The first real input cell of each row, for [`Taps::row`]. Loops, as closures may lose the
    /// caller's instructions.
    #[inline(always)]
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> + use<> {
        let (first, step) = (self.first, self.row_step);
        (0..self.rows.len()).map(move |i| first + i * step)
    }

    /// The real input cells of a row.
    #[inline(always)]
    pub(super) fn row(&self, first: usize) -> impl Iterator<Item = usize> + use<> {
        let step = self.column_step;
        (0..self.columns.len()).map(move |i| first + i * step)
    }

    /// Calls `f` with `(tap, x_cell)` for each, in row-major order; see [`taps`].
    #[inline(always)]
    pub(super) fn for_each(&self, mut f: impl FnMut(usize, usize)) {
        let mut row_cell = self.first;
        for a in self.rows.clone() {
            let mut x_cell = row_cell;
            for b in self.columns.clone() {
                f(a * self.kernel_columns + b, x_cell);
                x_cell += self.column_step;
            }
            row_cell += self.row_step;
        }
    }
}

/// Calls `f` with the taps of each output cell.
#[inline(always)]
pub(super) fn for_each_window(rows: &Window, columns: &Window, mut f: impl FnMut(Taps)) {
    let first_cell = |window: &Window, o: usize, real: &Range<usize>| match real.is_empty() {
        true => 0,
        false => o * window.stride + real.start * window.dilation - window.pad,
    };
    for i in 0..rows.output {
        let real_rows = real_cells(rows, i);
        let first_row = first_cell(rows, i, &real_rows) * columns.input;
        for j in 0..columns.output {
            let real_columns = real_cells(columns, j);
            f(Taps {
                y_cell: i * columns.output + j,
                first: first_row + first_cell(columns, j, &real_columns),
                rows: real_rows.clone(),
                columns: real_columns,
                kernel_columns: columns.kernel,
                row_step: rows.dilation * columns.input,
                column_step: columns.dilation,
            });
        }
    }
}

/// `a / b`, rounded up. Strides and dilations are mostly 1, and a division is slow.
fn div_ceil(a: usize, b: usize) -> usize {
    if b == 1 { a } else { a.div_ceil(b) }
}

/// The cells `k` of the window of output `o` that are no padding.
pub(super) fn real_cells(window: &Window, o: usize) -> Range<usize> {
    let first = o * window.stride;
    let begin = div_ceil(window.pad.saturating_sub(first), window.dilation).min(window.kernel);
    let end = div_ceil((window.input + window.pad).saturating_sub(first), window.dilation);
    begin..end.clamp(begin, window.kernel)
}

/// The outputs whose windows have a cell `k` that is no padding.
pub(super) fn real_outputs(window: &Window, k: usize) -> Range<usize> {
    let first = k * window.dilation;
    let begin = div_ceil(window.pad.saturating_sub(first), window.stride).min(window.output);
    let end = div_ceil((window.input + window.pad).saturating_sub(first), window.stride);
    begin..end.clamp(begin, window.output)
}

/// The real cells that output cell `y_cell` (`i · columns.output + j`) reads, as `(tap, x_cell)` in
/// row-major order: `tap` is `a · columns.kernel + b`, `x_cell` is `row · columns.input + column`.
pub(super) fn taps<'a>(
    rows: &'a Window,
    columns: &'a Window,
    y_cell: usize,
) -> impl Iterator<Item = (usize, usize)> + 'a {
    let (i, j) = (y_cell / columns.output, y_cell % columns.output);
    // A window may be mostly padding.
    let real_columns = real_cells(columns, j);
    real_cells(rows, i).filter_map(move |a| Some((a, cell(rows, i, a)?))).flat_map(
        move |(a, row)| {
            real_columns.clone().filter_map(move |b| {
                Some((a * columns.kernel + b, row * columns.input + cell(columns, j, b)?))
            })
        },
    )
}

/// Cells of the input of one sample.
pub(super) fn input_cells(rows: &Window, columns: &Window) -> usize {
    rows.input * columns.input
}

/// Cells of the output of one sample.
pub(super) fn output_cells(rows: &Window, columns: &Window) -> usize {
    rows.output * columns.output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_no_cell() {
        let window = Window { input: 5, output: 3, kernel: 3, stride: 2, dilation: 1, pad: 1 };
        let read = |o| (0..3).map(|k| cell(&window, o, k)).collect::<Vec<_>>();
        assert_eq!(read(0), [None, Some(0), Some(1)]);
        assert_eq!(read(1), [Some(1), Some(2), Some(3)]);
        assert_eq!(read(2), [Some(3), Some(4), None]);
    }

    #[test]
    fn ranges_hold_the_real_cells() {
        for (input, kernel, stride, dilation, pad) in
            [(5, 3, 2, 1, 1), (4, 5, 1, 2, 3), (3, 2, 4, 1, 0), (2, 3, 1, 3, 7), (7, 1, 2, 1, 2)]
        {
            let window = Window { input, output: 6, kernel, stride, dilation, pad };
            let real = |o, k| cell(&window, o, k).is_some();
            for o in 0..window.output {
                let cells: Vec<usize> = (0..kernel).filter(|&k| real(o, k)).collect();
                assert_eq!(real_cells(&window, o).collect::<Vec<_>>(), cells, "{window:?} {o}");
            }
            for k in 0..kernel {
                let outputs: Vec<usize> = (0..6).filter(|&o| real(o, k)).collect();
                assert_eq!(real_outputs(&window, k).collect::<Vec<_>>(), outputs, "{window:?} {k}");
            }
        }
    }

    #[test]
    fn windows_are_visited_with_their_taps() {
        let rows = Window { input: 4, output: 5, kernel: 3, stride: 2, dilation: 2, pad: 3 };
        let columns = Window { input: 5, output: 3, kernel: 2, stride: 3, dilation: 1, pad: 1 };
        let mut visited = 0;
        for_each_window(&rows, &columns, |window| {
            let mut found = Vec::new();
            window.for_each(|tap, x_cell| found.push((tap, x_cell)));
            assert_eq!(window.y_cell, visited);
            assert_eq!(found, taps(&rows, &columns, visited).collect::<Vec<_>>());
            assert_eq!(window.count(), found.len());
            visited += 1;
        });
        assert_eq!(visited, 15);
    }

    #[test]
    fn taps_stand_in_row_major_order() {
        let rows = Window { input: 3, output: 3, kernel: 2, stride: 1, dilation: 2, pad: 1 };
        let columns = Window { input: 4, output: 2, kernel: 2, stride: 3, dilation: 1, pad: 0 };
        // Output cell (1, 1) reads rows 0 and 2 and columns 3 and 4, of which 4 is padding.
        assert_eq!(taps(&rows, &columns, 3).collect::<Vec<_>>(), [(0, 3), (2, 11)]);
    }
}
