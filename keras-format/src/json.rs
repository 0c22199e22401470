//! Arguments as Keras' JSON: `keras_graph::value` on one side, `config.json` on the other.
//!
//! Plain values are themselves; tuples and lists are one thing. An object is written in a frame
//!
//! ```json
//! {"module": "keras.initializers", "class_name": "HeNormal", "config": {"seed": null},
//!  "registered_name": null}
//! ```
//!
//! with every argument by name, whether the user gave it or not. Reading drops those that have
//! their default, so that what is read looks as a user would write it. Code in a file (`Lambda`) is
//! refused, and so are classes outside Keras. Source: Keras 3.15 `saving/serialization_lib.py` and
//! the `get_config` of each class.

mod classes;

use keras_graph::value::{ARRAY, Argument, Object, Value};
pub use serde_json::Value as Json;
use serde_json::{Map, json};

use self::classes::{LAYERS, MODULES, class_named};
use crate::error::{Error, Result};
use crate::python;

/// Nesting beyond that of any argument.
const MAX_DEPTH: usize = 64;

/// An object of Keras in its frame.
#[derive(Clone, Copy, Debug)]
pub struct Framed<'a> {
    /// Module, e.g. `keras.layers`.
    pub module: &'a str,
    /// Class, e.g. `Dense`.
    pub class_name: &'a str,
    /// Its arguments.
    pub config: &'a Map<String, Json>,
}

impl<'a> Framed<'a> {
    /// Takes the frame off an object.
    ///
    /// Errors: `json` is no framed object, or one that holds code (`Lambda`).
    pub fn from_json(json: &'a Json) -> Result<Framed<'a>> {
        let text = |key: &str| match json.get(key) {
            Some(Json::String(text)) => Ok(text.as_str()),
            other => Err(Error::malformed(format!("an object with a text `{key}`"), kind(other))),
        };
        let class_name = text("class_name")?;
        if class_name == "Lambda" {
            return Err(code(class_name));
        }
        if let Some(Json::Null) = json.get("module") {
            let help = "write it with the classes of Keras; Python code is never run";
            return Err(Error::unsupported(
                format!("the class `{class_name}`, which is Python code"),
                help,
            ));
        }
        let module = text("module").map_err(|error| error.within(class_name))?;
        match json.get("config") {
            Some(Json::Object(config)) => Ok(Framed { module, class_name, config }),
            other => {
                Err(Error::malformed("an object with a `config`", kind(other)).within(class_name))
            }
        }
    }
}

/// Python code in a file: Keras can be told to run it, this crate cannot.
fn code(class_name: &str) -> Error {
    let help = "write the function as layers; code in a file is never run";
    Error::unsupported(format!("the Python code of a `{class_name}`"), help)
}

/// Puts a frame around the configuration of a class of Keras.
pub fn framed(module: &str, class_name: &str, config: Json) -> Json {
    json!({ "module": module, "class_name": class_name, "config": config, "registered_name": null })
}

/// The dtype policy of this name, e.g. `float32`, as layers have it in their configuration.
pub fn dtype_policy(name: &str) -> Json {
    framed("keras", "DTypePolicy", json!({ "name": name }))
}

/// Reads an argument.
///
/// Dtype policies and functions become their names, arrays become lists. Errors: code; an object of
/// a module that is not Keras'; a dictionary that is no object; nesting deeper than any argument
/// has.
pub fn value_from_json(json: &Json) -> Result<Value> {
    value_at(json, 0)
}

fn value_at(json: &Json, depth: usize) -> Result<Value> {
    if depth > MAX_DEPTH {
        return Err(Error::malformed(format!("values nested at most {MAX_DEPTH} deep"), "deeper"));
    }
    match json {
        Json::Null => Ok(Value::None),
        Json::Bool(value) => Ok(Value::Bool(*value)),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Ok(Value::Int(value)),
            (None, Some(value)) => Ok(Value::Float(value)),
            (None, None) => Err(Error::malformed("a number of 64 bits", number.to_string())),
        },
        Json::String(text) => Ok(Value::Str(text.clone())),
        Json::Array(items) => list_at(items, depth),
        Json::Object(fields) => object_at(json, fields, depth),
    }
}

fn list_at(items: &[Json], depth: usize) -> Result<Value> {
    let values = items
        .iter()
        .enumerate()
        .map(|(i, item)| value_at(item, depth + 1).map_err(|error| error.within(&i.to_string())));
    Ok(Value::List(values.collect::<Result<Vec<Value>>>()?))
}

/// A JSON object: one of the special forms that Keras writes without a module, or an object in a
/// frame.
fn object_at(json: &Json, fields: &Map<String, Json>, depth: usize) -> Result<Value> {
    match fields.get("class_name").and_then(Json::as_str) {
        Some("__tuple__") => match fields.get("items") {
            Some(Json::Array(items)) => list_at(items, depth),
            other => Err(Error::malformed("a tuple's `items`", kind(other))),
        },
        Some("__numpy__" | "__tensor__") => {
            match fields.get("config").and_then(|config| config.get("value")) {
                Some(value @ (Json::Array(_) | Json::Number(_))) => value_at(value, depth + 1),
                other => Err(Error::malformed("an array's `value`", kind(other))),
            }
        }
        Some(class_name @ "__lambda__") => Err(code(class_name)),
        Some("function") => match fields.get("config") {
            Some(Json::String(name)) => Ok(Value::Str(name.clone())),
            other => Err(Error::malformed("a function's name", kind(other))),
        },
        _ => match python::as_float(json) {
            Some(value) => Ok(Value::Float(value)),
            None => framed_at(Framed::from_json(json)?, depth),
        },
    }
}

