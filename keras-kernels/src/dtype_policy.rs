//! What numbers a training or a prediction computes with.

use alloc::string::{String, ToString as _};
use core::fmt;
use core::str::FromStr;

use keras_ir::algorithm::Algorithm;
use keras_ir::plan::Step;
use keras_target::target::{MixedBfloat16, Target as _};

/// Keras' dtype policy, of a run and not of a model:
/// `model.compile(..).dtype_policy(DtypePolicy::MixedBfloat16)`, or by name
/// `"mixed_bfloat16".parse()?`.
///
/// Whatever the policy, weights, gradients, the optimizer's state, losses and files hold `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DtypePolicy {
    /// All is computed in `f32`.
    #[default]
    Float32,
    /// Products of matrices and convolutions, forward and in gradients, round both operands to
    /// bfloat16, which has the exponents of `f32` and 8 bits of precision, and add up in `f32`.
    ///
    /// More exact than Keras, which rounds biases and activations too. Not rounded are depthwise
    /// convolutions, those with groups, and those where nothing would be gained: of few channels or
    /// filters, and forward 3 x 3 ones of many, which Winograd's algorithm does in less time. Twice
    /// the rate of `f32` where a processor multiplies bfloat16 at that rate (AVX512_BF16 on AMD);
    /// slower than `f32` where it does not.
    MixedBfloat16,
}

impl DtypePolicy {
    /// Keras' name.
    pub fn name(self) -> &'static str {
        match self {
            DtypePolicy::Float32 => "float32",
            DtypePolicy::MixedBfloat16 => "mixed_bfloat16",
        }
    }

    /// The algorithm that computes a step of a plan for a CPU. Ask once, not at each batch.
    pub fn algorithm(self, step: &Step) -> Algorithm {
        match self {
            DtypePolicy::Float32 => step.algorithm,
            DtypePolicy::MixedBfloat16 => MixedBfloat16.algorithm(&step.op),
        }
    }
}

impl fmt::Display for DtypePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of no [`DtypePolicy`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownDtypePolicy(
    /// The name.
    pub String,
);

impl fmt::Display for UnknownDtypePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnknownDtypePolicy(name) = self;
        write!(f, "`dtype_policy`: expected `float32` or `mixed_bfloat16`, found `{name}`")
    }
}

impl core::error::Error for UnknownDtypePolicy {}

impl FromStr for DtypePolicy {
    type Err = UnknownDtypePolicy;

    /// The policy of a name. Errors: any but `float32` and `mixed_bfloat16`.
    fn from_str(name: &str) -> Result<DtypePolicy, UnknownDtypePolicy> {
        let policies = [DtypePolicy::Float32, DtypePolicy::MixedBfloat16];
        let policy = policies.into_iter().find(|policy| policy.name() == name);
        policy.ok_or_else(|| UnknownDtypePolicy(name.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_have_the_names_of_keras() {
        for policy in [DtypePolicy::Float32, DtypePolicy::MixedBfloat16] {
            assert_eq!(policy.to_string().parse::<DtypePolicy>().unwrap(), policy);
        }
        let error = "mixed_float16".parse::<DtypePolicy>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`dtype_policy`: expected `float32` or `mixed_bfloat16`, found `mixed_float16`"
        );
    }
}
