//! What takes the place of a model with mistakes: a struct of the same name with the inputs and
//! outputs that are known, so that the code that uses it has no errors of its own.

use keras_graph::dtype::Dtype;
use keras_graph::graph::LayerError;
use keras_graph::layers::Entry;
use keras_graph::network::{Class, Network, NetworkLayer, TensorId};
use keras_graph::shape::Shape;
use keras_graph::value::{Argument, Value as GraphValue};
use proc_macro2::TokenStream;

use crate::ast::{Constant, Item};
use crate::constants;
use crate::emit;
use crate::errors::Mistakes;
use crate::expansion::Guess;
use crate::value::Value;

/// The stub of a model.
pub(crate) fn model(item: &Item, constants: &[(Constant, Value)], guess: Guess) -> TokenStream {
    // What is wrong with a constant was told before, or follows from what was.
    let constants = constants::emit(item, constants, &mut Mistakes::default());
    let smallest = Guess {
        inputs: vec![("input".to_string(), Shape::new([1]), Dtype::Float32)],
        outputs: vec![("output".to_string(), Shape::new([1]))],
    };
    [guess, smallest]
        .iter()
        .find_map(|guess| emit::compiled(&network(guess).ok()?).ok())
        .map(|compiled| emit::tokens(item, &compiled, &constants))
        .unwrap_or_default()
}

/// A model with these inputs and outputs.
fn network(guess: &Guess) -> Result<Network, LayerError> {
    let mut network = Network::new("stub", Class::Functional);
    let input = GraphValue::Int(1);
    let mut sum = None;
    for (i, (name, shape, dtype)) in guess.inputs.iter().enumerate() {
        let x = network.add_input(name, shape.clone(), *dtype);
        let flat = vec![GraphValue::Int(shape.len() as i64)];
        let x =
            call(&mut network, "Reshape", GraphValue::List(flat), &format!("stub_flat_{i}"), &[x])?;
        let x = call(&mut network, "Dense", input.clone(), &format!("stub_in_{i}"), &[x])?;
        sum = Some(match sum {
            None => x,
            Some(sum) => {
                call(&mut network, "Add", GraphValue::None, &format!("stub_sum_{i}"), &[sum, x])?
            }
        });
    }
    let sum = sum.ok_or_else(|| LayerError::input("a model has an input"))?;
    let mut outputs = Vec::new();
    for (i, (_, shape)) in guess.outputs.iter().enumerate() {
        let units = GraphValue::Int(shape.len() as i64);
        let y = call(&mut network, "Dense", units, &format!("stub_out_{i}"), &[sum])?;
        let extents =
            shape.extents().iter().map(|&extent| GraphValue::Int(extent as i64)).collect();
        let name = format!("stub_output_{i}");
        outputs.push(call(&mut network, "Reshape", GraphValue::List(extents), &name, &[y])?);
    }
    network.finish(&outputs);
    network.output_names = guess.outputs.iter().map(|(name, _)| name.clone()).collect();
    Ok(network)
}

/// Calls a layer with one argument, if it takes any.
fn call(
    network: &mut Network,
    class: &str,
    argument: GraphValue,
    name: &str,
    inputs: &[TensorId],
) -> Result<TensorId, LayerError> {
    let refused = || LayerError::input("the stub has no such layer");
    let arguments = match argument {
        GraphValue::None => vec![],
        value => vec![Argument { name: None, value }],
    };
    let entry = Entry::by_class(class).ok_or_else(refused)?;
    let layer: NetworkLayer =
        entry.build(&arguments, || name.to_string()).map_err(|_| refused())?;
    let layer = network.add_layer(layer);
    network.call(layer, inputs)?.first().copied().ok_or_else(refused)
}
