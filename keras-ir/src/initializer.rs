//! How weights start. Source: Keras 3.15 `initializers/`.

use alloc::string::String;

use crate::literal::{Literal, literal_enum};

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

/// Number of inputs and outputs of a unit, as Keras counts them from a weight's extents.
pub fn fans(shape: &[usize]) -> (f64, f64) {
    match shape {
        [] => (1.0, 1.0),
        [extent] => (*extent as f64, *extent as f64),
        [window @ .., inputs, outputs] => {
            let window = window.iter().product::<usize>() as f64;
            (*inputs as f64 * window, *outputs as f64 * window)
        }
    }
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
    /// An array of numbers in a file, which is not kept: such weights are loaded.
    Unkept,
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
    /// Whether the second quarter of the values is 1: the bias of an LSTM's forget gates.
    pub forget_gate: bool,
}

impl Initializer {
    const fn scaling(
        class: &'static str,
        scale: f32,
        fan: Fan,
        distribution: Distribution,
    ) -> Self {
        Initializer::of(class, Rule::VarianceScaling { scale, fan, distribution })
    }

    const fn of(class: &'static str, rule: Rule) -> Self {
        Initializer { class, rule, seed: None, forget_gate: false }
    }

    /// Default of kernels.
    pub const GLOROT_UNIFORM: Initializer =
        Initializer::scaling("GlorotUniform", 1.0, Fan::Average, Distribution::Uniform);
    /// Default of biases.
    pub const ZEROS: Initializer = Initializer::of("Zeros", Rule::Zeros);
    /// Default of scales.
    pub const ONES: Initializer = Initializer::of("Ones", Rule::Ones);
    /// Default of recurrent kernels.
    pub const ORTHOGONAL: Initializer =
        Initializer::of("Orthogonal", Rule::Orthogonal { gain: 1.0 });
    /// Default of embeddings: `RandomUniform(-0.05, 0.05)`.
    pub const UNIFORM: Initializer =
        Initializer::of("RandomUniform", Rule::RandomUniform { minval: -0.05, maxval: 0.05 });
}

literal_enum!(Distribution { TruncatedNormal, UntruncatedNormal, Uniform });
literal_enum!(Fan { In, Out, Average });

impl Literal for Rule {
    fn write(&self, out: &mut String) {
        let (variant, fields): (&str, &[(&str, f32)]) = match self {
            Rule::Zeros => ("Zeros", &[]),
            Rule::Ones => ("Ones", &[]),
            Rule::Unkept => ("Unkept", &[]),
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
        out.push_str(",forget_gate: ");
        self.forget_gate.write(out);
        out.push('}');
    }
}
