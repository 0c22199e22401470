//! Names that a block may use without defining them: layers, models, Keras' modules and the objects
//! in them.

use keras_graph::initializer;
use keras_graph::layers::{CATALOGUE, Entry};
pub(crate) use keras_graph::names::nearest;

/// What makes models and their inputs.
pub(crate) const MODELS: &[&str] = &["Input", "InputLayer", "Sequential", "Model", "Functional"];

/// Modules in which layers and models stand.
const LAYER_MODULES: &[&str] = &["keras", "tf", "tensorflow", "layers", "models"];

/// Modules in which objects stand that are arguments of layers.
const OBJECT_MODULES: &[&str] = &["initializers", "regularizers", "constraints", "dtype_policies"];

/// Objects beside the initializers.
const OBJECTS: &[&str] = &[
    "L1",
    "L2",
    "L1L2",
    "OrthogonalRegularizer",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "STFT",
    // Python's way to write infinity: `float("inf")`.
    "float",
];

/// What a path such as `keras.layers.Dense` leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// A layer or a model, of this name.
    Layer,
    /// An initializer, a regularizer, ...
    Object,
    /// A function of `keras.activations`.
    Activation,
    /// A function of `keras.ops`.
    Function,
    /// Something else of Keras, which has no place in a model.
    Foreign,
    /// No module of Keras: the index of the first unknown step.
    Unknown(usize),
}

impl Path {
    /// Where the steps lead.
    pub(crate) fn of(steps: &[&str]) -> Path {
        let Some((_, modules)) = steps.split_last() else { return Path::Unknown(0) };
        let mut path = Path::Layer;
        for (i, module) in modules.iter().enumerate() {
            if OBJECT_MODULES.contains(module) {
                path = Path::Object;
            } else if *module == "activations" {
                path = Path::Activation;
            } else if *module == "ops" {
                path = Path::Function;
            } else if matches!(
                *module,
                "losses"
                    | "optimizers"
                    | "metrics"
                    | "callbacks"
                    | "utils"
                    | "backend"
                    | "applications"
            ) {
                path = Path::Foreign;
            } else if !LAYER_MODULES.contains(module) {
                return Path::Unknown(i);
            }
        }
        path
    }
}

/// Whether Keras calls a layer or a model this.
pub(crate) fn is_class(name: &str) -> bool {
    Entry::by_class(name).is_some() || MODELS.contains(&name)
}

/// Whether Keras calls an initializer, a regularizer or a constraint this.
pub(crate) fn is_object(name: &str) -> bool {
    OBJECTS.contains(&name) || initializer::NAMES.iter().any(|(_, class)| *class == name)
}

/// Whether the name is spelled as a constant is: `CLASSES`.
pub(crate) fn is_constant(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The layer or model that a misspelt name most likely means.
pub(crate) fn nearest_class(name: &str) -> Option<&'static str> {
    let layers = CATALOGUE
        .iter()
        .flat_map(|entry| std::iter::once(entry.schema.class).chain(entry.aliases.iter().copied()));
    nearest(name, layers.chain(MODELS.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_layers_and_objects() {
        assert_eq!(Path::of(&["Dense"]), Path::Layer);
        assert_eq!(Path::of(&["keras", "layers", "Dense"]), Path::Layer);
        assert_eq!(Path::of(&["keras", "Input"]), Path::Layer);
        assert_eq!(Path::of(&["regularizers", "L2"]), Path::Object);
        assert_eq!(Path::of(&["tf", "keras", "activations", "relu"]), Path::Activation);
        assert_eq!(Path::of(&["keras", "ops", "mean"]), Path::Function);
        assert_eq!(Path::of(&["keras", "optimizers", "Adam"]), Path::Foreign);
        assert_eq!(Path::of(&["keras", "layer", "Dense"]), Path::Unknown(1));
    }

    #[test]
    fn constants_are_in_capitals() {
        assert!(is_constant("CLASSES") && is_constant("N_2"));
        assert!(!is_constant("Dense") && !is_constant("_A") && !is_constant("x"));
    }
}
