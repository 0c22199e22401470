//! The shapes that Keras builds layers for before it reads their weights.

use keras_graph::call::{CallKind, CallParameter, Lowered};
use keras_graph::graph::{Graph, Mode};
use keras_graph::layer::Layer;
use keras_graph::layers::NamedActivation;
use keras_graph::network::{LayerCall, Network};
use keras_graph::shape::Shape;
use serde_json::{Map, Value as Json, json};

/// Notes the shape that Keras builds an activation with weights for, before it reads them. `output`
/// is the shape of what the layer with these arguments returns.
pub(super) fn build_activation(arguments: &mut Json, output: &Shape) {
    if let Some(activation) = arguments.get_mut("activation")
        && activation["class_name"].as_str().is_some_and(NamedActivation::is_learned)
    {
        activation["build_config"] = json!({ "input_shape": batch_shape(output) });
    }
    // Of a layer on each step of a sequence.
    if let Some(inner) = arguments.get_mut("layer").and_then(|layer| layer.get_mut("config"))
        && let [_, step @ ..] = output.extents()
    {
        build_activation(inner, &Shape::new(step));
    }
}

/// The shapes that Keras builds a layer for before it is called; only layers that have weights, or
/// join tensors, are built so; those of an activation are its own.
pub(super) fn build_config(network: &Network, layer: &dyn Layer, call: &LayerCall) -> Option<Json> {
    let mut graph = Graph::new(Mode::Inference);
    let lowered = call.call.map(|tensor| {
        let tensor = &network.tensors[tensor.0];
        Lowered::unmasked(graph.input(0, tensor.shape.clone(), tensor.dtype))
    });
    let inputs = call.call.inputs.iter();
    let shapes: Vec<Json> = inputs.map(|&tensor| batch_shape(network.shape(tensor))).collect();
    if layer.joins() {
        return Some(json!({ "input_shape": shapes }));
    }
    let needs_several = |first: &CallParameter| first.kind == CallKind::Needed;
    if layer.call_parameters().first().is_some_and(needs_several) {
        return Some(shape_of_each(network, call));
    }
    layer.lower_call(&mut graph, &lowered).ok()?;
    let has_own = graph.weights().iter().any(|weight| weight.group != "activation");
    let shape = shapes.into_iter().next().filter(|_| has_own)?;
    Some(json!({ "input_shape": shape }))
}

/// The shapes of the tensors that a layer of attention takes one by one.
fn shape_of_each(network: &Network, call: &LayerCall) -> Json {
    let query = call.call.inputs.first().copied();
    let named = ["value", "key"].map(|name| (name, call.call.tensor(name)));
    let shapes: Map<String, Json> = [("query", query)]
        .into_iter()
        .chain(named)
        .filter_map(|(name, tensor)| {
            Some((format!("{name}_shape"), batch_shape(network.shape(tensor?))))
        })
        .collect();
    json!({ "shapes_dict": shapes })
}

/// Extents with the batch in front, which is of any size.
pub(super) fn batch_shape(shape: &Shape) -> Json {
    let extents = shape.extents().iter().map(|&extent| json!(extent));
    std::iter::once(Json::Null).chain(extents).collect()
}
