//! The keyword arguments of a `code` field, for what the runtime has as plain structs: losses,
//! metrics and optimizers.

use keras_graph::schema::ParameterType;
use keras_graph::value::Value;

use crate::python;

/// Arguments of a call that were not taken yet.
pub(crate) struct Keywords {
    class: String,
    left: Vec<(String, Value)>,
}

impl Keywords {
    /// Those of a call such as `SGD(learning_rate=0.1)`. Panics at a positional argument.
    pub(crate) fn of(code: &str) -> Keywords {
        let call = python::call(code);
        let named = call.arguments.into_iter().map(|argument| match argument.name {
            Some(name) => (name, argument.value),
            None => panic!("`{code}`: {} has no name", argument.value),
        });
        Keywords { class: call.class, left: named.collect() }
    }

    /// The class that is called.
    pub(crate) fn class(&self) -> &str {
        &self.class
    }

    /// Takes an argument; `default` if it is not given.
    pub(crate) fn take<T: ParameterType>(&mut self, name: &str, default: T) -> T {
        self.value(name).map_or(default, |value| {
            T::from_value(&value).unwrap_or_else(|error| {
                panic!("`{}`: `{name}`: expected {}, found {value}", self.class, error.expected)
            })
        })
    }

    /// Takes an argument as it is.
    pub(crate) fn value(&mut self, name: &str) -> Option<Value> {
        let found = self.left.iter().position(|(left, _)| left == name)?;
        Some(self.left.swap_remove(found).1)
    }

    /// Panics if an argument was not taken.
    pub(crate) fn finish(self) {
        assert!(self.left.is_empty(), "`{}`: not read: {:?}", self.class, self.left);
    }
}
