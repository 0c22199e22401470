//! Which ops calls of functions become.

use super::*;
use crate::program::Program;
use crate::value::{Argument, Object};
use crate::verify::verify;

/// The names of the ops of a call.
fn ops(
    name: &str,
    arguments: &[(&str, CallValue<usize>)],
    tensors: &[Tensor],
) -> Vec<&'static str> {
    let (graph, _) = lowered(name, arguments, tensors).expect("a legal call");
    graph.nodes().iter().filter_map(|node| node.op()).map(|op| op.name()).collect()
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
fn functions_of_integers_and_truth_values_are_legal() {
    let mut lowered_count = 0;
    for function in Function::all() {
        for dtype in [Dtype::Int32, Dtype::Bool] {
            for axis in [None, Some(1)] {
                let axis = axis.filter(|_| function.signature.contains(&"axis"));
                let count = function.operands.iter().filter(|o| !o.ends_with('?')).count();
                let tensors: Vec<Tensor> = vec![(&[4, 4], dtype); count.min(3)];
                let mut arguments: Vec<(&str, CallValue<usize>)> =
                    (0..tensors.len()).map(|i| ("", t(i))).collect();
                arguments.extend(axis.map(|axis| ("axis", int(axis))));
                let Ok((graph, _)) = lowered(function.name(), &arguments, &tensors) else {
                    continue;
                };
                lowered_count += 1;
                assert_eq!(verify(&Program::new(graph)), Ok(()), "{} {dtype:?}", function.name());
            }
        }
    }
    assert!(lowered_count > 100, "{lowered_count}");
}
