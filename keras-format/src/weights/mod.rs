//! `model.weights.h5` and `.weights.h5`: an HDF5 tree of the variables of a model and its
//! optimizer.
//!
//! Each object of Keras that owns variables, or merely could, is a group with a subgroup `vars`;
//! the variables are its datasets `0`, `1`, ... in the object's own order, and its attribute `name`
//! is the object's name. A [`Group`] here stands for one such object:
//!
//! | object | path |
//! |---|---|
//! | model | `` (empty) |
//! | second `Dense` of the model | `layers/dense_1` (counted per class; `name` is the user's) |
//! | `LSTM` | `layers/lstm`, empty, and `layers/lstm/cell` |
//! | optimizer | `optimizer`: iteration, learning rate, then the slots |
//!
//! Numbers of 16 and 64 bits become `f32`. Source: Keras 3.15 `saving/saving_lib.py`, `H5IOStore`.

mod place;
mod read;
mod values;
mod write;

pub use place::{InPlace, Stored};
pub use read::read;
pub use write::write;

use crate::error::{Error, Result};

/// Subgroup that holds an object's variables.
const VARS: &str = "vars";
/// Attribute of [`VARS`] with the object's name.
const NAME: &str = "name";
/// Group of a model's layers.
const LAYERS: &str = "layers";
/// Nesting of groups beyond that of any model; a group that holds itself ends here.
const MAX_DEPTH: usize = 64;

/// The values of an [`Array`], row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Weights, slots, the learning rate.
    F32(Vec<f32>),
    /// Counters, such as the optimizer's iteration.
    I32(Vec<i32>),
}

impl Values {
    /// Count of elements.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::I32(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values if they have a fraction.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match self {
            Values::F32(values) => Some(values),
            Values::I32(_) => None,
        }
    }

    /// The values if they are integers.
    pub fn as_i32(&self) -> Option<&[i32]> {
        match self {
            Values::F32(_) => None,
            Values::I32(values) => Some(values),
        }
    }
}

/// One variable. A scalar has the shape `[]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Extents.
    pub shape: Vec<usize>,
    /// As many values as the product of the extents.
    pub values: Values,
}

impl Array {
    /// Whether there are as many values as the shape says.
    fn check(&self) -> Result<()> {
        let found = self.values.len();
        if declared_bytes(self.shape.iter().map(|&extent| extent as u64), 1) == found as u64 {
            return Ok(());
        }
        let expected = format!("the values of the shape {:?}", self.shape);
        Err(Error::malformed(expected, format!("{found} values")))
    }
}

/// One object of Keras with its variables; layers without weights have none.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Path of the object's group, without `vars`; empty for the model itself.
    pub path: String,
    /// The object's name, if it has one.
    pub name: Option<String>,
    /// Variables `vars/0`, `vars/1`, ... in numeric order.
    pub arrays: Vec<Array>,
    /// What is wrong with the variables of an object that is no layer; there are no arrays then.
    /// Weights are read without them.
    pub fault: Option<String>,
}

/// The group of the object at `path` among the sorted groups of [`read`].
pub fn find<'a>(groups: &'a [Group], path: &str) -> Option<&'a Group> {
    groups.binary_search_by(|group| group.path.as_str().cmp(path)).ok().map(|i| &groups[i])
}

/// Whether an object is the model or stands among its layers; all else in a file (the optimizer,
/// metrics) is no part of the model.
pub(crate) fn is_of_layer(path: &str) -> bool {
    path.is_empty()
        || path == LAYERS
        || path.strip_prefix(LAYERS).is_some_and(|p| p.starts_with('/'))
}

/// Bytes of an array with these extents; the largest number where the product is larger still.
fn declared_bytes(extents: impl Iterator<Item = u64> + Clone, element_bytes: u64) -> u64 {
    // On its own, since a product that saturates before the 0 comes back from it.
    if extents.clone().any(|extent| extent == 0) {
        return 0;
    }
    extents.fold(element_bytes, u64::saturating_mul)
}
