//! The catalogue: one file per layer, two lines here.

mod activation;
mod add;
mod batch_normalization;
mod conv2d;
mod dense;
mod dropout;
mod flatten;
mod input;
mod max_pooling2d;
mod maximum;
mod merge;
mod minimum;
mod multiply;
mod reshape;

pub use activation::Activation;
pub use add::Add;
pub use batch_normalization::BatchNormalization;
pub use conv2d::Conv2D;
pub use dense::Dense;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use input::{INPUT, InputArguments};
pub use max_pooling2d::MaxPooling2D;
pub use maximum::Maximum;
pub use minimum::Minimum;
pub use multiply::Multiply;
pub use reshape::Reshape;

use crate::network::{LayerKind, NetworkLayer};
use crate::parameter::LayerName;
use crate::schema::{ArgumentError, Bound, Layer, Schema};
use crate::value::Argument;
use input::LayerDtype;

/// A call that tests check, numerically too: arguments as a user writes them, the input's and the output's extents.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Arguments, as in a `model!` block.
    pub arguments: &'static str,
    /// Extents per sample of each input.
    pub inputs: &'static [&'static [usize]],
    /// Extents per sample of the output.
    pub output: &'static [usize],
}

/// A layer of the catalogue.
pub struct Entry {
    /// What it accepts.
    pub schema: &'static Schema,
    /// Other names that Keras has for it.
    pub aliases: &'static [&'static str],
    /// Its test cases.
    pub cases: &'static [Case],
    read: fn(&mut Bound<'_>) -> Option<Box<dyn Layer>>,
}

macro_rules! catalogue {
    ($($module:ident::$name:ident $([$($alias:literal),* $(,)?])?,)*) => {
        /// Every layer, in alphabetical order.
        pub const CATALOGUE: &[Entry] = &[$(Entry {
            schema: &$name::SCHEMA,
            aliases: &[$($($alias),*)?],
            cases: $module::CASES,
            read: $name::read,
        },)*];
    };
}
catalogue! {
    activation::Activation,
    add::Add,
    batch_normalization::BatchNormalization,
    conv2d::Conv2D["Convolution2D"],
    dense::Dense,
    dropout::Dropout,
    flatten::Flatten,
    maximum::Maximum,
    max_pooling2d::MaxPooling2D["MaxPool2D"],
    minimum::Minimum,
    multiply::Multiply,
    reshape::Reshape,
}

impl Entry {
    /// The layer that Keras calls `class`.
    pub fn by_class(class: &str) -> Option<&'static Entry> {
        CATALOGUE.iter().find(|entry| entry.schema.class == class || entry.aliases.contains(&class))
    }

    /// Builds the layer from the arguments of a call, or tells every mistake in them. `automatic_name` is used where the
    /// arguments give none.
    pub fn build(
        &self,
        arguments: &[Argument],
        automatic_name: impl FnOnce() -> String,
    ) -> Result<NetworkLayer, Vec<ArgumentError>> {
        let mut bound = Bound::new(self.schema, arguments);
        let layer = (self.read)(&mut bound);
        let trainable = bound.or("trainable", true);
        let name: Option<Option<LayerName>> = bound.or("name", None);
        let activity_regularizer = bound.or("activity_regularizer", None);
        bound.or("dtype", LayerDtype);
        // A common parameter that the layer lists as well is read twice.
        let mut errors: Vec<ArgumentError> = Vec::new();
        for error in bound.errors {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        match (layer, trainable, name, activity_regularizer) {
            (Some(layer), Some(trainable), Some(name), Some(activity_regularizer))
                if errors.is_empty() =>
            {
                Ok(NetworkLayer {
                    name: name.map_or_else(automatic_name, |name| name.0),
                    kind: LayerKind::Layer(layer),
                    trainable,
                    activity_regularizer,
                })
            }
            _ => Err(errors),
        }
    }
}

#[cfg(test)]
mod tests;
