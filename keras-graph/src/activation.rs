//! The activation functions: one table for `Activation("relu")`, `activation = "relu"` and the
//! layers named for them.
//!
//! Element-wise functions are data ([`Activation`]) that an op carries, so that a product can apply
//! them on its way out. Those that look along an axis ([`ActivationFunction`] has both kinds) are
//! ops of their own. Source: Keras 3.15 `activations/activations.py`.

pub use keras_ir::activation::Activation;

/// A function that Keras knows by name: element-wise, or along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ActivationFunction {
    /// Applied to each element.
    ElementWise(Activation),
    /// `softmax` along the last axis.
    Softmax,
    /// `log_softmax` along the last axis.
    LogSoftmax,
    /// `sparsemax` along the last axis.
    Sparsemax,
    /// `glu` along the last axis: the first half times the sigmoid of the second.
    Glu,
}

/// The names, in alphabetical order, with what they stand for.
pub const FUNCTIONS: &[(&str, ActivationFunction)] = {
    use Activation::*;
    use ActivationFunction::{ElementWise, Glu, LogSoftmax, Softmax, Sparsemax};
    &[
        ("celu", ElementWise(Celu { alpha: 1.0 })),
        ("elu", ElementWise(Elu { alpha: 1.0 })),
        ("exponential", ElementWise(Exponential)),
        ("gelu", ElementWise(Gelu)),
        ("glu", Glu),
        ("hard_shrink", ElementWise(HardShrink { threshold: 0.5 })),
        ("hard_sigmoid", ElementWise(HardSigmoid)),
        ("hard_silu", ElementWise(HardSilu)),
        ("hard_swish", ElementWise(HardSilu)),
        ("hard_tanh", ElementWise(HardTanh)),
        ("leaky_relu", ElementWise(LeakyRelu { negative_slope: 0.2 })),
        ("linear", ElementWise(Linear)),
        ("log_sigmoid", ElementWise(LogSigmoid)),
        ("log_softmax", LogSoftmax),
        ("mish", ElementWise(Mish)),
        ("relu", ElementWise(Activation::RELU)),
        ("relu6", ElementWise(Relu { negative_slope: 0.0, max_value: 6.0, threshold: 0.0 })),
        ("selu", ElementWise(Selu)),
        ("sigmoid", ElementWise(Sigmoid)),
        ("silu", ElementWise(Silu)),
        ("soft_shrink", ElementWise(SoftShrink { threshold: 0.5 })),
        ("softmax", Softmax),
        ("softplus", ElementWise(Softplus)),
        ("softsign", ElementWise(Softsign)),
        ("sparse_plus", ElementWise(SparsePlus)),
        ("sparse_sigmoid", ElementWise(SparseSigmoid)),
        ("sparsemax", Sparsemax),
        ("squareplus", ElementWise(Squareplus { b: 4.0 })),
        ("swish", ElementWise(Silu)),
        ("tanh", ElementWise(Tanh)),
        ("tanh_shrink", ElementWise(TanhShrink)),
    ]
};

impl ActivationFunction {
    /// The function that Keras calls `name`.
    pub fn by_name(name: &str) -> Option<ActivationFunction> {
        FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }
}
