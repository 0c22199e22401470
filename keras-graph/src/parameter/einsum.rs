//! Parameters of products along named axes.

use super::count;
use crate::schema::{Mismatch, ParameterType};
use crate::value::Value;

/// An axis of each of two tensors; one number stands for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxisPair {
    /// Written as a number.
    Both(i64),
    /// Written as two.
    Each([i64; 2]),
}

impl AxisPair {
    /// The axis of each.
    pub fn of_both(self) -> [i64; 2] {
        match self {
            AxisPair::Both(axis) => [axis; 2],
            AxisPair::Each(axes) => axes,
        }
    }
}

impl ParameterType for AxisPair {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let axes = match value {
            Value::List(items) => match items.as_slice() {
                [first, second] => {
                    first.integer().zip(second.integer()).map(|(a, b)| AxisPair::Each([a, b]))
                }
                _ => None,
            },
            value => value.integer().map(AxisPair::Both),
        };
        axes.ok_or_else(|| Mismatch::expected("an axis or a tuple of 2, such as `(2, 1)`"))
    }

    fn to_value(&self) -> Value {
        match self {
            AxisPair::Both(axis) => Value::Int(*axis),
            AxisPair::Each(axes) => Value::List(axes.iter().map(i64::to_value).collect()),
        }
    }
}

/// Which axes `...` stands for in an equation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ellipsis {
    /// There is none.
    Absent,
    /// Those in front of the letters, the batch among them.
    Front,
    /// Those behind the letters.
    Back,
}

/// An einsum of an input and a kernel: `"abc,cd->abd"`, `"...x,xy->...y"` or `"ab...,bc->ac..."`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equation {
    text: String,
    /// Where other axes stand.
    pub ellipsis: Ellipsis,
    /// The letters of input, kernel and output, without the dots.
    pub letters: [Vec<char>; 3],
}

impl Equation {
    fn parse(text: &str) -> Option<Equation> {
        let (operands, output) = text.split_once("->")?;
        let (input, kernel) = operands.split_once(',')?;
        let front = input.strip_prefix("...").zip(output.strip_prefix("..."));
        let back = input.strip_suffix("...").zip(output.strip_suffix("..."));
        let (ellipsis, (input, output)) = match (front, back) {
            (Some(parts), _) => (Ellipsis::Front, parts),
            (None, Some(parts)) => (Ellipsis::Back, parts),
            (None, None) => (Ellipsis::Absent, (input, output)),
        };
        let letters = [input, kernel, output].map(|letters| letters.chars().collect::<Vec<char>>());
        let differ = |letters: &Vec<char>| {
            !letters.is_empty()
                && letters.iter().all(char::is_ascii_alphabetic)
                && letters.iter().enumerate().all(|(i, letter)| !letters[..i].contains(letter))
        };
        let has_batch = ellipsis == Ellipsis::Front
            || letters[0].first() == letters[2].first() && !letters[1].contains(&letters[0][0]);
        let [input, kernel, output] = &letters;
        let is_somewhere = |letter| input.contains(letter) || output.contains(letter);
        let is_made = |letter| input.contains(letter) || kernel.contains(letter);
        let fits = letters.iter().all(differ)
            && has_batch
            && kernel.iter().all(is_somewhere)
            && output.iter().all(is_made);
        fits.then(|| Equation { text: text.to_string(), ellipsis, letters })
    }
}

impl ParameterType for Equation {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let equation = match value {
            Value::Str(text) => Equation::parse(text),
            _ => None,
        };
        equation.ok_or_else(|| Mismatch {
            expected: "an equation of an input, a kernel and an output, such as `\"abc,cd->abd\"`"
                .to_string(),
            help: Some(
                "each letter stands once in a term; the first of input and output is the batch, \
                 and those of the kernel are in one of the two"
                    .to_string(),
            ),
        })
    }

    fn to_value(&self) -> Value {
        Value::Str(self.text.clone())
    }
}

/// Letters of an equation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letters(pub Vec<char>);

impl ParameterType for Letters {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match value {
            Value::Str(text)
                if !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphabetic()) =>
            {
                Ok(Letters(text.chars().collect()))
            }
            _ => Err(Mismatch::expected("letters of the equation, such as `\"d\"`")),
        }
    }

    fn to_value(&self) -> Value {
        Value::Str(self.0.iter().collect())
    }
}

/// Extents of which some follow from elsewhere: `None` stands for those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialShape(pub Vec<Option<usize>>);

impl ParameterType for PartialShape {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let extent = |value: &Value| match value {
            Value::None => Some(None),
            value => count(value, 1).map(Some),
        };
        let extents = match value {
            Value::List(items) => items.iter().map(extent).collect(),
            value => count(value, 1).map(|extent| vec![Some(extent)]),
        };
        extents.map(PartialShape).ok_or_else(|| {
            Mismatch::expected(
                "a positive integer or a tuple of them and `None`, such as `(None, 64)`",
            )
        })
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(Option::to_value).collect())
    }
}
