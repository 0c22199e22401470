//! The activation functions, as functions on tensors: what `keras.ops` has of them and what
//! `keras.activations` alone has.
//!
//! Both modules save a call as the same operation, with three exceptions: `activations.relu` takes
//! a slope and bounds and is saved as `ReLU`, `activations.gelu` is exact where `ops.gelu` is
//! approximate, and `mish` has no function in `keras.ops`. Source: Keras 3.15
//! `activations/activations.py`, `ops/nn.py`.

use super::elementwise::apply;
use super::operand::Operand;
use super::{Default, Operation, functions};
use crate::activation::Activation;
use crate::graph::{Graph, LayerError, NodeId};
use crate::parameter::NonNegative;

type Result<T> = std::result::Result<T, LayerError>;

functions! {
    /// `x` where it is positive, else `alpha · (e^(x / alpha) - 1)`.
    "nn" Celu("celu") (x, alpha) ["x"] {
        /// Scale of the negative part.
        alpha: number = Default::Float(1.0),
    } |op, graph, args| {
        let alpha = op.argument("alpha")?;
        apply(op, graph, args, Activation::Celu { alpha })
    };
    /// `x` where it is positive, else `alpha · (e^x - 1)`.
    "nn" Elu("elu") (x, alpha) ["x"] {
        /// Scale of the negative part.
        alpha: number = Default::Float(1.0),
    } |op, graph, args| {
        let alpha = op.argument("alpha")?;
        apply(op, graph, args, Activation::Elu { alpha })
    };
    /// `x · Φ(x)`, where `Φ` is the distribution of a standard normal number.
    "nn" Gelu("gelu") (x, approximate) ["x"] {
        /// Whether `Φ` is approximated by a hyperbolic tangent.
        approximate = Default::Bool(true),
    } gelu;
    /// The first half of an axis times the sigmoid of the second.
    "nn" Glu("glu") (x, axis) ["x"] {
        /// The axis that is halved.
        axis = Default::Int(-1),
    } => along(Graph::glu);
    /// `x` where it is beyond a threshold on either side, else 0.
    "nn" HardShrink("hard_shrink") (x, threshold) ["x"] {
        /// The threshold.
        threshold: number = Default::Float(0.5),
    } |op, graph, args| {
        let threshold = op.argument("threshold")?;
        apply(op, graph, args, Activation::HardShrink { threshold })
    };
    /// Each element, kept between -1 and 1.
    "nn" HardTanh("hard_tanh") (x) ["x"] {} => apply(Activation::HardTanh);
    /// `x` where it is positive, else `negative_slope · x`.
    "nn" LeakyRelu("leaky_relu") (x, negative_slope) ["x"] {
        /// Slope of the negative part. The layer `LeakyReLU` has 0.3.
        negative_slope: number = Default::Float(0.2),
    } |op, graph, args| {
        let NonNegative(negative_slope) = op.argument("negative_slope")?;
        apply(op, graph, args, Activation::LeakyRelu { negative_slope })
    };
    /// `log(1 / (1 + e^-x))` of each element.
    "nn" LogSigmoid("log_sigmoid") (x) ["x"] {} => apply(Activation::LogSigmoid);
    /// The exponential linear unit that keeps mean and variance.
    "nn" Selu("selu") (x) ["x"] {} => apply(Activation::Selu);
    /// `x` moved towards 0 by a threshold, 0 within it.
    "nn" SoftShrink("soft_shrink") (x, threshold) ["x"] {
        /// The threshold.
        threshold: number = Default::Float(0.5),
    } |op, graph, args| {
        let threshold = op.argument("threshold")?;
        apply(op, graph, args, Activation::SoftShrink { threshold })
    };
    /// `x / (1 + |x|)` of each element.
    "nn" Softsign("softsign") (x) ["x"] {} => apply(Activation::Softsign);
    /// 0 below -1, `x` above 1, `(x + 1)² / 4` between them.
    "nn" SparsePlus("sparse_plus") (x) ["x"] {} => apply(Activation::SparsePlus);
    /// 0 below -1, 1 above 1, `(x + 1) / 2` between them.
    "nn" SparseSigmoid("sparse_sigmoid") (x) ["x"] {} => apply(Activation::SparseSigmoid);
    /// The nearest point whose elements along an axis are shares that sum to 1: some may be 0.
    "nn" Sparsemax("sparsemax") (x, axis) ["x"] {
        /// The axis.
        axis = Default::Int(-1),
    } => along(Graph::sparsemax);
    /// `(x + √(x² + b)) / 2` of each element.
    "nn" Squareplus("squareplus") (x, b) ["x"] {
        /// How smooth the function is around 0.
        b: number = Default::Int(4),
    } |op, graph, args| {
        let b = op.argument("b")?;
        apply(op, graph, args, Activation::Squareplus { b })
    };
    /// `x` where it is above a threshold, else another number.
    "nn" Threshold("threshold") (x, threshold, default_value) ["x"] {
        /// The threshold.
        threshold: number,
        /// What stands in place of an element at or below it.
        default_value: number,
    } |op, graph, args| {
        let (threshold, value) = (op.argument("threshold")?, op.argument("default_value")?);
        apply(op, graph, args, Activation::Threshold { threshold, value })
    };
    /// `x - tanh(x)` of each element.
    "nn" TanhShrink("tanh_shrink") (x) ["x"] {} => apply(Activation::TanhShrink);
}

/// What `keras.activations` has, or names, otherwise than `keras.ops`.
pub(super) mod own {
    use super::{Activation, Default, NonNegative, apply, functions, gelu};

    functions! {
        /// `e^x` of each element.
        "numpy" Exp("exponential") (x) ["x"] {} => apply(Activation::Exponential);
        /// `x · Φ(x)`, where `Φ` is the distribution of a standard normal number.
        "nn" Gelu("gelu") (x, approximate) ["x"] {
            /// Whether `Φ` is approximated by a hyperbolic tangent.
            approximate = Default::Bool(false),
        } gelu;
        /// `x · tanh(log(1 + e^x))` of each element.
        Mish("mish") (x) ["x"] {} => apply(Activation::Mish);
        /// `x` above a threshold, else `negative_slope · (x - threshold)`; then at most
        /// `max_value`.
        ReLU("relu") (x, negative_slope, max_value, threshold) ["x"] {
            /// Slope below the threshold.
            negative_slope: number = Default::Float(0.0),
            /// Largest result; no bound by default.
            max_value: number = Default::None,
            /// Where the slope changes.
            threshold: number = Default::Float(0.0),
        } |op, graph, args| {
            let NonNegative(negative_slope) = op.argument("negative_slope")?;
            let NonNegative(threshold) = op.argument("threshold")?;
            let max_value = op.argument::<Option<NonNegative>>("max_value")?;
            let max_value = max_value.map_or(f32::INFINITY, |NonNegative(bound)| bound);
            apply(op, graph, args, Activation::Relu { negative_slope, max_value, threshold })
        };
    }
}

/// A function along one axis.
fn along(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: fn(&mut Graph, NodeId, usize) -> Result<NodeId>,
) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let shape = graph.shape(x).clone();
    let axis = op.axis("axis", op.argument("axis")?, shape.rank(), &shape.to_string())?;
    Ok(vec![f(graph, x, axis)?])
}

fn gelu(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let approximate = op.argument("approximate")?;
    let f = if approximate { Activation::GeluTanh } else { Activation::Gelu };
    apply(op, graph, args, f)
}
