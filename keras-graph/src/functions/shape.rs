//! Functions that move elements: other shapes, other orders, joined, cut, repeated.

use super::operand::{Operand, shown};
use super::{Default, Operation, functions};
use crate::graph::{Graph, LayerError, NodeId};
use crate::parameter::{Axes, Ints, Sections, TargetShape};
use crate::schema::ParameterType;

type Result<T> = std::result::Result<T, LayerError>;

functions! {
    /// Joins tensors along an axis.
    "numpy" Concatenate("concatenate") (xs, axis) ["xs"] {
        /// The axis along which they are joined.
        axis = Default::Int(0),
    } |op, graph, args| {
        let xs = op.tensors(graph, args)?;
        let (rank, shape) = (graph.shape(xs[0]).rank(), graph.shape(xs[0]).to_string());
        let axis = op.axis("axis", op.argument("axis")?, rank, &shape)?;
        joined(op, graph, &xs, axis)
    };
    /// Joins tensors along a new axis.
    "numpy" Stack("stack") (x, axis) ["x"] {
        /// Where the new axis stands in the result.
        axis = Default::Int(0),
    } |op, graph, args| {
        let xs = op.tensors(graph, args)?;
        let extents = graph.extents(xs[0]);
        if let Some(&other) = xs.iter().find(|&&x| graph.extents(x) != extents) {
            let message = format!(
                "`stack` expects equal shapes, found {} and {}", shown(&extents), graph.shape(other)
            );
            return Err(LayerError::input(message));
        }
        let axis = op.axis("axis", op.argument("axis")?, extents.len() + 1, &shown(&extents))?;
        let mut one = extents.clone();
        one.insert(axis, 1);
        let xs: Result<Vec<NodeId>> = xs.iter().map(|&x| graph.reshape(x, &one)).collect();
        joined(op, graph, &xs?, axis)
    };
    /// Cuts a tensor along an axis.
    "numpy" Split("split") (x, indices_or_sections, axis) ["x"] {
        /// How many equal parts, or where the parts begin.
        indices_or_sections,
        /// The axis along which it is cut.
        axis = Default::Int(0),
    } => split();
    /// The tensor without axes of extent 1.
    "numpy" Squeeze("squeeze") (x, axis) ["x"] {
        /// The axis, or the axes; all of extent 1 by default.
        axis = Default::None,
    } |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        let (extents, shape) = (graph.extents(x), graph.shape(x).to_string());
        let axes = match op.argument::<Option<Axes>>("axis")? {
            None => (0..extents.len()).filter(|&axis| extents[axis] == 1).collect(),
            Some(axes) => {
                let rank = extents.len();
                let axes = axes.list().iter().map(|&axis| op.axis("axis", axis, rank, &shape));
                axes.collect::<Result<Vec<usize>>>()?
            }
        };
        if let Some(axis) = axes.iter().find(|&&axis| extents[axis] != 1) {
            let message = format!(
                "`axis` of `squeeze` expects axes of extent 1, found axis {} of {shape}", axis + 1
            );
            return Err(LayerError::argument("axis", message));
        }
        let left = crate::ops::without(&extents, &axes);
        Ok(vec![graph.reshape(x, &left)?])
    };
    /// The tensor with one more axis, of extent 1.
    "numpy" ExpandDims("expand_dims") (x, axis) ["x"] {
        /// Where the axis stands in the result, or where several do.
        axis,
    } |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        let (mut extents, shape) = (graph.extents(x), graph.shape(x).to_string());
        let axes = op.argument::<Axes>("axis")?;
        let rank = extents.len() + axes.list().len();
        let axes = axes.list().iter().map(|&axis| op.axis("axis", axis, rank, &shape));
        let mut axes = axes.collect::<Result<Vec<usize>>>()?;
        axes.sort_unstable();
        axes.into_iter().for_each(|axis| extents.insert(axis, 1));
        Ok(vec![graph.reshape(x, &extents)?])
    };
    /// The same elements under another shape.
    "numpy" Reshape("reshape") (x, newshape) ["x"] {
        /// Extents, the batch's in front as -1; one more may be -1 and follows from the others.
        newshape,
    } => reshape();
    /// The tensor with its axes in another order.
    "numpy" Transpose("transpose") (x, axes) ["x"] {
        /// The axes in their new order, 0 in front.
        axes = Default::None,
    } |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        let (rank, shape) = (graph.shape(x).rank(), graph.shape(x).to_string());
        let axes: Option<Ints> = op.argument("axes")?;
        let order = axes.as_ref().map(|Ints(axes)| axes.iter().map(|&axis| {
            let axis = if axis < 0 { axis + rank as i64 + 1 } else { axis };
            usize::try_from(axis).unwrap_or(rank + 1)
        }).collect::<Vec<usize>>());
        let mut sorted = order.clone().unwrap_or_default();
        sorted.sort_unstable();
        let fits = sorted.iter().copied().eq(0..=rank);
        match order.as_deref() {
            Some([0, others @ ..]) if fits => {
                let order: Vec<usize> = others.iter().map(|axis| axis - 1).collect();
                Ok(vec![graph.transpose(x, &order)?])
            }
            _ => {
                let found = axes.to_value();
                let message = format!(
                    "`axes` of `transpose` expects the axes 0 to {rank} of {shape}, 0 in front, \
                     found {found}"
                );
                Err(LayerError::argument("axes", message)
                    .help("axis 0 is the batch, of which a model sees one sample at a time"))
            }
        }
    };
    /// The tensor, so many times along each axis.
    "numpy" Tile("tile") (x, repeats) ["x"] {
        /// How often, for each axis, that of the batch in front: it is 1.
        repeats,
    } |op, graph, args| {
        let mut x = op.tensor(graph, args, 0)?;
        let rank = graph.shape(x).rank();
        let Ints(given) = op.argument("repeats")?;
        let counts: Option<Vec<usize>> =
            given.iter().map(|&n| usize::try_from(n).ok().filter(|&n| n > 0)).collect();
        let front = (rank + 1).saturating_sub(given.len());
        let counts = counts.filter(|_| given.len() <= rank + 1);
        let counts = counts.map(|counts| [vec![1; front], counts].concat()).filter(|c| c[0] == 1);
        let Some(counts) = counts else {
            let message = format!(
                "`repeats` of `tile` expects a positive count for each axis of {}, \
                 1 for the batch, found {}",
                graph.shape(x), Ints(given).to_value()
            );
            return Err(LayerError::argument("repeats", message));
        };
        for (axis, &count) in counts[1..].iter().enumerate() {
            x = repeated(graph, x, axis, count, axis)?;
        }
        Ok(vec![x])
    };
    /// The tensor with each element so many times along an axis.
    "numpy" Repeat("repeat") (x, repeats, axis) ["x"] {
        /// How often.
        repeats,
        /// The axis along which elements are repeated.
        axis = Default::None,
    } |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        let (rank, shape) = (graph.shape(x).rank(), graph.shape(x).to_string());
        let count: usize = op.argument("repeats")?;
        let Some(axis) = op.argument::<Option<i64>>("axis")? else {
            let message = format!(
                "`repeat` needs an `axis`: without one it would join the samples of {shape}"
            );
            return Err(LayerError::argument("axis", message));
        };
        let axis = op.axis("axis", axis, rank, &shape)?;
        Ok(vec![repeated(graph, x, axis, count, axis + 1)?])
    };
}

