//! Layers over sequences, and of several tensors.

use super::*;

#[test]
fn layers_of_several_tensors_note_the_shape_of_each() {
    let archive = Archive::read(format!("{MODELS}/models/masked_transformer.keras")).unwrap();
    let written = to_config(&from_config(&archive.config).unwrap()).unwrap();
    let attention = |config: &Json| {
        let layers = config["config"]["layers"].as_array().unwrap();
        let found = layers.iter().find(|layer| layer["class_name"] == "MultiHeadAttention");
        found.unwrap()["build_config"].clone()
    };
    assert_eq!(attention(&written), attention(&archive.config));
}

#[test]
fn layers_over_sequences_are_written_as_they_were() {
    let mut config = fixture("sequences");
    // Keras notes what it built these for, which it does not need: they have no weights.
    for layer in config["config"]["layers"].as_array_mut().unwrap() {
        let class = layer["class_name"].as_str().unwrap();
        if ["UpSampling1D", "ZeroPadding1D", "Cropping1D", "Cropping2D"].contains(&class) {
            layer.as_object_mut().unwrap().remove("build_config");
        }
    }
    check("sequences", &config);
}

#[test]
fn convolutional_lstms_are_written_as_they_were() {
    let mut config = fixture("clips");
    // Keras notes what it built the layers within a layer for, which the outer layer tells them.
    for inner in ["layer", "backward_layer"] {
        let inner = &mut config["config"]["layers"][1]["config"][inner];
        inner.as_object_mut().unwrap().remove("build_config").unwrap();
    }
    check("clips", &config);
}
