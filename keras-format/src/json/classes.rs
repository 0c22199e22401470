//! The classes of objects among the arguments of a layer, with the parameters of each and their
//! defaults: what stands in a frame that Keras writes.

use keras_graph::value::Value;

/// Modules whose objects occur among the arguments of a layer.
pub(super) const MODULES: &[&str] = &[INITIALIZERS, REGULARIZERS, CONSTRAINTS, LAYERS];
const INITIALIZERS: &str = "keras.initializers";
const REGULARIZERS: &str = "keras.regularizers";
const CONSTRAINTS: &str = "keras.constraints";
pub(super) const LAYERS: &str = "keras.layers";

/// The default of a parameter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Default {
    None,
    False,
    Int(i64),
    Float(f64),
    Str(&'static str),
}

impl Default {
    pub(super) fn value(self) -> Value {
        match self {
            Default::None => Value::None,
            Default::False => Value::Bool(false),
            Default::Int(value) => Value::Int(value),
            Default::Float(value) => Value::Float(value),
            Default::Str(value) => Value::Str(value.to_owned()),
        }
    }
}

/// A class of Keras with its parameters, in the order of the constructor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) module: &'static str,
    pub(super) parameters: &'static [(&'static str, Default)],
}

const SEED: (&str, Default) = ("seed", Default::None);
const AXIS: (&str, Default) = ("axis", Default::Int(0));
const FANS: &[(&str, Default)] =
    &[SEED, ("input_axes", Default::None), ("output_axes", Default::None)];
const NORMAL: &[(&str, Default)] =
    &[("mean", Default::Float(0.0)), ("stddev", Default::Float(0.05)), SEED];

const fn class(
    module: &'static str,
    name: &'static str,
    parameters: &'static [(&'static str, Default)],
) -> Class {
    Class { name, module, parameters }
}

const CLASSES: &[Class] = &[
    class(INITIALIZERS, "Zeros", &[]),
    class(INITIALIZERS, "Ones", &[]),
    class(INITIALIZERS, "Constant", &[("value", Default::Float(0.0))]),
    class(INITIALIZERS, "Identity", &[("gain", Default::Float(1.0))]),
    class(INITIALIZERS, "Orthogonal", &[("gain", Default::Float(1.0)), SEED]),
    class(INITIALIZERS, "RandomNormal", NORMAL),
    class(INITIALIZERS, "TruncatedNormal", NORMAL),
    class(
        INITIALIZERS,
        "RandomUniform",
        &[("minval", Default::Float(-0.05)), ("maxval", Default::Float(0.05)), SEED],
    ),
    class(
        INITIALIZERS,
        "VarianceScaling",
        &[
            ("scale", Default::Float(1.0)),
            ("mode", Default::Str("fan_in")),
            ("distribution", Default::Str("truncated_normal")),
            SEED,
            ("input_axes", Default::None),
            ("output_axes", Default::None),
        ],
    ),
    class(INITIALIZERS, "GlorotNormal", FANS),
    class(INITIALIZERS, "GlorotUniform", FANS),
    class(INITIALIZERS, "HeNormal", FANS),
    class(INITIALIZERS, "HeUniform", FANS),
    class(INITIALIZERS, "LecunNormal", FANS),
    class(INITIALIZERS, "LecunUniform", FANS),
    class(
        INITIALIZERS,
        "STFT",
        &[
            ("side", Default::Str("real")),
            ("window", Default::Str("hann")),
            ("scaling", Default::Str("density")),
            ("periodic", Default::False),
        ],
    ),
    class(REGULARIZERS, "L1", &[("l1", Default::Float(0.01))]),
    class(REGULARIZERS, "L2", &[("l2", Default::Float(0.01))]),
    class(REGULARIZERS, "L1L2", &[("l1", Default::Float(0.0)), ("l2", Default::Float(0.0))]),
    class(
        REGULARIZERS,
        "OrthogonalRegularizer",
        &[("factor", Default::Float(0.01)), ("mode", Default::Str("rows"))],
    ),
    class(CONSTRAINTS, "MaxNorm", &[("max_value", Default::Int(2)), AXIS]),
    class(
        CONSTRAINTS,
        "MinMaxNorm",
        &[
            ("min_value", Default::Float(0.0)),
            ("max_value", Default::Float(1.0)),
            ("rate", Default::Float(1.0)),
            AXIS,
        ],
    ),
    class(CONSTRAINTS, "NonNeg", &[]),
    class(CONSTRAINTS, "UnitNorm", &[AXIS]),
];

/// The class of this name, in Keras' spelling or in that of its function: `L1L2`, `l1_l2`.
pub(super) fn class_named(name: &str) -> Option<&'static Class> {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    CLASSES.iter().find(|class| plain(class.name) == plain(name))
}
