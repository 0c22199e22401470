//! Functions that pick elements: slices, and elements by their number.

use super::operand::Operand;
use super::{Default, Operation, functions};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::value::{Object, Value};

/// Most elements that are picked one by one: each is an op.
pub(super) const MOST: usize = 4096;

type Result<T> = std::result::Result<T, LayerError>;

/// What a slice such as `1..3` is as a value: an object of this class with a start, an end and a
/// step.
pub const SLICE: &str = "slice";

/// What `...` is as a value: an object of this class.
pub const ELLIPSIS: &str = "ellipsis";

functions! {
    /// A part of a tensor: `x[.., 1..3]`
    "numpy" GetItem("get_item") (x, key) ["x", "key"] {} => get_item();
    /// The elements of these numbers along an axis
    "numpy" Take("take") (x, indices, axis) ["x", "indices"] {
        /// The axis along which elements are numbered.
        axis = Default::None,
    } => take();
    /// For each index, the element of that number along an axis
    "numpy" TakeAlongAxis("take_along_axis") (x, indices, axis) ["x", "indices"] {
        /// The axis along which elements are numbered.
        axis = Default::Int(-1),
    } => take_along_axis();
}

/// What a slice takes of an axis.
enum Part {
    /// `begin..end`, each `step`-th.
    Range { begin: usize, end: usize, step: usize },
    /// One element; the axis goes.
    At(usize),
}

fn get_item(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let mut x = op.tensor(graph, args, 0)?;
    let shape = graph.shape(x).clone();
    let key = match args.get(1) {
        Some(Operand::Constant(key)) => key.clone(),
        Some(Operand::List(items)) => {
            let plain = |item: &Operand| match item {
                Operand::Constant(value) => Some(value.clone()),
                _ => None,
            };
            let items: Option<Vec<Value>> = items.iter().map(plain).collect();
            items.map(Value::List).ok_or_else(|| wrong_key("a tensor", &shape.to_string()))?
        }
        _ => return Err(wrong_key("a tensor", &shape.to_string())),
    };
    let mut key = match key {
        Value::List(items) => items,
        one => vec![one],
    };
    let is_ellipsis =
        |value: &Value| matches!(value, Value::Object(object) if object.class == ELLIPSIS);
    let ellipses = key.iter().filter(|item| is_ellipsis(item)).count();
    if ellipses > 1 {
        return Err(LayerError::input(format!("a slice of {shape} has at most one `...`")));
    }
    if ellipses == 0 {
        key.push(Value::Object(Object { class: ELLIPSIS.to_string(), arguments: vec![] }));
    }
    let axes = shape.rank() + 1;
    let taken = key.iter().filter(|item| !is_ellipsis(item) && **item != Value::None).count();
    let Some(left) = axes.checked_sub(taken) else {
        let message = format!("a slice of {shape} has at most {axes} items, found {taken}");
        return Err(LayerError::input(message));
    };
    let (mut axis, mut extents) = (0, Vec::new());
    let mut parts = Vec::new();
    for item in &key {
        if is_ellipsis(item) {
            for _ in 0..left {
                extents.extend((axis > 0).then(|| shape.extents()[axis - 1]));
                axis += 1;
            }
            continue;
        }
        if *item == Value::None {
            if axis == 0 {
                let message = format!("a new axis cannot stand before the batch of {shape}");
                return Err(LayerError::input(message));
            }
            extents.push(1);
            continue;
        }
        let Some(inner) = axis.checked_sub(1) else {
            if !is_all(item) {
                let message = format!("a slice cannot cut the batch, axis 0 of {shape}");
                return Err(LayerError::input(message)
                    .help("the first item stands for the batch: write `x[.., 1..3]` for axis 1"));
            }
            axis += 1;
            continue;
        };
        let extent = shape.extents()[inner];
        let part = part(item, extent).ok_or_else(|| {
            let message =
                format!("axis {axis} of {shape} is {extent} long, found the item {}", shown(item));
            LayerError::input(message)
                .help("items are such as `1..3`, `..`, `0`, `-1`, `...` and `None`")
        })?;
        match &part {
            Part::Range { begin, end, step } => extents.push((end - begin).div_ceil(*step)),
            Part::At(_) => {}
        }
        parts.push((inner, part));
        axis += 1;
    }
    for (axis, part) in parts {
        let extent = graph.shape(x).extents()[axis];
        x = match part {
            Part::Range { begin: 0, end, step: 1 } if end == extent => x,
            Part::Range { begin, end, step: 1 } => graph.slice(x, axis, begin, end - begin)?,
            Part::Range { begin, end, step } => {
                graph.strided(x, axis, begin, (end - begin).div_ceil(step), step)?
            }
            Part::At(place) => graph.slice(x, axis, place, 1)?,
        };
    }
    Ok(vec![graph.reshape(x, &extents)?])
}

fn wrong_key(found: &str, shape: &str) -> LayerError {
    LayerError::input(format!("a slice of {shape} is made of constants, found {found}"))
        .help("`ops.take_along_axis(x, indices, axis)` picks elements by a tensor of indices")
}

