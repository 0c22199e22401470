//! Functions that put elements in another order, or keep those on one side of a diagonal.

use super::operand::Operand;
use super::{Default, Operation, functions};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::op::Comparison;
use crate::parameter::{Axes, Ints};
use crate::schema::ParameterType;

type Result<T> = std::result::Result<T, LayerError>;

functions! {
    /// The tensor with two axes in each other's place.
    "numpy" Swapaxes("swapaxes") (x, axis1, axis2) ["x"] {
        /// One of them.
        axis1,
        /// The other.
        axis2,
    } |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        let (rank, shape) = (graph.shape(x).rank(), graph.shape(x).to_string());
        let [one, other] = ["axis1", "axis2"].map(|name| -> Result<usize> {
            op.axis(name, op.argument(name)?, rank, &shape)
        });
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(one?, other?);
        Ok(vec![graph.transpose(x, &order)?])
    };
    /// The tensor with axes moved to other places.
    "numpy" Moveaxis("moveaxis") (x, source, destination) ["x"] {
        /// The axis, or the axes, that are moved.
        source,
        /// Where each of them stands in the result.
        destination,
    } => move_axes();
    /// The elements along axes in reversed order.
    "numpy" Flip("flip") (x, axis) ["x"] {
        /// The axis, or the axes.
        axis = Default::None,
    } |op, graph, args| {
        let mut x = op.tensor(graph, args, 0)?;
        for axis in some_axes(op, graph, x, "would reverse the batch")? {
            x = flipped(graph, x, axis)?;
        }
        Ok(vec![x])
    };
    /// The elements moved along axes; what is moved past the end stands in front.
    "numpy" Roll("roll") (x, shift, axis) ["x"] {
        /// By how many places, or by how many along each axis.
        shift,
        /// The axis, or the axes.
        axis = Default::None,
    } => roll();
    /// The elements on and below a diagonal of the last two axes; zeros above it.
    "numpy" Tril("tril") (x, k) ["x"] {
        /// Which diagonal: 0 is the main one, 1 the one above it, -1 the one below.
        k = Default::Int(0),
    } => triangle(Comparison::GreaterEqual);
    /// The elements on and above a diagonal of the last two axes; zeros below it.
    "numpy" Triu("triu") (x, k) ["x"] {
        /// Which diagonal: 0 is the main one, 1 the one above it, -1 the one below.
        k = Default::Int(0),
    } => triangle(Comparison::LessEqual);
}

/// The axes of the argument `axis`, in the order in which they are given. Errors: none, which would
/// do to the batch what `would` says; those of [`Operation::axis`].
fn some_axes(op: &Operation, graph: &Graph, x: NodeId, would: &str) -> Result<Vec<usize>> {
    let (rank, shape) = (graph.shape(x).rank(), graph.shape(x).to_string());
    match op.argument::<Option<Axes>>("axis")? {
        Some(axes) => axes.list().iter().map(|&axis| op.axis("axis", axis, rank, &shape)).collect(),
        None => {
            let name = op.function.name();
            let message = format!("`{name}` needs an `axis`: without one it {would} of {shape}");
            Err(LayerError::argument("axis", message))
        }
    }
}

fn move_axes(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let (rank, shape) = (graph.shape(x).rank(), graph.shape(x).to_string());
    let axes = |name| -> Result<Vec<usize>> {
        let axes: Axes = op.argument(name)?;
        axes.list().iter().map(|&axis| op.axis(name, axis, rank, &shape)).collect()
    };
    let (source, destination) = (axes("source")?, axes("destination")?);
    let is_each_once =
        |axes: &[usize]| (0..rank).all(|axis| axes.iter().filter(|&&a| a == axis).count() <= 1);
    if source.len() != destination.len() || !is_each_once(&source) || !is_each_once(&destination) {
        let [from, to]: [Result<Axes>; 2] = ["source", "destination"].map(|name| op.argument(name));
        let message = format!(
            "`moveaxis` expects as many places in `destination` as axes in `source`, each once, \
             found {} and {}",
            from?.to_value(),
            to?.to_value()
        );
        return Err(LayerError::argument("destination", message));
    }
    let mut order: Vec<usize> = (0..rank).filter(|axis| !source.contains(axis)).collect();
    let mut moves: Vec<(usize, usize)> = destination.into_iter().zip(source).collect();
    moves.sort_unstable();
    moves.into_iter().for_each(|(to, from)| order.insert(to, from));
    Ok(vec![graph.transpose(x, &order)?])
}

/// The elements along an axis in reversed order.
fn flipped(graph: &mut Graph, x: NodeId, axis: usize) -> Result<NodeId> {
    let extents = graph.extents(x);
    let mut line = vec![1; extents.len()];
    line[axis] = extents[axis];
    let numbers = graph.ramp(&line, (extents[axis] - 1) as f32, -1.0)?;
    let numbers = graph.truncated(numbers)?;
    let numbers = graph.broadcast(numbers, &extents)?;
    graph.gather(x, numbers, axis)
}

fn roll(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let mut x = op.tensor(graph, args, 0)?;
    let axes = some_axes(op, graph, x, "would move elements between the samples")?;
    let Ints(shifts) = op.argument("shift")?;
    let shifts = match shifts[..] {
        [shift] => vec![shift; axes.len()],
        _ => shifts,
    };
    if shifts.len() != axes.len() {
        let message = format!(
            "`shift` of `roll` expects one number, or as many as there are axes, {}, found {}",
            axes.len(),
            Ints(shifts).to_value()
        );
        return Err(LayerError::argument("shift", message));
    }
    for (axis, shift) in axes.into_iter().zip(shifts) {
        let extent = graph.shape(x).extents()[axis];
        let front = shift.rem_euclid(extent as i64) as usize;
        if front > 0 {
            let moved = graph.slice(x, axis, extent - front, front)?;
            let others = graph.slice(x, axis, 0, extent - front)?;
            x = graph.concat(&[moved, others], axis)?;
        }
    }
    Ok(vec![x])
}

/// The elements where row `i` and column `j` are so that `i + k` compares with `j`; else zeros.
fn triangle(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: Comparison,
) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let k: i64 = op.argument("k")?;
    let extents = graph.extents(x);
    let [.., rows, columns] = extents[..] else {
        let (name, found) = (op.function.name(), graph.shape(x));
        let message = format!("`{name}` expects matrices, (batch, .., m, n), found {found}");
        return Err(LayerError::input(message));
    };
    // Beyond these nothing changes, and all sums are exact.
    let k = k.clamp(-(rows as i64), columns as i64) as f32;
    let matrix = [rows, columns];
    let row = graph.ramp(&[rows, 1], k, 1.0)?;
    let row = graph.broadcast(row, &matrix)?;
    let column = graph.ramp(&[columns], 0.0, 1.0)?;
    let column = graph.broadcast(column, &matrix)?;
    let is_kept = graph.compare(row, column, f)?;
    let is_kept = graph.broadcast(is_kept, &extents)?;
    let zeros = graph.ramp(&extents, 0.0, 0.0)?;
    let zeros = match graph.dtype(x) {
        Dtype::Float32 | Dtype::Bool => zeros,
        Dtype::Int32 => graph.truncated(zeros)?,
    };
    let dtype = graph.dtype(x);
    let y = graph.choose(is_kept, x, zeros)?;
    graph.set_dtype(y, dtype);
    Ok(vec![y])
}
