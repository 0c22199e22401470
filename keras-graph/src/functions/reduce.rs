//! Functions that reduce axes: sums, means, extrema, truth values.

use super::operand::{LARGEST_WHOLE, Operand, counted};
use super::{Default, Operation, functions};
use crate::activation::Activation;
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::op::{BinaryFunction, Comparison, ReduceFunction};
use crate::ops::kept;
use crate::parameter::{NormOrder, OnlyNone};
use crate::schema::ParameterType;

type Result<T> = std::result::Result<T, LayerError>;

functions! {
    /// The sum over axes.
    "numpy" Sum("sum") (x, axis, keepdims) ["x"] {
        /// The axis, or the axes, that are summed over.
        axis = Default::None,
        /// Whether they stay, with an extent of 1.
        keepdims = Default::Bool(false),
    } |op, graph, args| reduced(op, graph, args, |graph, x, axes| {
        let count = axes.iter().fold(1, |n: u64, &axis| n * graph.extents(x)[axis] as u64);
        match graph.dtype(x) {
            Dtype::Float32 => graph.sum_axes(x, axes),
            // So few truth values are counted exactly as floats.
            Dtype::Bool if count <= LARGEST_WHOLE => {
                let sum = graph.sum_axes(x, axes)?;
                graph.cast(sum, Dtype::Int32)
            }
            Dtype::Bool | Dtype::Int32 => {
                let x = counted(graph, x)?;
                graph.reduce_integers(x, axes, BinaryFunction::Add)
            }
        }
    });
    /// The mean over axes.
    "numpy" Mean("mean") (x, axis, keepdims) ["x"] {
        /// The axis, or the axes, of which the mean is taken.
        axis = Default::None,
        /// Whether they stay, with an extent of 1.
        keepdims = Default::Bool(false),
    } => reduced(Graph::mean_axes);
    /// The mean squared distance from the mean over axes.
    "numpy" Var("var") (x, axis, keepdims) ["x"] {
        /// The axis, or the axes, of which the variance is taken.
        axis = Default::None,
        /// Whether they stay, with an extent of 1.
        keepdims = Default::Bool(false),
    } => reduced(variance);
    /// The root of the mean squared distance from the mean over axes.
    "numpy" Std("std") (x, axis, keepdims) ["x"] {
        /// The axis, or the axes, of which the deviation is taken.
        axis = Default::None,
        /// Whether they stay, with an extent of 1.
        keepdims = Default::Bool(false),
    } |op, graph, args| reduced(op, graph, args, |graph, x, axes| {
        let variance = variance(graph, x, axes)?;
        graph.unary(variance, Activation::Sqrt)
    });
    /// The largest element over axes.
    "numpy" Max("max") (x, axis, keepdims, initial) ["x"] {
        /// The axis, or the axes, of which the largest is kept.
        axis = Default::None,
        /// Whether they stay, with an extent of 1.
        keepdims = Default::Bool(false),
        /// Not supported yet.
        initial = Default::None,
    } => extremum(ReduceFunction::Max);
    /// The smallest element over axes.
    "numpy" Min("min") (x, axis, keepdims, initial) ["x"] {
        /// The axis, or the axes, of which the smallest is kept.
        axis = Default::None,
        /// Whether they stay, with an extent of 1.
        keepdims = Default::Bool(false),
        /// Not supported yet.
        initial = Default::None,
    } => extremum(ReduceFunction::Min);
    /// The number of the largest element along an axis, the first of several.
    "numpy" Argmax("argmax") (x, axis, keepdims) ["x"] {
        /// The axis along which elements are numbered.
        axis = Default::None,
        /// Whether it stays, with an extent of 1.
        keepdims = Default::Bool(false),
    } => place(ReduceFunction::Max);
    /// The number of the smallest element along an axis, the first of several.
    "numpy" Argmin("argmin") (x, axis, keepdims) ["x"] {
        /// The axis along which elements are numbered.
        axis = Default::None,
        /// Whether it stays, with an extent of 1.
        keepdims = Default::Bool(false),
    } => place(ReduceFunction::Min);
    /// `log Σ exp(x)` over axes.
    "math" Logsumexp("logsumexp") (x, axis, keepdims) ["x"] {
        /// The axis, or the axes, that are summed over.
        axis = Default::None,
        /// Whether they stay, with an extent of 1.
        keepdims = Default::Bool(false),
    } => reduced(log_sum_exp);
    /// The length of the vectors along axes.
    "linalg" Norm("norm") (x, ord, axis, keepdims) ["x"] {
        /// `None` or 2 for the Euclidean length, 1 for the sum of absolute values,
        /// `float("inf")` for the largest of them; `"fro"` for a matrix of two axes.
        ord: number = Default::None,
        /// The axis of a vector, or the two axes of a matrix.
        axis = Default::None,
        /// Whether they stay, with an extent of 1.
        keepdims = Default::Bool(false),
    } => norm();
    /// Whether some element over axes is true.
    "numpy" Any("any") (x, axis, keepdims) ["x"] {
        /// The axis, or the axes, that are looked at.
        axis = Default::None,
        /// Whether they stay, with an extent of 1.
        keepdims = Default::Bool(false),
    } => truth(ReduceFunction::Max);
    /// Whether all elements over axes are true.
    "numpy" All("all") (x, axis, keepdims) ["x"] {
        /// The axis, or the axes, that are looked at.
        axis = Default::None,
        /// Whether they stay, with an extent of 1.
        keepdims = Default::Bool(false),
    } => truth(ReduceFunction::Min);
    /// The sums of the elements up to each along an axis.
    "numpy" Cumsum("cumsum") (x, axis, dtype) ["x"] {
        /// The axis along which elements are summed.
        axis = Default::None,
        /// The type; that of the tensor by default, `"int32"` for truth values.
        dtype = Default::None,
    } |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        let shape = graph.shape(x).clone();
        let Some(axis) = op.argument::<Option<i64>>("axis")? else {
            let message = format!(
                "`cumsum` needs an `axis`: without one it would join the samples of {shape}"
            );
            return Err(LayerError::argument("axis", message));
        };
        let axis = op.axis("axis", axis, shape.rank(), &shape.to_string())?;
        let x = counted(graph, x)?;
        let dtype = op.dtype_or(graph.dtype(x))?;
        let x = graph.cast(x, dtype)?;
        Ok(vec![match dtype {
            Dtype::Int32 => graph.cumsum_integers(x, axis)?,
            Dtype::Float32 | Dtype::Bool => graph.cumsum(x, axis, false)?,
        }])
    };
}

