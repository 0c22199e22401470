//! A whole model to and from a `.keras` file: its description and flat weights on one side, an
//! [`Archive`] on the other.
//!
//! Weights are found by their path in the file, which names the class of each layer and counts
//! along Keras' order of layers. Whatever does not fit is an error, surplus weights too: what is
//! skipped in silence is found out too late.

use std::collections::HashMap;

use keras_graph::plan::{Description, WeightInfo};
use serde_json::Value as Json;

use crate::archive::{Archive, Metadata};
use crate::error::{Error, Result};
use crate::optimizer::{OptimizerState, is_of_optimizer};
use crate::python;
use crate::weights::{self, Array, Group, Values};

/// Between the path of a group and the number of an array.
const VARS: &str = "/vars/";
/// State of random numbers, which layers such as `Dropout` may have in files; it is no weight.
const SEED_GENERATOR: &str = "/seed_generator";

/// How a model is trained, and how far that is.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// See [`compile_config`](crate::compile::compile_config).
    pub compile_config: Json,
    /// The state of the optimizer.
    pub optimizer: OptimizerState,
}

/// The `.keras` file of a model; `weights` are those of the description, laid out as it says.
///
/// Errors: weights that are not finite; a configuration that is no JSON. Panics: if there are fewer
/// weights than described.
pub fn write(
    description: &Description,
    weights: &[f32],
    training: Option<&Training>,
) -> Result<Archive> {
    let mut config: Json = python::from_slice(description.config.as_bytes())
        .map_err(|error| Error::malformed("a model's configuration as JSON", error.to_string()))?;
    let mut groups = groups(description, weights)?;
    if let Some(Training { compile_config, optimizer }) = training {
        config["compile_config"] = compile_config.clone();
        groups.push(optimizer.group());
    }
    Ok(Archive { metadata: Metadata::now(), config, weights: weights::write(&groups)? })
}

/// One group for the model, and one for each of its layers; as in Keras, none for operations.
fn groups(description: &Description, weights: &[f32]) -> Result<Vec<Group>> {
    let group = |path: &str, name: &str| Group {
        path: path.to_owned(),
        name: Some(name.to_owned()),
        arrays: Vec::new(),
        fault: None,
    };
    let mut groups = vec![group("", &description.name)];
    let layers = description.layers.iter().filter(|layer| !layer.is_operation);
    groups.extend(layers.map(|layer| group(&layer.path, &layer.name)));
    let index: HashMap<String, usize> =
        groups.iter().enumerate().map(|(i, group)| (group.path.clone(), i)).collect();
    for info in description.weights.iter() {
        let len: usize = info.shape.iter().product();
        let values = &weights[info.offset..][..len];
        check_finite(&info.path, values)?;
        let (path, _) = place(info)?;
        let Some(&group) = index.get(path) else {
            return Err(Error::malformed("the path of a layer", format!("`{path}`")));
        };
        let values = Values::F32(values.to_vec());
        groups[group].arrays.push(Array { shape: info.shape.to_vec(), values });
    }
    Ok(groups)
}

/// Group and number of a weight.
fn place(info: &WeightInfo) -> Result<(&str, usize)> {
    let place = info.path.rsplit_once(VARS);
    place.and_then(|(group, index)| Some((group, index.parse().ok()?))).ok_or_else(|| {
        Error::malformed("a path such as `layers/dense/vars/0`", format!("`{}`", info.path))
    })
}

fn check_finite(path: &str, values: &[f32]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(i) => {
            let found = format!("{} as number {i}", values[i]);
            Err(Error::malformed("finite numbers", found).within(path))
        }
        None => Ok(()),
    }
}

/// Copies the weights of a model from a file's groups, which are sorted as [`weights::read`] sorts
/// them.
///
/// `weights` is laid out as `infos` say; it is unchanged if there is an error. Errors: a weight
/// that the file lacks or has in another shape, one that the model lacks, numbers that are not
/// finite. Panics: if `weights` is shorter than described.
pub fn read_weights(groups: &[Group], infos: &[WeightInfo], weights: &mut [f32]) -> Result<()> {
    let mut found: Vec<(&WeightInfo, &[f32])> = Vec::with_capacity(infos.len());
    let mut used: HashMap<&str, usize> = HashMap::new();
    for info in infos {
        let (path, index) = place(info)?;
        *used.entry(path).or_default() += 1;
        let array = weights::find(groups, path).and_then(|group| group.arrays.get(index));
        let values = values(info, array).map_err(|error| error.within(&info.path))?;
        found.push((info, values));
    }
    for group in groups.iter().filter(|group| is_of_layer(group)) {
        let expected = used.get(group.path.as_str()).copied().unwrap_or(0);
        if group.arrays.len() != expected {
            let expected = format!("{expected} weights, as the model has");
            let found = group.arrays.len().to_string();
            return Err(Error::malformed(expected, found).within(&group.path));
        }
    }
    for (info, values) in found {
        weights[info.offset..][..values.len()].copy_from_slice(values);
    }
    Ok(())
}

/// Whether a group belongs to the model or a layer of it, so that the model must know its arrays.
/// Files hold optimizers, metrics and more beside the layers, of which no weight depends.
fn is_of_layer(group: &Group) -> bool {
    weights::is_of_layer(&group.path)
        && !is_of_optimizer(&group.path)
        && !group.path.ends_with(SEED_GENERATOR)
}

/// The values of a weight in a file.
fn values<'a>(info: &WeightInfo, array: Option<&'a Array>) -> Result<&'a [f32]> {
    let expected = || format!("{} of the shape {:?}", info.name, &*info.shape);
    let Some(array) = array else { return Err(Error::malformed(expected(), "none")) };
    if array.shape != *info.shape {
        return Err(Error::malformed(expected(), format!("{:?}", array.shape)));
    }
    let Some(values) = array.values.as_f32() else {
        return Err(Error::malformed(expected(), "integers"));
    };
    check_finite("", values)?;
    Ok(values)
}
