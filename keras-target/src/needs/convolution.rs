//! Convolutions and their gradients.

use super::*;
use crate::cost::{
    NARROW_FILTERS, PANEL_ROWS, POOLED_CHANNELS, band, band_len, fills_vectors, folded_len,
    is_pointwise, panel_len, phase_lens, turned_len, two_sums_len,
};
use crate::pairs::{forward_len, grad_w_len, grad_x_len, product_grad_w_len, product_len};
use crate::part::{Read, adjoint_part, scaled, window_part};
use crate::winograd::{TILE, Winograd};

/// The copy of a kernel in the transform of Winograd's algorithm.
fn transformed(winograd: Winograd) -> Prepared {
    let len = winograd.kernel_len();
    Prepared { len, part_len: len }
}

/// Elements of a convolution's kernel.
fn kernel_len(rows: &Window, columns: &Window, channels: usize, filters: usize) -> usize {
    rows.kernel * columns.kernel * channels * filters
}

/// A row of a plain product as windows on an image of one row.
fn alone(columns: Window, cells: usize) -> Window {
    Window { input: cells, output: cells, ..columns }
}

/// Whether a kernel can keep the largest of each [`POOLED`] by [`POOLED`] cells of a convolution
/// while it has them at hand.
pub(crate) fn pools(op: &Conv2D, algorithm: Algorithm) -> bool {
    let band = band(&op.rows, &op.columns, op.channels);
    let has_rows = band.is_none_or(|band| band.output_rows >= POOLED);
    let fits = match algorithm {
        Algorithm::Winograd => true,
        Algorithm::Rows => POOLED_CHANNELS.contains(&op.channels) && has_rows,
        Algorithm::General
        | Algorithm::Product
        | Algorithm::TwoSums
        | Algorithm::RoundedProduct
        | Algorithm::RoundedWindows => false,
    };
    fits && !op.add
}

impl Needs for Conv2D {
    fn algorithm(&self) -> Algorithm {
        if is_pointwise(&self.rows, &self.columns, self.groups) {
            let has_half = two_sums_len(self.channels, self.filters) > 0;
            return if has_half { Algorithm::TwoSums } else { Algorithm::Product };
        }
        if self.groups == 1 && Winograd::conv2d(self).gains() {
            return Algorithm::Winograd;
        }
        if fills_vectors(self) { Algorithm::Rows } else { Algorithm::General }
    }

    fn rounded_algorithm(&self) -> Option<Algorithm> {
        if is_pointwise(&self.rows, &self.columns, self.groups) {
            return Some(Algorithm::RoundedProduct);
        }
        let comes_in_pairs = self.channels.is_multiple_of(2) && self.filters > NARROW_FILTERS;
        (self.groups == 1 && comes_in_pairs).then_some(Algorithm::RoundedWindows)
    }

    fn workspace_len(&self, algorithm: Algorithm) -> usize {
        let Conv2D { rows, columns, channels, filters, groups, norm, .. } = self;
        let len = match algorithm {
            Algorithm::Product => panel_len(*channels, *filters),
            Algorithm::RoundedProduct => product_len(*channels),
            Algorithm::TwoSums => {
                panel_len(*channels, *filters).max(two_sums_len(*channels, *filters))
            }
            Algorithm::Winograd => Winograd::conv2d(self).scratch_len(),
            Algorithm::General | Algorithm::Rows => {
                let kernel_len = kernel_len(rows, columns, channels / groups, *filters);
                turned_len(kernel_len, filters / groups)
                    .saturating_add(band_len(rows, columns, *channels))
            }
            Algorithm::RoundedWindows => forward_len(self),
        };
        folded_len(norm.as_ref(), *filters).saturating_add(len)
    }

    /// Half vectors of filters have an order of their own.
    fn right_matrix(&self, algorithm: Algorithm) -> Option<[usize; 2]> {
        let reads_panels = match algorithm {
            Algorithm::Product => true,
            Algorithm::RoundedProduct => two_sums_len(self.channels, self.filters) == 0,
            Algorithm::General
            | Algorithm::TwoSums
            | Algorithm::Rows
            | Algorithm::Winograd
            | Algorithm::RoundedWindows => false,
        };
        reads_panels.then_some([self.channels, self.filters])
    }

