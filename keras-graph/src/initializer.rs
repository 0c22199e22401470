//! How weights start. Source: Keras 3.15 `initializers/`.

use crate::literal::{Literal, literal_enum};
use crate::parameter::{number, object_arguments, unknown_word, word};
use crate::schema::{Mismatch, ParameterType};
use crate::value::{Argument, Object, Value};

/// Shape of the random numbers of a [`Rule::VarianceScaling`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Normal, cut at two standard deviations and rescaled for the cut.
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform.
    Uniform,
}

/// Which fan scales a [`Rule::VarianceScaling`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// Inputs.
    In,
    /// Outputs.
    Out,
    /// Their mean.
    Average,
}

/// How a weight's first values are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// All `value`.
    Constant {
        /// The value.
        value: f32,
    },
    /// `gain` on the diagonal of a matrix, else 0.
    Identity {
        /// The diagonal.
        gain: f32,
    },
    /// Uniform in `minval..maxval`.
    RandomUniform {
        /// Lower end.
        minval: f32,
        /// Upper end.
        maxval: f32,
    },
    /// Normal.
    RandomNormal {
        /// Mean.
        mean: f32,
        /// Standard deviation.
        stddev: f32,
    },
    /// Normal, cut at two standard deviations and not rescaled.
    TruncatedNormal {
        /// Mean before the cut.
        mean: f32,
        /// Standard deviation before the cut.
        stddev: f32,
    },
    /// Variance `scale / fan`.
    VarianceScaling {
        /// Numerator of the variance.
        scale: f32,
        /// Denominator of the variance.
        fan: Fan,
        /// Shape of the random numbers.
        distribution: Distribution,
    },
    /// A random orthogonal matrix, times `gain`.
    Orthogonal {
        /// The scale.
        gain: f32,
    },
}

/// A rule, its seed if the user gave one, and the class that Keras calls it by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Initializer {
    /// Keras' class, e.g. `GlorotUniform`.
    pub class: &'static str,
    /// How values are drawn.
    pub rule: Rule,
    /// Seed of this initializer alone; else the model's seed and the weight's path decide.
    pub seed: Option<i64>,
}

/// `Initializer` constructors of Keras.
impl Initializer {
    const fn scaling(
        class: &'static str,
        scale: f32,
        fan: Fan,
        distribution: Distribution,
    ) -> Self {
        Initializer { class, rule: Rule::VarianceScaling { scale, fan, distribution }, seed: None }
    }

    /// Default of kernels.
    pub const GLOROT_UNIFORM: Initializer =
        Initializer::scaling("GlorotUniform", 1.0, Fan::Average, Distribution::Uniform);
    /// Default of biases.
    pub const ZEROS: Initializer = Initializer { class: "Zeros", rule: Rule::Zeros, seed: None };
    /// Default of scales.
    pub const ONES: Initializer = Initializer { class: "Ones", rule: Rule::Ones, seed: None };
    /// Default of embeddings: `RandomUniform(-0.05, 0.05)`.
    pub const UNIFORM: Initializer = Initializer {
        class: "RandomUniform",
        rule: Rule::RandomUniform { minval: -0.05, maxval: 0.05 },
        seed: None,
    };
}

/// Names a Keras user may write for an initializer class.
pub const NAMES: &[(&str, &str)] = &[
    ("constant", "Constant"),
    ("glorot_normal", "GlorotNormal"),
    ("glorot_uniform", "GlorotUniform"),
    ("he_normal", "HeNormal"),
    ("he_uniform", "HeUniform"),
    ("identity", "Identity"),
    ("lecun_normal", "LecunNormal"),
    ("lecun_uniform", "LecunUniform"),
    ("normal", "RandomNormal"),
    ("one", "Ones"),
    ("ones", "Ones"),
    ("orthogonal", "Orthogonal"),
    ("random_normal", "RandomNormal"),
    ("random_uniform", "RandomUniform"),
    ("truncated_normal", "TruncatedNormal"),
    ("uniform", "RandomUniform"),
    ("variance_scaling", "VarianceScaling"),
    ("zero", "Zeros"),
    ("zeros", "Zeros"),
];

literal_enum!(Distribution { TruncatedNormal, UntruncatedNormal, Uniform });
literal_enum!(Fan { In, Out, Average });

