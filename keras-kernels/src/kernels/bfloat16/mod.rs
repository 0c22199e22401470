//! Operands rounded to bfloat16, for the products and convolutions of the policy `mixed_bfloat16`:
//! they round both operands and add up in `f32`.
//!
//! Operands are packed as pairs of neighbours along the axis that is summed over, and the tiles of
//! `f32` multiply them two at a time ([`Pairs`](crate::simd::Pairs)). The products are in
//! `gemm/pairs.rs`, the convolutions in `conv/pairs.rs`. Convolutions whose shapes come in no
//! pairs, such as those of one channel, are not rounded, nor are forward ones that Winograd's
//! algorithm computes in less time as they are.

mod pack;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

pub(super) use self::pack::{pack_neighbors, pack_rows};
use super::Call;
use crate::simd::rounded;

/// Has an op computed on copies of its operands, which are rounded: its first two inputs; a bias is
/// none.
pub(super) fn on_rounded(call: Call<'_>, compute: impl FnOnce(Call<'_>)) {
    let round = |x: &&[f32]| x.iter().copied().map(rounded).collect::<Vec<f32>>();
    let operands: Vec<Vec<f32>> = call.inputs.iter().take(2).map(round).collect();
    let mut inputs = call.inputs.to_vec();
    inputs.iter_mut().zip(&operands).for_each(|(input, rounded)| *input = rounded);
    compute(Call { inputs: &inputs, ..call });
}
