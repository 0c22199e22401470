//! Histories: how a file names a tensor of a functional model.

use keras_graph::network::LayerId;
use serde_json::Value as Json;

use crate::error::{Error, Result};

/// A tensor as files name it: an output of a call of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct History {
    pub(super) layer: LayerId,
    /// Number of the call among those of its layer.
    pub(super) node: usize,
    /// Number of the output among those of the call.
    pub(super) output: usize,
}

/// A history in a file: `["dense", 0, 0]`.
pub(super) fn parts(json: Option<&Json>) -> Result<(&str, usize, usize)> {
    let parts = match json {
        Some(Json::Array(items)) => match items.as_slice() {
            [Json::String(layer), node, output] => {
                let number = |json: &Json| json.as_u64().and_then(|n| usize::try_from(n).ok());
                number(node)
                    .zip(number(output))
                    .map(|(node, output)| (layer.as_str(), node, output))
            }
            _ => None,
        },
        _ => None,
    };
    parts.ok_or_else(|| {
        let expected = "a layer's name, the number of its call and that of the output";
        let found = json.map_or("none".to_owned(), Json::to_string);
        Error::malformed(expected, found.chars().take(80).collect::<String>())
    })
}
