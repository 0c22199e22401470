//! A layer as an argument of a layer: `TimeDistributed(Dense(8))`.

use crate::layer::Layer;
use crate::layers::Entry;
use crate::names::snake_case;
use crate::network::{LayerKind, NetworkLayer};
use crate::regularizer::Regularizer;
use crate::schema::{COMMON, Mismatch, ParameterType};
use crate::value::{Argument, Object, Value};

/// A layer that another one wraps.
#[derive(Clone, Debug)]
pub struct InnerLayer {
    /// Its name.
    pub name: String,
    /// What it is.
    pub layer: Box<dyn Layer>,
    /// Whether an optimizer may change its weights.
    pub trainable: bool,
    /// Penalty on its output.
    pub activity_regularizer: Option<Regularizer>,
}

/// A layer that another one makes by itself: the attribute by which it holds it, and its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) attribute: &'static str,
    pub(super) name: &'static str,
}

impl PartialEq for InnerLayer {
    fn eq(&self, other: &InnerLayer) -> bool {
        self.to_value() == other.to_value()
    }
}

impl ParameterType for InnerLayer {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let help = || Some("write a layer, such as `Dense(8)`".to_string());
        let object = match value {
            Value::Layer(object) => object,
            Value::Object(Object { class, .. }) if Entry::by_class(class).is_some() => {
                let help = format!("`layers.{class}` is the layer of this name");
                return Err(Mismatch { expected: "a layer".to_string(), help: Some(help) });
            }
            _ => return Err(Mismatch { expected: "a layer".to_string(), help: help() }),
        };
        let Some(entry) = Entry::by_class(&object.class) else {
            return Err(Mismatch {
                expected: "a layer of the catalogue".to_string(),
                help: help(),
            });
        };
        // What a newer Keras added and this model does not use.
        let is_known = |argument: &&Argument| {
            let mut known = entry.schema.parameters.iter().map(|parameter| parameter.name);
            let name = argument.name.as_deref();
            argument.value != Value::None
                || name
                    .is_none_or(|name| COMMON.contains(&name) || known.any(|known| known == name))
        };
        let arguments: Vec<Argument> = object.arguments.iter().filter(is_known).cloned().collect();
        let built = entry.build(&arguments, || snake_case(entry.schema.class));
        let NetworkLayer { name, kind, trainable, activity_regularizer } =
            built.map_err(|errors| {
                let messages: Vec<String> = errors.iter().map(|e| e.message.clone()).collect();
                let expected = format!("a layer with legal arguments ({})", messages.join("; "));
                Mismatch { expected, help: errors.into_iter().find_map(|error| error.help) }
            })?;
        match kind {
            LayerKind::Layer(layer) => {
                Ok(InnerLayer { name, layer, trainable, activity_regularizer })
            }
            LayerKind::Input { .. } | LayerKind::Network(_) => {
                Err(Mismatch { expected: "a layer".to_string(), help: help() })
            }
        }
    }

    fn to_value(&self) -> Value {
        let named = |name: &str, value| Argument { name: Some(name.to_string()), value };
        let mut arguments = vec![
            named("name", Value::Str(self.name.clone())),
            named("trainable", Value::Bool(self.trainable)),
        ];
        let penalty = self.activity_regularizer.as_ref();
        arguments.extend(penalty.map(|penalty| named("activity_regularizer", penalty.to_value())));
        let config = self.layer.config().into_iter();
        arguments.extend(config.map(|(name, value)| named(name, value)));
        Value::Layer(Object { class: self.layer.schema().class.to_string(), arguments })
    }
}
