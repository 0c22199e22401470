//! Whole models to and from files.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras_format::model::{Training, read_weights, stored_weights, write};
use keras_format::network::{from_config, to_config};
use keras_format::optimizer::OptimizerState;
use keras_format::weights::{self, Array, Group, InPlace, Values};
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
        let optimizer = OptimizerState::read(&groups).unwrap();
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
        // What stays in place is checked alike.
        let file = InPlace::read(weights::write(&groups).unwrap()).unwrap();
        let stored = stored_weights(&file, &description.weights).unwrap_err();
        assert_eq!(stored.to_string(), error.to_string());
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
            groups.push(Group { path, name: None, arrays, fault: None });
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

/// An array of one number.
fn scalar(values: Values) -> Array {
    Array { shape: vec![], values }
}

#[test]
fn the_state_of_an_optimizer_is_checked() {
    let group = |path: &str, arrays| Group {
        path: path.to_owned(),
        name: Some("adam_3".to_owned()),
        arrays,
        fault: None,
    };
    let iteration = || scalar(Values::I32(vec![17]));
    let rate = || scalar(Values::F32(vec![0.25]));
    let slot = || Array { shape: vec![2], values: Values::F32(vec![1.0, -1.0]) };
    let read = |arrays| OptimizerState::read(&[group("optimizer", arrays)]);
    let state = |learning_rate, slots| OptimizerState {
        name: "adam_3".to_owned(),
        iteration: 17,
        learning_rate,
        slots,
    };
    let found = read(vec![iteration(), rate(), slot()]).unwrap().unwrap();
    assert_eq!(found, state(Some(0.25), vec![slot()]));
    // A schedule stands where the rate does.
    let found = read(vec![iteration(), slot(), slot()]).unwrap().unwrap();
    assert_eq!(found, state(None, vec![slot(), slot()]));
    assert_eq!(read(vec![iteration()]).unwrap().unwrap(), state(None, vec![]));
    // What scales a loss has the true optimizer inside.
    let inner = group("optimizer/inner_optimizer", vec![iteration(), rate()]);
    let scaling = group("optimizer", vec![rate(), rate()]);
    let found = OptimizerState::read(&[scaling, inner]).unwrap().unwrap();
    assert_eq!(found, state(Some(0.25), vec![]));
    assert!(OptimizerState::read(&[]).unwrap().is_none());
    for (arrays, expected) in [
        (vec![], "`optimizer`: expected a count of steps, then slots, found no array"),
        (vec![rate()], "`optimizer`: expected a count of steps as the first array"),
        (vec![iteration(), iteration()], "`optimizer`: expected a learning rate"),
    ] {
        let error: Error = read(arrays).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let fault = Some("`vars/4`: expected numbers, found text".to_owned());
    let group = Group { fault, ..group("optimizer", vec![]) };
    let error = OptimizerState::read(&[group]).unwrap_err().to_string();
    assert!(error.contains("found `vars/4`: expected numbers"), "{error}");
}

#[test]
fn what_is_no_weight_is_not_looked_at() {
    let (archive, description) = golden("models/mlp");
    let mut groups = weights::read(archive.weights).unwrap();
    let mut values = vec![f32::NAN; len(&description)];
    for path in [
        "optimizer/inner_optimizer",
        "layers/functional/optimizer",
        "metrics/mean",
        "layers/dropout/seed_generator",
    ] {
        let arrays = vec![scalar(Values::F32(vec![f32::NAN]))];
        groups.push(Group { path: path.to_owned(), name: None, arrays, fault: None });
    }
    groups.sort_by(|a, b| a.path.cmp(&b.path));
    read_weights(&groups, &description.weights, &mut values).unwrap();
    assert!(values.iter().all(|value| value.is_finite()));
}

#[test]
fn a_layer_within_a_layer_has_its_group() {
    let framed = |class: &str, config: serde_json::Value| {
        let module = "keras.layers";
        json!({ "module": module, "class_name": class, "config": config })
    };
    let each = framed("Dense", json!({ "name": "each", "units": 3 }));
    let steps = framed("TimeDistributed", json!({ "name": "steps", "layer": each }));
    let config = json!({
        "module": "keras", "class_name": "Sequential", "config": { "name": "model", "layers": [
            framed("InputLayer", json!({ "name": "x", "batch_shape": [null, 5, 2, 4] })),
            framed("TimeDistributed", json!({ "name": "all", "layer": steps })),
        ] },
    });
    let network = from_config(&config).unwrap();
    let description = describe(&network, to_config(&network).unwrap().to_string()).unwrap();
    let values: Vec<f32> = (0..len(&description)).map(|i| i as f32 - 7.0).collect();
    let written = write(&description, &values, None).unwrap();
    let groups = weights::read(written.weights).unwrap();
    let found: Vec<(&str, Option<&str>, usize)> =
        groups.iter().map(|g| (&*g.path, g.name.as_deref(), g.arrays.len())).collect();
    let expected = [
        ("", Some("model"), 0),
        ("layers/time_distributed", Some("all"), 0),
        ("layers/time_distributed/layer", Some("steps"), 0),
        ("layers/time_distributed/layer/layer", Some("each"), 2),
    ];
    assert_eq!(found, expected);
    let mut read = vec![0.0; values.len()];
    read_weights(&groups, &description.weights, &mut read).unwrap();
    assert_eq!(read, values);
}
