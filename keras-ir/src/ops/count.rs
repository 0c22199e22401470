//! How many floating-point operations an op takes: a multiplication and an addition count as two, a
//! comparison and an elementary function such as an exponential as one; moving elements is free.

use core::ops::{Add, Div, Mul};

use super::{Attention, Cell, Conv2D, Interpolation, MAX_RANK, Normalize, Window};
use crate::activation::Activation;

/// A number of operations, or an extent that it is made of. Sums and products stop at the largest
/// number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(u64);

impl Count {
    pub(crate) fn get(self) -> u64 {
        self.0
    }

    /// Comparisons of a sort of so many, and the sums over what is sorted.
    pub(crate) fn sort(self) -> Count {
        self * (u64::from(self.0.max(2).ilog2()) + 5)
    }
}

impl From<u64> for Count {
    fn from(count: u64) -> Count {
        Count(count)
    }
}

macro_rules! saturating {
    ($($trait:ident $method:ident $saturating:ident)*) => {
        $(
            impl $trait<Count> for Count {
                type Output = Count;
                fn $method(self, other: Count) -> Count {
                    Count(self.0.$saturating(other.0))
                }
            }

            impl $trait<Count> for u64 {
                type Output = Count;
                fn $method(self, other: Count) -> Count {
                    Count(self.$saturating(other.0))
                }
            }

            impl $trait<u64> for Count {
                type Output = Count;
                fn $method(self, other: u64) -> Count {
                    Count(self.0.$saturating(other))
                }
            }
        )*
    };
}
saturating! { Add add saturating_add Mul mul saturating_mul }

impl Div for Count {
    type Output = Count;
    fn div(self, other: Count) -> Count {
        Count(self.0 / other.0)
    }
}

/// What a field stands for where costs are counted.
pub(crate) trait Counted {
    type As;
    fn counted(self) -> Self::As;
}

/// Declares what fields of a type stand for.
macro_rules! counted {
    ($($field:ident: $type:ty => $as:ty = $count:expr;)*) => {
        $(
            impl Counted for $type {
                type As = $as;
                fn counted(self) -> $as {
                    let $field = self;
                    $count
                }
            }
        )*
    };
}

counted! {
    // Itself.
    extent: usize => Count = Count(extent as u64);
    // One operation for each element, or none.
    is_there: bool => Count = Count(u64::from(is_there));
    // The elements of a tensor.
    extents: [usize; MAX_RANK] => Count = extents
        .iter()
        .fold(Count(1), |len, &extent| len * extent.counted());
    // Its operations for each element.
    f: Activation => Count = Count(activation(f));
    // Likewise.
    norm: Option<Normalize> => Count = Count(if norm.is_some() { 2 } else { 0 });
    // The given cells that one is made of along an axis.
    interpolation: Interpolation => Count = Count(match interpolation {
        Interpolation::Nearest => 0,
        Interpolation::Bilinear => 2,
        Interpolation::Bicubic => 4,
        Interpolation::Lanczos3 => 6,
        Interpolation::Lanczos5 => 10,
    });
    window: Window => Cells = Cells {
        output: window.output.counted(),
        kernel: window.kernel.counted(),
    };
    // The products and the functions of all steps.
    cell: Cell => Count = recurrent(cell);
    // What costs nothing by itself.
    conv: Conv2D => Conv2D = conv;
    of: Attention => Attention = of;
    mask: [usize; 3] => [usize; 3] = mask;
    window: Option<usize> => Option<usize> = window;
    number: f32 => f32 = number;
    key: u32 => u32 = key;
    seed: Option<u64> => Option<u64> = seed;
    f: super::BinaryFunction => super::BinaryFunction = f;
    f: super::Comparison => super::Comparison = f;
    f: super::ReduceFunction => super::ReduceFunction = f;
}

/// What a window costs: its kernel's cells for each cell of its output.
#[derive(Clone, Copy)]
pub(crate) struct Cells {
    pub(crate) output: Count,
    pub(crate) kernel: Count,
}

/// Operations of the steps of a recurrent layer: of the product, of the gates, and some for the
/// state.
fn recurrent(cell: Cell) -> Count {
    let (gates, units) = (cell.kind.gates() as u64, cell.units.counted());
    let functions = gates * activation(cell.g).max(activation(cell.f));
    cell.steps.counted() * units * (2 * gates * units + (functions + 6))
}

/// Operations of an activation, of one element.
fn activation(f: Activation) -> u64 {
    use Activation::*;
    match f {
        Linear => 0,
        Relu { .. } | HardTanh | HardShrink { .. } | Threshold { .. } | Tanh | Exponential => 1,
        Log | Sqrt | Absolute | Sign | Floor | Log1p | Sin | Cos => 1,
        LeakyRelu { .. } | TanhShrink | SoftShrink { .. } => 2,
        Sigmoid | Silu | Elu { .. } | Selu | Softplus | Softsign | HardSigmoid | LogSigmoid => 4,
        Celu { .. } | HardSilu | SparsePlus | SparseSigmoid | Squareplus { .. } => 5,
        Gelu | GeluTanh | Mish => 8,
    }
}