fn joined(op: &Operation, graph: &mut Graph, xs: &[NodeId], axis: usize) -> Result<Vec<NodeId>> {
    let dtype = graph.dtype(xs[0]);
    if xs.iter().any(|&x| graph.dtype(x) != dtype) {
        let types: Vec<&str> = xs.iter().map(|&x| graph.dtype(x).name()).collect();
        let name = op.function.name();
        let message =
            format!("`{name}` expects tensors of one type, found {}", types.join(" and "));
        return Err(LayerError::input(message).help("write `ops.cast(x, \"float32\")`"));
    }
    let but_axis = |graph: &Graph, x: NodeId| {
        let mut extents = graph.extents(x);
        extents.get_mut(axis).into_iter().for_each(|extent| *extent = 1);
        extents
    };
    if let Some(&other) = xs.iter().find(|&&x| but_axis(graph, x) != but_axis(graph, xs[0])) {
        let message = format!(
            "`{}` expects shapes that differ in axis {} alone, found {} and {}",
            op.function.name(),
            axis + 1,
            graph.shape(xs[0]),
            graph.shape(other)
        );
        return Err(LayerError::input(message));
    }
    Ok(vec![graph.concat(xs, axis)?])
}

/// `x` with an axis of `count` inserted at `place`, repeated along it, and joined with axis `axis`.
fn repeated(
    graph: &mut Graph,
    x: NodeId,
    axis: usize,
    count: usize,
    place: usize,
) -> Result<NodeId> {
    if count == 1 {
        return Ok(x);
    }
    let mut result = graph.extents(x);
    let mut extents = result.clone();
    extents.insert(place, 1);
    result[axis] = result[axis].saturating_mul(count);
    let one = graph.reshape(x, &extents)?;
    extents[place] = count;
    let many = graph.broadcast(one, &extents)?;
    graph.reshape(many, &result)
}

fn split(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let shape = graph.shape(x).clone();
    let axis = op.axis("axis", op.argument("axis")?, shape.rank(), &shape.to_string())?;
    let extent = shape.extents()[axis];
    let begins = match op.argument("indices_or_sections")? {
        Sections::Count(count) if extent.is_multiple_of(count) => {
            (0..count).map(|i| i * (extent / count)).collect()
        }
        Sections::Begins(begins)
            if begins.is_sorted_by(|a, b| a < b)
                && begins.iter().all(|&begin| (1..extent).contains(&begin)) =>
        {
            [vec![0], begins].concat()
        }
        sections => {
            let message = format!(
                "`indices_or_sections` of `split` cannot cut axis {} of {shape}, {extent} long, \
                 at {}",
                axis + 1,
                sections.to_value()
            );
            return Err(LayerError::argument("indices_or_sections", message));
        }
    };
    let ends = begins[1..].iter().copied().chain([extent]);
    let parts: Vec<(usize, usize)> = begins.iter().copied().zip(ends).collect();
    parts.into_iter().map(|(begin, end)| graph.slice(x, axis, begin, end - begin)).collect()
}

fn reshape(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let Ints(newshape) = op.argument("newshape")?;
    let shape = graph.shape(x).clone();
    let wrong = |help: &str| {
        let message = format!(
            "`newshape` of `reshape` expects -1 for the batch and extents of {} elements, \
             found {} for {shape}",
            shape.len(),
            Ints(newshape.clone()).to_value()
        );
        LayerError::argument("newshape", message).help(help)
    };
    let Some((&-1, others)) = newshape.split_first() else {
        return Err(wrong("write `ops.reshape(x, (-1, ..))`: the batch stays in front"));
    };
    let target = TargetShape::from_value(&Ints(others.to_vec()).to_value())
        .map_err(|_| wrong("extents are positive; one of them may be -1"))?;
    let extents =
        target.of(shape.len()).ok_or_else(|| wrong("the number of elements of a sample stays"))?;
    Ok(vec![graph.reshape(x, &extents)?])
}
