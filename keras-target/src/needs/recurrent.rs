//! Recurrent layers.

use super::*;
use crate::cost::RECURRENT_ROWS;

/// Scratch of some samples, of which each has the given multiple of the units, and a packed copy of
/// the recurrent kernel.
fn scratch_len(cell: &Cell, multiple: usize) -> usize {
    let rows = RECURRENT_ROWS.saturating_mul(multiple.saturating_mul(cell.units));
    rows.saturating_add(cell.kernel_len())
}

/// The states, the products of the states, and the states that are multiplied.
fn forward_len(cell: &Cell) -> usize {
    scratch_len(cell, cell.kind.states() + cell.kind.gates() + 1)
}

impl Needs for Recurrent {
    fn workspace_len(&self, _: Algorithm) -> usize {
        forward_len(&self.cell)
    }

    fn together(&self) -> usize {
        RECURRENT_ROWS
    }
}

impl Needs for RecurrentKept {
    fn workspace_len(&self, _: Algorithm) -> usize {
        forward_len(&self.cell)
    }

    fn together(&self) -> usize {
        RECURRENT_ROWS
    }
}

impl Needs for RecurrentGrad {
    /// The gradients by the states, and a product.
    fn workspace_len(&self, _: Algorithm) -> usize {
        scratch_len(&self.cell, self.cell.kind.states() + 1)
    }

    fn together(&self) -> usize {
        RECURRENT_ROWS
    }
}
