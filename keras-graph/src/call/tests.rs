use super::*;

static PARAMETERS: [CallParameter; 3] = [
    CallParameter { name: "value", docs: "", kind: CallKind::Tensor },
    MASK,
    CallParameter { name: "initial_state", docs: "", kind: CallKind::Tensors },
];

fn given(name: &str, value: CallValue<usize>) -> Given<usize> {
    let name = (!name.is_empty()).then(|| name.to_string());
    Given { name, value }
}

fn refused(given: Vec<Given<usize>>) -> Vec<String> {
    let errors = bind("LSTM", &PARAMETERS, given).unwrap_err();
    errors.into_iter().map(|error| format!("{}; {:?}", error.message, error.help)).collect()
}

#[test]
fn arguments_are_sorted_as_keras_counts_them() {
    use CallValue::{List, Tensor};
    let call = bind(
        "LSTM",
        &PARAMETERS,
        vec![
            given("", Tensor(7)),
            given("", Tensor(3)),
            given("training", CallValue::Value(Value::Bool(false))),
            given("mask", Tensor(5)),
            given("initial_state", List(vec![Tensor(2), Tensor(9)])),
        ],
    )
    .unwrap();
    let names: Vec<&str> = call.arguments.iter().map(|argument| argument.name).collect();
    assert_eq!(names, ["value", "initial_state", "mask", "training"]);
    assert_eq!(call.tensors(), [7, 3, 2, 9, 5]);
    assert_eq!((call.tensor("mask"), call.flag("training")), (Some(5), Some(false)));
    assert_eq!(call.list("initial_state"), Some(vec![Some(2), Some(9)]));
    assert_eq!(call.map(|tensor| tensor + 1).tensors(), [8, 4, 3, 10, 6]);
    let none = vec![given("inputs", Tensor(1)), given("mask", CallValue::Value(Value::None))];
    assert_eq!(bind("LSTM", &PARAMETERS, none).unwrap(), Call::on(&[1]));
}

#[test]
fn each_mistake_is_told() {
    use CallValue::{Tensor, Value as Plain};
    let found = refused(vec![
        given("", Tensor(1)),
        given("msak", Tensor(2)),
        given("quality", Tensor(2)),
        given("mask", Plain(Value::Bool(true))),
        given("training", Tensor(4)),
        given("training", Plain(Value::Bool(true))),
    ]);
    let expected = [
        "`LSTM` has no call argument `msak`; Some(\"did you mean `mask`?\")",
        "`LSTM` has no call argument `quality`; Some(\"a call of `LSTM` takes: inputs, value, \
         mask, initial_state, training\")",
        "`mask` of a call of `LSTM` expects a tensor, found `True`; None",
        "`training` of a call of `LSTM` expects `True` or `False`, found a tensor; None",
        "`training` is given twice; None",
    ];
    assert_eq!(found, expected);
    let four = (0..5).map(|i| given("", Tensor(i))).collect();
    let found = refused(four);
    assert!(
        found[0].starts_with("`initial_state`") || found[0].contains("at most 4 arguments"),
        "{found:?}"
    );
    let errors = bind("Add", &[], vec![given("", Tensor(1)), given("", Tensor(2))]).unwrap_err();
    assert_eq!(errors[0].message, "`Add` is called on one tensor or one list, found 2 arguments");
}
