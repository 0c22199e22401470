//! What a block or a file comes to: a network, or what is known of one with mistakes.

use std::collections::HashMap;

use keras_graph::dtype::Dtype;
use keras_graph::network::{Network, Tensor};
use keras_graph::shape::Shape;
use proc_macro2::TokenStream;

use crate::ast::Constant;
use crate::builder::Builder;
use crate::errors::Spot;
use crate::value::Value;

/// Where the parts of a model stand, for mistakes that are found in the whole of it. What came from
/// a file has no place.
#[derive(Default)]
pub(crate) struct Places {
    /// Layers by their paths.
    pub layers: HashMap<String, Spot>,
    /// Inputs, then outputs.
    pub ports: [Vec<Spot>; 2],
}

/// What came of a block.
#[derive(Default)]
pub(crate) struct Expansion {
    /// The model; none if there was a mistake.
    pub network: Option<Network>,
    pub constants: Vec<(Constant, Value)>,
    /// What was known of the model when there was a mistake.
    pub guess: Guess,
    pub places: Places,
    /// Makes the compiler look again when a file changes.
    pub dependency: TokenStream,
}

/// What was known when a mistake was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guess {
    /// Name, extents and type of each input.
    pub inputs: Vec<(String, Shape, Dtype)>,
    /// Name and extents of each output.
    pub outputs: Vec<(String, Shape)>,
}

impl Guess {
    /// What the ports of a `Model(..)` tell, or else the layers made so far.
    pub(crate) fn of(builder: &Builder) -> Guess {
        if let [inputs, outputs] = &builder.ports
            && !inputs.is_empty()
            && !outputs.is_empty()
        {
            let inputs = inputs.iter().map(|p| (p.name.clone(), p.shape.clone(), p.dtype));
            let outputs = outputs.iter().map(|p| (p.name.clone(), p.shape.clone()));
            return Guess { inputs: inputs.collect(), outputs: outputs.collect() };
        }
        let arena = &builder.arena;
        let inputs = arena.inputs.iter().take(1).map(|&tensor| {
            let described = &arena.tensors[tensor.0];
            let layer = arena.calls[described.call].layer;
            (arena.layers[layer.0].name.clone(), described.shape.clone(), described.dtype)
        });
        Guess {
            inputs: inputs.collect(),
            outputs: vec![("output".to_string(), last_shape(builder))],
        }
    }
}

/// As many units as the last layer has, or the shape of the last result.
fn last_shape(builder: &Builder) -> Shape {
    if let Some(units) = builder.last_units.filter(|&units| units > 0) {
        return Shape::new([units]);
    }
    let arena = &builder.arena;
    let is_result = |tensor: &&Tensor| !arena.calls[tensor.call].call.inputs.is_empty();
    arena.tensors.iter().rfind(is_result).map_or(Shape::new([1]), |tensor| tensor.shape.clone())
}
