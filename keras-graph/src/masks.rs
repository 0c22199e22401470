//! The masks of a model's outputs as a plan of their own: losses and metrics need them before they
//! look at the outputs, since a mean over the steps that count divides by their number.

use crate::call::{Call, Lowered};
use crate::compile::compile;
use crate::error::LayerError;
use crate::graph::{Graph, Mode};
use crate::network::{Class, LayerKind, Network, NetworkLayer};
use crate::op::Op;
use crate::plan::{Plan, Step, Storage};
use crate::schema::{Layer, Schema};
use crate::value::Value;

/// The masks of a model's outputs.
#[derive(Clone, Debug)]
pub struct OutputMasks {
    /// Computes the masks from the model's inputs, without weights.
    pub plan: Plan,
    /// For each output of the model, which output of the plan its mask is, if it has one.
    pub of: Vec<Option<usize>>,
}

/// The masks of a model's outputs; None if no output has one.
///
/// Errors: a mask that does not follow from the inputs alone.
pub fn compile_masks(network: &Network) -> Result<Option<OutputMasks>, LayerError> {
    let mut masks = network.clone();
    masks.class = Class::Functional;
    without_penalties(&mut masks);
    let (mut of, mut tensors) = (Vec::new(), Vec::new());
    for &output in &network.outputs {
        if network.tensors[output.0].mask.is_none() {
            of.push(None);
            continue;
        }
        let layer = masks.add_layer(NetworkLayer {
            // No layer of a user has a name with this character.
            name: format!("/mask_{}", tensors.len()),
            kind: LayerKind::Layer(Box::new(MaskOf)),
            trainable: false,
            activity_regularizer: None,
        });
        of.push(Some(tensors.len()));
        tensors.extend(masks.call(layer, &[output])?);
    }
    if tensors.is_empty() {
        return Ok(None);
    }
    masks.finish(&tensors);
    let plan = compile(&masks, Mode::Inference)?;
    let training = compile(&masks, Mode::Training { input_gradients: false })?;
    let ops = |steps: &[Step]| steps.iter().map(|step| step.op).collect::<Vec<Op>>();
    let reads_weights =
        |step: &Step| step.inputs.iter().any(|input| input.place.storage == Storage::Weights);
    let is_same = ops(&plan.steps) == ops(&training.steps[..training.forward]);
    if !is_same || plan.steps.iter().any(reads_weights) {
        let message = "the mask of an output does not follow from the inputs alone";
        return Err(LayerError::input(message)
            .help("call `Masking` or `Embedding` on an input, so that losses know the mask"));
    }
    Ok(Some(OutputMasks { plan, of }))
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
