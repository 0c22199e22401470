//! The parts of a configuration: keys, arguments, layers, the shape of a model without an input.

use keras_graph::functions::{ACTIVATIONS_MODULE, Function, Operation};
use keras_graph::layers::{Entry, InputArguments};
use keras_graph::network::{Class, InputDtype, LayerKind, NetworkLayer};
use keras_graph::parameter::LayerName;
use keras_graph::schema::{ArgumentError, COMMON, ParameterType};
use keras_graph::shape::Shape;
use keras_graph::value::{Argument, Value};
use serde_json::{Map, Value as Json};

use super::{FUNCTIONAL, LAYERS_MODULE, OPS_MODULES, SEQUENTIAL};
use crate::error::{Error, Result};
use crate::json::{Framed, kind, value_from_json};

/// What a model is written as; none for a layer.
pub(super) fn model_class(framed: &Framed) -> Option<Class> {
    let of_keras = framed.module == "keras" || framed.module.starts_with("keras.");
    if !of_keras || framed.module == LAYERS_MODULE {
        return None;
    }
    match framed.class_name {
        class if class == SEQUENTIAL.1 => Some(Class::Sequential),
        class if class == FUNCTIONAL.1 || class == "Model" => Some(Class::Functional),
        _ => None,
    }
}

/// Whether this is an `InputLayer`.
pub(super) fn is_input(json: &Json) -> bool {
    json.get("class_name").and_then(Json::as_str) == Some("InputLayer")
}

/// The list at `key`.
pub(super) fn list<'a>(object: &'a Map<String, Json>, key: &str) -> Result<&'a [Json]> {
    match object.get(key) {
        Some(Json::Array(items)) => Ok(items),
        other => Err(Error::malformed(format!("a list `{key}`"), kind(other))),
    }
}

/// The name in a configuration.
pub(super) fn name(config: &Map<String, Json>) -> Result<String> {
    let json = config.get("name");
    let named = match json {
        Some(Json::String(name)) => LayerName::from_value(&Value::Str(name.clone())).ok(),
        _ => None,
    };
    named.map(|name| name.0).ok_or_else(|| {
        let found = match json {
            Some(Json::String(name)) => format!("`{name}`"),
            other => kind(other).to_owned(),
        };
        Error::malformed("a `name` without `/`", found)
    })
}

/// Whether a model may be trained; it may unless its configuration says otherwise.
pub(super) fn trainable(config: &Map<String, Json>) -> Result<bool> {
    match config.get("trainable") {
        None | Some(Json::Null) => Ok(true),
        Some(Json::Bool(trainable)) => Ok(*trainable),
        other => Err(Error::malformed("a boolean `trainable`", kind(other))),
    }
}

/// A configuration as keyword arguments.
pub(super) fn arguments(config: &Map<String, Json>) -> Result<Vec<Argument>> {
    let argument = |(name, json): (&String, &Json)| {
        let value = value_from_json(json).map_err(|error| error.within(name))?;
        Ok(Argument { name: Some(name.clone()), value })
    };
    config.iter().map(argument).collect()
}

/// Refused arguments as one error.
pub(super) fn refused(errors: Vec<ArgumentError>) -> Error {
    let messages: Vec<String> = errors.iter().map(|error| error.message.clone()).collect();
    let help = errors.into_iter().find_map(|error| error.help);
    Error::Refused { path: String::new(), message: messages.join("; "), help }
}

/// A function of `keras.ops` or `keras.activations`.
fn operation(class: &str, config: &Map<String, Json>) -> Result<NetworkLayer> {
    let Some(function) = Function::by_class(class) else {
        let help = "the README lists the functions of `keras.ops` that there are";
        return Err(Error::unsupported(format!("the operation `{class}`"), help));
    };
    let given = arguments(config)?;
    let operation = Operation::read(function, given).map_err(refused)?;
    Ok(NetworkLayer {
        name: name(config)?,
        kind: LayerKind::Layer(Box::new(operation)),
        trainable: true,
        activity_regularizer: None,
    })
}

/// Builds a layer of the catalogue.
pub(super) fn catalogue_layer(framed: &Framed) -> Result<NetworkLayer> {
    let Framed { module, class_name, config } = *framed;
    if module.starts_with(OPS_MODULES) || module == ACTIVATIONS_MODULE {
        return operation(class_name, config);
    }
    if module != LAYERS_MODULE {
        let found = format!("the class `{class_name}` of the module `{module}`");
        let help = format!("use the layers of `{LAYERS_MODULE}`");
        return Err(Error::unsupported(found, help));
    }
    let Some(entry) = Entry::by_class(class_name) else {
        let help = "the documentation of `model!` lists the layers that there are";
        return Err(Error::unsupported(format!("the layer `{class_name}`"), help));
    };
    let mut arguments = arguments(config)?;
    // What a newer Keras added and this model does not use.
    arguments.retain(|argument| {
        let known = entry.schema.parameters.iter().map(|parameter| parameter.name);
        argument.value != Value::None
            || known
                .chain(COMMON.iter().copied())
                .any(|known| argument.name.as_deref() == Some(known))
    });
    entry.build(&arguments, String::new).map_err(refused)
}

/// Shape and element type of the input of a sequential model that lists none: Keras' own note of
/// what the model or its first layer was built with, or the input of the model that is the first
/// layer.
pub(super) fn built_with(
    model: &Json,
    first: &Json,
    layer: &NetworkLayer,
) -> Result<(Shape, InputDtype)> {
    let dtype = match &layer.kind {
        LayerKind::Network(inner) => match inner.inputs.as_slice() {
            [input] => {
                let dtype = inner.input_dtype(&inner.tensors[input.0]);
                return Ok((inner.shape(*input).clone(), dtype));
            }
            inputs => {
                let found = format!("{} inputs", inputs.len());
                return Err(Error::malformed("a model with one input", found).within(&layer.name));
            }
        },
        LayerKind::Layer(layer) => layer.input_dtype().into(),
        LayerKind::Input { dtype, .. } => *dtype,
    };
    let places: [(&Json, &[&str]); 5] = [
        (model, &["config", "build_input_shape"]),
        (model, &["build_config", "input_shape"]),
        (first, &["build_config", "input_shape"]),
        (first, &["config", "batch_shape"]),
        (first, &["config", "batch_input_shape"]),
    ];
    let shape = places.iter().find_map(|(json, keys)| {
        let found = keys.iter().try_fold(*json, |json, key| json.get(*key))?;
        (!found.is_null()).then_some(found)
    });
    let Some(shape) = shape else {
        let expected = "an `InputLayer`, or a shape that the model was built with";
        return Err(Error::malformed(expected, "none").within("layers"));
    };
    let value = value_from_json(shape)?;
    let argument = Argument { name: Some("batch_shape".to_owned()), value };
    let input = InputArguments::read(&[argument]).map_err(refused)?;
    Ok((input.shape, dtype))
}
