//! Parameters of the functions of `keras.ops`.

use super::{Axes, count};
use crate::dtype::Dtype;
use crate::schema::{Mismatch, ParameterType};
use crate::value::Value;

/// Axes, or none of them said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxesOrNone(pub Option<Axes>);

impl ParameterType for AxesOrNone {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        Option::<Axes>::from_value(value).map(AxesOrNone)
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }
}

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtypeName(pub Dtype);

impl ParameterType for DtypeName {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match super::word(value) {
            Some("float32" | "float") => Ok(DtypeName(Dtype::Float32)),
            Some("int32" | "int") => Ok(DtypeName(Dtype::Int32)),
            Some("bool") => Ok(DtypeName(Dtype::Bool)),
            _ => Err(Mismatch::expected("`\"float32\"`, `\"int32\"` or `\"bool\"`")),
        }
    }

    fn to_value(&self) -> Value {
        Value::Str(self.0.name().to_string())
    }
}

/// A list of integers; one number is a list of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ints(pub Vec<i64>);

impl ParameterType for Ints {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let integer = |value: &Value| match value {
            // The batch, in a shape.
            Value::None => Some(-1),
            value => value.integer(),
        };
        let integers = match value {
            Value::List(items) => items.iter().map(integer).collect(),
            value => value.integer().map(|value| vec![value]),
        };
        integers.map(Ints).ok_or_else(|| Mismatch::expected("integers, such as `(-1, 4)`"))
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(i64::to_value).collect())
    }
}

/// How an axis is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sections {
    /// Into so many equal parts.
    Count(usize),
    /// At these places.
    Begins(Vec<usize>),
}

impl ParameterType for Sections {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let sections = match value {
            Value::List(items) => {
                let begins: Option<Vec<usize>> = items.iter().map(|item| count(item, 0)).collect();
                begins.map(Sections::Begins)
            }
            value => count(value, 1).map(Sections::Count),
        };
        sections.ok_or_else(|| Mismatch::expected("a number of parts or where they begin"))
    }

    fn to_value(&self) -> Value {
        match self {
            Sections::Count(count) => count.to_value(),
            Sections::Begins(begins) => Value::List(begins.iter().map(usize::to_value).collect()),
        }
    }
}

/// Cells in front and behind along axes: one pair for all of them, or one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Widths(Vec<[usize; 2]>);

impl Widths {
    /// A pair for each of `axes` axes, if they are so many.
    pub fn of(&self, axes: usize) -> Option<Vec<[usize; 2]>> {
        match self.0[..] {
            [one] => Some(vec![one; axes]),
            _ => Some(self.0.clone()).filter(|widths| widths.len() == axes),
        }
    }
}

impl ParameterType for Widths {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let pair = |value: &Value| match value {
            Value::List(items) => match items.as_slice() {
                [both] => count(both, 0).map(|both| [both; 2]),
                [before, behind] => Some([count(before, 0)?, count(behind, 0)?]),
                _ => None,
            },
            _ => None,
        };
        let widths = match value {
            Value::List(items) if items.iter().all(|item| item.integer().is_some()) => {
                pair(value).map(|one| vec![one])
            }
            Value::List(items) => items.iter().map(pair).collect(),
            value => count(value, 0).map(|both| vec![[both; 2]]),
        };
        widths
            .filter(|widths: &Vec<[usize; 2]>| !widths.is_empty())
            .map(Widths)
            .ok_or_else(|| Mismatch::expected("pairs of counts, such as `((0, 0), (1, 1))`"))
    }

    fn to_value(&self) -> Value {
        let pair = |pair: &[usize; 2]| Value::List(pair.iter().map(usize::to_value).collect());
        Value::List(self.0.iter().map(pair).collect())
    }
}

/// How the length of a vector, or of a matrix, is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormOrder {
    /// `None`: the root of the sum of squares.
    Default,
    /// 2: the same, of a vector.
    Euclidean,
    /// 1: the sum of absolute values.
    Sum,
    /// Infinity: the largest of them.
    Largest,
    /// `"fro"`: the root of the sum of squares, of a matrix.
    Frobenius,
}

impl ParameterType for NormOrder {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match (value, super::bound(value)) {
            (Value::None, _) => Ok(NormOrder::Default),
            (_, Some(1.0)) => Ok(NormOrder::Sum),
            (_, Some(2.0)) => Ok(NormOrder::Euclidean),
            (_, Some(f32::INFINITY)) => Ok(NormOrder::Largest),
            (Value::Str(name), _) if name == "fro" => Ok(NormOrder::Frobenius),
            _ => Err(Mismatch::expected("`None`, 1, 2, `float(\"inf\")` or `\"fro\"`")),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            NormOrder::Default => Value::None,
            NormOrder::Euclidean => Value::Int(2),
            NormOrder::Sum => Value::Int(1),
            NormOrder::Largest => Value::Float(f64::INFINITY),
            NormOrder::Frobenius => Value::Str("fro".to_string()),
        }
    }
}
