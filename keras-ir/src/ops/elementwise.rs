//! Functions of each element.

use crate::activation::Activation;
use crate::literal::literal_enum;
use crate::ops::declare::ops;
use crate::ops::layout::{MAX_RANK, elements};

/// An element-wise function of two equal tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryFunction {
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `a · b`
    Multiply,
    /// The larger of `a` and `b`.
    Maximum,
    /// The smaller of `a` and `b`.
    Minimum,
    /// `a / b`
    Divide,
    /// `a` to the power of `b`
    Power,
}
literal_enum!(BinaryFunction { Add, Subtract, Multiply, Maximum, Minimum, Divide, Power });

/// A comparison of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `a = b`
    Equal,
    /// `a ≠ b`
    NotEqual,
    /// `a < b`
    Less,
    /// `a ≤ b`
    LessEqual,
    /// `a > b`
    Greater,
    /// `a ≥ b`
    GreaterEqual,
}
literal_enum!(Comparison { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual });

ops! {
    /// `y = f(x)` for each element.
    Unary { len: usize, f: Activation }
    reads (x: sample(len))
    makes sample(len)
    flops len * f;

    /// `d_x = d_y · f'(x)`. Where [`Activation::derivative_from_output`] holds it reads `y` in
    /// place of `x`.
    UnaryGrad { len: usize, f: Activation }
    reads (x: sample(len), d_y: sample(len))
    makes sample(len)
    flops len * (1 + f);

    /// `y = scale · x + offset` for each element.
    Affine { len: usize, scale: f32, offset: f32 }
    reads (x: sample(len))
    makes sample(len)
    flops 2 * len;

    /// `y[i] = f(a[i], b[i])`.
    Binary { len: usize, f: BinaryFunction }
    reads (a: sample(len), b: sample(len))
    makes sample(len)
    flops len;

    /// `d_a[i] = d_y[i]` where `a` is the one chosen (`a >= b` for a maximum, `a <= b` for a
    /// minimum), else 0; `second` asks for `d_b`, which gets what `d_a` does not.
    SelectGrad { len: usize, f: BinaryFunction, second: bool }
    reads (a: sample(len), b: sample(len), d_y: sample(len))
    makes sample(len)
    flops len;

    /// `y[i] = f(a[i], b[i])` of integers, which wrap around. `f` is no division and no power.
    BinaryInt { len: usize, f: BinaryFunction }
    reads (a: ids(len), b: ids(len))
    makes ids(len)
    flops len;

    /// `y[i] = 1` where the comparison holds, else 0; of `integers` or of floats.
    Compare { len: usize, f: Comparison, integers: bool }
    reads (a: any(len), b: any(len))
    makes sample(len)
    flops len;

    /// `y[i] = a[i]` where `condition[i]` is not 0, else `b[i]`.
    Select { len: usize }
    reads (condition: sample(len), a: any(len), b: any(len))
    makes any(len)
    flops len;

    /// `y[i] = start + step · i`, the same for each sample.
    Ramp { len: usize, start: f32, step: f32 }
    reads ()
    makes sample(len)
    flops 2 * len;

    /// `f32` to `i32`, towards zero; NaN becomes 0.
    CastInt { len: usize }
    reads (x: sample(len))
    makes ids(len)
    flops len;

    /// `i32` to `f32`.
    CastFloat { len: usize }
    reads (x: ids(len))
    makes sample(len)
    flops len;

    /// `y = x` where `x >= 0`, else `alpha · x`; `alpha[outer, extent.., inner]` repeats where its
    /// extent is 1, as in [`Broadcast`](super::Broadcast) from `from` to `to`.
    Prelu { rank: usize, from: [usize; MAX_RANK], to: [usize; MAX_RANK] }
    reads (x: sample(elements(&to, rank)), alpha: weight(elements(&from, rank)))
    makes sample(elements(&to, rank))
    flops 2 * to;

    /// The gradient of [`Prelu`] by `x`.
    PreluGradX { rank: usize, from: [usize; MAX_RANK], to: [usize; MAX_RANK] }
    reads (
        x: sample(elements(&to, rank)),
        alpha: weight(elements(&from, rank)),
        d_y: sample(elements(&to, rank)),
    )
    makes sample(elements(&to, rank))
    flops 2 * to;

    /// Reduced: the gradient of [`Prelu`] by `alpha`.
    PreluGradAlpha { rank: usize, from: [usize; MAX_RANK], to: [usize; MAX_RANK] }
    reads (x: sample(elements(&to, rank)), d_y: sample(elements(&to, rank)))
    makes sum(elements(&from, rank))
    flops 2 * to;
}
