//! The values a user may write as an argument, in a `model!` block or in a configuration file.

/// A value. Tuples and lists are one thing, as they are to Keras.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`
    None,
    /// `True`, `False`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A division of integers that leaves a remainder.
    Quotient(Quotient),
    /// Text.
    Str(String),
    /// A list or a tuple.
    List(Vec<Value>),
    /// A call such as `regularizers.L2(1e-4)`.
    Object(Object),
    /// A layer such as `Dense(8)`. Classes of layers and of objects may share a name.
    Layer(Object),
}

/// What integers and a division with a remainder come to. Who reads it decides what it means: a
/// count, an axis or an extent is the whole number of Rust, any other number the fraction of Keras.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quotient {
    /// By the integers of Rust, which drop remainders.
    pub whole: i64,
    /// By the numbers of Python, which keep them.
    pub exact: f64,
}

impl Value {
    /// The value where an integer is wanted.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            Value::Quotient(quotient) => Some(quotient.whole),
            _ => None,
        }
    }

    /// The value where a number is wanted.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Quotient(quotient) => Some(quotient.exact),
            _ => None,
        }
    }
}

impl From<f32> for Value {
    fn from(value: f32) -> Value {
        Value::Float(shortest(value))
    }
}

/// The double whose shortest decimal is that of `value`: a file holds the 0.1 that the user wrote,
/// not 0.10000000149.
pub fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// The class of an [`Object`] that stands for an array of numbers in a file, which is not kept.
pub const ARRAY: &str = "__numpy__";

/// An object among the arguments: an initializer, a regularizer, a layer, ...
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Class as written, without a path.
    pub class: String,
    /// Its arguments.
    pub arguments: Vec<Argument>,
}

/// One argument as written at a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The keyword; none for a positional one.
    pub name: Option<String>,
    /// The value.
    pub value: Value,
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::None => f.write_str("None"),
            Value::Bool(true) => f.write_str("True"),
            Value::Bool(false) => f.write_str("False"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value:?}"),
            Value::Quotient(quotient) => write!(f, "{:?}", quotient.exact),
            Value::Str(value) => write!(f, "{value:?}"),
            Value::List(items) => {
                f.write_str("(")?;
                for (i, item) in items.iter().enumerate() {
                    let separator = if i == 0 { "" } else { ", " };
                    write!(f, "{separator}{item}")?;
                }
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
            Value::Object(object) | Value::Layer(object) => {
                write!(f, "{}(", object.class)?;
                for (i, argument) in object.arguments.iter().enumerate() {
                    let separator = if i == 0 { "" } else { ", " };
                    match &argument.name {
                        Some(name) => write!(f, "{separator}{name} = {}", argument.value)?,
                        None => write!(f, "{separator}{}", argument.value)?,
                    }
                }
                f.write_str(")")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_the_digits_that_were_written() {
        for value in [0.1_f32, -0.3, 1e-7, 3.5e30, 0.0, f32::MAX] {
            assert_eq!(shortest(value).to_string(), value.to_string());
            assert_eq!(shortest(value) as f32, value);
        }
        assert_eq!(Value::from(0.05_f32), Value::Float(0.05));
        assert!(shortest(f32::NAN).is_nan() && shortest(f32::NEG_INFINITY) == f64::NEG_INFINITY);
    }
}
