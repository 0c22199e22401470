//! Arithmetic of two tensors, or of a tensor and a constant, and products of matrices.

use super::operand::{Operand, broadcast, counted, larger};
use super::{Default, Operation, functions};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::op::BinaryFunction;
use crate::ops::contract::{Label, Labelled};
use crate::parameter::{Positive, number};
use crate::shape;
use crate::value::Value;

type Result<T> = std::result::Result<T, LayerError>;

functions! {
    /// `x1 + x2`
    "numpy" Add("add") (x1, x2) ["x1", "x2"] {} => binary(BinaryFunction::Add);
    /// `x1 - x2`
    "numpy" Subtract("subtract") (x1, x2) ["x1", "x2"] {} => binary(BinaryFunction::Subtract);
    /// `x1 · x2`
    "numpy" Multiply("multiply") (x1, x2) ["x1", "x2"] {} => binary(BinaryFunction::Multiply);
    /// `x1 / x2`, as floats
    "numpy" TrueDivide("true_divide") (x1, x2) ["x1", "x2"] {} => binary(BinaryFunction::Divide);
    /// `x1 / x2`, as floats
    "numpy" Divide("divide") (x1, x2) ["x1", "x2"] {} => binary(BinaryFunction::Divide);
    /// `x1` to the power of `x2`
    "numpy" Power("power") (x1, x2) ["x1", "x2"] {} => power();
    /// The larger of two
    "numpy" Maximum("maximum") (x1, x2) ["x1", "x2"] {} => binary(BinaryFunction::Maximum);
    /// The smaller of two
    "numpy" Minimum("minimum") (x1, x2) ["x1", "x2"] {} => binary(BinaryFunction::Minimum);
    /// Each element, kept between two bounds
    "numpy" Clip("clip") (x, x_min, x_max) ["x"] {
        /// The lower bound.
        x_min: number,
        /// The upper bound.
        x_max: number,
    } |op, graph, args| {
        let x = op.tensor(graph, args, 0)?;
        let x = counted(graph, x)?;
        let dtype = graph.dtype(x);
        let x = Operand::Node(x);
        let bound = |name| -> Result<Operand> {
            let bound = op.argument::<f32>(name)?;
            // As floats, large integers would be rounded.
            let is_exact = dtype == Dtype::Int32 && bound.fract() == 0.0;
            let value = if is_exact { Value::Int(bound as i64) } else { Value::from(bound) };
            Ok(Operand::Constant(value))
        };
        let above = [x, bound("x_min")?];
        let above = binary(op, graph, &above, BinaryFunction::Maximum)?[0];
        let below = [Operand::Node(above), bound("x_max")?];
        let y = binary(op, graph, &below, BinaryFunction::Minimum)?;
        Ok(vec![graph.cast(y[0], dtype)?])
    };
    /// The product of the last two axes of two tensors, as matrices; axes in front are broadcast
    "numpy" Matmul("matmul") (x1, x2) ["x1", "x2"] {} => matmul();
    /// The vectors along axes, divided by their length
    "nn" Normalize("normalize") (x, axis, order, epsilon) ["x"] {
        /// The axis, or the axes, of a vector.
        axis = Default::Int(-1),
        /// 2 for the Euclidean length, 1 for the sum of absolute values.
        order = Default::Int(2),
        /// The least length that is divided by; 1e-7 by default.
        epsilon: number = Default::None,
    } => normalize();
}

/// A function of two operands. Of integers and truth values it is one of integers.
fn binary(
    op: &Operation,
    graph: &mut Graph,
    args: &[Operand],
    f: BinaryFunction,
) -> Result<Vec<NodeId>> {
    let [a, b] = op.operands(args)?;
    let dtype = match larger(a.dtype(graph), b.dtype(graph)) {
        _ if matches!(f, BinaryFunction::Divide | BinaryFunction::Power) => Dtype::Float32,
        Dtype::Bool if !matches!(f, BinaryFunction::Maximum | BinaryFunction::Minimum) => {
            Dtype::Int32
        }
        dtype => dtype,
    };
    let nodes = broadcast(graph, op.function.name(), &[(a, dtype), (b, dtype)])?;
    Ok(vec![same(graph, nodes[0], nodes[1], f)?])
}

/// A function of two tensors of one shape and one type.
pub(super) fn same(graph: &mut Graph, a: NodeId, b: NodeId, f: BinaryFunction) -> Result<NodeId> {
    match graph.dtype(a) {
        Dtype::Float32 => graph.binary(a, b, f),
        Dtype::Int32 => graph.binary_int(a, b, f),
        Dtype::Bool => {
            let y = graph.binary(a, b, f)?;
            graph.set_dtype(y, Dtype::Bool);
            Ok(y)
        }
    }
}

