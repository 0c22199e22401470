//! Functions of each element, and softmax along an axis.

use super::operand::{Operand, counted};
use super::{Default, Operation, functions};
use crate::activation::Activation;
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::op::BinaryFunction;
use crate::parameter::DtypeName;

type Result<T> = std::result::Result<T, LayerError>;

functions! {
    /// `e^x` of each element.
    "numpy" Exp("exp") (x) ["x"] {} => apply(Activation::Exponential);
    /// The natural logarithm of each element.
    "numpy" Log("log") (x) ["x"] {} => apply(Activation::Log);
    /// The square root of each element.
    "numpy" Sqrt("sqrt") (x) ["x"] {} => apply(Activation::Sqrt);
    /// `1 / √x` of each element.
    "math" Rsqrt("rsqrt") (x) ["x"] {} |op, graph, args| {
        let root = apply(op, graph, args, Activation::Sqrt)?[0];
        Ok(vec![inverse(graph, root)?])
    };
    /// `1 / x` of each element.
    "numpy" Reciprocal("reciprocal") (x) ["x"] {} |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        let x = graph.float(x)?;
        Ok(vec![inverse(graph, x)?])
    };
    /// The square of each element.
    "numpy" Square("square") (x) ["x"] {} |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        let x = counted(graph, x)?;
        Ok(vec![super::arithmetic::same(graph, x, x, BinaryFunction::Multiply)?])
    };
    /// The absolute value of each element.
    "numpy" Absolute("abs", "absolute") (x) ["x"] {} |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        if graph.dtype(x) != Dtype::Int32 {
            return keeping_type(op, graph, args, Activation::Absolute);
        }
        let negative = negative(graph, x)?;
        Ok(vec![graph.binary_int(x, negative, BinaryFunction::Maximum)?])
    };
    /// -1, 0 or 1: the sign of each element.
    "numpy" Sign("sign") (x) ["x"] {} => keeping_type(Activation::Sign);
    /// The largest whole number that is not above each element.
    "numpy" Floor("floor") (x) ["x"] {} => apply(Activation::Floor);
    /// The smallest whole number that is not below each element.
    "numpy" Ceil("ceil") (x) ["x"] {} |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        let below = graph.affine(x, -1.0, 0.0)?;
        let below = graph.unary(below, Activation::Floor)?;
        Ok(vec![graph.affine(below, -1.0, 0.0)?])
    };
    /// `log(1 + x)` of each element, exact near 0.
    "numpy" Log1p("log1p") (x) ["x"] {} => apply(Activation::Log1p);
    /// The sine of each element.
    "numpy" Sin("sin") (x) ["x"] {} => apply(Activation::Sin);
    /// The cosine of each element.
    "numpy" Cos("cos") (x) ["x"] {} => apply(Activation::Cos);
    /// The hyperbolic tangent of each element.
    "numpy" Tanh("tanh") (x) ["x"] {} => apply(Activation::Tanh);
    /// `-x` of each element.
    "numpy" Negative("negative") (x) ["x"] {} |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        Ok(vec![negative(graph, x)?])
    };
    /// `1 / (1 + e^-x)` of each element.
    "nn" Sigmoid("sigmoid") (x) ["x"] {} => apply(Activation::Sigmoid);
    /// `max(x, 0)` of each element.
    "nn" Relu("relu") (x) ["x"] {} => apply(Activation::RELU);
    /// `min(max(x, 0), 6)` of each element.
    "nn" Relu6("relu6") (x) ["x"] {} |op, graph, args| {
        let f = Activation::Relu { negative_slope: 0.0, max_value: 6.0, threshold: 0.0 };
        apply(op, graph, args, f)
    };
    /// `x · sigmoid(x)` of each element.
    "nn" Silu("silu", "swish") (x) ["x"] {} => apply(Activation::Silu);
    /// `log(1 + e^x)` of each element.
    "nn" Softplus("softplus") (x) ["x"] {} => apply(Activation::Softplus);
    /// `x / 6 + 1 / 2` of each element, between 0 and 1.
    "nn" HardSigmoid("hard_sigmoid") (x) ["x"] {} => apply(Activation::HardSigmoid);
    /// `x · hard_sigmoid(x)` of each element.
    "nn" HardSilu("hard_silu", "hard_swish") (x) ["x"] {} => apply(Activation::HardSilu);
    /// `exp(x) / Σ exp(x)` along an axis.
    "nn" Softmax("softmax") (x, axis) ["x"] {
        /// The axis, or the axes, of which each sums to 1.
        axis = Default::Int(-1),
    } => along(Graph::softmax);
    /// `x - log Σ exp(x)` along an axis.
    "nn" LogSoftmax("log_softmax") (x, axis) ["x"] {
        /// The axis, or the axes.
        axis = Default::Int(-1),
    } => along(Graph::log_softmax);
    /// The elements as numbers of another type.
    "core" Cast("cast") (x, dtype) ["x"] {
        /// `"float32"`, `"int32"` or `"bool"`.
        dtype,
    } |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        let DtypeName(dtype) = op.argument("dtype")?;
        let y = graph.cast(x, dtype)?;
        // A result of its own: what is cast may be an input.
        Ok(vec![if y == x { graph.copied(x)? } else { y }])
    };
}

/// A function of each element.
pub(super) fn apply(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: Activation,
) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    Ok(vec![graph.unary(x, f)?])
}

/// A function whose result has the type of what it is applied to.
fn keeping_type(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: Activation,
) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let dtype = graph.dtype(x);
    let y = graph.unary(x, f)?;
    Ok(vec![graph.cast(y, dtype)?])
}

/// `-x`, of integers as integers.
fn negative(graph: &mut Graph, x: NodeId) -> Result<NodeId> {
    if graph.dtype(x) == Dtype::Int32 {
        let zero = graph.ramp(&graph.extents(x), 0.0, 0.0)?;
        let zero = graph.truncated(zero)?;
        return graph.binary_int(zero, x, BinaryFunction::Subtract);
    }
    let dtype = graph.dtype(x);
    let y = graph.affine(x, -1.0, 0.0)?;
    graph.cast(y, dtype)
}

fn inverse(graph: &mut Graph, x: NodeId) -> Result<NodeId> {
    let one = graph.ramp(&graph.extents(x), 1.0, 0.0)?;
    graph.binary(one, x, BinaryFunction::Divide)
}

/// A function along one axis, or along several as if they were one.
fn along(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: fn(&mut Graph, NodeId, usize) -> Result<NodeId>,
) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let axes = op.axes(graph, x)?;
    if let [axis] = axes[..] {
        return Ok(vec![f(graph, x, axis)?]);
    }
    let y = graph.with_axes_last(x, &axes, |graph, x| {
        let extents = graph.extents(x);
        let (outer, inner) = extents.split_at(extents.len() - axes.len());
        let flat = graph.reshape(x, &[outer, &[inner.iter().product()]].concat())?;
        let y = f(graph, flat, outer.len())?;
        graph.reshape(y, &extents)
    })?;
    Ok(vec![y])
}
