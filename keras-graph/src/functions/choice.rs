//! Comparisons, logic, and the choice between two tensors.

use super::operand::{Operand, broadcast, larger};
use super::{Default, Operation, functions};
use crate::activation::Activation;
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::op::Comparison;

type Result<T> = std::result::Result<T, LayerError>;

functions! {
    /// Whether two are equal
    "numpy" Equal("equal") (x1, x2) ["x1", "x2"] {} => compare(Comparison::Equal);
    /// Whether two differ
    "numpy" NotEqual("not_equal") (x1, x2) ["x1", "x2"] {} => compare(Comparison::NotEqual);
    /// Whether the first is less
    "numpy" Less("less") (x1, x2) ["x1", "x2"] {} => compare(Comparison::Less);
    /// Whether the first is less or both are equal
    "numpy" LessEqual("less_equal") (x1, x2) ["x1", "x2"] {} => compare(Comparison::LessEqual);
    /// Whether the first is greater
    "numpy" Greater("greater") (x1, x2) ["x1", "x2"] {} => compare(Comparison::Greater);
    /// Whether the first is greater or both are equal
    "numpy" GreaterEqual("greater_equal") (x1, x2) ["x1", "x2"] {}
        => compare(Comparison::GreaterEqual);
    /// Whether both are true
    "numpy" LogicalAnd("logical_and") (x1, x2) ["x1", "x2"] {} => logical(Graph::both);
    /// Whether one of two is true
    "numpy" LogicalOr("logical_or") (x1, x2) ["x1", "x2"] {} => logical(Graph::either);
    /// Whether one of two is true, but not both
    "numpy" LogicalXor("logical_xor") (x1, x2) ["x1", "x2"] {}
        => logical(|graph, a, b| graph.compare(a, b, Comparison::NotEqual));
    /// Whether each element is false
    "numpy" LogicalNot("logical_not") (x) ["x"] {} |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        Ok(vec![graph.compare_with(x, Comparison::Equal, 0.0)?])
    };
    /// `x1` where the condition is true, else `x2`
    "numpy" Where("where") (condition, x1, x2) ["condition", "x1", "x2"] {} |op, graph, args| {
        let [condition, a, b] = op.operands(args)?;
        let dtype = larger(a.dtype(graph), b.dtype(graph));
        let name = op.function.name();
        let operands = [(condition, Dtype::Bool), (a, dtype), (b, dtype)];
        let nodes = broadcast(graph, name, &operands)?;
        Ok(vec![graph.choose(nodes[0], nodes[1], nodes[2])?])
    };
    /// Zeros in the shape of a tensor
    "numpy" ZerosLike("zeros_like") (x, dtype) ["x"] {
        /// The type; that of the tensor by default.
        dtype = Default::None,
    } => filled(0.0);
    /// Ones in the shape of a tensor
    "numpy" OnesLike("ones_like") (x, dtype) ["x"] {
        /// The type; that of the tensor by default.
        dtype = Default::None,
    } => filled(1.0);
    /// A number in the shape of a tensor
    "numpy" FullLike("full_like") (x, fill_value, dtype) ["x", "fill_value"] {
        /// The type; that of the tensor by default.
        dtype = Default::None,
    } |op, graph, args| {
        let [x, number] = op.operands(args)?;
        let dtype = op.dtype_or(x.dtype(graph))?;
        let operands = [(x, x.dtype(graph)), (number, dtype)];
        let nodes = broadcast(graph, op.function.name(), &operands)?;
        let shape = (graph.shape(nodes[0]), graph.shape(op.tensor(graph, args, 0)?));
        if shape.0 != shape.1 {
            let message = format!(
                "`fill_value` of `full_like` does not fit {}, found {}",
                shape.1,
                number.describe(graph)
            );
            return Err(LayerError::input(message));
        }
        Ok(vec![graph.copied(nodes[1])?])
    };
    /// Whether each element is no number
    "numpy" Isnan("isnan") (x) ["x"] {} |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        Ok(vec![graph.compare(x, x, Comparison::NotEqual)?])
    };
    /// Whether each element is infinite
    "numpy" Isinf("isinf") (x) ["x"] {} => bounded(Comparison::Equal);
    /// Whether each element is a number that is not infinite
    "numpy" Isfinite("isfinite") (x) ["x"] {} => bounded(Comparison::Less);
    /// For each integer a vector that is 1 at its place and 0 elsewhere
    "nn" OneHot("one_hot") (x, num_classes, axis, dtype, sparse) ["x"] {
        /// Length of the vectors.
        num_classes,
        /// Where the axis of the vectors stands in the result.
        axis = Default::Int(-1),
        /// The type; `"float32"` by default.
        dtype = Default::None,
        /// Only `False`.
        sparse = Default::Bool(false),
    } => one_hot();
}

fn compare(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: Comparison,
) -> Result<Vec<NodeId>> {
    let [a, b] = op.operands(args)?;
    let dtype = larger(a.dtype(graph), b.dtype(graph));
    let nodes = broadcast(graph, op.function.name(), &[(a, dtype), (b, dtype)])?;
    Ok(vec![graph.compare(nodes[0], nodes[1], f)?])
}

fn logical(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>,
) -> Result<Vec<NodeId>> {
    let [a, b] = op.operands(args)?;
    let nodes = broadcast(graph, op.function.name(), &[(a, Dtype::Bool), (b, Dtype::Bool)])?;
    Ok(vec![f(graph, nodes[0], nodes[1])?])
}

/// How the size of each element compares with infinity.
fn bounded(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: Comparison,
) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let size = graph.unary(x, Activation::Absolute)?;
    Ok(vec![graph.compare_with(size, f, f32::INFINITY)?])
}

fn filled(op: &Operation, graph: &mut Graph, args: &[Operand], number: f32) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let dtype = op.dtype_or(graph.dtype(x))?;
    let y = graph.ramp(&graph.extents(x), number, 0.0)?;
    Ok(vec![graph.cast(y, dtype)?])
}

fn one_hot(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let x = op.tensor(graph, args, 0)?;
    let classes: usize = op.argument("num_classes")?;
    op.argument::<crate::parameter::OnlyFalse>("sparse")?;
    let dtype = op.dtype_or(Dtype::Float32)?;
    let extents = graph.extents(x);
    let axis: i64 = op.argument("axis")?;
    let axis = op.axis("axis", axis, extents.len() + 1, &graph.shape(x).to_string())?;
    let mut single = extents.clone();
    single.insert(axis, 1);
    let mut to = single.clone();
    to[axis] = classes;
    // As floats: a class is exact, and what is too large for that is none.
    let x = graph.float(x)?;
    let x = graph.reshape(x, &single)?;
    let x = graph.broadcast(x, &to)?;
    let mut row = vec![1; to.len()];
    row[axis] = classes;
    let numbers = graph.ramp(&row, 0.0, 1.0)?;
    let numbers = graph.broadcast(numbers, &to)?;
    let y = graph.compare(x, numbers, Comparison::Equal)?;
    Ok(vec![graph.cast(y, dtype)?])
}
