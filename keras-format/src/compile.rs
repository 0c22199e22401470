//! `compile_config`: the optimizer, losses and metrics of a trained model, from which Keras makes
//! the optimizer anew before it reads the optimizer's state. Source: Keras 3.15
//! `trainers/compile_utils.py`, `trainers/trainer.py`.

use keras_graph::value::Object;
use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};
use crate::json::{framed, value_to_json};

/// How a model is trained.
#[derive(Clone, Copy, Debug)]
pub struct Compile<'a> {
    /// The optimizer: its class and all arguments by name.
    pub optimizer: &'a Object,
    /// The loss of each output, in the order of the model's outputs.
    pub losses: &'a [Object],
    /// The factor of each loss, if they are not all 1.
    pub loss_weights: Option<&'a [f32]>,
    /// The metrics of each output: their classes and all arguments by name. Empty for no metrics at
    /// all.
    pub metrics: &'a [Vec<Object>],
    /// Likewise, of the metrics in which a row counts its sample weight.
    pub weighted_metrics: &'a [Vec<Object>],
}

/// What stands in `config.json` as `compile_config`, beside the model's own keys.
///
/// A model with one output has one loss and a list of metrics; one with several has a list of each.
/// Errors: an argument without a name, or a class in it that is not known; another number of losses
/// than of their factors.
pub fn compile_config(compile: &Compile) -> Result<Json> {
    let Compile { optimizer, losses, loss_weights, metrics, weighted_metrics } = *compile;
    if let Some(weights) = loss_weights
        && weights.len() != losses.len()
    {
        let expected = format!("{} loss weights", losses.len());
        return Err(Error::malformed(expected, weights.len().to_string()));
    }
    let losses: Vec<Json> =
        losses.iter().map(|loss| object("keras.losses", loss)).collect::<Result<_>>()?;
    let metrics_of_all = |metrics: &[Vec<Object>]| {
        let of_output = |metrics: &Vec<Object>| {
            metrics.iter().map(|metric| object("keras.metrics", metric)).collect()
        };
        metrics.iter().map(of_output).collect::<Result<Vec<Json>>>().map(one_or_all)
    };
    Ok(json!({
        "optimizer": object("keras.optimizers", optimizer)?,
        "loss": one_or_all(losses),
        "loss_weights": loss_weights,
        "metrics": metrics_of_all(metrics)?,
        "weighted_metrics": metrics_of_all(weighted_metrics)?,
        "run_eagerly": false,
        "steps_per_execution": 1,
        "jit_compile": "auto",
    }))
}

/// What belongs to the only output, or to each of several; nothing where there is none.
fn one_or_all(mut items: Vec<Json>) -> Json {
    match items.len() {
        0 => Json::Null,
        1 => items.remove(0),
        _ => Json::Array(items),
    }
}

fn object(module: &str, object: &Object) -> Result<Json> {
    let mut config = Map::new();
    for argument in &object.arguments {
        let Some(name) = &argument.name else {
            let expected = "every argument by name";
            return Err(
                Error::malformed(expected, argument.value.to_string()).within(&object.class)
            );
        };
        let value = value_to_json(&argument.value)
            .map_err(|error| error.within(name).within(&object.class))?;
        config.insert(name.clone(), value);
    }
    Ok(framed(module, &object.class, Json::Object(config)))
}
