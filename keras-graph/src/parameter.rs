//! The types that a layer's parameters may have: how each is read from a value and written to a configuration.
//! Initializers and regularizers are read in their own files. Ranges are checked here, where a value is read.

use crate::activation::{Activation, ActivationFunction, FUNCTIONS};
use crate::initializer::shortest;
use crate::names::nearest;
use crate::schema::{Mismatch, ParameterType};
use crate::value::{Object, Value};

/// Largest count or extent that a parameter may have, so that products of a few cannot overflow.
pub const MAX_COUNT: i64 = 1 << 31;

/// An integer in `least..=MAX_COUNT`.
fn count(value: &Value, least: i64) -> Option<usize> {
    match value {
        Value::Int(value) if (least..=MAX_COUNT).contains(value) => usize::try_from(*value).ok(),
        _ => None,
    }
}

/// A finite number.
pub(crate) fn number(value: &Value) -> Option<f32> {
    let number = match value {
        Value::Int(value) => *value as f32,
        Value::Float(value) => *value as f32,
        _ => return None,
    };
    number.is_finite().then_some(number)
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
        match value {
            Value::Int(value) => Ok(*value),
            _ => Err(Mismatch::expected("an integer")),
        }
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
        Value::Float(shortest(*self))
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
    ($($(#[$docs:meta])* $name:ident, $expected:literal, $check:expr;)*) => {$(
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name(pub f32);

        impl ParameterType for $name {
            fn from_value(value: &Value) -> Result<Self, Mismatch> {
                let check: fn(f32) -> bool = $check;
                match number(value) {
                    Some(number) if check(number) => Ok($name(number)),
                    _ => Err(Mismatch::expected($expected)),
                }
            }

            fn to_value(&self) -> Value {
                self.0.to_value()
            }
        }
    )*};
}
numbers! {
    /// A share, such as a dropped fraction or a momentum.
    Share, "a number from 0 to 1", |number| (0.0..=1.0).contains(&number);
    /// A number above 0, such as an epsilon.
    Positive, "a positive number", |number| number > 0.0;
    /// A number of at least 0, such as a slope.
    NonNegative, "a number that is not negative", |number| number >= 0.0;
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
    ($($(#[$docs:meta])* $name:ident, $value:expr, $expected:literal;)*) => {$(
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl ParameterType for $name {
            fn from_value(value: &Value) -> Result<Self, Mismatch> {
                if *value == $value {
                    return Ok($name);
                }
                let help = "any other value is not supported yet".to_string();
                Err(Mismatch { expected: $expected.to_string(), help: Some(help) })
            }

            fn to_value(&self) -> Value {
                $value
            }
        }
    )*};
}
only! {
    /// A parameter of which only Keras' default `None` is supported.
    OnlyNone, Value::None, "only `None`";
    /// A parameter of which only Keras' default `False` is supported.
    OnlyFalse, Value::Bool(false), "only `False`";
}

/// A name of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerName(pub String);

impl ParameterType for LayerName {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match value {
            Value::Str(name) if !name.is_empty() && !name.contains('/') => {
                Ok(LayerName(name.clone()))
            }
            _ => Err(Mismatch::expected("a string that is not empty and has no `/`")),
        }
    }

    fn to_value(&self) -> Value {
        Value::Str(self.0.clone())
    }
}

/// The order of an image's axes: channels last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelsLast;

impl ParameterType for ChannelsLast {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match value {
            Value::None => Ok(ChannelsLast),
            Value::Str(format) if format == "channels_last" => Ok(ChannelsLast),
            _ => Err(Mismatch {
                expected: "only `\"channels_last\"` or `None`".to_string(),
                help: Some(
                    "put `Permute((2, 3, 1))` before the layer to move the channels".to_string(),
                ),
            }),
        }
    }

    fn to_value(&self) -> Value {
        Value::Str("channels_last".to_string())
    }
}

/// Two counts, for height and width; one number stands for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair(pub [usize; 2]);

impl ParameterType for Pair {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        pair(value, 1).map(Pair).ok_or_else(|| {
            Mismatch::expected("a positive integer or a tuple of 2, such as `(3, 3)`")
        })
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(usize::to_value).collect())
    }
}

fn pair(value: &Value, least: i64) -> Option<[usize; 2]> {
    match value {
        Value::List(items) => match items.as_slice() {
            [first, second] => Some([count(first, least)?, count(second, least)?]),
            _ => None,
        },
        _ => count(value, least).map(|both| [both, both]),
    }
}

/// Two counts that may be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZeroPair(pub [usize; 2]);

impl ParameterType for ZeroPair {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        pair(value, 0).map(ZeroPair).ok_or_else(|| {
            Mismatch::expected("an integer of at least 0 or a tuple of 2, such as `(1, 1)`")
        })
    }

    fn to_value(&self) -> Value {
        Pair(self.0).to_value()
    }
}

