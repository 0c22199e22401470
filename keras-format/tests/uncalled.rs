//! Models that were saved before they were called: Keras makes the weights of a layer that is the
//! activation of another when the model is called on numbers for the first time.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras_format::Archive;
use keras_format::model::{read_weights, stored_weights};
use keras_format::network::{from_config, to_config};
use keras_format::weights::{self, Group, InPlace, Stored};
use keras_graph::compile::describe;
use keras_graph::initializer::Initializer;
use keras_graph::plan::Description;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/uncalled.keras");

fn uncalled() -> (Description, Vec<u8>, Vec<Group>) {
    let archive = Archive::read(FILE).unwrap();
    let network = from_config(&archive.config).unwrap();
    let description = describe(&network, to_config(&network).unwrap().to_string()).unwrap();
    let groups = weights::read(archive.weights.clone()).unwrap();
    (description, archive.weights, groups)
}

#[test]
fn a_weight_that_was_never_made_starts_as_keras_starts_it() {
    let (description, bytes, groups) = uncalled();
    let alpha = description.weights.last().unwrap();
    assert_eq!((&*alpha.name, &*alpha.shape), ("alpha", [3].as_slice()));
    let mut values = vec![7.0; 4 * 3 + 3 + 3];
    read_weights(&groups, &description.weights, &mut values).unwrap();
    assert_eq!(values[alpha.offset..], [0.25; 3]);
    assert!(!values.contains(&7.0));
    let file = InPlace::read(bytes).unwrap();
    let stored = stored_weights(&file, &description.weights).unwrap();
    assert!(matches!(stored[..], [Stored::Bytes(..), Stored::Bytes(..), Stored::Same(0.25)]));
}

#[test]
fn random_numbers_that_were_never_drawn_are_refused() {
    let (mut description, _, groups) = uncalled();
    description.weights.to_mut().last_mut().unwrap().initializer = Initializer::GLOROT_UNIFORM;
    let mut values = vec![7.0; 18];
    let error = read_weights(&groups, &description.weights, &mut values).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`layers/dense/activation/vars/0`: expected alpha of the shape [3], found none: the model \
         was saved before it was called, call it on some data first"
    );
    assert_eq!(values, [7.0; 18]);
}

#[test]
fn other_layers_without_their_weights_are_refused() {
    let (description, _, mut groups) = uncalled();
    let dense = groups.iter_mut().find(|group| group.path == "layers/dense").unwrap();
    dense.arrays.clear();
    let error = read_weights(&groups, &description.weights, &mut [0.0; 18]).unwrap_err();
    assert!(error.to_string().contains("expected kernel of the shape [4, 3], found none"));
}
