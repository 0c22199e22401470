//! The inputs and outputs of a functional model, as a file lists them.

use keras_graph::network::{Class, LayerKind, Network, TensorId};
use serde_json::{Map, Value as Json};

use super::calls::Calls;
use super::history::{self, History};
use crate::error::{Error, Result};
use crate::json::kind;

/// The inputs or outputs of a functional model, as `input_layers` and `output_layers` list them.
pub(super) struct Ports<'a> {
    key: &'a str,
    histories: Vec<(&'a str, usize, usize)>,
    /// The keys of a dictionary, which Keras sorts.
    pub(super) keys: Option<Vec<String>>,
}

impl<'a> Ports<'a> {
    /// Reads one history, a list of several, or a dictionary of them.
    pub(super) fn read(config: &'a Map<String, Json>, key: &'a str) -> Result<Ports<'a>> {
        let json = config.get(key);
        let (items, keys) = match json {
            Some(Json::Array(items)) if matches!(items.first(), Some(Json::Array(_))) => {
                (items.iter().collect(), None)
            }
            Some(Json::Object(fields)) if !fields.is_empty() => {
                let mut fields: Vec<(&String, &Json)> = fields.iter().collect();
                fields.sort_by_key(|(name, _)| *name);
                let keys = fields.iter().map(|(key, _)| (*key).clone()).collect();
                (fields.into_iter().map(|(_, json)| json).collect(), Some(keys))
            }
            Some(json @ Json::Array(_)) => (vec![json], None),
            other => {
                let expected = format!("tensors in `{key}`");
                return Err(Error::malformed(expected, kind(other)));
            }
        };
        let histories = items.into_iter().map(|json| history::parts(Some(json)));
        let histories: Result<Vec<_>> = histories.collect();
        Ok(Ports { key, histories: histories.map_err(|error| error.within(key))?, keys })
    }

    /// The model's inputs. Errors: tensors that are none of the inputs, or inputs that are left out
    /// or repeated.
    pub(super) fn inputs(&self, network: &Network, calls: &Calls) -> Result<Vec<TensorId>> {
        let tensors = self.tensors(network, calls)?;
        let mut sorted = tensors.clone();
        sorted.sort_unstable();
        let mut expected = network.inputs.clone();
        expected.sort_unstable();
        if sorted == expected {
            return Ok(tensors);
        }
        let found = self.histories.iter().map(|(layer, ..)| *layer).collect::<Vec<_>>().join(", ");
        Err(Error::malformed("each `InputLayer` once", found).within(self.key))
    }

    /// The tensors, once all calls are made.
    pub(super) fn tensors(&self, network: &Network, calls: &Calls) -> Result<Vec<TensorId>> {
        let tensor = |&(layer, node, output): &(&str, usize, usize)| {
            let unknown = || {
                let expected = "tensors of the calls of this model";
                Error::malformed(expected, format!("call {node} of `{layer}`"))
            };
            let id = calls.named(layer).ok_or_else(unknown)?;
            // Keras counts a first call that a functional model has of its own; here, and here
            // alone.
            let own = matches!(&network.layers[id.0].kind,
                LayerKind::Network(inner) if inner.class == Class::Functional);
            let node = node.checked_sub(usize::from(own)).ok_or_else(unknown)?;
            if node >= calls.count(id) {
                return Err(unknown());
            }
            calls.made(network, &History { layer: id, node, output })
        };
        let tensors: Result<Vec<TensorId>> = self.histories.iter().map(tensor).collect();
        tensors.map_err(|error| error.within(self.key))
    }
}
