//! Whole models to and from files.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras_format::model::{OptimizerState, Training, read_optimizer, read_weights, write};
use keras_format::network::{from_config, to_config};
use keras_format::weights::{self, Array, Group, Values};
use keras_format::{Archive, Error};
use keras_graph::compile::describe;
use keras_graph::plan::Description;
use serde_json::json;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden");

fn golden(name: &str) -> (Archive, Description) {
    let archive = Archive::read(format!("{MODELS}/{name}.keras")).unwrap();
    let network = from_config(&archive.config).unwrap();
    let config = to_config(&network).unwrap().to_string();
    (archive, describe(&network, config).unwrap())
}

fn len(description: &Description) -> usize {
    description.weights.iter().map(|info| info.shape.iter().product::<usize>()).sum()
}

/// The groups that hold arrays; Keras has some more, for inputs.
fn full(groups: &[Group]) -> Vec<&Group> {
    groups.iter().filter(|group| !group.arrays.is_empty()).collect()
}

#[test]
fn what_keras_saved_is_saved_again_as_it_was() {
    for name in [
        "models/mlp",
        "models/lenet",
        "models/tiny_resnet",
        "models/mobilenet_like",
        "models/unet_mini",
        "models/conv_autoencoder",
        "training/convnet_bn.final",
        "training/two_outputs_weighted.final",
    ] {
        let (archive, description) = golden(name);
        let groups = weights::read(archive.weights).unwrap();
        let mut values = vec![f32::NAN; len(&description)];
        read_weights(&groups, &description.weights, &mut values).unwrap();
        let optimizer = read_optimizer(&groups).unwrap();
        assert_eq!(optimizer.is_some(), name.starts_with("training"), "{name}");
        let training =
            optimizer.map(|optimizer| Training { compile_config: json!({"a": 1}), optimizer });
        let written = write(&description, &values, training.as_ref()).unwrap();
        assert_eq!(written.config.get("compile_config").is_some(), training.is_some());
        let again = weights::read(written.weights).unwrap();
        let is_of_model = |group: &&Group| !group.path.ends_with("seed_generator");
        let expected: Vec<&Group> = full(&groups).into_iter().filter(is_of_model).collect();
        assert_eq!(full(&again), expected, "{name}");
    }
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let (archive, description) = golden("models/mlp");
    let groups = weights::read(archive.weights).unwrap();
    let refuses = |change: &dyn Fn(&mut Vec<Group>), expected: &str| {
        let mut groups = groups.clone();
        change(&mut groups);
        let mut values = vec![7.0; len(&description)];
        let error = read_weights(&groups, &description.weights, &mut values).unwrap_err();
        assert!(error.to_string().contains(expected), "expected {expected}\nfound {error}");
        assert!(values.iter().all(|&value| value == 7.0), "weights were changed");
    };
    let dense = |groups: &mut Vec<Group>| {
        groups.iter().position(|group| group.path == "layers/dense_1").unwrap()
    };
    let bias = |groups: &mut Vec<Group>, array: Array| {
        let dense = dense(groups);
        groups[dense].arrays[1] = array;
    };
    let array = |values: Values| Array { shape: vec![values.len()], values };
    refuses(
        &|groups| {
            let dense = dense(groups);
            groups[dense].arrays.pop();
        },
        "`layers/dense_1/vars/1`: expected bias of the shape [12], found none",
    );
    refuses(
        &|groups| bias(groups, array(Values::F32(vec![0.5; 13]))),
        "`layers/dense_1/vars/1`: expected bias of the shape [12], found [13]",
    );
    refuses(
        &|groups| bias(groups, array(Values::I32(vec![3; 12]))),
        "`layers/dense_1/vars/1`: expected bias of the shape [12], found integers",
    );
    refuses(
        &|groups| bias(groups, array(Values::F32(vec![f32::NAN; 12]))),
        "`layers/dense_1/vars/1`: expected finite numbers, found NaN as number 0",
    );
    refuses(
        &|groups| {
            let dense = dense(groups);
            groups[dense].arrays.push(array(Values::F32(vec![1.0])));
        },
        "`layers/dense_1`: expected 2 weights, as the model has, found 3",
    );
    refuses(
        &|groups| {
            let arrays = vec![array(Values::F32(vec![1.0]))];
            let path = "layers/p_re_lu".to_owned();
            groups.push(Group { path, name: None, arrays });
        },
        "`layers/p_re_lu`: expected 0 weights, as the model has, found 1",
    );
    let mut values = vec![0.5; len(&description)];
    values[5] = f32::INFINITY;
    let error = write(&description, &values, None).unwrap_err();
    assert!(
        error.to_string().contains("expected finite numbers, found inf as number 5"),
        "{error}"
    );
}

#[test]
fn the_state_of_an_optimizer_is_checked() {
    let scalar = |values| Array { shape: vec![], values };
    let group = |arrays| {
        let path = "optimizer".to_owned();
        vec![Group { path, name: Some("adam".to_owned()), arrays }]
    };
    let iteration = || scalar(Values::I32(vec![17]));
    let rate = || scalar(Values::F32(vec![0.25]));
    let state = read_optimizer(&group(vec![iteration(), rate(), rate()])).unwrap().unwrap();
    let slots = vec![rate()];
    let name = "adam".to_owned();
    assert_eq!(state, OptimizerState { name, iteration: 17, learning_rate: 0.25, slots });
    assert!(read_optimizer(&[]).unwrap().is_none());
    for arrays in [vec![], vec![iteration()], vec![rate(), iteration()]] {
        let error: Error = read_optimizer(&group(arrays)).unwrap_err();
        assert!(error.to_string().contains("`optimizer`: expected an iteration, a"), "{error}");
    }
}