/// Powers by small whole constants are products.
fn power(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let exponent = match args {
        [Operand::Node(_), Operand::Constant(value)] => number(value),
        _ => None,
    };
    let Some(Operand::Node(x)) = args.first() else {
        return binary(op, graph, args, BinaryFunction::Power);
    };
    // Integers to an integer power are integers.
    let exponent_dtype = args.get(1).map_or(Dtype::Float32, |exponent| exponent.dtype(graph));
    let dtype = match larger(graph.dtype(*x), exponent_dtype) {
        Dtype::Bool => Dtype::Int32,
        dtype => dtype,
    };
    let x = graph.cast(*x, dtype)?;
    match exponent {
        Some(1.0) => Ok(vec![graph.copied(x)?]),
        Some(2.0) => Ok(vec![same(graph, x, x, BinaryFunction::Multiply)?]),
        Some(3.0) => {
            let square = same(graph, x, x, BinaryFunction::Multiply)?;
            Ok(vec![same(graph, square, x, BinaryFunction::Multiply)?])
        }
        Some(0.5) => Ok(vec![graph.unary(x, crate::activation::Activation::Sqrt)?]),
        Some(exponent) if dtype == Dtype::Int32 && exponent >= 1.0 => {
            Ok(vec![power_of_integers(graph, x, exponent as u32)?])
        }
        _ => {
            let y = binary(op, graph, args, BinaryFunction::Power)?;
            Ok(vec![graph.cast(y[0], dtype)?])
        }
    }
}

/// Squares of squares, multiplied where the exponent has a digit 1: exact, or wrapped around.
fn power_of_integers(graph: &mut Graph, x: NodeId, exponent: u32) -> Result<NodeId> {
    let (mut square, mut product) = (x, None);
    let mut rest = exponent;
    while rest > 0 {
        if rest % 2 == 1 {
            product = Some(match product {
                None => square,
                Some(product) => graph.binary_int(product, square, BinaryFunction::Multiply)?,
            });
        }
        rest /= 2;
        if rest > 0 {
            square = graph.binary_int(square, square, BinaryFunction::Multiply)?;
        }
    }
    Ok(product.unwrap_or(x))
}

fn matmul(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let (a, b) = (op.tensor(graph, args, 0)?, op.tensor(graph, args, 1)?);
    let (shape_a, shape_b) = (graph.shape(a).clone(), graph.shape(b).clone());
    if shape_a.rank() < 2 || shape_b.rank() < 2 {
        let message = format!(
            "`matmul` expects matrices, (batch, .., m, k) and (batch, .., k, n), \
             found {shape_a} and {shape_b}"
        );
        return Err(LayerError::input(message)
            .help("`ops.expand_dims(x, 1)` makes a matrix of one row of a vector"));
    }
    if shape_a.rank() != shape_b.rank() {
        let message = format!(
            "`matmul` expects tensors with equally many axes, found {shape_a} and {shape_b}"
        );
        return Err(LayerError::input(message)
            .help("the batch stays in front: insert an axis by `ops.expand_dims(x, 1)`"));
    }
    let pairs = shape_a.rank() - 2;
    let (k, found) = (shape_a.extents()[pairs + 1], shape_b.extents()[pairs]);
    if k != found {
        return Err(LayerError::input(format!(
            "`matmul` expects as many columns of {shape_a} as rows of {shape_b}, \
             found {k} and {found}"
        )));
    }
    if shape::broadcast(&[&shape_a.extents()[..pairs], &shape_b.extents()[..pairs]]).is_none() {
        return Err(LayerError::input(format!(
            "`matmul` cannot broadcast {shape_a} and {shape_b}"
        )));
    }
    let front: Vec<Label> = ('a'..).take(pairs).collect();
    let labels = |last: [Label; 2]| [&front[..], &last].concat();
    let a = Labelled { node: a, labels: labels(['X', 'Z']) };
    let b = Labelled { node: b, labels: labels(['Z', 'Y']) };
    Ok(vec![graph.contract(a, b, &labels(['X', 'Y']))?])
}

fn normalize(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    /// Keras' `epsilon()`.
    const LEAST: f32 = 1e-7;
    let x = op.tensor(graph, args, 0)?;
    let x = graph.float(x)?;
    let axes = op.axes(graph, x)?;
    let least = op.argument::<Option<Positive>>("epsilon")?.map_or(LEAST, |Positive(least)| least);
    let order = op.argument::<i64>("order")?;
    match order {
        2 => Ok(vec![graph.l2_normalized(x, &axes, least)?]),
        1 => {
            let sizes = graph.unary(x, crate::activation::Activation::Absolute)?;
            let sum = graph.sum_axes(sizes, &axes)?;
            let bound = graph.ramp(&graph.extents(sum), least, 0.0)?;
            let sum = graph.binary(sum, bound, BinaryFunction::Maximum)?;
            let sum = graph.spread(sum, &axes, x)?;
            Ok(vec![graph.binary(x, sum, BinaryFunction::Divide)?])
        }
        _ => {
            let message = format!("`order` of `normalize` expects 1 or 2, found {order}");
            Err(LayerError::argument("order", message))
        }
    }
}
