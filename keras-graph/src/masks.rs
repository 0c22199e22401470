//! The masks of a model's outputs as a plan of their own: losses and metrics need them before they
//! look at the outputs, since a mean over the rows that count divides by their number.

use crate::call::{Call, Lowered};
use crate::compile::compile;
use crate::error::LayerError;
use crate::graph::{Graph, Mode};
use crate::layer::Layer;
use crate::literal::List;
use crate::network::{Class, LayerKind, Network, NetworkLayer, TensorId};
use crate::op::Op;
use crate::plan::{OutputMasks, Plan, Step, Storage};
use crate::schema::Schema;
use crate::value::Value;

/// The masks of a model's outputs; None if no output has one.
///
/// Errors: a mask that does not follow from the inputs alone; the layer is the one that made the
/// output.
pub fn compile_masks(network: &Network) -> Result<Option<OutputMasks>, LayerError> {
    let outputs: Vec<usize> = (0..network.outputs.len())
        .filter(|&output| network.tensors[network.outputs[output].0].mask.is_some())
        .collect();
    if outputs.is_empty() {
        return Ok(None);
    }
    let mut network = network.clone();
    network.class = Class::Functional;
    without_penalties(&mut network);
    let Some(plan) = plan(&network, &outputs)? else {
        return Err(refused(&network, &outputs));
    };
    let mut of = vec![None; network.outputs.len()];
    for (mask, &output) in outputs.iter().enumerate() {
        of[output] = Some(mask);
    }
    Ok(Some(OutputMasks { plan, of: List::Owned(of) }))
}

/// Computes the masks of some outputs; None if that takes weights, or is another thing in training.
fn plan(network: &Network, outputs: &[usize]) -> Result<Option<Plan>, LayerError> {
    let mut masks = network.clone();
    let mut tensors: Vec<TensorId> = Vec::new();
    for (i, &output) in outputs.iter().enumerate() {
        let layer = masks.add_layer(NetworkLayer {
            // No layer of a user has a name with this character.
            name: format!("/mask_{i}"),
            kind: LayerKind::Layer(Box::new(MaskOf)),
            trainable: false,
            activity_regularizer: None,
        });
        tensors.extend(masks.call(layer, &[network.outputs[output]])?);
    }
    masks.finish(&tensors);
    let plan = compile(&masks, Mode::Inference)?;
    let training = compile(&masks, Mode::Training { input_gradients: false })?;
    let ops = |steps: &[Step]| steps.iter().map(|step| step.op).collect::<Vec<Op>>();
    let reads_weights =
        |step: &Step| step.inputs.iter().any(|input| input.place.storage == Storage::Weights);
    let is_same = ops(&plan.steps) == ops(&training.steps[..training.forward]);
    let follows = is_same && !plan.steps.iter().any(reads_weights);
    Ok(follows.then_some(Plan { weights_len: 0, ..plan }))
}

/// Names the first output whose mask does not follow from the inputs.
fn refused(network: &Network, outputs: &[usize]) -> LayerError {
    let is_wrong = |output: &usize| matches!(plan(network, &[*output]), Ok(None));
    let wrong = outputs.iter().copied().find(is_wrong).unwrap_or(outputs[0]);
    let call = network.tensors[network.outputs[wrong].0].call;
    let layer = &network.layers[network.calls[call].layer.0].name;
    let name = &network.output_names[wrong];
    let message = format!("the mask of the output `{name}` does not follow from the inputs alone");
    LayerError::input(message)
        .within(layer)
        .help("call `Masking` or `Embedding` on an input, so that losses know the mask")
}

/// Penalties read what masks do not.
fn without_penalties(network: &mut Network) {
    for layer in &mut network.layers {
        layer.activity_regularizer = None;
        if let LayerKind::Network(inner) = &mut layer.kind {
            without_penalties(inner);
        }
    }
}

/// A layer that returns the mask of what it is called on.
#[derive(Clone, Debug)]
struct MaskOf;

static MASK_OF: Schema = Schema { class: "MaskOf", docs: "", parameters: &[] };

impl Layer for MaskOf {
    fn schema(&self) -> &'static Schema {
        &MASK_OF
    }

    fn config(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    fn boxed(&self) -> Box<dyn Layer> {
        Box::new(self.clone())
    }

    fn lower_call(&self, _: &mut Graph, call: &Call<Lowered>) -> Result<Vec<Lowered>, LayerError> {
        let mask = call.mask().ok_or_else(|| LayerError::input("a tensor without a mask"))?;
        Ok(vec![Lowered::unmasked(mask)])
    }
}

#[cfg(test)]
mod tests;
