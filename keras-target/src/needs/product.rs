//! Products of matrices.

use super::*;
use crate::LINE;
use crate::cost::{PANEL_ROWS, panel_len};
use crate::pairs::{product_grad_w_len, product_len};
use crate::part::{Read, scaled};

impl Needs for Gemm {
    fn rounded_algorithm(&self) -> Option<Algorithm> {
        Some(Algorithm::RoundedProduct)
    }

    fn workspace_len(&self, algorithm: Algorithm) -> usize {
        match algorithm.is_rounded() {
            true => product_len(self.k),
            false => panel_len(self.k, self.n),
        }
    }

    fn right_matrix(&self, _: Algorithm) -> Option<[usize; 2]> {
        Some([self.k, self.n])
    }

    /// Columns of one row, or rows.
    fn units(&self, _: Algorithm) -> Option<Units> {
        let (len, step) = if self.m == 1 { (self.n, LINE) } else { (self.m, 1) };
        Some(Units { len, step })
    }

    fn part(&self, _: Algorithm, units: Range<usize>) -> Option<Part> {
        if self.m == 1 {
            let bias = self.bias.then(|| Read::Elements(units.clone()));
            let inputs = [Read::All, Read::Columns(units.clone())].into_iter().chain(bias);
            return Some(Part::new(Gemm { n: units.len(), ..*self }, inputs, units));
        }
        let x = Read::Elements(scaled(&units, self.k));
        let others = (0..1 + usize::from(self.bias)).map(|_| Read::All);
        let part = Gemm { m: units.len(), ..*self };
        Some(Part::new(part, [x].into_iter().chain(others), scaled(&units, self.n)))
    }
}

impl Needs for GemmGradX {
    fn rounded_algorithm(&self) -> Option<Algorithm> {
        Some(Algorithm::RoundedProduct)
    }

    fn workspace_len(&self, algorithm: Algorithm) -> usize {
        match algorithm.is_rounded() {
            true => product_len(self.n),
            false => panel_len(self.n, self.k),
        }
    }

    fn right_matrix(&self, _: Algorithm) -> Option<[usize; 2]> {
        Some([self.n, self.k])
    }
}

impl Needs for GemmGradW {
    fn rounded_algorithm(&self) -> Option<Algorithm> {
        Some(Algorithm::RoundedProduct)
    }

    /// The rows of a batch are as many as its samples make them.
    fn workspace_len(&self, algorithm: Algorithm) -> usize {
        match algorithm.is_rounded() {
            true => product_grad_w_len(),
            false => panel_len(PANEL_ROWS, self.n),
        }
    }
}

impl Needs for Matmul {
    fn rounded_algorithm(&self) -> Option<Algorithm> {
        Some(Algorithm::RoundedProduct)
    }

    fn workspace_len(&self, algorithm: Algorithm) -> usize {
        match algorithm.is_rounded() {
            true => product_len(self.k),
            false => panel_len(self.k, self.n),
        }
    }
}
