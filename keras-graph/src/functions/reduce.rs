//! Functions that reduce axes: sums, means, extrema, truth values.

use super::operand::{LARGEST_WHOLE, Operand, counted};
use super::{Default, Operation, functions};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::op::{BinaryFunction, ReduceFunction};
use crate::ops::kept;
use crate::parameter::OnlyNone;

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
        graph.unary(variance, crate::activation::Activation::Sqrt)
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
    reduced(op, graph, args, |graph, x, axes| {
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
    })
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