/// How an item of a slice is written.
fn shown(item: &Value) -> String {
    let Value::Object(object) = item else { return item.to_string() };
    let end = |i: usize| match object.arguments.get(i).map(|argument| &argument.value) {
        None | Some(Value::None) => String::new(),
        Some(value) => value.to_string(),
    };
    format!("{}..{}", end(0), end(1))
}

/// The ends of a slice, as it was written.
fn ends(item: &Value) -> Option<[Option<i64>; 3]> {
    let Value::Object(Object { class, arguments }) = item else { return None };
    let end = |i: usize| match arguments.get(i).map(|argument| &argument.value) {
        None | Some(Value::None) => Some(None),
        Some(Value::Int(end)) => Some(Some(*end)),
        Some(_) => None,
    };
    (class == SLICE).then_some(())?;
    Some([end(0)?, end(1)?, end(2)?])
}

fn is_all(item: &Value) -> bool {
    matches!(ends(item), Some([None | Some(0), None, None | Some(1)]))
}

/// What an item takes of an axis, as in Python; none if that is nothing.
fn part(item: &Value, extent: usize) -> Option<Part> {
    let extent = extent as i64;
    if let Value::Int(place) = item {
        let place = if *place < 0 { place + extent } else { *place };
        return (0..extent).contains(&place).then_some(Part::At(place as usize));
    }
    let [begin, end, step] = ends(item)?;
    let at = |end: i64| (if end < 0 { end + extent } else { end }).clamp(0, extent);
    let (begin, end) = (begin.map_or(0, at), end.map_or(extent, at));
    let step = usize::try_from(step.unwrap_or(1)).ok().filter(|step| *step > 0)?;
    (begin < end).then_some(Part::Range { begin: begin as usize, end: end as usize, step })
}

/// The elements at some places along an axis: neighbours are cut out together.
pub(super) fn picked(
    graph: &mut Graph,
    x: NodeId,
    axis: usize,
    places: &[usize],
) -> Result<NodeId> {
    let mut parts = Vec::new();
    let mut rest = places;
    while let Some(&first) = rest.first() {
        let run = (1..rest.len()).find(|&i| rest[i] != first + i).unwrap_or(rest.len());
        parts.push(graph.slice(x, axis, first, run)?);
        rest = &rest[run..];
    }
    match parts[..] {
        [one] => Ok(one),
        _ => graph.concat(&parts, axis),
    }
}

fn take(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let shape = graph.shape(x).clone();
    let Some(axis) = op.argument::<Option<i64>>("axis")? else {
        let message =
            format!("`take` needs an `axis`: without one it would join the samples of {shape}");
        return Err(LayerError::argument("axis", message));
    };
    let axis = op.axis("axis", axis, shape.rank(), &shape.to_string())?;
    let extent = shape.extents()[axis];
    let indices = match args.get(1) {
        Some(Operand::Constant(value)) => value.clone(),
        _ => {
            let message = "`indices` of `take` expects constants: with a tensor each sample would \
                meet those of all others";
            return Err(LayerError::argument("indices", message).help(
                "`ops.take_along_axis(x, indices, axis)` picks elements of each sample by its own \
                 indices",
            ));
        }
    };
    let items = match &indices {
        Value::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let place = |item: &Value| match item {
        Value::Int(place) => {
            let place = if *place < 0 { place + extent as i64 } else { *place };
            usize::try_from(place).ok().filter(|place| *place < extent)
        }
        _ => None,
    };
    let places: Option<Vec<usize>> = items.iter().map(place).collect();
    let Some(places) = places.filter(|places| !places.is_empty() && places.len() <= MOST) else {
        let message = format!(
            "`indices` of `take` expects integers below {extent}, the extent of axis {} of \
             {shape}, found {indices}",
            axis + 1
        );
        return Err(LayerError::argument("indices", message));
    };
    let y = picked(graph, x, axis, &places)?;
    if matches!(indices, Value::List(_)) {
        return Ok(vec![if y == x { graph.copied(x)? } else { y }]);
    }
    let left = crate::ops::without(shape.extents(), &[axis]);
    Ok(vec![graph.reshape(y, &left)?])
}

fn take_along_axis(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let (x, indices) = (op.tensor(graph, args, 0)?, op.tensor(graph, args, 1)?);
    let (shape, picked) = (graph.shape(x).clone(), graph.shape(indices).clone());
    let axis = op.axis("axis", op.argument("axis")?, shape.rank(), &shape.to_string())?;
    let but_axis = |extents: &[usize]| {
        let mut extents = extents.to_vec();
        extents.get_mut(axis).into_iter().for_each(|extent| *extent = 1);
        extents
    };
    if but_axis(shape.extents()) != but_axis(picked.extents()) {
        let message = format!(
            "`take_along_axis` expects indices of the shape {shape} but for axis {}, \
             found {picked}",
            axis + 1
        );
        return Err(LayerError::argument("indices", message));
    }
    let indices = graph.cast(indices, Dtype::Int32)?;
    let y = graph.gather(x, indices, axis)?;
    Ok(vec![y])
}