fn framed_at(framed: Framed, depth: usize) -> Result<Value> {
    let Framed { module, class_name, config } = framed;
    if class_name == "DTypePolicy" {
        return match config.get("name") {
            Some(Json::String(name)) => Ok(Value::Str(name.clone())),
            other => Err(Error::malformed("a policy's `name`", kind(other)).within(class_name)),
        };
    }
    if !MODULES.contains(&module) {
        let found = format!("`{class_name}` of the module `{module}`");
        let help = format!("use a class of {}", MODULES.join(", "));
        return Err(Error::unsupported(found, help));
    }
    let is_layer = module == LAYERS;
    // A layer and a regularizer may share a name; the defaults are those of the module's class.
    let class = class_named(class_name).filter(|class| class.module == module);
    let default = |name: &str| {
        let parameters = class.map_or(&[][..], |class| class.parameters);
        Some(parameters.iter().find(|(parameter, _)| *parameter == name)?.1.value())
    };
    let mut arguments = Vec::new();
    for (name, json) in config {
        let value = match json {
            // Reading weights does not need the array that they once started as.
            Json::Array(_) | Json::Object(_) if class_name == "Constant" => {
                Ok(Value::Object(Object { class: ARRAY.to_owned(), arguments: vec![] }))
            }
            json => value_at(json, depth + 1),
        };
        let value = value.map_err(|error| error.within(name).within(class_name))?;
        if default(name).as_ref() != Some(&value) {
            arguments.push(Argument { name: Some(name.clone()), value });
        }
    }
    let object = Object { class: class_name.to_owned(), arguments };
    Ok(if is_layer { Value::Layer(object) } else { Value::Object(object) })
}

/// Writes an argument. Initializers, regularizers, constraints and layers get their frame and all
/// arguments.
///
/// Infinity and NaN become what [`python`] writes as Python's words. Errors: an object of a class
/// that is none of the first three, or with an argument that it does not have; a layer with an
/// argument by position.
pub fn value_to_json(value: &Value) -> Result<Json> {
    match value {
        Value::None => Ok(Json::Null),
        Value::Bool(value) => Ok(Json::Bool(*value)),
        Value::Int(value) => Ok(Json::from(*value)),
        Value::Float(value) => match serde_json::Number::from_f64(*value) {
            Some(number) => Ok(Json::Number(number)),
            None => Ok(python::float(*value).unwrap_or_default()),
        },
        Value::Quotient(quotient) => value_to_json(&Value::Float(quotient.exact)),
        Value::Str(text) => Ok(Json::String(text.clone())),
        Value::List(items) => {
            Ok(Json::Array(items.iter().map(value_to_json).collect::<Result<Vec<Json>>>()?))
        }
        Value::Object(object) => {
            object_to_json(object).map_err(|error| error.within(&object.class))
        }
        Value::Layer(layer) => layer_to_json(layer).map_err(|error| error.within(&layer.class)),
    }
}

/// A layer among the arguments of another: every argument stands there by name.
fn layer_to_json(object: &Object) -> Result<Json> {
    let mut config = Map::new();
    config.insert("dtype".to_owned(), dtype_policy("float32"));
    for Argument { name, value } in &object.arguments {
        let Some(name) = name else {
            return Err(Error::malformed("arguments by name", "one by position"));
        };
        let json = value_to_json(value).map_err(|error| error.within(name))?;
        config.insert(name.clone(), json);
    }
    Ok(framed(LAYERS, &object.class, Json::Object(config)))
}

fn object_to_json(object: &Object) -> Result<Json> {
    let Some(class) = class_named(&object.class) else {
        let expected = "an initializer, a regularizer or a constraint";
        return Err(Error::malformed(expected, format!("`{}`", object.class)));
    };
    let mut given: Vec<Option<Json>> = vec![None; class.parameters.len()];
    for (position, argument) in object.arguments.iter().enumerate() {
        let name = argument.name.as_deref();
        let index = match name {
            None => (position < given.len()).then_some(position),
            Some(name) => class.parameters.iter().position(|(parameter, _)| *parameter == name),
        };
        let Some(index) = index else {
            let names: Vec<&str> = class.parameters.iter().map(|(name, _)| *name).collect();
            let expected = format!("the arguments ({})", names.join(", "));
            let found = name.map_or("one more".to_owned(), |name| format!("`{name}`"));
            return Err(Error::malformed(expected, found));
        };
        let parameter = class.parameters[index].0;
        let json = value_to_json(&argument.value).map_err(|error| error.within(parameter))?;
        if given[index].replace(json).is_some() {
            return Err(Error::malformed(format!("`{parameter}` once"), "it twice"));
        }
    }
    let mut config = Map::new();
    for ((parameter, default), given) in class.parameters.iter().zip(given) {
        let json = given.map_or_else(|| value_to_json(&default.value()), Ok)?;
        config.insert((*parameter).to_owned(), json);
    }
    Ok(framed(class.module, class.name, Json::Object(config)))
}

/// What a piece of JSON is, for messages.
pub(crate) fn kind(json: Option<&Json>) -> &'static str {
    match json {
        None => "none",
        Some(Json::Null) => "null",
        Some(Json::Bool(_)) => "a boolean",
        Some(Json::Number(_)) => "a number",
        Some(Json::String(_)) => "a text",
        Some(Json::Array(_)) => "a list",
        Some(Json::Object(_)) => "an object",
    }
}
