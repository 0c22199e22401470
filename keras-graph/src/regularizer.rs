//! Penalties on weights and activations. Source: Keras 3.15 `regularizers/regularizers.py`.

use crate::parameter::{number, object_arguments, unknown_word, word};
use crate::schema::{Mismatch, ParameterType};
use crate::value::{Argument, Object, Value};

/// `l1 · Σ|w| + l2 · Σw²`, without a factor of one half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regularizer {
    /// Keras' class: `L1`, `L2` or `L1L2`.
    pub class: &'static str,
    /// Weight of the sum of magnitudes.
    pub l1: f32,
    /// Weight of the sum of squares.
    pub l2: f32,
}

/// Keras' default of `L1` and `L2`; that of `L1L2` is 0.
const DEFAULT_FACTOR: f32 = 0.01;

/// What a user may write for a class.
const NAMES: &[(&str, &str)] =
    &[("L1", "L1"), ("L1L2", "L1L2"), ("L2", "L2"), ("l1", "L1"), ("l1l2", "L1L2"), ("l2", "L2")];

/// Regularizers that Keras has beside those of [`NAMES`].
const OTHERS: &[&str] = &["OrthogonalRegularizer", "orthogonal_regularizer"];

impl Regularizer {
    /// Keras' configuration of this regularizer: its class and arguments.
    pub fn object(&self) -> Object {
        let argument = |name: &str, factor: f32| Argument {
            name: Some(name.to_string()),
            value: Value::from(factor),
        };
        let arguments = match self.class {
            "L1" => vec![argument("l1", self.l1)],
            "L2" => vec![argument("l2", self.l2)],
            _ => vec![argument("l1", self.l1), argument("l2", self.l2)],
        };
        Object { class: self.class.to_string(), arguments }
    }

    fn from_object(class: &'static str, object: &Object) -> Result<Regularizer, Mismatch> {
        let names: &[&'static str] = match class {
            "L1" => &["l1"],
            "L2" => &["l2"],
            _ => &["l1", "l2"],
        };
        let default = if class == "L1L2" { 0.0 } else { DEFAULT_FACTOR };
        let mut regularizer = Regularizer { class, l1: 0.0, l2: 0.0 };
        for (name, value) in names.iter().zip(object_arguments(object, names)?) {
            let factor = value.map_or(Some(default), number).filter(|factor| *factor >= 0.0);
            let factor = factor.ok_or_else(|| {
                Mismatch::expected(format!("`{class}` with a number of at least 0 for `{name}`"))
            })?;
            match *name {
                "l1" => regularizer.l1 = factor,
                _ => regularizer.l2 = factor,
            }
        }
        Ok(regularizer)
    }
}

impl ParameterType for Regularizer {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let (class, object) = match value {
            Value::Object(object) => (object.class.as_str(), object.clone()),
            Value::Str(class) => {
                (class.as_str(), Object { class: class.clone(), arguments: vec![] })
            }
            _ => ("", Object { class: String::new(), arguments: vec![] }),
        };
        let is_object = matches!(value, Value::Object(_));
        // `l1_l2` is the name of a constructor only.
        let class = if is_object && class == "l1_l2" { "L1L2" } else { class };
        if let Some((_, class)) = NAMES.iter().find(|(known, _)| *known == class) {
            return Regularizer::from_object(class, &object);
        }
        let expected = "`\"l1\"`, `\"l2\"` or an object such as `regularizers.L2(1e-4)`";
        if OTHERS.contains(&class) {
            let help = format!("`{class}` is not supported yet");
            return Err(Mismatch { expected: expected.to_string(), help: Some(help) });
        }
        let mismatch = unknown_word(value, expected, NAMES.iter().map(|(name, _)| *name));
        Err(if word(value).is_none() { Mismatch::expected(expected) } else { mismatch })
    }

    fn to_value(&self) -> Value {
        Value::Object(self.object())
    }
}
