//! Sorts the arguments of a call by the parameters of its layer.

use super::{Call, CallArgument, CallKind, CallParameter, CallValue, TRAINING};
use crate::names::nearest;
use crate::schema::{ArgumentError, At};
use crate::value::Value;

/// An argument as a front end found it.
#[derive(Clone, Debug, PartialEq)]
pub struct Given<T> {
    /// The keyword; none for a positional one.
    pub name: Option<String>,
    /// The value.
    pub value: CallValue<T>,
}

/// Sorts the arguments of a call of a layer of this class by the parameters that it lists, or tells
/// every mistake in them. The first positional argument, or `inputs`, is what the layer is called
/// on.
pub fn bind<T: Copy>(
    class: &str,
    parameters: &'static [CallParameter],
    given: Vec<Given<T>>,
) -> Result<Call<T>, Vec<ArgumentError>> {
    let mut call = Call { inputs: Vec::new(), arguments: Vec::new() };
    let mut errors = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (i, Given { name, value }) in given.into_iter().enumerate() {
        let is_positional = name.is_none();
        let place = if is_positional { At::Value(i) } else { At::Keyword(i) };
        let mut wrong = |at, message: String, help: Option<String>| {
            errors.push(ArgumentError { at, message, help });
        };
        let found = match &name {
            None if i == 0 => Some(None),
            None => parameters.get(i - 1).map(Some),
            Some(name) if name == "inputs" => Some(None),
            Some(name) => all(parameters).find(|known| known.name == name).map(Some),
        };
        let Some(parameter) = found else {
            let (message, help) = match &name {
                Some(name) => unknown(class, parameters, name),
                None => surplus(class, parameters, i + 1),
            };
            wrong(place, message, Some(help));
            continue;
        };
        let name = parameter.map_or("inputs", |parameter| parameter.name);
        if seen.contains(&name) {
            wrong(place, format!("`{name}` is given twice"), None);
            continue;
        }
        seen.push(name);
        let Some(CallParameter { name, kind, .. }) = parameter else {
            if !value.is_tensors() {
                let found = value.describe();
                let message =
                    format!("`{class}` is called on a tensor or a list of tensors, found {found}");
                wrong(At::Value(i), message, None);
            }
            call.inputs = value.tensors();
            continue;
        };
        if matches!(value, CallValue::Value(Value::None)) {
            continue;
        }
        if kind.accepts(&value) {
            call.arguments.push(CallArgument { name, is_positional, value });
        } else {
            let (expected, found) = (kind.expected(), value.describe());
            let message =
                format!("`{name}` of a call of `{class}` expects {expected}, found {found}");
            wrong(At::Value(i), message, None);
        }
    }
    for CallParameter { name, kind, .. } in parameters {
        let is_missing = *kind == CallKind::Needed && call.argument(name).is_none();
        if is_missing && errors.is_empty() {
            let message = format!("a call of `{class}` needs the tensor `{name}`");
            let help = Some(format!("write `layer(x, {name} = ...)`, or give it behind `x`"));
            errors.push(ArgumentError { at: At::Call, message, help });
        }
    }
    let positional = call.arguments.iter().filter(|argument| argument.is_positional).count();
    call.arguments[positional..].sort_by_key(|argument| argument.name);
    if errors.is_empty() { Ok(call) } else { Err(errors) }
}

/// The parameters, and `training` if they do not list it.
fn all(parameters: &'static [CallParameter]) -> impl Iterator<Item = &'static CallParameter> {
    let lists_it = parameters.iter().any(|parameter| parameter.name == TRAINING.name);
    parameters.iter().chain((!lists_it).then_some(&TRAINING))
}

fn unknown(class: &str, parameters: &'static [CallParameter], name: &str) -> (String, String) {
    let message = format!("`{class}` has no call argument `{name}`");
    let names = || std::iter::once("inputs").chain(all(parameters).map(|known| known.name));
    let help = match nearest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("a call of `{class}` takes: {}", names().collect::<Vec<_>>().join(", ")),
    };
    (message, help)
}

fn surplus(class: &str, parameters: &[CallParameter], found: usize) -> (String, String) {
    let most = 1 + parameters.len();
    let message = match most {
        1 => format!("`{class}` is called on one tensor or one list, found {found} arguments"),
        _ => format!("a call of `{class}` takes at most {most} arguments, found {found}"),
    };
    (message, "several tensors are given as a list: `layer([a, b])`".to_string())
}
