//! Constraints on weights: what a user writes, checked, and what becomes of it for a weight of
//! known extents. Source: Keras 3.15 `constraints/constraints.py`.

pub use keras_ir::constraint::{Constraint as Resolved, NormBounds};

use crate::parameter::{self, Axes, object_arguments, unknown_word, word};
use crate::schema::{Mismatch, ParameterType};
use crate::value::{Argument, Object, Value};

/// A constraint as written at a layer. After each step of an optimizer the weight is projected.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// Norms are at most `max_value`.
    MaxNorm {
        /// Greatest norm.
        max_value: f32,
        /// The axes over which a norm is taken.
        axis: Axes,
    },
    /// No element is negative.
    NonNeg,
    /// Norms are 1.
    UnitNorm {
        /// The axes over which a norm is taken.
        axis: Axes,
    },
    /// Norms are between two bounds.
    MinMaxNorm {
        /// Least norm.
        min_value: f32,
        /// Greatest norm.
        max_value: f32,
        /// How much of the way to the bounds a step goes.
        rate: f32,
        /// The axes over which a norm is taken.
        axis: Axes,
    },
}

/// What a user may write for a class.
const NAMES: &[(&str, &str)] = &[
    ("MaxNorm", "MaxNorm"),
    ("MinMaxNorm", "MinMaxNorm"),
    ("NonNeg", "NonNeg"),
    ("UnitNorm", "UnitNorm"),
    ("max_norm", "MaxNorm"),
    ("min_max_norm", "MinMaxNorm"),
    ("non_neg", "NonNeg"),
    ("unit_norm", "UnitNorm"),
];

const EXPECTED: &str = "the name of a constraint, such as `\"non_neg\"`, or an object such as \
                        `constraints.MaxNorm(3)`";

impl Constraint {
    /// Keras' class.
    pub fn class(&self) -> &'static str {
        match self {
            Constraint::MaxNorm { .. } => "MaxNorm",
            Constraint::NonNeg => "NonNeg",
            Constraint::UnitNorm { .. } => "UnitNorm",
            Constraint::MinMaxNorm { .. } => "MinMaxNorm",
        }
    }

    /// Keras' configuration of this constraint: its class and arguments.
    pub fn object(&self) -> Object {
        let arguments = match self {
            Constraint::MaxNorm { max_value, axis } => {
                vec![("max_value", Value::from(*max_value)), ("axis", axis.to_value())]
            }
            Constraint::NonNeg => vec![],
            Constraint::UnitNorm { axis } => vec![("axis", axis.to_value())],
            Constraint::MinMaxNorm { min_value, max_value, rate, axis } => vec![
                ("min_value", Value::from(*min_value)),
                ("max_value", Value::from(*max_value)),
                ("rate", Value::from(*rate)),
                ("axis", axis.to_value()),
            ],
        };
        let arguments = arguments
            .into_iter()
            .map(|(name, value)| Argument { name: Some(name.to_string()), value })
            .collect();
        Object { class: self.class().to_string(), arguments }
    }

    /// The constraint on a weight of these extents; none if it has not the axes.
    pub fn resolve(&self, extents: &[usize]) -> Option<Resolved> {
        let (axis, least, most, rate) = match self {
            Constraint::NonNeg => return Some(Resolved::NonNegative),
            Constraint::MaxNorm { max_value, axis } => (axis, 0.0, *max_value, 1.0),
            Constraint::UnitNorm { axis } => (axis, 1.0, 1.0, 1.0),
            Constraint::MinMaxNorm { min_value, max_value, rate, axis } => {
                (axis, *min_value, *max_value, *rate)
            }
        };
        let rank = extents.len();
        let resolved = |&axis: &i64| {
            let from_start = if axis < 0 { axis.checked_add(rank as i64)? } else { axis };
            usize::try_from(from_start).ok().filter(|axis| *axis < rank)
        };
        let mut axes: Vec<usize> = axis.list().iter().map(resolved).collect::<Option<_>>()?;
        axes.sort_unstable();
        let is_repeated = axes.windows(2).any(|pair| pair[0] == pair[1]);
        let bounds = NormBounds { axes: axes.into(), least, most, rate };
        (!is_repeated).then_some(Resolved::Norm(bounds))
    }

    fn from_object(class: &str, object: &Object) -> Result<Constraint, Mismatch> {
        let names: &[&str] = match class {
            "MaxNorm" => &["max_value", "axis"],
            "NonNeg" => &[],
            "UnitNorm" => &["axis"],
            _ => &["min_value", "max_value", "rate", "axis"],
        };
        let values = object_arguments(object, names)?;
        let value =
            |name: &str| names.iter().position(|known| *known == name).and_then(|i| values[i]);
        let wrong = |name: &str, what: &str| {
            Mismatch::expected(format!("`{class}` with {what} for `{name}`"))
        };
        let bound = |name: &str, default: f32| {
            let bound = value(name).map_or(Some(default), parameter::bound);
            bound.ok_or_else(|| wrong(name, "a number of at least 0"))
        };
        let axis = value("axis").map_or(Ok(Axes::One(0)), Axes::from_value);
        let axis = axis.map_err(|_| wrong("axis", "an axis, or a list of axes,"))?;
        Ok(match class {
            "MaxNorm" => Constraint::MaxNorm { max_value: bound("max_value", 2.0)?, axis },
            "NonNeg" => Constraint::NonNeg,
            "UnitNorm" => Constraint::UnitNorm { axis },
            _ => {
                let (min_value, max_value) = (bound("min_value", 0.0)?, bound("max_value", 1.0)?);
                if min_value > max_value {
                    return Err(wrong("min_value", &format!("a number of at most {max_value}")));
                }
                let rate = bound("rate", 1.0)?;
                if rate > 1.0 {
                    return Err(wrong("rate", "a number from 0 to 1"));
                }
                Constraint::MinMaxNorm { min_value, max_value, rate, axis }
            }
        })
    }
}