/// The number of the first element along an axis that is the largest or the smallest; that of the
/// first NaN if there is one.
fn place(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: ReduceFunction,
) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let (extents, shape) = (graph.extents(x), graph.shape(x).to_string());
    let name = op.function.name();
    let Some(axis) = op.argument::<Option<i64>>("axis")? else {
        let message =
            format!("`{name}` needs an `axis`: without one it would join the samples of {shape}");
        return Err(LayerError::argument("axis", message));
    };
    let axis = op.axis("axis", axis, extents.len(), &shape)?;
    if extents[axis] as u64 > LARGEST_WHOLE {
        let message =
            format!("`{name}` counts up to {LARGEST_WHOLE}, found axis {} of {shape}", axis + 1);
        return Err(LayerError::argument("axis", message));
    }
    let best = extreme(graph, x, &[axis], f)?;
    let best = graph.spread(best, &[axis], x)?;
    let mut is_best = graph.compare(x, best, Comparison::Equal)?;
    if graph.dtype(x) == Dtype::Float32 {
        let is_nan = graph.compare(x, x, Comparison::NotEqual)?;
        is_best = graph.either(is_best, is_nan)?;
    }
    let mut line = vec![1; extents.len()];
    line[axis] = extents[axis];
    let numbers = graph.ramp(&line, 0.0, 1.0)?;
    let numbers = graph.broadcast(numbers, &extents)?;
    let beyond = graph.ramp(&extents, extents[axis] as f32, 0.0)?;
    let numbers = graph.choose(is_best, numbers, beyond)?;
    let first = graph.reduce_axes(numbers, &[axis], ReduceFunction::Min)?;
    let first = graph.truncated(first)?;
    if !op.argument::<bool>("keepdims")? {
        return Ok(vec![first]);
    }
    Ok(vec![graph.reshape(first, &kept(&extents, &[axis]))?])
}

