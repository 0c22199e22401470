//! Tests of a layer within a layer.

use super::*;
use crate::call::{Call, Lowered};

/// A model of 3 steps of 4 features, with `TimeDistributed` of a layer.
fn distributed(inner: &str) -> Network {
    let mut network = Network::new("model", Class::Functional);
    let x = network.add_input("x", Shape::new([3, 4]), Dtype::Float32);
    let layer = build("TimeDistributed", inner).unwrap();
    let layer = network.add_layer(NetworkLayer { name: "steps".to_string(), ..layer });
    let y = network.call(layer, &[x]).unwrap();
    network.finish(&y);
    network
}

#[test]
fn weights_of_a_wrapped_layer_lie_where_keras_has_them() {
    let network = distributed("Dense(5, name = \"each\")");
    let description = describe(&network, String::new()).unwrap();
    let weight = &description.weights[1];
    assert_eq!((&*weight.field, &*weight.layer), ("steps.each.bias", "steps/each"));
    assert_eq!(weight.path, "layers/time_distributed/layer/vars/1");
    assert_eq!(description.layers[1].params, 4 * 5 + 5);
}

#[test]
fn a_wrapped_layer_may_be_frozen() {
    let network = distributed("Dense(5, trainable = False)");
    let description = describe(&network, String::new()).unwrap();
    assert!(description.weights.iter().all(|weight| !weight.trainable));
    let text = compile(&network, TRAINING).unwrap().to_string();
    assert!(!text.contains("gemm_grad_w"), "{text}");
}

#[test]
fn each_step_is_normalized_by_its_own_moments() {
    let network = distributed("BatchNormalization()");
    let training = compile(&network, TRAINING).unwrap();
    let moments = training.steps.iter().filter(|step| step.op.name() == "moments");
    assert_eq!(moments.map(|step| step.repeat).collect::<Vec<_>>(), [1, 1, 1], "{training}");
    assert_eq!(training.moving_averages.len(), 3);
    let inference = compile(&network, Mode::Inference).unwrap();
    assert_eq!(inference.steps.iter().map(|step| step.repeat).collect::<Vec<_>>(), [3]);
}

#[test]
fn penalties_of_a_wrapped_layer_are_none_as_in_keras() {
    let network = distributed("ActivityRegularization(l1 = 0.5)");
    assert!(compile(&network, TRAINING).unwrap().activity_penalties.is_empty());
}

#[test]
fn what_cannot_be_distributed_is_refused() {
    let error = lower_error("TimeDistributed", "Dense(5)", &[&[4]]);
    assert!(error.message.contains("expects (batch, time, features, ...), found (batch, 4)"));
    let error = argument_error("TimeDistributed", "8");
    assert_eq!(error.message, "`layer` of `TimeDistributed` expects a layer, found 8");
    assert_eq!(error.help.as_deref(), Some("write a layer, such as `Dense(8)`"));
    let error = argument_error("TimeDistributed", "initializers.Identity()");
    let message = "`layer` of `TimeDistributed` expects a layer, found Identity()";
    assert_eq!(error.message, message);
    assert_eq!(error.help.as_deref(), Some("`layers.Identity` is the layer of this name"));
    let error = argument_error("TimeDistributed", "Dense(0)");
    assert!(error.message.contains("`units` of `Dense` expects a positive integer"), "{error:?}");
    let error = lower_error("TimeDistributed", "Add()", &[&[3, 4]]);
    assert!(error.message.contains("found `Add` of several"), "{error:?}");
}

#[test]
fn a_mask_goes_on_and_to_each_step() {
    let mut graph = Graph::new(Mode::Inference);
    let x = graph.input(0, Shape::new([3, 4]), Dtype::Float32);
    let mask = graph.input(1, Shape::new([3, 4]), Dtype::Bool);
    let call = Call::on(&[Lowered { node: x, mask: Some(mask) }]);
    for (inner, reads_mask) in [("Softmax()", true), ("Dense(5)", false)] {
        let mut graph = graph.clone();
        let results = layer("TimeDistributed", inner).lower_call(&mut graph, &call).unwrap();
        assert_eq!(results[0].mask, Some(mask), "{inner}");
        let readers = graph.nodes().iter().filter(|node| node.inputs.contains(&mask.into()));
        assert_eq!(readers.count() > 0, reads_mask, "{inner}: {graph}");
    }
    let short = graph.input(2, Shape::new([2]), Dtype::Bool);
    let call = Call::on(&[Lowered { node: x, mask: Some(short) }]);
    let error = layer("TimeDistributed", "Dense(5)").lower_call(&mut graph, &call).unwrap_err();
    assert!(error.message.contains("a mask (batch, 3, ...), found (batch, 2)"), "{error:?}");
}
