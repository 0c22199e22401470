//! Tests over the whole catalogue of functions.

use super::*;
use crate::call::Given;
use crate::dtype::Dtype;
use crate::graph::Mode;
use crate::shape::Shape;
use crate::value::{Argument, Object};

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
fn integers_are_never_rounded_on_their_way() {
    let ids: Tensor = (&[7], Dtype::Int32);
    for name in ["sum", "max", "min", "cumsum"] {
        let ops = ops(name, &[("", t(0)), ("axis", int(1))], &[ids]);
        assert!(!ops.contains(&"cast_float"), "{name}: {ops:?}");
    }
}

#[test]
fn a_condition_is_all_that_becomes_truth_values() {
    let arguments = [("", t(0)), ("", t(1)), ("", CallValue::Value(Value::Float(0.5)))];
    let ops = ops("where", &arguments, &[(&[4], Dtype::Bool), (&[4], FLOAT)]);
    assert_eq!(ops, ["ramp", "broadcast", "select"]);
}

#[test]
fn a_slice_with_a_step_takes_few_ops() {
    let part = |step| {
        let ends = [Value::None, Value::None, Value::Int(step)];
        let arguments = ends.map(|value| Argument { name: None, value }).to_vec();
        Value::Object(Object { class: SLICE.to_string(), arguments })
    };
    let key = CallValue::Value(Value::List(vec![part(1), part(2)]));
    let tensors: [Tensor; 1] = [(&[9000, 3], FLOAT)];
    assert_eq!(ops("get_item", &[("", t(0)), ("", key.clone())], &tensors), ["slice", "slice"]);
    let odd = ops("get_item", &[("", t(0)), ("", key)], &[(&[9001, 3], FLOAT)]);
    assert_eq!(odd, ["slice", "slice", "slice", "concat"]);
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

/// The names of the ops of a call.
fn ops(
    name: &str,
    arguments: &[(&str, CallValue<usize>)],
    tensors: &[Tensor],
) -> Vec<&'static str> {
    let (graph, _) = lowered(name, arguments, tensors).expect("a legal call");
    graph.nodes().iter().filter_map(|node| node.op()).map(|op| op.name()).collect()
}

fn value(value: Value) -> CallValue<usize> {
    CallValue::Value(value)
}

#[test]
fn constants_keep_their_digits() {
    let pair = |a, b| value(Value::List(vec![Value::Float(a), Value::Float(b)]));
    let x: &[Tensor] = &[(&[2], FLOAT)];
    // Equal steps are one op; what a step would round is not.
    assert_eq!(ops("add", &[("", t(0)), ("", pair(1.0, 3.0))], x), ["ramp", "binary"]);
    for (a, b) in [(1000.0, 0.001), (1e8, 1.0)] {
        let ops = ops("add", &[("", t(0)), ("", pair(a, b))], x);
        assert_eq!(ops, ["ramp", "ramp", "concat", "binary"], "{a}, {b}");
    }
    let refused = call("add", &[("", t(0)), ("", int(i64::MIN))], x).expect_err("too large");
    assert!(refused.message.contains("-9223372036854775808"), "{}", refused.message);
}

#[test]
fn a_division_is_what_its_argument_means() {
    let seven_thirds = || Value::Quotient(Quotient { whole: 2, exact: 7.0 / 3.0 });
    let bound = |name: &str, arguments: &[(&str, Value)]| {
        let function = Function::by_name(name).expect("a function");
        let given = arguments.iter().map(|(name, value)| Given {
            name: Some(name.to_string()),
            value: CallValue::Value(value.clone()),
        });
        let x = Given { name: None, value: t(0) };
        bind(function, [x].into_iter().chain(given).collect()).expect("legal")
    };
    let (repeat, _) = bound("repeat", &[("repeats", seven_thirds()), ("axis", Value::Int(1))]);
    assert_eq!(repeat.config()[0], ("repeats", Value::Int(2)));
    let (clip, _) = bound("clip", &[("x_min", Value::Int(0)), ("x_max", seven_thirds())]);
    assert_eq!(clip.config()[1], ("x_max", Value::Float(7.0 / 3.0)));
    let shape = Value::List(vec![Value::Int(-1), seven_thirds()]);
    let (reshape, _) = bound("reshape", &[("newshape", shape)]);
    let whole = Value::List(vec![Value::Int(-1), Value::Int(2)]);
    assert_eq!(reshape.config(), [("newshape", whole)]);
    for (name, operand, expected) in
        [("take", "indices", Value::Int(2)), ("add", "x2", Value::Float(7.0 / 3.0))]
    {
        let (_, call) = bound(name, &[(operand, seven_thirds())]);
        assert_eq!(call.argument(operand), Some(&CallValue::Value(expected)), "{name}");
    }
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
fn whole_numbers_stay_whole() {
    let x: &[Tensor] = &[(&[2], Dtype::Int32)];
    for function in ["negative", "abs"] {
        let ops = ops(function, &[("", t(0))], x);
        assert!(ops.contains(&"binary_int") && !ops.contains(&"cast_float"), "{ops:?}");
    }
    let power = |exponent| call("power", &[("", t(0)), ("", exponent)], x).expect("legal");
    assert_eq!(power(int(2)), "(batch, 2) int32");
    assert_eq!(power(int(4)), "(batch, 2) int32");
    assert_eq!(power(value(Value::Float(2.0))), "(batch, 2) float32");
    let seventh = ops("power", &[("", t(0)), ("", int(7))], x);
    assert_eq!(seventh, ["binary_int"; 4]);
    let bounds = [("", t(0)), ("", int(0)), ("", int(3))];
    assert_eq!(call("clip", &bounds, x).expect("legal"), "(batch, 2) int32");
    let clipped = ops("clip", &bounds, x);
    assert!(!clipped.contains(&"cast_float"), "{clipped:?}");
    let truth: &[Tensor] = &[(&[2], Dtype::Bool)];
    assert_eq!(call("square", &[("", t(0))], truth).expect("legal"), "(batch, 2) int32");
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

#[test]
fn operands_of_a_file_stand_in_the_order_of_the_function() {
    let function = Function::by_name("subtract").expect("a function");
    let given = |name: &str, tensor| Given { name: Some(name.to_string()), value: t(tensor) };
    let call = bind_operands(function, vec![given("x2", 1), given("x1", 0)]).expect("legal");
    assert_eq!(call.tensors(), [0, 1]);
    let twice = vec![Given { name: None, value: t(0) }, given("x2", 1), given("x1", 2)];
    let refused = bind_operands(function, twice).expect_err("an operand is given twice");
    assert_eq!(refused[0].message, "`x1` of `subtract` is given twice");
}
