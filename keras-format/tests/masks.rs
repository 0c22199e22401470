//! Masks that Keras has written out as operations of a model.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras_format::network::{from_config, to_config};
use keras_graph::compile::describe;
use serde_json::{Value as Json, json};

const CONFIGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/configs");

/// Whether a layer is an operation that makes a mask.
fn makes_a_mask(layer: &Json) -> bool {
    let masks = ["NotEqual", "Any", "ExpandDims", "ZerosLike", "OnesLike", "LogicalOr"];
    let joins_masks = || layer["inbound_nodes"][0]["args"].to_string().contains("\"bool\"");
    let class = layer["class_name"].as_str().unwrap();
    masks.contains(&class) || class == "Concatenate" && joins_masks()
}

/// The model as a block has it, in which masks travel by themselves.
fn unwritten(config: &Json) -> Json {
    let mut config = config.clone();
    let layers = config["config"]["layers"].as_array_mut().unwrap();
    layers.retain(|layer| !makes_a_mask(layer));
    for call in layers.iter_mut().flat_map(|layer| layer["inbound_nodes"].as_array_mut().unwrap()) {
        call["kwargs"] = json!({});
    }
    config
}

fn fingerprint(config: &Json) -> u64 {
    let network = from_config(config).unwrap();
    describe(&network, to_config(&network).unwrap().to_string()).unwrap().fingerprint
}

#[test]
fn a_mask_that_is_written_out_is_that_of_the_block() {
    for name in ["masked_ids", "masked_sides", "masked_rows"] {
        let text = std::fs::read_to_string(format!("{CONFIGS}/{name}.json")).unwrap();
        let written: Json = serde_json::from_str(&text).unwrap();
        let plain = unwritten(&written);
        assert_ne!(written, plain, "{name}");
        assert_eq!(fingerprint(&written), fingerprint(&plain), "{name}");
    }
}
