//! Tests over the whole catalogue of functions.

mod arguments;
mod ops;

use super::*;
use crate::call::Given;
use crate::dtype::Dtype;
use crate::graph::{Mode, NodeId};
use crate::shape::Shape;

/// A tensor of these extents, by its number.
type Tensor = (&'static [usize], Dtype);

const FLOAT: Dtype = Dtype::Float32;

/// A call of a function: the graph and what it returns.
fn lowered(
    name: &str,
    arguments: &[(&str, CallValue<usize>)],
    tensors: &[Tensor],
) -> Result<(Graph, Vec<Lowered>), LayerError> {
    let function = Function::by_name(name).unwrap_or_else(|| panic!("there is `{name}`"));
    let given = arguments.iter().map(|(name, value)| Given {
        name: (!name.is_empty()).then(|| name.to_string()),
        value: value.clone(),
    });
    let (operation, call) = bind(function, given.collect())
        .map_err(|errors| LayerError::input(errors[0].message.clone()))?;
    let mut graph = Graph::new(Mode::Inference);
    let nodes: Vec<NodeId> = tensors
        .iter()
        .enumerate()
        .map(|(i, (extents, dtype))| graph.input(i, Shape::new(*extents), *dtype))
        .collect();
    let call = call.map(|tensor| Lowered::unmasked(nodes[tensor]));
    let outputs = operation.lower_call(&mut graph, &call)?;
    Ok((graph, outputs))
}

/// The shapes and the types of what a call returns.
fn call(name: &str, arguments: &[(&str, CallValue<usize>)], tensors: &[Tensor]) -> Outcome {
    let (graph, outputs) = lowered(name, arguments, tensors)?;
    let described = |output: &Lowered| {
        let node = output.node;
        format!("{} {}", graph.shape(node), graph.dtype(node).name())
    };
    Ok(outputs.iter().map(described).collect::<Vec<_>>().join(", "))
}

type Outcome = Result<String, LayerError>;

fn t(i: usize) -> CallValue<usize> {
    CallValue::Tensor(i)
}

fn int(value: i64) -> CallValue<usize> {
    CallValue::Value(Value::Int(value))
}

fn ints(values: &[i64]) -> CallValue<usize> {
    CallValue::Value(Value::List(values.iter().map(|&value| Value::Int(value)).collect()))
}

fn int_pairs(pairs: &[[i64; 2]]) -> CallValue<usize> {
    let pair = |pair: &[i64; 2]| Value::List(pair.map(Value::Int).to_vec());
    CallValue::Value(Value::List(pairs.iter().map(pair).collect()))
}

fn text(text: &str) -> CallValue<usize> {
    CallValue::Value(Value::Str(text.to_string()))
}

#[test]
fn cells_around_a_tensor_are_named() {
    let widths = int_pairs(&[[0, 0], [2, 1]]);
    let pad = |more: (&'static str, CallValue<usize>)| {
        let arguments = [("", t(0)), ("", widths.clone()), more];
        call("pad", &arguments, &[(&[4], FLOAT)]).unwrap_err()
    };
    let error = pad(("mode", text("reflekt")));
    assert_eq!(error.help.as_deref(), Some("did you mean `\"reflect\"`?"));
    let arguments = [
        ("", t(0)),
        ("", widths.clone()),
        ("mode", text("symmetric")),
        ("constant_values", CallValue::Value(Value::Float(1.0))),
    ];
    let error = call("pad", &arguments, &[(&[4], FLOAT)]).unwrap_err();
    assert!(error.message.contains("only for `mode = \"constant\"`"), "{error:?}");
}

#[test]
fn names_differ_and_everything_is_documented() {
    let mut names: Vec<&str> = Function::all().flat_map(|f| f.names.iter().copied()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for function in Function::all() {
        assert!(!function.schema.docs.trim().is_empty(), "{}", function.name());
        for parameter in function.schema.parameters {
            assert!(!parameter.docs.trim().is_empty(), "{}: {}", function.name(), parameter.name);
        }
        let listed = function.schema.parameters.len() + function.operands.len();
        assert_eq!(function.signature.len(), listed, "{}", function.name());
    }
}

#[test]
fn functions_have_the_shapes_and_types_of_keras() {
    let (a, b): (Tensor, Tensor) = ((&[4, 3], FLOAT), (&[1, 3], FLOAT));
    let ids: Tensor = (&[4], Dtype::Int32);
    for (name, arguments, tensors, expected) in [
        ("add", vec![("", t(0)), ("", t(1))], vec![a, b], "(batch, 4, 3) float32"),
        ("add", vec![("", t(0)), ("", int(2))], vec![ids], "(batch, 4) int32"),
        ("true_divide", vec![("", t(0)), ("", int(2))], vec![ids], "(batch, 4) float32"),
        ("subtract", vec![("", int(1)), ("", t(0))], vec![a], "(batch, 4, 3) float32"),
        ("multiply", vec![("", t(0)), ("", ints(&[1, 5, 2]))], vec![a], "(batch, 4, 3) float32"),
        ("not_equal", vec![("", t(0)), ("", int(0))], vec![ids], "(batch, 4) bool"),
        (
            "matmul",
            vec![("", t(0)), ("", t(1))],
            vec![a, (&[3, 5], FLOAT)],
            "(batch, 4, 5) float32",
        ),
        ("mean", vec![("", t(0)), ("axis", int(1))], vec![a], "(batch, 3) float32"),
        ("max", vec![("", t(0)), ("", ints(&[1, 2]))], vec![a], "(batch) float32"),
        (
            "sum",
            vec![("", t(0)), ("", int(-1)), ("keepdims", CallValue::Value(Value::Bool(true)))],
            vec![a],
            "(batch, 4, 1) float32",
        ),
        ("any", vec![("", t(0)), ("axis", int(1))], vec![ids], "(batch) bool"),
        ("sum", vec![("", t(0)), ("axis", int(1))], vec![ids], "(batch) int32"),
        ("min", vec![("", t(0)), ("axis", int(1))], vec![ids], "(batch) int32"),
        ("cumsum", vec![("", t(0)), ("axis", int(1))], vec![ids], "(batch, 4) int32"),
        ("cumsum", vec![("", t(0)), ("axis", int(-1))], vec![a], "(batch, 4, 3) float32"),
        (
            "pad",
            vec![("", t(0)), ("", int_pairs(&[[0, 0], [2, 1]])), ("mode", text("reflect"))],
            vec![ids],
            "(batch, 7) int32",
        ),
        ("reshape", vec![("", t(0)), ("", ints(&[-1, 2, 6]))], vec![a], "(batch, 2, 6) float32"),
        ("transpose", vec![("", t(0)), ("", ints(&[0, 2, 1]))], vec![a], "(batch, 3, 4) float32"),
        ("expand_dims", vec![("", t(0)), ("", int(-1))], vec![ids], "(batch, 4, 1) int32"),
        ("squeeze", vec![("", t(0)), ("axis", int(1))], vec![b], "(batch, 3) float32"),
        ("tile", vec![("", t(0)), ("", ints(&[1, 2, 3]))], vec![a], "(batch, 8, 9) float32"),
        (
            "repeat",
            vec![("", t(0)), ("", int(2)), ("axis", int(1))],
            vec![a],
            "(batch, 8, 3) float32",
        ),
        (
            "split",
            vec![("", t(0)), ("", int(2)), ("axis", int(1))],
            vec![a],
            "(batch, 2, 3) float32, (batch, 2, 3) float32",
        ),
        ("one_hot", vec![("", t(0)), ("", int(6))], vec![ids], "(batch, 4, 6) float32"),
        (
            "take",
            vec![("", t(0)), ("", ints(&[2, 0])), ("axis", int(-1))],
            vec![a],
            "(batch, 4, 2) float32",
        ),
        ("zeros_like", vec![("", t(0))], vec![ids], "(batch, 4) int32"),
        (
            "concatenate",
            vec![("", CallValue::List(vec![t(0), t(1)])), ("axis", int(1))],
            vec![a, b],
            "(batch, 5, 3) float32",
        ),
        (
            "stack",
            vec![("", CallValue::List(vec![t(0), t(0)])), ("axis", int(1))],
            vec![a],
            "(batch, 2, 4, 3) float32",
        ),
        (
            "einsum",
            vec![("", CallValue::Value(Value::Str("bij,bkj->bik".into()))), ("", t(0)), ("", t(1))],
            vec![a, b],
            "(batch, 4, 1) float32",
        ),
        (
            "where",
            vec![("", t(1)), ("", t(0)), ("", int(0))],
            vec![a, (&[4, 1], Dtype::Bool)],
            "(batch, 4, 3) float32",
        ),
        (
            "cast",
            vec![("", t(0)), ("", CallValue::Value(Value::Str("int32".into())))],
            vec![a],
            "(batch, 4, 3) int32",
        ),
        ("normalize", vec![("", t(0))], vec![a], "(batch, 4, 3) float32"),
        ("softmax", vec![("", t(0)), ("axis", ints(&[1, 2]))], vec![a], "(batch, 4, 3) float32"),
    ] {
        let found = call(name, &arguments, &tensors);
        assert_eq!(found.as_deref(), Ok(expected), "{name}");
    }
}

#[test]
fn mistakes_name_the_function_and_the_argument() {
    let (a, b): (Tensor, Tensor) = ((&[4, 3], FLOAT), (&[5, 3], FLOAT));
    for (name, arguments, tensors, expected) in [
        (
            "mean",
            vec![("", t(0))],
            vec![a],
            "`mean` with `axis = None` would reduce the batch of (batch, 4, 3)",
        ),
        (
            "mean",
            vec![("", t(0)), ("axis", int(0))],
            vec![a],
            "`mean` cannot work along the batch, axis 0 of (batch, 4, 3)",
        ),
        (
            "mean",
            vec![("", t(0)), ("axis", int(3))],
            vec![a],
            "`axis` of `mean` expects an axis of (batch, 4, 3), found 3",
        ),
        ("mean", vec![("", t(0)), ("axes", int(1))], vec![a], "`mean` has no argument `axes`"),
        (
            "add",
            vec![("", t(0)), ("", t(1))],
            vec![a, b],
            "`add` cannot broadcast (batch, 4, 3) and (batch, 5, 3)",
        ),
        (
            "add",
            vec![("", t(0)), ("", t(1))],
            vec![a, (&[3], FLOAT)],
            "`add` expects tensors with equally many axes, found (batch, 4, 3) and (batch, 3)",
        ),
        ("add", vec![("", t(0))], vec![a], "`add` needs the argument `x2`"),
        (
            "matmul",
            vec![("", t(0)), ("", t(1))],
            vec![a, b],
            "`matmul` expects as many columns of (batch, 4, 3) as rows of (batch, 5, 3), \
             found 3 and 5",
        ),
        (
            "transpose",
            vec![("", t(0)), ("", ints(&[1, 0, 2]))],
            vec![a],
            "`axes` of `transpose` expects the axes 0 to 2 of (batch, 4, 3), 0 in front, \
             found (1, 0, 2)",
        ),
        (
            "split",
            vec![("", t(0)), ("", int(3)), ("axis", int(1))],
            vec![a],
            "`indices_or_sections` of `split` cannot cut axis 1 of (batch, 4, 3), 4 long, at 3",
        ),
        (
            "reshape",
            vec![("", t(0)), ("", ints(&[-1, 5]))],
            vec![a],
            "`newshape` of `reshape` expects -1 for the batch and extents of 12 elements, \
             found (-1, 5) for (batch, 4, 3)",
        ),
        (
            "cast",
            vec![("", t(0)), ("", int(3))],
            vec![a],
            "`dtype` of `cast` expects `\"float32\"`, `\"int32\"` or `\"bool\"`, found 3",
        ),
        (
            "take",
            vec![("", t(0)), ("", ints(&[7])), ("axis", int(1))],
            vec![a],
            "`indices` of `take` expects integers below 4, the extent of axis 1 of (batch, 4, 3), \
             found (7,)",
        ),
    ] {
        let error = call(name, &arguments, &tensors).expect_err(name);
        assert_eq!(error.message, expected);
    }
}

fn value(value: Value) -> CallValue<usize> {
    CallValue::Value(value)
}

#[test]
fn activations_are_functions_with_the_defaults_of_their_names() {
    let extents = [2, 4];
    for &(name, expected) in FUNCTIONS {
        let Some(function) = Function::activation(name) else {
            assert_eq!(name, "linear");
            continue;
        };
        let given = vec![Given { name: None, value: t(0) }];
        let (operation, call) = bind(function, given).expect("a call on a tensor");
        let graph = || {
            let mut graph = Graph::new(Mode::Inference);
            let x = graph.input(0, Shape::new(extents), FLOAT);
            (graph, x)
        };
        let (mut found, x) = graph();
        operation.lower_call(&mut found, &call.map(|_| Lowered::unmasked(x))).expect("legal");
        let (mut named, x) = graph();
        named.activation(x, expected).expect("legal");
        let [found, named] = [found, named].map(|graph| {
            let ops = graph.nodes().iter().filter_map(|node| node.op());
            ops.map(|op| format!("{op:?}")).collect::<Vec<String>>()
        });
        assert_eq!(found, named, "{name}");
    }
    assert!(Function::activation("threshold").is_some() && Function::activation("mean").is_none());
    let gelu = Function::by_name("gelu").map(|gelu| gelu.defaults[0].value());
    assert_eq!(gelu, Some(Some(Value::Bool(true))));
}

#[test]
fn a_slice_has_one_ellipsis() {
    let dots =
        || Value::Object(crate::value::Object { class: ELLIPSIS.to_string(), arguments: vec![] });
    let key = value(Value::List(vec![dots(), dots()]));
    let refused = call("get_item", &[("", t(0)), ("", key)], &[(&[2, 3], FLOAT)]);
    assert_eq!(
        refused.expect_err("two ellipses").message,
        "a slice of (batch, 2, 3) has at most one `...`"
    );
}
