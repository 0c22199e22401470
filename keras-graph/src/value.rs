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
    /// Text.
    Str(String),
    /// A list or a tuple.
    List(Vec<Value>),
    /// A call such as `regularizers.L2(1e-4)`.
    Object(Object),
}

/// An object among the arguments: an initializer, a regularizer, ...
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
            Value::Str(value) => write!(f, "{value:?}"),
            Value::List(items) => {
                f.write_str("(")?;
                for (i, item) in items.iter().enumerate() {
                    let separator = if i == 0 { "" } else { ", " };
                    write!(f, "{separator}{item}")?;
                }
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
            Value::Object(object) => {
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
