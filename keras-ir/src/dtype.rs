//! Element types of tensors.

use crate::literal::literal_enum;

/// Type of a tensor's elements; all are four bytes wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floating point.
    Float32,
    /// 32-bit signed integers, as an `Embedding` reads them.
    Int32,
    /// True or false, as masks are: in memory 1.0 and 0.0, so that ops of floats compute with them
    /// as they are.
    Bool,
}
literal_enum!(Dtype { Float32, Int32, Bool });

impl Dtype {
    /// Keras' name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::Float32 => "float32",
            Dtype::Int32 => "int32",
            Dtype::Bool => "bool",
        }
    }
}
