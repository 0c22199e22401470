//! Arguments of a call of a function: those that Keras keeps with the class, and what the call
//! computes with.

use super::operation::{Function, Meaning, Operation};
use crate::call::{Call, CallArgument, CallValue, Given};
use crate::names::nearest;
use crate::schema::{ArgumentError, At};
use crate::value::{Argument, Value};

/// An operation and its call, from the arguments of `ops.f(..)`. Errors: all mistakes in the
/// arguments.
pub fn bind<T: Copy>(
    function: &'static Function,
    given: Vec<Given<T>>,
) -> Result<(Operation, Call<T>), Vec<ArgumentError>> {
    let mut bound = Bound { function, kept: Vec::new(), operands: Vec::new(), errors: Vec::new() };
    for (i, argument) in given.into_iter().enumerate() {
        let is_positional = argument.name.is_none();
        match bound.parameter(i, argument.name.as_deref()) {
            Ok(parameter) => bound.take(i, parameter, is_positional, argument.value),
            Err(error) => bound.errors.push(error),
        }
    }
    for (parameter, default) in function.schema.parameters.iter().zip(function.defaults) {
        if !bound.kept.iter().any(|(kept, _)| *kept == parameter.name) {
            match default.value() {
                Some(value) => bound.kept.push((parameter.name, value)),
                None => bound.errors.push(missing(function, parameter.name)),
            }
        }
    }
    let Bound { mut kept, operands, mut errors, .. } = bound;
    let operands = match complete(function, operands) {
        Ok(operands) if errors.is_empty() => operands,
        Ok(_) => return Err(errors),
        Err(others) => {
            errors.extend(others);
            return Err(errors);
        }
    };
    let place = |name: &str| function.schema.parameters.iter().position(|p| p.name == name);
    kept.sort_by_key(|(name, _)| place(name));
    let operation = Operation { function, arguments: kept };
    Ok((operation, Call { inputs: Vec::new(), arguments: operands }))
}

/// The operands of a call in the function's order, in which lowering reads them. Errors: some that
/// are missing; no tensor among them.
fn complete<T: Copy>(
    function: &'static Function,
    mut operands: Vec<CallArgument<T>>,
) -> Result<Vec<CallArgument<T>>, Vec<ArgumentError>> {
    let mut errors = Vec::new();
    for i in 0..function.operands.len() {
        if let Some((operand, false)) = function.operand(i)
            && !operands.iter().any(|given| given.name == operand)
        {
            errors.push(missing(function, operand));
        }
    }
    if errors.is_empty() && operands.iter().all(|operand| operand.value.tensors().is_empty()) {
        let message = format!("`{}` is called on no tensor", function.name());
        errors.push(ArgumentError { at: At::Call, message, help: None });
    }
    let order = |name: &str| (0..).find(|&i| function.operand(i).is_none_or(|(n, _)| n == name));
    operands.sort_by_key(|operand| order(operand.name));
    if errors.is_empty() { Ok(operands) } else { Err(errors) }
}

/// The error of an argument that is not given and has no default.
fn missing(function: &Function, parameter: &str) -> ArgumentError {
    let message = format!("`{}` needs the argument `{parameter}`", function.name());
    ArgumentError { at: At::Call, message, help: Some(format!("write `{parameter} = ...`")) }
}

impl Operation {
    /// An operation from the configuration that Keras saves of it. Errors: an argument that the
    /// function does not have.
    pub fn read(
        function: &'static Function,
        given: Vec<Argument>,
    ) -> Result<Operation, Vec<ArgumentError>> {
        let mut arguments = Vec::new();
        for (parameter, default) in function.schema.parameters.iter().zip(function.defaults) {
            let found = given.iter().find(|a| a.name.as_deref() == Some(parameter.name));
            let value = found.map(|argument| argument.value.clone()).or(default.value());
            let Some(value) = value else {
                return Err(vec![missing(function, parameter.name)]);
            };
            arguments.push((parameter.name, value));
        }
        let known = |argument: &Argument| {
            let name = argument.name.as_deref().unwrap_or_default();
            let kept = ["name", "dtype", "trainable"];
            kept.contains(&name) || function.schema.parameters.iter().any(|p| p.name == name)
        };
        let stranger = given.iter().find(|a| a.value != Value::None && !known(a));
        match stranger {
            None => Ok(Operation { function, arguments }),
            Some(argument) => {
                let name = argument.name.as_deref().unwrap_or_default();
                let message = format!("`{}` has no argument `{name}`", function.name());
                Err(vec![ArgumentError { at: At::Call, message, help: None }])
            }
        }
    }
}

