//! What kernels need of each op: an algorithm, scratch, packed weights, parts.
//!
//! An op that is `tuned` in the list of ops says it in its family's file; one of `one_part` has one
//! algorithm, takes no scratch and is not cut into parts.

mod attention;
mod convolution;
mod elementwise;
mod pool;
mod product;
mod recurrent;
mod scratch;

use core::ops::Range;

pub(crate) use convolution::pools;

use keras_ir::algorithm::Algorithm;
use keras_ir::ops::*;

use crate::cost::{LEAST_PREPARED, Prepared};
use crate::part::{Part, Units};

/// What kernels need of an op.
pub(crate) trait Needs {
    /// The algorithm that computes it in `f32`.
    fn algorithm(&self) -> Algorithm {
        Algorithm::General
    }

    /// The algorithm that computes it on operands rounded to bfloat16, if there is one that gains.
    fn rounded_algorithm(&self) -> Option<Algorithm> {
        None
    }

    /// Scratch elements that its kernel asks for, whatever the number of samples.
    fn workspace_len(&self, _: Algorithm) -> usize {
        0
    }

    /// How many samples its kernel wants together, so that it is fast.
    fn together(&self) -> usize {
        1
    }

    /// Rows and columns of the right matrix of a product, if the algorithm can read a packed copy.
    fn right_matrix(&self, _: Algorithm) -> Option<[usize; 2]> {
        None
    }

    /// The copy of a kernel that the algorithm transforms, if it does.
    fn transformed_kernel(&self, _: Algorithm) -> Option<Prepared> {
        None
    }

    /// What it is cut into for several threads, if it is cut.
    fn units(&self, _: Algorithm) -> Option<Units> {
        None
    }

    /// The part that computes some of its units, by the same algorithm. None if they read nothing
    /// but padding.
    fn part(&self, _: Algorithm, _: Range<usize>) -> Option<Part> {
        None
    }
}

macro_rules! one_part {
    ($($method:ident: $name:ident,)*) => { $(impl Needs for $name {})* };
}
keras_ir::for_each_op_of_one_part!(one_part);

macro_rules! all {
    ($($method:ident: $name:ident,)*) => {
        impl Needs for Op {
            fn algorithm(&self) -> Algorithm {
                match self { $(Op::$name(op) => op.algorithm(),)* }
            }

            fn rounded_algorithm(&self) -> Option<Algorithm> {
                match self { $(Op::$name(op) => op.rounded_algorithm(),)* }
            }

            fn workspace_len(&self, algorithm: Algorithm) -> usize {
                match self { $(Op::$name(op) => op.workspace_len(algorithm),)* }
            }

            fn together(&self) -> usize {
                match self { $(Op::$name(op) => op.together(),)* }
            }

            fn right_matrix(&self, algorithm: Algorithm) -> Option<[usize; 2]> {
                match self { $(Op::$name(op) => op.right_matrix(algorithm),)* }
            }

            fn transformed_kernel(&self, algorithm: Algorithm) -> Option<Prepared> {
                match self { $(Op::$name(op) => op.transformed_kernel(algorithm),)* }
            }

            fn units(&self, algorithm: Algorithm) -> Option<Units> {
                match self { $(Op::$name(op) => op.units(algorithm),)* }
            }

            fn part(&self, algorithm: Algorithm, units: Range<usize>) -> Option<Part> {
                match self { $(Op::$name(op) => op.part(algorithm, units),)* }
            }
        }
    };
}
keras_ir::for_each_op!(all);

/// Scratch elements that the kernel of an op asks for, whatever the number of samples.
pub fn workspace_len(op: &Op, algorithm: Algorithm) -> usize {
    op.workspace_len(algorithm)
}

/// How many samples the kernel of an op wants together, so that it is fast: a recurrent layer
/// multiplies as many rows a step.
pub fn together(op: &Op) -> usize {
    op.together()
}

/// What is worth making of an op's weights once for a whole batch, if anything: panels, or a
/// kernel's transform.
pub fn prepared(op: &Op, algorithm: Algorithm) -> Option<Prepared> {
    if let Some(transformed) = op.transformed_kernel(algorithm) {
        return Some(transformed);
    }
    let [rows, columns] = op.right_matrix(algorithm)?;
    let is_worth_it = rows * columns >= LEAST_PREPARED;
    is_worth_it.then(|| Prepared::panels(algorithm, rows, columns))
}
