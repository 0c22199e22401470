//! What a layer accepts, declared once: `layer!` makes a struct, its schema with docs and defaults,
//! the reading of its arguments and its configuration for files.

mod declare;

pub(crate) use declare::{layer, layer_basics};

use crate::names::nearest;
use crate::value::{Argument, Value};

/// A parameter of a layer.
#[derive(Debug)]
pub struct Parameter {
    /// Keras' name.
    pub name: &'static str,
    /// What it means.
    pub docs: &'static str,
    /// Whether a call may leave it out.
    pub optional: bool,
}

/// What a layer accepts.
#[derive(Debug)]
pub struct Schema {
    /// Keras' class.
    pub class: &'static str,
    /// What the layer computes.
    pub docs: &'static str,
    /// Parameters in the order of positional arguments.
    pub parameters: &'static [Parameter],
}

/// Parameters that every layer accepts by keyword, beside its own.
pub const COMMON: &[&str] = &["activity_regularizer", "trainable", "dtype", "name"];

/// Which part of a call an [`ArgumentError`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The call as a whole.
    Call,
    /// The keyword of the argument of this index.
    Keyword(usize),
    /// The value of the argument of this index.
    Value(usize),
}

/// Why arguments were refused.
#[derive(Clone, Debug, PartialEq)]
pub struct ArgumentError {
    /// What is wrong.
    pub at: At,
    /// What was expected and what was found.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Why a value is not one that a parameter accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// What the parameter accepts, e.g. `a positive integer`.
    pub expected: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Mismatch {
    /// A mismatch without advice.
    pub fn expected(expected: impl Into<String>) -> Mismatch {
        Mismatch { expected: expected.into(), help: None }
    }
}

/// A type that a parameter may have.
pub trait ParameterType: Sized {
    /// Whether the parameter stands in Keras' configuration of the layer.
    const IN_CONFIG: bool = true;

    /// Reads a value.
    fn from_value(value: &Value) -> Result<Self, Mismatch>;

    /// Writes the value as Keras' configuration has it.
    fn to_value(&self) -> Value;
}

/// Arguments of one call, sorted by parameter.
#[derive(Debug)]
pub struct Bound<'a> {
    schema: &'static Schema,
    arguments: &'a [Argument],
    /// For each argument, the name of the parameter it belongs to.
    names: Vec<Option<&'a str>>,
    /// What was wrong so far.
    pub errors: Vec<ArgumentError>,
}

impl<'a> Bound<'a> {
    /// Sorts arguments by parameter; notes unknown, surplus and repeated ones.
    pub fn new(schema: &'static Schema, arguments: &'a [Argument]) -> Bound<'a> {
        let mut bound = Bound { schema, arguments, names: Vec::new(), errors: Vec::new() };
        for (i, argument) in arguments.iter().enumerate() {
            let name = bound.name_of(i, argument);
            let repeated = name.is_some() && bound.names.contains(&name);
            if let (true, Some(name)) = (repeated, name) {
                bound.error(At::Keyword(i), format!("`{name}` is given twice"), None);
                bound.names.push(None);
            } else {
                bound.names.push(name);
            }
        }
        bound
    }

    fn name_of(&mut self, i: usize, argument: &'a Argument) -> Option<&'a str> {
        let class = self.schema.class;
        let parameters = self.schema.parameters;
        match &argument.name {
            None => {
                let name = parameters.get(i).map(|parameter| parameter.name);
                if name.is_none() {
                    let message = format!(
                        "`{class}` takes at most {} positional arguments, found {}",
                        parameters.len(),
                        i + 1
                    );
                    self.error(At::Value(i), message, None);
                }
                name
            }
            Some(name) => {
                // An `Input` names all that it takes itself.
                let common = if class == "Input" { &[] } else { COMMON };
                let known = || parameters.iter().map(|p| p.name).chain(common.iter().copied());
                if known().any(|known| known == name) {
                    return Some(name);
                }
                let help = match nearest(name, known()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("`{class}` takes: {}", known().collect::<Vec<_>>().join(", ")),
                };
                self.error(
                    At::Keyword(i),
                    format!("`{class}` has no argument `{name}`"),
                    Some(help),
                );
                None
            }
        }
    }

    fn error(&mut self, at: At, message: String, help: Option<String>) {
        self.errors.push(ArgumentError { at, message, help });
    }

    /// The index of the argument that belongs to a parameter.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|bound| *bound == Some(name))
    }

    /// The value of a parameter that has no default. None, with an error noted, if it is missing or
    /// wrong.
    pub fn required<T: ParameterType>(&mut self, name: &'static str) -> Option<T> {
        if self.position(name).is_none() {
            let class = self.schema.class;
            self.error(
                At::Call,
                format!("`{class}` needs the argument `{name}`"),
                Some(format!("write `{name} = ...`")),
            );
            return None;
        }
        self.optional(name, || None)
    }

    /// The value of a parameter, or its default.
    pub fn or<T: ParameterType>(&mut self, name: &'static str, default: T) -> Option<T> {
        self.optional(name, || Some(default))
    }

    fn optional<T: ParameterType>(
        &mut self,
        name: &'static str,
        default: impl FnOnce() -> Option<T>,
    ) -> Option<T> {
        let Some(i) = self.position(name) else { return default() };
        let value = &self.arguments[i].value;
        match T::from_value(value) {
            Ok(value) => Some(value),
            Err(Mismatch { expected, help }) => {
                let class = self.schema.class;
                let message = format!("`{name}` of `{class}` expects {expected}, found {value}");
                self.error(At::Value(i), message, help);
                None
            }
        }
    }
}

/// A parameter as a layer's configuration has it; none if it has no place there.
pub(crate) fn in_config<T: ParameterType>(
    name: &'static str,
    value: &T,
) -> Option<(&'static str, Value)> {
    T::IN_CONFIG.then(|| (name, value.to_value()))
}
