//! How weights start. Source: Keras 3.15 `initializers/`.

pub use keras_ir::initializer::{Distribution, Fan, Initializer, Rule, fans};

use crate::parameter::{number, object_arguments, unknown_word, word};
use crate::schema::{Mismatch, ParameterType};
use crate::value::{ARRAY, Argument, Object, Value};

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

/// Keras' configuration of an initializer: its class and arguments.
fn object(initializer: &Initializer) -> Object {
    let seed = initializer.seed.map_or(Value::None, Value::Int);
    let arguments = match initializer.rule {
        Rule::Zeros | Rule::Ones => vec![],
        // What the array held is in the weights of the file that this is written to.
        Rule::Unkept => vec![("value", Value::from(0.0))],
        Rule::Constant { value } => vec![("value", Value::from(value))],
        Rule::Identity { gain } => vec![("gain", Value::from(gain))],
        Rule::RandomUniform { minval, maxval } => {
            vec![("minval", Value::from(minval)), ("maxval", Value::from(maxval)), ("seed", seed)]
        }
        Rule::RandomNormal { mean, stddev } | Rule::TruncatedNormal { mean, stddev } => {
            vec![("mean", Value::from(mean)), ("stddev", Value::from(stddev)), ("seed", seed)]
        }
        Rule::VarianceScaling { scale, fan, distribution } => {
            scaling_arguments(initializer.class, scale, fan, distribution, seed)
        }
        Rule::Orthogonal { gain } => vec![("gain", Value::from(gain)), ("seed", seed)],
    };
    let arguments = arguments
        .into_iter()
        .map(|(name, value)| Argument { name: Some(name.to_string()), value })
        .collect();
    Object { class: initializer.class.to_string(), arguments }
}

fn scaling_arguments(
    class: &str,
    scale: f32,
    fan: Fan,
    distribution: Distribution,
    seed: Value,
) -> Vec<(&'static str, Value)> {
    if class != "VarianceScaling" {
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
        Value::Object(object(self))
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
        "Constant" => match value("value") {
            Some(Value::Object(array)) if array.class == ARRAY => Rule::Unkept,
            Some(Value::List(_)) => {
                let help = "set the weights of the model, as in `model.embedding.embeddings = ..`";
                return Err(Mismatch {
                    help: Some(help.to_string()),
                    ..wrong("value", "a number")
                });
            }
            _ => Rule::Constant { value: float("value", 0.0)? },
        },
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
    Ok(Initializer { class, rule, seed, forget_gate: false })
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
