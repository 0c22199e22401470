//! The types that a layer's parameters may have: how each is read from a value and written to a configuration.

use crate::schema::{Mismatch, ParameterType};
use crate::value::Value;

/// A count: at least 1.
impl ParameterType for usize {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match value {
            Value::Int(value) if *value > 0 => Ok(*value as usize),
            _ => Err(Mismatch::expected("a positive integer")),
        }
    }

    fn to_value(&self) -> Value {
        Value::Int(*self as i64)
    }
}

impl ParameterType for bool {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match value {
            Value::Bool(value) => Ok(*value),
            _ => Err(Mismatch::expected("`True` or `False`")),
        }
    }

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}