/// The largest or the smallest over axes, in the type of `x`.
fn extreme(graph: &mut Graph, x: NodeId, axes: &[usize], f: ReduceFunction) -> Result<NodeId> {
    let dtype = graph.dtype(x);
    if dtype == Dtype::Int32 {
        let f = match f {
            ReduceFunction::Max => BinaryFunction::Maximum,
            ReduceFunction::Min => BinaryFunction::Minimum,
        };
        return graph.reduce_integers(x, axes, f);
    }
    let y = graph.reduce_axes(x, axes, f)?;
    graph.set_dtype(y, dtype);
    Ok(y)
}

/// Beside the largest, no exponential is too large. Where that is infinite, nothing is taken off.
fn log_sum_exp(graph: &mut Graph, x: NodeId, axes: &[usize]) -> Result<NodeId> {
    let x = graph.float(x)?;
    let largest = graph.reduce_axes(x, axes, ReduceFunction::Max)?;
    let size = graph.unary(largest, Activation::Absolute)?;
    let is_finite = graph.compare_with(size, Comparison::Less, f32::INFINITY)?;
    let zero = graph.ramp(&graph.extents(largest), 0.0, 0.0)?;
    let largest = graph.choose(is_finite, largest, zero)?;
    let spread = graph.spread(largest, axes, x)?;
    let below = graph.binary(x, spread, BinaryFunction::Subtract)?;
    let exponentials = graph.unary(below, Activation::Exponential)?;
    let sum = graph.sum_axes(exponentials, axes)?;
    let logarithm = graph.unary(sum, Activation::Log)?;
    graph.binary(logarithm, largest, BinaryFunction::Add)
}

fn norm(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let order: NormOrder = op.argument("ord")?;
    reduced(op, graph, args, |graph, x, axes| {
        let x = graph.float(x)?;
        let is_known = match axes.len() {
            1 => order != NormOrder::Frobenius,
            2 => matches!(order, NormOrder::Default | NormOrder::Frobenius),
            _ => false,
        };
        if !is_known {
            let message = format!(
                "`norm` of {} axes expects {}, found `ord = {}`",
                axes.len(),
                match axes.len() {
                    1 => "`ord` to be `None`, 2, 1 or `float(\"inf\")`",
                    2 => "`ord` to be `None` or `\"fro\"`",
                    _ => "1 or 2 axes",
                },
                order.to_value()
            );
            return Err(LayerError::argument("ord", message));
        }
        let sizes = |graph: &mut Graph| graph.unary(x, Activation::Absolute);
        match order {
            NormOrder::Sum => {
                let sizes = sizes(graph)?;
                graph.sum_axes(sizes, axes)
            }
            NormOrder::Largest => {
                let sizes = sizes(graph)?;
                graph.reduce_axes(sizes, axes, ReduceFunction::Max)
            }
            NormOrder::Default | NormOrder::Euclidean | NormOrder::Frobenius => {
                let squares = graph.binary(x, x, BinaryFunction::Multiply)?;
                let sum = graph.sum_axes(squares, axes)?;
                graph.unary(sum, Activation::Sqrt)
            }
        }
    })
}

/// What a reduction leaves, with its axes if they are to stay.
fn reduced(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    reduce: impl FnOnce(&mut Graph, NodeId, &[usize]) -> Result<NodeId>,
) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let axes = op.axes(graph, x)?;
    let y = reduce(graph, x, &axes)?;
    if !op.argument::<bool>("keepdims")? {
        return Ok(vec![y]);
    }
    let extents = kept(&graph.extents(x), &axes);
    Ok(vec![graph.reshape(y, &extents)?])
}

fn variance(graph: &mut Graph, x: NodeId, axes: &[usize]) -> Result<NodeId> {
    let x = graph.float(x)?;
    let mean = graph.mean_axes(x, axes)?;
    let mean = graph.spread(mean, axes, x)?;
    let distance = graph.binary(x, mean, BinaryFunction::Subtract)?;
    let squares = graph.binary(distance, distance, BinaryFunction::Multiply)?;
    graph.mean_axes(squares, axes)
}

fn extremum(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: ReduceFunction,
) -> Result<Vec<NodeId>> {
    op.argument::<OnlyNone>("initial")?;
    reduced(op, graph, args, |graph, x, axes| extreme(graph, x, axes, f))
}

fn truth(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: ReduceFunction,
) -> Result<Vec<NodeId>> {
    reduced(op, graph, args, |graph, x, axes| {
        let x = graph.cast(x, Dtype::Bool)?;
        let y = graph.reduce_axes(x, axes, f)?;
        graph.set_dtype(y, Dtype::Bool);
        Ok(y)
    })
}
