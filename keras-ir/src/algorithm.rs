//! Which of several algorithms computes an op. A target chooses one for each op, once; the step of
//! a plan holds it, and whatever depends on it matches on it: kernels, scratch, packed weights,
//! parts.

use core::fmt;

use crate::literal::literal_enum;

/// How an op is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// The one algorithm that an op has, or that which takes every shape.
    #[default]
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
    RoundedWindows
});

impl Algorithm {
    /// Whether operands are rounded to bfloat16.
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

    /// Its name as a plan's text spells it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::General => "general",
            Algorithm::Product => "product",
            Algorithm::TwoSums => "two_sums",
            Algorithm::Rows => "rows",
            Algorithm::Winograd => "winograd",
            Algorithm::RoundedProduct => "rounded_product",
            Algorithm::RoundedWindows => "rounded_windows",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