    fn transformed_kernel(&self, algorithm: Algorithm) -> Option<Prepared> {
        algorithm.transforms_kernels().then(|| transformed(Winograd::conv2d(self)))
    }

    /// Cells of a product, or rows; tiles of rows stay whole.
    fn units(&self, algorithm: Algorithm) -> Option<Units> {
        let rows = self.rows.output;
        let (len, step) = match algorithm {
            Algorithm::Product | Algorithm::TwoSums | Algorithm::RoundedProduct => {
                (rows * self.columns.output, 1)
            }
            Algorithm::Winograd => (rows, TILE),
            Algorithm::General | Algorithm::Rows | Algorithm::RoundedWindows => (rows, 1),
        };
        Some(Units { len, step })
    }

    fn part(&self, algorithm: Algorithm, units: Range<usize>) -> Option<Part> {
        let (rows, columns, x, y) = match algorithm {
            Algorithm::Product | Algorithm::TwoSums | Algorithm::RoundedProduct => {
                let [row, cells] = [1, units.len()].map(|cells| alone(self.columns, cells));
                (row, cells, units.clone(), units)
            }
            Algorithm::Winograd
            | Algorithm::General
            | Algorithm::Rows
            | Algorithm::RoundedWindows => {
                let (rows, x) = window_part(&self.rows, &units)?;
                let x = scaled(&x, self.columns.input);
                (rows, self.columns, x, scaled(&units, self.columns.output))
            }
        };
        let part = Conv2D { rows, columns, ..*self };
        let terms = usize::from(self.bias) + self.norm.map_or(0, |norm| norm.inputs());
        let output = scaled(&y, self.filters);
        let skip = self.add.then(|| Read::Elements(output.clone()));
        let inputs = [Read::Elements(scaled(&x, self.channels)), Read::All].into_iter();
        let inputs = inputs.chain((0..terms).map(|_| Read::All)).chain(skip);
        Some(Part::new(part, inputs, output))
    }
}

impl Needs for ConvPool2D {
    fn algorithm(&self) -> Algorithm {
        self.conv.algorithm()
    }

    fn workspace_len(&self, algorithm: Algorithm) -> usize {
        self.conv.workspace_len(algorithm)
    }

    fn transformed_kernel(&self, algorithm: Algorithm) -> Option<Prepared> {
        self.conv.transformed_kernel(algorithm)
    }

    /// Rows of pooled cells.
    fn units(&self, algorithm: Algorithm) -> Option<Units> {
        // Tiles stay whole; each other algorithm goes row by row.
        let step = if algorithm.transforms_kernels() { TILE / POOLED } else { 1 };
        Some(Units { len: self.conv.rows.output / POOLED, step })
    }

    fn part(&self, algorithm: Algorithm, units: Range<usize>) -> Option<Part> {
        let conv = &self.conv;
        // A last row without a partner goes with the others: of a tile that has it, all bits depend
        // on it.
        let all = conv.rows.output;
        let end = if units.end == all / POOLED { all } else { POOLED * units.end };
        let Part { op, inputs, .. } = conv.part(algorithm, POOLED * units.start..end)?;
        let Op::Conv2D(part) = op else { return None };
        let output = scaled(&units, conv.columns.output / POOLED * conv.filters);
        Some(Part::new(ConvPool2D { conv: part }, inputs, output))
    }
}

impl Needs for Conv2DGradX {
    fn algorithm(&self) -> Algorithm {
        if is_pointwise(&self.rows, &self.columns, self.groups) {
            return Algorithm::Product;
        }
        let is_winograd =
            self.groups == 1 && Winograd::grad_x(self).is_some_and(|winograd| winograd.gains());
        if is_winograd { Algorithm::Winograd } else { Algorithm::General }
    }

    fn rounded_algorithm(&self) -> Option<Algorithm> {
        if is_pointwise(&self.rows, &self.columns, self.groups) {
            return Some(Algorithm::RoundedProduct);
        }
        let comes_in_pairs = self.filters.is_multiple_of(2) && self.channels > NARROW_FILTERS;
        (self.groups == 1 && comes_in_pairs).then_some(Algorithm::RoundedWindows)
    }