impl ParameterType for Constraint {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let object = match value {
            Value::Object(object) => object.clone(),
            Value::Str(class) => Object { class: class.clone(), arguments: vec![] },
            _ => return Err(Mismatch::expected(EXPECTED)),
        };
        match NAMES.iter().find(|(name, _)| *name == object.class) {
            Some((_, class)) => Constraint::from_object(class, &object),
            None if word(value).is_none() => Err(Mismatch::expected(EXPECTED)),
            None => Err(unknown_word(value, EXPECTED, NAMES.iter().map(|(name, _)| *name))),
        }
    }

    fn to_value(&self) -> Value {
        Value::Object(self.object())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(class: &str, arguments: &[(Option<&str>, Value)]) -> Result<Constraint, String> {
        let argument = |(name, value): &(Option<&str>, Value)| Argument {
            name: name.map(str::to_string),
            value: value.clone(),
        };
        let arguments = arguments.iter().map(argument).collect();
        Constraint::from_value(&Value::Object(Object { class: class.to_string(), arguments }))
            .map_err(|mismatch| mismatch.expected)
    }

    #[test]
    fn arguments_and_defaults_are_those_of_keras() {
        let axis = || Axes::One(0);
        for (name, constraint) in [
            ("max_norm", Constraint::MaxNorm { max_value: 2.0, axis: axis() }),
            ("NonNeg", Constraint::NonNeg),
            ("unit_norm", Constraint::UnitNorm { axis: axis() }),
            (
                "MinMaxNorm",
                Constraint::MinMaxNorm { min_value: 0.0, max_value: 1.0, rate: 1.0, axis: axis() },
            ),
        ] {
            assert_eq!(Constraint::from_value(&Value::Str(name.into())).unwrap(), constraint);
            // What is written is read again.
            assert_eq!(Constraint::from_value(&constraint.to_value()).unwrap(), constraint);
        }
        let axes = Value::List(vec![Value::Int(0), Value::Int(-2)]);
        let read = read("MaxNorm", &[(None, Value::Int(3)), (Some("axis"), axes)]).unwrap();
        assert_eq!(read, Constraint::MaxNorm { max_value: 3.0, axis: Axes::Many(vec![0, -2]) });
    }

    #[test]
    fn senseless_arguments_are_named() {
        let negative = read("MaxNorm", &[(None, Value::Int(-1))]).unwrap_err();
        assert_eq!(negative, "`MaxNorm` with a number of at least 0 for `max_value`");
        let order = [(Some("min_value"), Value::Int(2))];
        let order = read("MinMaxNorm", &order).unwrap_err();
        assert_eq!(order, "`MinMaxNorm` with a number of at most 1 for `min_value`");
        let rate = read("MinMaxNorm", &[(Some("rate"), Value::Float(1.5))]).unwrap_err();
        assert_eq!(rate, "`MinMaxNorm` with a number from 0 to 1 for `rate`");
        assert!(read("NonNeg", &[(None, Value::Int(1))]).unwrap_err().contains("nothing"));
    }

    #[test]
    fn axes_are_those_of_the_weight() {
        let unit = |axis| Constraint::UnitNorm { axis };
        let axes = |constraint: Constraint, extents: &[usize]| {
            let Some(Resolved::Norm(bounds)) = constraint.resolve(extents) else { return vec![] };
            bounds.axes.into_owned()
        };
        assert_eq!(axes(unit(Axes::One(-1)), &[2, 3]), [1]);
        assert_eq!(axes(unit(Axes::Many(vec![2, -4, 1])), &[2, 3, 4, 5]), [0, 1, 2]);
        for wrong in [Axes::One(2), Axes::One(-3), Axes::Many(vec![0, -2])] {
            assert_eq!(unit(wrong).resolve(&[2, 3]), None);
        }
    }
}
