//! The catalogue: one file per layer, two lines here.

mod dense;

pub use dense::Dense;

use crate::network::{LayerKind, NetworkLayer};
use crate::schema::{ArgumentError, Bound, Layer, Schema};
use crate::value::Argument;

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
    ($($module:ident::$name:ident $([$($alias:literal),*])?,)*) => {
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
    dense::Dense,
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
        let trainable = bound.or("trainable", true).unwrap_or(true);
        match layer {
            Some(layer) if bound.errors.is_empty() => Ok(NetworkLayer {
                name: automatic_name(),
                kind: LayerKind::Layer(layer),
                trainable,
                activity_regularizer: None,
            }),
            _ => Err(bound.errors),
        }
    }
}
