//! Parameters about axes and extents: kernels, strides, padding, shapes.

use super::{MAX_COUNT, count, unknown_word, word};
use crate::schema::{Mismatch, ParameterType};
use crate::value::Value;

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
                "an integer, a tuple `(height, width)` or `((top, bottom), (left, right))`, \
                 none negative",
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
            Value::List(items) if !items.is_empty() => integers(items).map(Axes::Many),
            value => value.integer().map(Axes::One),
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

impl TargetShape {
    /// The extents for so many elements, and that of -1; None if they do not fit.
    pub fn of(&self, len: usize) -> Option<Vec<usize>> {
        let known = self.known();
        let is_open = self.0.contains(&-1);
        let fits = if is_open { len.is_multiple_of(known) } else { len == known };
        let extent = |&extent: &i64| usize::try_from(extent).unwrap_or(len / known);
        fits.then(|| self.0.iter().map(extent).collect())
    }

    /// The product of the extents that are known.
    pub fn known(&self) -> usize {
        let known = self.0.iter().filter_map(|&extent| usize::try_from(extent).ok());
        known.fold(1, usize::saturating_mul)
    }
}

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