/// Padding around an image: `[[top, bottom], [left, right]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margins(pub [[usize; 2]; 2]);

impl ParameterType for Margins {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let margins = match value {
            Value::List(items) => match items.as_slice() {
                [rows, columns] => pair(rows, 0).zip(pair(columns, 0)),
                _ => None,
            },
            _ => pair(value, 0).map(|both| (both, both)),
        };
        margins.map(|(rows, columns)| Margins([rows, columns])).ok_or_else(|| {
            Mismatch::expected(
                "an integer, a tuple `(height, width)` or `((top, bottom), (left, right))`, none negative",
            )
        })
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(|&side| Pair(side).to_value()).collect())
    }
}

/// How windows meet the edge of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Windows stay within the image.
    Valid,
    /// Zeros around the image, so that at stride 1 the output is as large as the input.
    Same,
}

impl ParameterType for Padding {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match word(value).map(str::to_ascii_lowercase).as_deref() {
            Some("valid") => Ok(Padding::Valid),
            Some("same") => Ok(Padding::Same),
            _ => {
                Err(unknown_word(value, "`\"valid\"` or `\"same\"`", ["valid", "same"].into_iter()))
            }
        }
    }

    fn to_value(&self) -> Value {
        Value::Str(match self {
            Padding::Valid => "valid".to_string(),
            Padding::Same => "same".to_string(),
        })
    }
}

/// One axis or several, as Keras counts them: 0 is the batch, negative ones count from the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// Written as a number.
    One(i64),
    /// Written as a list.
    Many(Vec<i64>),
}

impl Axes {
    /// The axes as a list.
    pub fn list(&self) -> &[i64] {
        match self {
            Axes::One(axis) => std::slice::from_ref(axis),
            Axes::Many(axes) => axes,
        }
    }
}

impl ParameterType for Axes {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let axes = match value {
            Value::Int(axis) => Some(Axes::One(*axis)),
            Value::List(items) if !items.is_empty() => integers(items).map(Axes::Many),
            _ => None,
        };
        axes.ok_or_else(|| Mismatch::expected("an axis, such as `-1`, or a list of axes"))
    }

    fn to_value(&self) -> Value {
        match self {
            Axes::One(axis) => Value::Int(*axis),
            Axes::Many(axes) => Value::List(axes.iter().map(i64::to_value).collect()),
        }
    }
}

fn integers(items: &[Value]) -> Option<Vec<i64>> {
    items.iter().map(|item| i64::from_value(item).ok()).collect()
}

/// A list of extents, of which one may be -1: it follows from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetShape(pub Vec<i64>);

impl ParameterType for TargetShape {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let extents = match value {
            Value::List(items) => integers(items),
            _ => None,
        };
        let legal = |extents: &Vec<i64>| {
            extents.iter().filter(|&&extent| extent == -1).count() <= 1
                && extents.iter().all(|&extent| extent == -1 || (1..=MAX_COUNT).contains(&extent))
        };
        extents.filter(legal).map(TargetShape).ok_or_else(|| {
            Mismatch::expected(
                "a tuple of positive integers, of which one may be -1, such as `(28, 28, 1)`",
            )
        })
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(i64::to_value).collect())
    }
}

/// A list of positive integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(pub Vec<usize>);

impl ParameterType for Counts {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let counts = match value {
            Value::List(items) => items.iter().map(|item| count(item, 1)).collect(),
            _ => None,
        };
        counts
            .map(Counts)
            .ok_or_else(|| Mismatch::expected("a tuple of positive integers, such as `(2, 1)`"))
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(usize::to_value).collect())
    }
}

/// An activation function and its name in a configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NamedActivation {
    /// Keras' name.
    pub name: &'static str,
    /// What it computes.
    pub function: ActivationFunction,
}

impl NamedActivation {
    /// What `None` stands for: `y = x`.
    pub const LINEAR: NamedActivation = NamedActivation {
        name: "linear",
        function: ActivationFunction::ElementWise(Activation::Linear),
    };
}

impl ParameterType for NamedActivation {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        if *value == Value::None {
            return Ok(NamedActivation::LINEAR);
        }
        // Keras writes an alias as the function that it stands for.
        let name = word(value).map(|name| match name {
            "swish" => "silu",
            "hard_swish" => "hard_silu",
            name => name,
        });
        match FUNCTIONS.iter().find(|(known, _)| Some(*known) == name) {
            Some(&(name, function)) => Ok(NamedActivation { name, function }),
            None => Err(unknown_word(
                value,
                "the name of an activation, such as `\"relu\"`, or `None`",
                FUNCTIONS.iter().map(|(name, _)| *name),
            )),
        }
    }

    fn to_value(&self) -> Value {
        Value::Str(self.name.to_string())
    }
}
