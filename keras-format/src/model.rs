//! A whole model to and from a `.keras` file: its description and flat weights on one side, an
//! [`Archive`] on the other.
//!
//! Weights are found by their path in the file, which names the class of each layer and counts
//! along Keras' order of layers. Whatever does not fit is an error, surplus weights too: what is
//! skipped in silence is found out too late.

use std::borrow::Cow;
use std::collections::HashMap;

use keras_graph::initializer::Rule;
use keras_graph::plan::{Description, WeightInfo};
use serde_json::Value as Json;

use crate::archive::{Archive, Metadata};
use crate::error::{Error, Result};
use crate::optimizer::{OptimizerState, is_of_optimizer};
use crate::python;
use crate::weights::{self, Array, Group, InPlace, Stored, Values};

/// Between the path of a group and the number of an array.
const VARS: &str = "/vars/";
/// End of the group of a layer that is the activation of another.
const ACTIVATION: &str = "/activation";
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
    let mut groups = vec![empty("", &description.name)];
    let layers = description.layers.iter().filter(|layer| !layer.is_operation);
    groups.extend(layers.map(|layer| empty(&layer.path, &layer.name)));
    let mut index: HashMap<String, usize> =
        groups.iter().enumerate().map(|(i, group)| (group.path.clone(), i)).collect();
    for info in description.weights.iter() {
        let len: usize = info.shape.iter().product();
        let values = &weights[info.offset..][..len];
        check_finite(&info.path, values.iter().copied())?;
        let (path, _) = place(info)?;
        let Some(group) = group_of(&mut groups, &mut index, path, &info.layer) else {
            return Err(Error::malformed("the path of a layer", format!("`{path}`")));
        };
        let values = Values::F32(values.to_vec());
        groups[group].arrays.push(Array { shape: info.shape.to_vec(), values });
    }
    Ok(groups)
}

fn empty(path: &str, name: &str) -> Group {
    let (path, name) = (path.to_owned(), Some(name.to_owned()));
    Group { path, name, arrays: Vec::new(), fault: None }
}

/// The index of the group at `path`, that of the layer named `layer`. A layer within another gets
/// its group here, and those around it; none if no layer of the model is around it.
fn group_of(
    groups: &mut Vec<Group>,
    index: &mut HashMap<String, usize>,
    path: &str,
    layer: &str,
) -> Option<usize> {
    if let Some(&group) = index.get(path) {
        return Some(group);
    }
    let ((outer, _), (outer_layer, name)) = path.rsplit_once('/').zip(layer.rsplit_once('/'))?;
    // A list of layers, which `StackedRNNCells` alone has, is a part of the path and no layer.
    let outer = outer.strip_suffix("/cells").unwrap_or(outer);
    group_of(groups, index, outer, outer_layer)?;
    groups.push(empty(path, name));
    index.insert(path.to_owned(), groups.len() - 1);
    Some(groups.len() - 1)
}

/// Group and number of a weight.
fn place(info: &WeightInfo) -> Result<(&str, usize)> {
    let place = info.path.rsplit_once(VARS);
    place.and_then(|(group, index)| Some((group, index.parse().ok()?))).ok_or_else(|| {
        Error::malformed("a path such as `layers/dense/vars/0`", format!("`{}`", info.path))
    })
}