impl Initializer {
    /// Keras' configuration of this initializer: its class and arguments.
    pub fn object(&self) -> Object {
        let seed = self.seed.map_or(Value::None, Value::Int);
        let arguments = match self.rule {
            Rule::Zeros | Rule::Ones => vec![],
            Rule::Constant { value } => vec![("value", Value::from(value))],
            Rule::Identity { gain } => vec![("gain", Value::from(gain))],
            Rule::RandomUniform { minval, maxval } => {
                vec![
                    ("minval", Value::from(minval)),
                    ("maxval", Value::from(maxval)),
                    ("seed", seed),
                ]
            }
            Rule::RandomNormal { mean, stddev } | Rule::TruncatedNormal { mean, stddev } => {
                vec![("mean", Value::from(mean)), ("stddev", Value::from(stddev)), ("seed", seed)]
            }
            Rule::VarianceScaling { scale, fan, distribution } => {
                self.scaling_arguments(scale, fan, distribution, seed)
            }
            Rule::Orthogonal { gain } => vec![("gain", Value::from(gain)), ("seed", seed)],
        };
        let arguments = arguments
            .into_iter()
            .map(|(name, value)| Argument { name: Some(name.to_string()), value })
            .collect();
        Object { class: self.class.to_string(), arguments }
    }

    fn scaling_arguments(
        &self,
        scale: f32,
        fan: Fan,
        distribution: Distribution,
        seed: Value,
    ) -> Vec<(&'static str, Value)> {
        if self.class != "VarianceScaling" {
            return vec![("seed", seed)];
        }
        let mode = match fan {
            Fan::In => "fan_in",
            Fan::Out => "fan_out",
            Fan::Average => "fan_avg",
        };
        let distribution = match distribution {
            Distribution::TruncatedNormal => "truncated_normal",
            Distribution::UntruncatedNormal => "untruncated_normal",
            Distribution::Uniform => "uniform",
        };
        vec![
            ("scale", Value::from(scale)),
            ("mode", Value::Str(mode.to_string())),
            ("distribution", Value::Str(distribution.to_string())),
            ("seed", seed),
        ]
    }
}

impl Literal for Rule {
    fn write(&self, out: &mut String) {
        let (variant, fields): (&str, &[(&str, f32)]) = match self {
            Rule::Zeros => ("Zeros", &[]),
            Rule::Ones => ("Ones", &[]),
            Rule::Constant { value } => ("Constant", &[("value", *value)]),
            Rule::Identity { gain } => ("Identity", &[("gain", *gain)]),
            Rule::RandomUniform { minval, maxval } => {
                ("RandomUniform", &[("minval", *minval), ("maxval", *maxval)])
            }
            Rule::RandomNormal { mean, stddev } => {
                ("RandomNormal", &[("mean", *mean), ("stddev", *stddev)])
            }
            Rule::TruncatedNormal { mean, stddev } => {
                ("TruncatedNormal", &[("mean", *mean), ("stddev", *stddev)])
            }
            Rule::Orthogonal { gain } => ("Orthogonal", &[("gain", *gain)]),
            Rule::VarianceScaling { scale, fan, distribution } => {
                out.push_str("::keras::__private::Rule::VarianceScaling{scale: ");
                scale.write(out);
                out.push_str(",fan: ");
                fan.write(out);
                out.push_str(",distribution: ");
                distribution.write(out);
                out.push('}');
                return;
            }
        };
        out.push_str("::keras::__private::Rule::");
        out.push_str(variant);
        out.push('{');
        for (name, value) in fields {
            out.push_str(name);
            out.push_str(": ");
            value.write(out);
            out.push(',');
        }
        out.push('}');
    }
}

impl Literal for Initializer {
    fn write(&self, out: &mut String) {
        out.push_str("::keras::__private::Initializer{class: ");
        self.class.write(out);
        out.push_str(",rule: ");
        self.rule.write(out);
        out.push_str(",seed: ");
        self.seed.write(out);
        out.push('}');
    }
}

impl ParameterType for Initializer {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let object = match value {
            Value::Object(object) => object.clone(),
            Value::Str(class) => Object { class: class.clone(), arguments: vec![] },
            _ => return Err(Mismatch::expected(EXPECTED)),
        };
        let known = |(name, class): &&(&str, &str)| object.class == *name || object.class == *class;
        match NAMES.iter().find(known) {
            Some((_, class)) => from_object(class, &object),
            None => {
                let known = NAMES.iter().flat_map(|(name, class)| [*name, *class]);
                Err(unknown_word(&Value::Str(object.class.clone()), EXPECTED, known))
            }
        }
    }

    fn to_value(&self) -> Value {
        Value::Object(self.object())
    }
}

