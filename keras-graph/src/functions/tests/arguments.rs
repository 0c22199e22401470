//! How arguments of a call are sorted and read.

use super::*;
use crate::value::Quotient;

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
fn operands_of_a_file_stand_in_the_order_of_the_function() {
    let function = Function::by_name("subtract").expect("a function");
    let given = |name: &str, tensor| Given { name: Some(name.to_string()), value: t(tensor) };
    let call = bind_operands(function, vec![given("x2", 1), given("x1", 0)]).expect("legal");
    assert_eq!(call.tensors(), [0, 1]);
    let twice = vec![Given { name: None, value: t(0) }, given("x2", 1), given("x1", 2)];
    let refused = bind_operands(function, twice).expect_err("an operand is given twice");
    assert_eq!(refused[0].message, "`x1` of `subtract` is given twice");
}
