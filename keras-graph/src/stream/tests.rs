use super::*;
use crate::dtype::Dtype;
use crate::layers::Entry;
use crate::layers::recurrent::RNN;
use crate::network::{Class, TensorId};
use crate::shape::Shape;
use crate::value::{Argument, Object};

/// A model of layers one behind the other, on 8 steps of 3 features.
fn model(layers: &[(&str, Vec<(&str, Value)>)]) -> Network {
    let mut network = Network::new("model", Class::Functional);
    let mut x: TensorId = network.add_input("x".to_string(), Shape::new([8, 3]), Dtype::Float32);
    for (i, (class, arguments)) in layers.iter().enumerate() {
        let argument = |(name, value): &(&str, Value)| Argument {
            name: Some((*name).to_string()),
            value: value.clone(),
        };
        let arguments: Vec<Argument> = arguments.iter().map(argument).collect();
        let layer = Entry::by_class(class).unwrap().build(&arguments, || format!("layer_{i}"));
        let layer = network.add_layer(layer.unwrap());
        x = network.call(layer, &[x]).unwrap()[0];
    }
    network.finish(&[x]);
    network
}

fn sequences(units: i64) -> Vec<(&'static str, Value)> {
    vec![("units", Value::Int(units)), ("return_sequences", Value::Bool(true))]
}

/// Why a model cannot run as a stream, and the layer that it is about.
fn refusal(network: &Network) -> (Option<String>, String) {
    let error = compile_stream(network).unwrap_err();
    (error.layer, error.message)
}

#[test]
fn states_are_ports() {
    let causal = vec![
        ("filters", Value::Int(5)),
        ("kernel_size", Value::Int(3)),
        ("dilation_rate", Value::Int(2)),
        ("padding", Value::Str("causal".into())),
    ];
    let network = model(&[
        ("Conv1D", causal),
        ("LayerNormalization", vec![]),
        ("LSTM", sequences(4)),
        ("GRU", sequences(2)),
        ("Dense", vec![("units", Value::Int(1))]),
    ]);
    let plan = compile_stream(&network).unwrap().plan;
    let shapes = |ports: &[crate::plan::Port]| -> Vec<Vec<usize>> {
        ports.iter().map(|port| port.shape.to_vec()).collect()
    };
    let states = [vec![4, 3], vec![4], vec![4], vec![2]];
    assert_eq!(shapes(&plan.inputs)[0], [1, 3]);
    assert_eq!(shapes(&plan.outputs)[0], [1, 1]);
    assert_eq!(shapes(&plan.inputs)[1..], states);
    assert_eq!(shapes(&plan.outputs)[1..], states);
}

#[test]
fn cells_of_a_stack_each_have_states() {
    let cell = |class: &str| {
        let units = Argument { name: None, value: Value::Int(2) };
        Value::Layer(Object { class: class.to_string(), arguments: vec![units] })
    };
    let cells = Value::List(vec![cell("LSTMCell"), cell("SimpleRNNCell")]);
    let class = RNN::SCHEMA.class;
    let network = model(&[(class, vec![("cell", cells), ("return_sequences", Value::Bool(true))])]);
    assert_eq!(compile_stream(&network).unwrap().plan.inputs.len(), 1 + 3);
}

#[test]
fn what_looks_ahead_is_refused_by_name() {
    let (layer, why) = refusal(&model(&[("Flatten", vec![])]));
    assert_eq!(layer.unwrap(), "layer_0");
    assert_eq!(why, "`Flatten` does not compute each step by itself");
    let (layer, why) = refusal(&model(&[("LSTM", vec![("units", Value::Int(4))])]));
    assert_eq!(layer.unwrap(), "layer_0");
    assert_eq!(why, "`LSTM` returns the output of the last step alone");
    let backwards = [sequences(4), vec![("go_backwards", Value::Bool(true))]].concat();
    let (_, why) = refusal(&model(&[("GRU", backwards)]));
    assert_eq!(why, "`GRU` reads the sequence from its end");
    let same = vec![
        ("filters", Value::Int(5)),
        ("kernel_size", Value::Int(3)),
        ("padding", Value::Str("same".into())),
    ];
    let (layer, why) = refusal(&model(&[("Conv1D", same)]));
    assert_eq!(layer.unwrap(), "layer_0");
    assert_eq!(why, "`Conv1D` looks ahead unless it has `padding = \"causal\"`");
    let along_steps = vec![("axis", Value::Int(1))];
    let (_, why) = refusal(&model(&[("LayerNormalization", along_steps)]));
    assert_eq!(why, "`LayerNormalization` does not compute each step by itself");
    let (_, why) = refusal(&model(&[("Masking", vec![]), ("LSTM", sequences(2))]));
    assert_eq!(why, "`Masking` does not compute each step by itself");
}

#[test]
fn lists_name_layers_that_exist() {
    for class in BY_STEP.iter().chain(OF_SEQUENCES) {
        assert!(Entry::by_class(class).is_some(), "{class}");
    }
}