const EXPECTED: &str = "the name of an initializer, such as `\"he_normal\"`, or an object such as \
                        `initializers.HeNormal(seed = 1)`";

/// Reads the arguments of an initializer of a known class.
fn from_object(class: &'static str, object: &Object) -> Result<Initializer, Mismatch> {
    let names: &[&str] = match class {
        "Zeros" | "Ones" => &[],
        "Constant" => &["value"],
        "Identity" => &["gain"],
        "RandomUniform" => &["minval", "maxval", "seed"],
        "RandomNormal" | "TruncatedNormal" => &["mean", "stddev", "seed"],
        "Orthogonal" => &["gain", "seed"],
        "VarianceScaling" => {
            &["scale", "mode", "distribution", "seed", "input_axes", "output_axes"]
        }
        _ => &["seed", "input_axes", "output_axes"],
    };
    let values = object_arguments(object, names)?;
    let value = |name: &str| names.iter().position(|known| *known == name).and_then(|i| values[i]);
    let wrong =
        |name: &str, what: &str| Mismatch::expected(format!("`{class}` with {what} for `{name}`"));
    let float = |name: &str, default: f32| {
        value(name).map_or(Some(default), number).ok_or_else(|| wrong(name, "a number"))
    };
    for name in ["input_axes", "output_axes"] {
        if value(name).is_some_and(|axes| *axes != Value::None) {
            return Err(wrong(name, "only `None`"));
        }
    }
    let seed = value("seed").map_or(Ok(None), Option::<i64>::from_value);
    let seed = seed.map_err(|_| wrong("seed", "an integer or `None`"))?;
    let rule = match class {
        "Zeros" => Rule::Zeros,
        "Ones" => Rule::Ones,
        "Constant" => Rule::Constant { value: float("value", 0.0)? },
        "Identity" => Rule::Identity { gain: float("gain", 1.0)? },
        "RandomUniform" => {
            Rule::RandomUniform { minval: float("minval", -0.05)?, maxval: float("maxval", 0.05)? }
        }
        "RandomNormal" => {
            Rule::RandomNormal { mean: float("mean", 0.0)?, stddev: float("stddev", 0.05)? }
        }
        "TruncatedNormal" => {
            Rule::TruncatedNormal { mean: float("mean", 0.0)?, stddev: float("stddev", 0.05)? }
        }
        "Orthogonal" => Rule::Orthogonal { gain: float("gain", 1.0)? },
        "VarianceScaling" => {
            let scale = float("scale", 1.0)?;
            if scale <= 0.0 {
                return Err(wrong("scale", "a positive number"));
            }
            let fans = [("fan_in", Fan::In), ("fan_out", Fan::Out), ("fan_avg", Fan::Average)];
            let distributions = [
                ("truncated_normal", Distribution::TruncatedNormal),
                ("normal", Distribution::TruncatedNormal),
                ("untruncated_normal", Distribution::UntruncatedNormal),
                ("uniform", Distribution::Uniform),
            ];
            Rule::VarianceScaling {
                scale,
                fan: choice(value("mode"), &fans).map_err(|known| wrong("mode", &known))?,
                distribution: choice(value("distribution"), &distributions)
                    .map_err(|known| wrong("distribution", &known))?,
            }
        }
        _ => scaling_rule(class),
    };
    Ok(Initializer { class, rule, seed })
}

/// The rule of a class that is a variance scaling with fixed arguments.
fn scaling_rule(class: &str) -> Rule {
    let (scale, fan) = match class {
        "GlorotNormal" | "GlorotUniform" => (1.0, Fan::Average),
        "HeNormal" | "HeUniform" => (2.0, Fan::In),
        _ => (1.0, Fan::In),
    };
    let uniform = class.ends_with("Uniform");
    let distribution = if uniform { Distribution::Uniform } else { Distribution::TruncatedNormal };
    Rule::VarianceScaling { scale, fan, distribution }
}

/// The meaning of a word, the first by default; or the list of known words.
fn choice<T: Copy>(value: Option<&Value>, known: &[(&str, T)]) -> Result<T, String> {
    let Some(value) = value else { return Ok(known[0].1) };
    let found = known.iter().find(|(name, _)| word(value) == Some(*name));
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("`\"{name}\"`")).collect();
        format!("one of {}", names.join(", "))
    })
}