    fn workspace_len(&self, algorithm: Algorithm) -> usize {
        match algorithm {
            Algorithm::Product | Algorithm::TwoSums => panel_len(self.filters, self.channels),
            Algorithm::RoundedProduct => product_len(self.filters),
            Algorithm::Winograd => {
                Winograd::grad_x(self).map_or(0, |winograd| winograd.scratch_len())
            }
            Algorithm::General | Algorithm::Rows => {
                let (panel, band) = phase_lens(self);
                panel.saturating_add(band)
            }
            Algorithm::RoundedWindows => grad_x_len(self),
        }
    }

    fn right_matrix(&self, algorithm: Algorithm) -> Option<[usize; 2]> {
        let is_product = matches!(algorithm, Algorithm::Product | Algorithm::RoundedProduct);
        is_product.then_some([self.filters, self.channels])
    }

    fn transformed_kernel(&self, algorithm: Algorithm) -> Option<Prepared> {
        let winograd = Winograd::grad_x(self).filter(|_| algorithm.transforms_kernels());
        winograd.map(transformed)
    }

    /// Rows of the input: whole tiles, or of the same phases as the whole's.
    fn units(&self, algorithm: Algorithm) -> Option<Units> {
        let step = match algorithm {
            Algorithm::Product | Algorithm::TwoSums | Algorithm::RoundedProduct => return None,
            Algorithm::Winograd => TILE,
            Algorithm::General | Algorithm::Rows | Algorithm::RoundedWindows => self.rows.stride,
        };
        Some(Units { len: self.rows.input, step })
    }

    fn part(&self, _: Algorithm, units: Range<usize>) -> Option<Part> {
        let (rows, y) = adjoint_part(&self.rows, &units)?;
        let d_y = Read::Elements(scaled(&y, self.columns.output * self.filters));
        let d_x = scaled(&units, self.columns.input * self.channels);
        Some(Part::new(Conv2DGradX { rows, ..*self }, [d_y, Read::All], d_x))
    }
}

impl Needs for Conv2DGradW {
    fn algorithm(&self) -> Algorithm {
        if is_pointwise(&self.rows, &self.columns, self.groups) {
            return Algorithm::Product;
        }
        let is_winograd = self.groups == 1 && Winograd::grad_w(self).gains();
        if is_winograd { Algorithm::Winograd } else { Algorithm::General }
    }

    fn rounded_algorithm(&self) -> Option<Algorithm> {
        if is_pointwise(&self.rows, &self.columns, self.groups) {
            return Some(Algorithm::RoundedProduct);
        }
        let gains = self.channels > NARROW_FILTERS && self.filters > NARROW_FILTERS;
        (self.groups == 1 && gains).then_some(Algorithm::RoundedWindows)
    }

    fn workspace_len(&self, algorithm: Algorithm) -> usize {
        let Conv2DGradW { rows, columns, channels, filters, groups } = self;
        match algorithm {
            Algorithm::Product | Algorithm::TwoSums => panel_len(PANEL_ROWS, *filters),
            Algorithm::RoundedProduct => product_grad_w_len(),
            Algorithm::Winograd => Winograd::grad_w(self).scratch_len(),
            Algorithm::General | Algorithm::Rows => {
                let kernel_len = kernel_len(rows, columns, channels / groups, *filters);
                turned_len(kernel_len, filters / groups)
                    .saturating_add(band_len(rows, columns, *channels))
            }
            Algorithm::RoundedWindows => grad_w_len(self),
        }
    }
}

impl Needs for Depthwise2D {
    fn workspace_len(&self, _: Algorithm) -> usize {
        folded_len(self.norm.as_ref(), self.channels * self.multiplier)
    }

    fn units(&self, _: Algorithm) -> Option<Units> {
        Some(Units { len: self.rows.output, step: 1 })
    }

    fn part(&self, _: Algorithm, units: Range<usize>) -> Option<Part> {
        let (rows, x) = window_part(&self.rows, &units)?;
        let terms = 1 + usize::from(self.bias) + self.norm.map_or(0, |norm| norm.inputs());
        let x = Read::Elements(scaled(&x, self.columns.input * self.channels));
        let inputs = [x].into_iter().chain((0..terms).map(|_| Read::All));
        let y = scaled(&units, self.columns.output * self.channels * self.multiplier);
        Some(Part::new(Depthwise2D { rows, ..*self }, inputs, y))
    }
}
