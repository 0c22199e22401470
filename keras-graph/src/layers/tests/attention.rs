//! Tests of layers that call their tensors one by one, and hold layers that they made themselves.

use super::*;
use crate::call::{CallArgument, CallValue, bind};

/// A model of 4 steps of 6 features that attend to 5 steps.
fn attending(class: &str, arguments: &str) -> Network {
    let mut network = Network::new("model", Class::Functional);
    let x = network.add_input("x", Shape::new([4, 6]), Dtype::Float32);
    let memory = network.add_input("memory", Shape::new([5, 6]), Dtype::Float32);
    let layer = build(class, arguments).unwrap();
    let layer = network.add_layer(NetworkLayer { name: "at".to_string(), ..layer });
    let y = network.call(layer, &[x, memory]).unwrap();
    network.finish(&y);
    network
}

#[test]
fn weights_of_heads_lie_where_keras_has_them() {
    let group = "layers/multi_head_attention";
    let grouped = "layers/grouped_query_attention";
    for (class, arguments, expected) in [
        (
            "MultiHeadAttention",
            "2, 3, value_dim = 5, use_gate = True",
            vec![
                ("at.query.kernel", format!("{group}/query_dense/vars/0"), vec![6, 2, 3]),
                ("at.query.bias", format!("{group}/query_dense/vars/1"), vec![2, 3]),
                ("at.key.kernel", format!("{group}/key_dense/vars/0"), vec![6, 2, 3]),
                ("at.key.bias", format!("{group}/key_dense/vars/1"), vec![2, 3]),
                ("at.gate.kernel", format!("{group}/_gate_dense/vars/0"), vec![6, 2, 5]),
                ("at.gate.bias", format!("{group}/_gate_dense/vars/1"), vec![2, 5]),
                ("at.value.kernel", format!("{group}/value_dense/vars/0"), vec![6, 2, 5]),
                ("at.value.bias", format!("{group}/value_dense/vars/1"), vec![2, 5]),
                (
                    "at.attention_output.kernel",
                    format!("{group}/output_dense/vars/0"),
                    vec![2, 5, 6],
                ),
                ("at.attention_output.bias", format!("{group}/output_dense/vars/1"), vec![6]),
            ],
        ),
        (
            "GroupQueryAttention",
            "3, 4, 2, use_bias = False",
            vec![
                ("at.query.kernel", format!("{grouped}/_query_dense/vars/0"), vec![6, 4, 3]),
                ("at.key.kernel", format!("{grouped}/_key_dense/vars/0"), vec![6, 2, 3]),
                ("at.value.kernel", format!("{grouped}/_value_dense/vars/0"), vec![6, 2, 3]),
                (
                    "at.attention_output.kernel",
                    format!("{grouped}/_output_dense/vars/0"),
                    vec![4, 3, 6],
                ),
            ],
        ),
    ] {
        let description = describe(&attending(class, arguments), String::new()).unwrap();
        let found: Vec<(&str, String, Vec<usize>)> = description
            .weights
            .iter()
            .map(|weight| (&*weight.field, weight.path.to_string(), weight.shape.to_vec()))
            .collect();
        assert_eq!(found, expected);
    }
}

/// Names of the ops of a prediction.
fn ops(network: &Network) -> Vec<&'static str> {
    let plan = compile(network, Mode::Inference).unwrap();
    plan.steps.iter().map(|step| step.op.name()).collect()
}

#[test]
fn attention_is_one_op_unless_scores_are_asked_for() {
    let count = |network: &Network, name| ops(network).into_iter().filter(|op| *op == name).count();
    let network = attending("MultiHeadAttention", "2, 3, dropout = 0.5, sliding_window = 2");
    assert_eq!((count(&network, "attention"), count(&network, "softmax")), (1, 0));
    let mut network = attending("MultiHeadAttention", "2, 3");
    let call = network.calls.last_mut().unwrap();
    let value = CallValue::Value(Value::Bool(true));
    let name = "return_attention_scores";
    call.call.arguments.push(CallArgument { name, is_positional: false, value });
    let (layer, call) = (call.layer, call.call.clone());
    let results = network.call_with(layer, call).unwrap();
    network.finish(&results);
    assert_eq!((count(&network, "attention"), count(&network, "softmax")), (0, 1));
    assert_eq!(network.shape(results[1]).extents(), [2, 4, 5]);
}

#[test]
fn penalties_are_on_what_each_projection_makes() {
    // Keras' `MultiHeadAttention` hands its penalty on; `GroupQueryAttention` has it as well.
    for (class, heads, expected) in
        [("MultiHeadAttention", "2, 3", 4), ("GroupQueryAttention", "3, 4, 2", 5)]
    {
        let network = attending(class, &format!("{heads}, activity_regularizer = L2(0.1)"));
        let penalties = compile(&network, TRAINING).unwrap().activity_penalties.len();
        assert_eq!(penalties, expected, "{class}");
    }
}

#[test]
fn a_call_without_a_value_is_refused() {
    let parameters = layer("MultiHeadAttention", "2, 3").call_parameters();
    let given = crate::call::Given { name: None, value: CallValue::Tensor(TensorId(0)) };
    let errors = bind("MultiHeadAttention", parameters, vec![given]).unwrap_err();
    assert_eq!(errors[0].message, "a call of `MultiHeadAttention` needs the tensor `value`");
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    for (class, arguments, inputs, expected) in [
        ("MultiHeadAttention", "2, 3", &[&[6][..], &[6]][..], "(batch, time, ..., features)"),
        ("MultiHeadAttention", "2, 3", &[&[4, 6], &[2, 5, 6]], "as many axes as the query"),
        ("MultiHeadAttention", "2, 3", &[&[4, 6], &[5, 6], &[7, 6]], "with the same steps"),
        (
            "MultiHeadAttention",
            "2, 3, attention_axes = 2",
            &[&[2, 4, 6], &[3, 4, 6]],
            "attends along other axes than axis 1",
        ),
        ("MultiHeadAttention", "2, 3, attention_axes = 0", &[&[4, 6], &[4, 6]], "attention_axes"),
        ("MultiHeadAttention", "2, 3, attention_axes = -1", &[&[4, 6], &[4, 6]], "attention_axes"),
        (
            "MultiHeadAttention",
            "2, 3, sliding_window = 2",
            &[&[2, 4, 6], &[2, 4, 6]],
            "only where it attends along one axis",
        ),
        ("GroupQueryAttention", "3, 4, 3", &[&[4, 6], &[4, 6]], "found 4 and 3"),
        ("GroupQueryAttention", "3, 4, 2", &[&[4, 6], &[4, 7]], "with the same features"),
        ("GroupQueryAttention", "3, 4, 2", &[&[2, 4, 6], &[2, 4, 6]], "(batch, time, features)"),
        ("Attention", "", &[&[4, 6]], "a list of 2 or 3 tensors"),
        ("Attention", "", &[&[4, 6], &[5, 7]], "query and key with the same features"),
        ("Attention", "", &[&[4, 6], &[5, 7], &[3, 6]], "value and key with the same steps"),
        ("AdditiveAttention", "", &[&[4, 6], &[6]], "a value (batch, time, features)"),
    ] {
        let error = lower_error(class, arguments, inputs);
        assert!(error.message.contains(expected), "{class}({arguments}): {}", error.message);
    }
}
