//! What functions compute with: tensors and constants, brought to one type and one shape.

use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::shape::{self, Shape};
use crate::value::Value;

/// Largest whole number up to which all are floats.
pub(super) const LARGEST_WHOLE: u64 = 1 << 24;

/// An argument of a call: a tensor, a constant, or a list of such.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Node(NodeId),
    Constant(Value),
    List(Vec<Operand>),
}

impl Operand {
    /// Type of its elements; that of a constant is the smallest that holds it.
    pub(super) fn dtype(&self, graph: &Graph) -> Dtype {
        match self {
            Operand::Node(node) => graph.dtype(*node),
            Operand::Constant(value) => constant_dtype(value),
            Operand::List(items) => {
                items.iter().map(|item| item.dtype(graph)).reduce(larger).unwrap_or(Dtype::Float32)
            }
        }
    }

    /// Extents without the batch, and whether there is one.
    fn extents(&self, graph: &Graph) -> (Vec<usize>, bool) {
        match self {
            Operand::Node(node) => (graph.extents(*node), true),
            Operand::Constant(value) => (constant_extents(value), false),
            Operand::List(items) => {
                let inner = items.first().map(|item| item.extents(graph).0).unwrap_or_default();
                ([&[items.len()], &inner[..]].concat(), false)
            }
        }
    }

    /// How it is shown in a message.
    pub(super) fn describe(&self, graph: &Graph) -> String {
        match self {
            Operand::Node(node) => graph.shape(*node).to_string(),
            Operand::Constant(value) => value.to_string(),
            Operand::List(_) => "a list".to_string(),
        }
    }
}

/// The type that holds the elements of both.
pub(super) fn larger(a: Dtype, b: Dtype) -> Dtype {
    match (a, b) {
        (Dtype::Float32, _) | (_, Dtype::Float32) => Dtype::Float32,
        (Dtype::Int32, _) | (_, Dtype::Int32) => Dtype::Int32,
        (Dtype::Bool, Dtype::Bool) => Dtype::Bool,
    }
}

fn constant_dtype(value: &Value) -> Dtype {
    match value {
        Value::Bool(_) => Dtype::Bool,
        Value::Int(_) => Dtype::Int32,
        Value::List(items) => {
            items.iter().map(constant_dtype).reduce(larger).unwrap_or(Dtype::Float32)
        }
        _ => Dtype::Float32,
    }
}

fn constant_extents(value: &Value) -> Vec<usize> {
    match value {
        Value::List(items) => {
            let inner = items.first().map(constant_extents).unwrap_or_default();
            [&[items.len()], &inner[..]].concat()
        }
        _ => Vec::new(),
    }
}

/// The numbers of a constant in order; none if one of them is no number, or lists differ in length.
pub(super) fn numbers(value: &Value) -> Option<Vec<f32>> {
    let number = match value {
        Value::Bool(value) => f32::from(u8::from(*value)),
        Value::Int(value) if value.unsigned_abs() <= LARGEST_WHOLE => *value as f32,
        Value::Float(value) => *value as f32,
        Value::Quotient(value) => value.exact as f32,
        Value::List(items) => {
            let extents = items.first().map(constant_extents)?;
            if items.iter().any(|item| constant_extents(item) != extents) {
                return None;
            }
            let lists: Option<Vec<Vec<f32>>> = items.iter().map(numbers).collect();
            return Some(lists?.concat());
        }
        _ => return None,
    };
    Some(vec![number])
}

/// A constant of these extents as a tensor.
fn constant(
    graph: &mut Graph,
    function: &str,
    value: &Value,
    dtype: Dtype,
) -> Result<NodeId, LayerError> {
    let extents = constant_extents(value);
    let Some(numbers) = numbers(value) else {
        return Err(LayerError::input(format!(
            "`{function}` expects tensors and numbers, found {value}"
        )));
    };
    let x = graph.constants(&extents, &numbers)?;
    graph.cast(x, dtype)
}

/// Tensors and constants as tensors of one shape and of the types that they are given with, as
/// numpy broadcasts them: axes of extent 1 repeat, and constants may lack axes in front.
///
/// Errors: no tensor among them; extents, or numbers of axes, that do not fit.
pub(super) fn broadcast(
    graph: &mut Graph,
    function: &str,
    operands: &[(&Operand, Dtype)],
) -> Result<Vec<NodeId>, LayerError> {
    let shapes: Vec<(Vec<usize>, bool)> = operands.iter().map(|(x, _)| x.extents(graph)).collect();
    let found = || {
        let shown: Vec<String> = operands.iter().map(|(x, _)| x.describe(graph)).collect();
        shown.join(" and ")
    };
    let Some(rank) = shapes.iter().filter(|(_, batch)| *batch).map(|(e, _)| e.len()).max() else {
        return Err(LayerError::input(format!("`{function}` expects a tensor, found {}", found())));
    };
    if shapes.iter().any(|(extents, has_batch)| *has_batch && extents.len() != rank) {
        let message =
            format!("`{function}` expects tensors with equally many axes, found {}", found());
        return Err(LayerError::input(message)
            .help("the batch stays in front: insert an axis by `ops.expand_dims(x, 1)`"));
    }
    let cannot = |help: &str| {
        LayerError::input(format!("`{function}` cannot broadcast {}", found())).help(help)
    };
    if shapes.iter().any(|(extents, _)| extents.len() > rank) {
        return Err(cannot("a constant has no axis for the batch"));
    }
    let extents: Vec<&[usize]> = shapes.iter().map(|(extents, _)| extents.as_slice()).collect();
    let Some(to) = shape::broadcast(&extents) else {
        return Err(cannot("extents must be equal, or 1 to be repeated"));
    };
    let mut nodes = Vec::with_capacity(operands.len());
    for (operand, dtype) in operands {
        let node = match operand {
            Operand::Node(node) => graph.cast(*node, *dtype)?,
            Operand::Constant(value) => constant(graph, function, value, *dtype)?,
            Operand::List(_) => {
                return Err(LayerError::input(format!(
                    "`{function}` expects tensors and numbers, found a list"
                )));
            }
        };
        nodes.push(graph.broadcast(node, &to)?);
    }
    Ok(nodes)
}

/// Shows extents as a shape with its batch.
pub(super) fn shown(extents: &[usize]) -> String {
    Shape::new(extents).to_string()
}

/// Truth values as the integers 0 and 1; numbers as they are.
pub(super) fn counted(graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
    match graph.dtype(x) {
        Dtype::Bool => graph.cast(x, Dtype::Int32),
        Dtype::Float32 | Dtype::Int32 => Ok(x),
    }
}
