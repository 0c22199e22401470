//! Element types of tensors.

use crate::literal::literal_enum;

/// Type of a tensor's elements; all are four bytes wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floating point.
    Float32,
    /// 32-bit signed integers, as an `Embedding` reads them.
    Int32,
}
literal_enum!(Dtype { Float32, Int32 });

impl Dtype {
    /// Keras' name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::Float32 => "float32",
            Dtype::Int32 => "int32",
        }
    }
}
