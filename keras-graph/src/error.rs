//! Why a layer cannot be built.

/// Why a layer refused its inputs or arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerError {
    /// Path of the layer, if the error is found in a whole model and not in a call of the layer.
    pub layer: Option<String>,
    /// The argument that is wrong, if it is one rather than the input.
    pub argument: Option<&'static str>,
    /// What was expected and what was found.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl LayerError {
    /// An error of the layer's input.
    pub fn input(message: impl Into<String>) -> LayerError {
        LayerError { layer: None, argument: None, message: message.into(), help: None }
    }

    /// An error of an argument.
    pub fn argument(argument: &'static str, message: impl Into<String>) -> LayerError {
        LayerError { argument: Some(argument), ..LayerError::input(message) }
    }

    /// A layer of this class is called on several tensors instead of one.
    pub fn several_tensors(class: &str, found: usize) -> LayerError {
        let message = format!("`{class}` expects one tensor, found a list of {found}");
        LayerError::input(message).help(
            "join them, as in `Concatenate()([a, b])`; if a layer returned them, name each: `let \
             (a, b) = layer(x);`",
        )
    }

    /// The same error, of the layer at this path.
    pub fn within(mut self, layer: impl Into<String>) -> LayerError {
        self.layer = Some(layer.into());
        self
    }

    /// The same error with advice.
    pub fn help(mut self, help: impl Into<String>) -> LayerError {
        self.help = Some(help.into());
        self
    }
}
