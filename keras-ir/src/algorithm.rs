//! Which of several algorithms computes an op. A target chooses it once, when a plan is made, and
//! the plan's step holds it. Kernels, scratch, packed weights and parts match on it.

use crate::literal::literal_enum;

/// How an op is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// The one algorithm that an op has, or that which takes every shape.
    General,
    /// A convolution of single cells, as a product of matrices.
    Product,
    /// The same, where the last filters fill half of a vector: it holds two sums for each of them.
    TwoSums,
    /// A row of the image at a time, where filters fill vectors.
    Rows,
    /// Winograd's algorithm, in tiles of 4 x 4 cells.
    Winograd,
    /// A product of operands that are rounded to bfloat16.
    RoundedProduct,
    /// Windows of operands that are rounded to bfloat16.
    RoundedWindows,
}
literal_enum!(Algorithm {
    General,
    Product,
    TwoSums,
    Rows,
    Winograd,
    RoundedProduct,
    RoundedWindows,
});

impl Algorithm {
    /// Whether operands are rounded to bfloat16.
    #[inline]
    pub fn is_rounded(self) -> bool {
        match self {
            Algorithm::RoundedProduct | Algorithm::RoundedWindows => true,
            Algorithm::General
            | Algorithm::Product
            | Algorithm::TwoSums
            | Algorithm::Rows
            | Algorithm::Winograd => false,
        }
    }

    /// Whether a kernel is transformed before it is multiplied.
    #[inline]
    pub fn transforms_kernels(self) -> bool {
        match self {
            Algorithm::Winograd => true,
            Algorithm::General
            | Algorithm::Product
            | Algorithm::TwoSums
            | Algorithm::Rows
            | Algorithm::RoundedProduct
            | Algorithm::RoundedWindows => false,
        }
    }
}