/// The call of an operation whose arguments were read before. Errors: an operand that the function
/// does not have, or lacks.
pub fn bind_operands<T: Copy>(
    function: &'static Function,
    given: Vec<Given<T>>,
) -> Result<Call<T>, Vec<ArgumentError>> {
    let name = function.name();
    let wrong = |at, message| Err(vec![ArgumentError { at, message, help: None }]);
    let mut arguments = Vec::with_capacity(given.len());
    for (i, Given { name: keyword, value }) in given.into_iter().enumerate() {
        let is_positional = keyword.is_none();
        let operand = match keyword {
            None => function.operand(i).map(|(operand, _)| operand),
            Some(keyword) => (0..function.operands.len())
                .filter_map(|i| function.operand(i))
                .map(|(operand, _)| operand)
                .find(|operand| *operand == keyword),
        };
        let Some(operand) = operand else {
            return wrong(At::Value(i), format!("`{name}` takes fewer arguments"));
        };
        let is_list = function.operands.iter().any(|operand| operand.starts_with('*'));
        let is_given = |given: &CallArgument<T>| given.name == operand;
        if !is_list && arguments.iter().any(is_given) {
            return wrong(At::Value(i), format!("`{operand}` of `{name}` is given twice"));
        }
        let value = plain(&value).map_or(value, CallValue::Value);
        arguments.push(CallArgument { name: operand, is_positional, value });
    }
    Ok(Call { inputs: Vec::new(), arguments: complete(function, arguments)? })
}

struct Bound<T> {
    function: &'static Function,
    kept: Vec<(&'static str, Value)>,
    operands: Vec<CallArgument<T>>,
    errors: Vec<ArgumentError>,
}

impl<T: Copy> Bound<T> {
    /// The parameter that an argument belongs to.
    fn parameter(&self, i: usize, keyword: Option<&str>) -> Result<&'static str, ArgumentError> {
        let Function { signature, operands, .. } = self.function;
        let name = self.function.name();
        match keyword {
            Some(keyword) => {
                signature.iter().copied().find(|known| *known == keyword).ok_or_else(|| {
                    let help = match nearest(keyword, signature.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("`{name}` takes: {}", signature.join(", ")),
                    };
                    let message = format!("`{name}` has no argument `{keyword}`");
                    ArgumentError { at: At::Keyword(i), message, help: Some(help) }
                })
            }
            None => {
                let all = operands.last().filter(|last| last.starts_with('*'));
                let rest = all.and_then(|_| signature.last());
                signature.get(i).or(rest).copied().ok_or_else(|| {
                    let most = signature.len();
                    let message =
                        format!("`{name}` takes at most {most} arguments, found {}", i + 1);
                    ArgumentError { at: At::Value(i), message, help: None }
                })
            }
        }
    }

    fn take(
        &mut self,
        i: usize,
        parameter: &'static str,
        is_positional: bool,
        value: CallValue<T>,
    ) {
        let name = self.function.name();
        let operands = (0..self.function.operands.len()).filter_map(|i| self.function.operand(i));
        let is_operand = operands.into_iter().any(|(operand, _)| operand == parameter);
        let is_list = self.function.operands.iter().any(|operand| operand.starts_with('*'));
        let is_repeated = match is_operand {
            true => !is_list && self.operands.iter().any(|given| given.name == parameter),
            false => self.kept.iter().any(|(kept, _)| *kept == parameter),
        };
        if is_repeated {
            let message = format!("`{parameter}` of `{name}` is given twice");
            self.errors.push(ArgumentError { at: At::Keyword(i), message, help: None });
        } else if is_operand {
            if !matches!(value, CallValue::Value(Value::None)) || parameter == "key" {
                // What Keras takes by position it also saves so.
                let is_positional = is_positional || parameter != "constant_values";
                // A list without tensors is a constant.
                let meaning = match parameter {
                    "key" | "indices" => Meaning::Whole,
                    _ => Meaning::Fraction,
                };
                let value = match plain(&value) {
                    Some(constant) => CallValue::Value(meaning.of(constant)),
                    None => value,
                };
                self.operands.push(CallArgument { name: parameter, is_positional, value });
            }
        } else {
            match plain(&value) {
                Some(value) => self.kept.push((parameter, self.meaning(parameter).of(value))),
                None => {
                    let message = format!("`{parameter}` of `{name}` cannot be a tensor");
                    self.errors.push(ArgumentError { at: At::Value(i), message, help: None });
                }
            }
        }
    }

    /// What a division with a remainder means to an argument that is kept with the class.
    fn meaning(&self, parameter: &str) -> Meaning {
        let parameters = self.function.schema.parameters.iter();
        let mut meanings = parameters.zip(self.function.meanings);
        let found = meanings.find(|(known, _)| known.name == parameter);
        found.map_or(Meaning::Whole, |(_, meaning)| *meaning)
    }
}

/// A value without tensors.
fn plain<T>(value: &CallValue<T>) -> Option<Value> {
    match value {
        CallValue::Tensor(_) => None,
        CallValue::List(items) => items.iter().map(plain).collect::<Option<_>>().map(Value::List),
        CallValue::Value(value) => Some(value.clone()),
    }
}
