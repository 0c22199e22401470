//! `Multiply`: the product of tensors.

use crate::layers::Case;
use crate::layers::merge::merge_layer;

merge_layer! {
    /// Multiplies tensors: `y = a · b · ...`.
    Multiply, Multiply
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "", inputs: &[&[2, 3], &[2, 3]], output: &[2, 3] },
    Case { arguments: "", inputs: &[&[4, 2, 3], &[3], &[4, 1, 3]], output: &[4, 2, 3] },
];
