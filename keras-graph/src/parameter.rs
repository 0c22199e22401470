//! The types that a layer's parameters may have: how each is read from a value and written to a
//! configuration. Initializers, regularizers and constraints are read in their own files. Ranges
//! are checked here, where a value is read.

mod einsum;
mod functions;
mod geometry;
mod weight;

pub use einsum::{AxisPair, Ellipsis, Equation, Letters, PartialShape};
pub use functions::{AxesOrNone, DtypeName, Ints, NormOrder, Sections, Widths};
pub use geometry::{
    Axes, CausalPadding, ChannelsLast, Counts, Extents, GroupCount, Margins, Padding, Sizes,
    TargetShape, ZeroSizes,
};
pub(crate) use weight::Reading;
pub use weight::WeightArguments;

use crate::names::nearest;
use crate::schema::{Mismatch, ParameterType};
use crate::value::{Argument, Object, Value};

/// Largest count or extent that a parameter may have, so that products of a few cannot overflow.
pub const MAX_COUNT: i64 = 1 << 31;

/// An integer in `least..=MAX_COUNT`.
fn count(value: &Value, least: i64) -> Option<usize> {
    let count = value.integer().filter(|value| (least..=MAX_COUNT).contains(value))?;
    usize::try_from(count).ok()
}

/// A finite number.
pub(crate) fn number(value: &Value) -> Option<f32> {
    value.number().map(|number| number as f32).filter(|number| number.is_finite())
}

/// A number of at least 0, infinity among them: `float("inf")` in a block, `Infinity` in a file.
pub(crate) fn bound(value: &Value) -> Option<f32> {
    let number = match value {
        Value::Object(Object { class, arguments }) if class == "float" => match &arguments[..] {
            [Argument { name: None, value: Value::Str(text) }] if is_infinity(text) => {
                Some(f32::INFINITY)
            }
            _ => None,
        },
        value => value.number().map(|number| number as f32),
    };
    number.filter(|number| *number >= 0.0)
}

/// Whether Python's `float` reads a text as infinity.
fn is_infinity(text: &str) -> bool {
    ["inf", "infinity"].iter().any(|known| text.eq_ignore_ascii_case(known))
}

/// The word that a string, or an object without arguments such as `activations.relu`, stands for.
pub(crate) fn word(value: &Value) -> Option<&str> {
    match value {
        Value::Str(name) => Some(name),
        Value::Object(Object { class, arguments }) if arguments.is_empty() => Some(class),
        _ => None,
    }
}

/// The mismatch of a word that is none of the known ones.
pub(crate) fn unknown_word<'a>(
    value: &Value,
    expected: impl Into<String>,
    known: impl Iterator<Item = &'a str>,
) -> Mismatch {
    let near = word(value).and_then(|word| nearest(word, known));
    Mismatch {
        expected: expected.into(),
        help: near.map(|near| format!("did you mean `\"{near}\"`?")),
    }
}

/// Sorts the arguments of an object by the names of its parameters.
pub(crate) fn object_arguments<'a>(
    object: &'a Object,
    names: &[&str],
) -> Result<Vec<Option<&'a Value>>, Mismatch> {
    let mut values = vec![None; names.len()];
    for (i, argument) in object.arguments.iter().enumerate() {
        let index = match &argument.name {
            Some(name) => names.iter().position(|known| known == name),
            None => (i < names.len()).then_some(i),
        };
        let class = &object.class;
        let Some(index) = index else {
            let takes = if names.is_empty() { "nothing".to_string() } else { names.join(", ") };
            return Err(Mismatch::expected(format!(
                "`{class}` with the arguments that it takes ({takes})"
            )));
        };
        if values[index].replace(&argument.value).is_some() {
            let name = names[index];
            return Err(Mismatch::expected(format!("`{class}` with one value for `{name}`")));
        }
    }
    Ok(values)
}

/// A count: at least 1.
impl ParameterType for usize {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        count(value, 1).ok_or_else(|| Mismatch::expected("a positive integer"))
    }

    fn to_value(&self) -> Value {
        Value::Int(*self as i64)
    }
}

impl ParameterType for i64 {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        value.integer().ok_or_else(|| Mismatch::expected("an integer"))
    }

    fn to_value(&self) -> Value {
        Value::Int(*self)
    }
}

impl ParameterType for f32 {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        number(value).ok_or_else(|| Mismatch::expected("a number"))
    }

    fn to_value(&self) -> Value {
        Value::from(*self)
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

impl<T: ParameterType> ParameterType for Option<T> {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        if *value == Value::None {
            return Ok(None);
        }
        T::from_value(value).map(Some).map_err(|Mismatch { expected, help }| Mismatch {
            expected: format!("{expected}, or `None`"),
            help,
        })
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::None, T::to_value)
    }
}

macro_rules! numbers {
    ($($(#[$docs:meta])* $name:ident, $expected:literal, $read:expr;)*) => {$(
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name(pub f32);

        impl ParameterType for $name {
            fn from_value(value: &Value) -> Result<Self, Mismatch> {
                let read: fn(&Value) -> Option<f32> = $read;
                read(value).map($name).ok_or_else(|| Mismatch::expected($expected))
            }

            fn to_value(&self) -> Value {
                self.0.to_value()
            }
        }
    )*};
}
numbers! {
    /// A share, such as a dropped fraction or a momentum.
    Share, "a number from 0 to 1", |value| number(value).filter(|x| (0.0..=1.0).contains(x));
    /// A number above 0, such as an epsilon.
    Positive, "a positive number", |value| number(value).filter(|x| *x > 0.0);
    /// A number of at least 0, such as a slope.
    NonNegative, "a number that is not negative", |value| number(value).filter(|x| *x >= 0.0);
    /// A bound of at least 0; infinity is none.
    Bound, "a number that is not negative, or `float(\"inf\")`", bound;
}

/// A parameter that Keras takes at a call and leaves out of the layer's configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CallOnly<T>(pub T);

impl<T: ParameterType> ParameterType for CallOnly<T> {
    const IN_CONFIG: bool = false;

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        T::from_value(value).map(CallOnly)
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }
}

macro_rules! only {
    ($($(#[$docs:meta])* $name:ident, $value:expr, $expected:literal, $help:literal;)*) => {$(
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl ParameterType for $name {
            fn from_value(value: &Value) -> Result<Self, Mismatch> {
                if *value == $value {
                    return Ok($name);
                }
                Err(Mismatch { expected: $expected.to_string(), help: Some($help.to_string()) })
            }

            fn to_value(&self) -> Value {
                $value
            }
        }
    )*};
}
only! {
    /// A parameter of which only Keras' default `None` is supported.
    OnlyNone, Value::None, "only `None`", "any other value is not supported yet";
    /// A parameter of which only Keras' default `False` is supported.
    OnlyFalse, Value::Bool(false), "only `False`", "any other value is not supported yet";
    /// `stateful` of a recurrent layer, of which only Keras' default `False` is supported.
    Stateless, Value::Bool(false), "only `False`",
        "no state is kept between batches: take the states with `return_state = True`, and give \
         them to the next call as `initial_state`";
}

/// A name of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerName(pub String);

impl ParameterType for LayerName {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match value {
            Value::Str(name) if !name.contains('/') => Ok(LayerName(name.clone())),
            _ => Err(Mismatch::expected("a string without `/`")),
        }
    }

    fn to_value(&self) -> Value {
        Value::Str(self.0.clone())
    }
}