fn check_finite(path: &str, values: impl Iterator<Item = f32>) -> Result<()> {
    match values.enumerate().find(|(_, value)| !value.is_finite()) {
        Some((i, value)) => {
            let found = format!("{value} as number {i}");
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
    let mut found: Vec<(&WeightInfo, Cow<'_, [f32]>)> = Vec::with_capacity(infos.len());
    for info in infos {
        let (path, index) = place(info)?;
        if let Some(value) = value_before_a_call(groups, info)? {
            found.push((info, Cow::Owned(vec![value; info.shape.iter().product()])));
            continue;
        }
        let array = weights::find(groups, path).and_then(|group| group.arrays.get(index));
        let values = array_of(info, array).and_then(|array| floats(info, &array.values));
        found.push((info, Cow::Borrowed(values.map_err(|error| error.within(&info.path))?)));
    }
    check_surplus(groups, infos)?;
    for (info, values) in found {
        weights[info.offset..][..values.len()].copy_from_slice(&values);
    }
    Ok(())
}

/// What all numbers of a weight start as, if it belongs to a layer that is the activation of
/// another and the file's model was saved before it was called. Keras makes such weights when the
/// outer layer is called on numbers for the first time; until then the layer's group is empty.
///
/// Errors: the weight starts as random numbers or as an array.
fn value_before_a_call(groups: &[Group], info: &WeightInfo) -> Result<Option<f32>> {
    let (path, _) = place(info)?;
    let is_unbuilt = weights::find(groups, path).is_some_and(is_unbuilt_activation);
    match info.initializer.rule {
        _ if !is_unbuilt => Ok(None),
        Rule::Zeros => Ok(Some(0.0)),
        Rule::Ones => Ok(Some(1.0)),
        Rule::Constant { value } => Ok(Some(value)),
        Rule::Unkept
        | Rule::Identity { .. }
        | Rule::RandomUniform { .. }
        | Rule::RandomNormal { .. }
        | Rule::TruncatedNormal { .. }
        | Rule::VarianceScaling { .. }
        | Rule::Orthogonal { .. } => {
            let found =
                "none: the model was saved before it was called, call it on some data first";
            Err(Error::malformed(expected(info), found).within(&info.path))
        }
    }
}

/// Whether a group is that of an activation whose weights Keras has not made.
fn is_unbuilt_activation(group: &Group) -> bool {
    group.arrays.is_empty() && group.path.ends_with(ACTIVATION)
}

/// The weights of a model where a file has them, in the order of `infos`. Errors: as
/// [`read_weights`].
pub fn stored_weights<'a>(file: &'a InPlace, infos: &[WeightInfo]) -> Result<Vec<Stored<'a>>> {
    let stored = |info: &WeightInfo| {
        let (path, index) = place(info)?;
        if let Some(value) = value_before_a_call(file.groups(), info)? {
            return Ok(Stored::Same(value));
        }
        let found = file.find(path, index);
        let within = |error: Error| error.within(&info.path);
        array_of(info, found.map(|(array, _)| array)).map_err(within)?;
        let stored = found.map(|(_, stored)| stored).expect("an array that is there");
        match stored {
            Stored::Bytes(_, bytes) => {
                let values = bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
                check_finite("", values).map_err(within)?;
            }
            Stored::Values(values) => {
                floats(info, values).map_err(within)?;
            }
            Stored::Same(_) => {}
        }
        Ok(stored)
    };
    let stored = infos.iter().map(stored).collect::<Result<_>>()?;
    check_surplus(file.groups(), infos)?;
    Ok(stored)
}

/// Refuses layers with more arrays than the model has.
fn check_surplus(groups: &[Group], infos: &[WeightInfo]) -> Result<()> {
    let mut used: HashMap<&str, usize> = HashMap::new();
    for info in infos {
        *used.entry(place(info)?.0).or_default() += 1;
    }
    for group in groups.iter().filter(|group| is_of_layer(group)) {
        let expected = used.get(group.path.as_str()).copied().unwrap_or(0);
        if group.arrays.len() != expected && !is_unbuilt_activation(group) {
            let expected = format!("{expected} weights, as the model has");
            let found = group.arrays.len().to_string();
            return Err(Error::malformed(expected, found).within(&group.path));
        }
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

/// What a weight is, for messages.
fn expected(info: &WeightInfo) -> String {
    format!("{} of the shape {:?}", info.name, &*info.shape)
}

/// The array of a weight in a file, if it has the weight's shape.
fn array_of<'a>(info: &WeightInfo, array: Option<&'a Array>) -> Result<&'a Array> {
    let Some(array) = array else { return Err(Error::malformed(expected(info), "none")) };
    if array.shape != *info.shape {
        return Err(Error::malformed(expected(info), format!("{:?}", array.shape)));
    }
    Ok(array)
}

/// The finite numbers of a weight.
fn floats<'a>(info: &WeightInfo, values: &'a Values) -> Result<&'a [f32]> {
    let Some(values) = values.as_f32() else {
        return Err(Error::malformed(expected(info), "integers"));
    };
    check_finite("", values.iter().copied())?;
    Ok(values)
}
