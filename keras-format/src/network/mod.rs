//! A model's `config.json`: from a [`Network`](keras_graph::network::Network) and back.
//!
//! A sequential model is a list of layers. A functional one is a list of layers, each with its
//! calls (`inbound_nodes`); what a call reads is named by its *history*: layer, number of the call
//! of that layer, number of the output of that call. A model used as a layer is written like any
//! other.
//!
//! Reading trusts nothing: nesting, layers and the work of repeated calls are bounded; layers may
//! come in any order; code and classes outside Keras are refused by name. Source: Keras 3.15
//! `models/sequential.py`, `models/functional.py`, `saving/serialization_lib.py`.

mod build;
mod calls;
mod history;
mod parts;
mod ports;
mod read;
mod write;

pub use read::from_config;
pub use write::to_config;

/// Module of Keras' layers.
const LAYERS_MODULE: &str = "keras.layers";
/// Beginning of the modules of functions of `keras.ops`.
const OPS_MODULES: &str = "keras.src.ops.";
/// Module and class of a sequential model.
const SEQUENTIAL: (&str, &str) = ("keras", "Sequential");
/// Module and class of a functional model.
const FUNCTIONAL: (&str, &str) = ("keras.src.models.functional", "Functional");
/// Class of a symbolic tensor.
const TENSOR: &str = "__keras_tensor__";
