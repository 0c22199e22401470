//! From groups to an HDF5 file.

use std::collections::BTreeMap;

use hdf5_pure::{AttrValue, FileBuilder, FinishedGroup, GroupBuilder};

use super::{Group, MAX_DEPTH, NAME, VARS, Values};
use crate::error::{Error, Result};

/// The bytes of a weight file with these objects, in the layout that Keras reads.
///
/// Groups may come in any order. Errors: two groups of one path; a shape that does not fit its
/// values; a path nested deeper than [`read`](super::read) accepts.
pub fn write(groups: &[Group]) -> Result<Vec<u8>> {
    let mut root = Node::default();
    for group in groups {
        let mut node = &mut root;
        let parts = group.path.split('/').filter(|_| !group.path.is_empty());
        for (depth, part) in parts.enumerate() {
            if part.is_empty() || part == VARS || depth >= MAX_DEPTH {
                let expected = format!("at most {MAX_DEPTH} names, none of them empty or `vars`");
                return Err(Error::malformed(expected, format!("`{}`", group.path)));
            }
            node = node.children.entry(part).or_default();
        }
        if node.object.replace(group).is_some() {
            return Err(Error::malformed("one group of this path", "two").within(&group.path));
        }
    }
    let mut file = FileBuilder::new();
    for child in root.finish_children()? {
        file.add_group(child);
    }
    file.finish().map_err(|error| Error::malformed("a tree that HDF5 can hold", error.to_string()))
}

/// A group to write: what it holds and what is below it, by name.
#[derive(Default)]
struct Node<'a> {
    object: Option<&'a Group>,
    children: BTreeMap<&'a str, Node<'a>>,
}

impl Node<'_> {
    fn finish_children(&self) -> Result<Vec<FinishedGroup>> {
        let mut finished = Vec::new();
        for (name, child) in &self.children {
            let mut builder = empty_group(name);
            for grandchild in child.finish_children()? {
                builder.add_group(grandchild);
            }
            finished.push(builder.finish());
        }
        if let Some(object) = self.object {
            finished.push(vars(object)?);
        }
        Ok(finished)
    }
}

/// A group of this name that is not part of a file yet.
fn empty_group(name: &str) -> GroupBuilder {
    FileBuilder::new().create_group(name)
}

/// The `vars` group of an object. It is written for objects without variables as well, as Keras
/// does.
fn vars(object: &Group) -> Result<FinishedGroup> {
    let mut vars = empty_group(VARS);
    if let Some(name) = &object.name {
        // Of variable length, which is what h5py gives back to Keras as `str`.
        vars.set_attr(NAME, AttrValue::VarLenString(name.clone()));
    }
    for (index, array) in object.arrays.iter().enumerate() {
        let index = index.to_string();
        let checked = array.check().map_err(|error| error.within(&index));
        checked.map_err(|error| error.within(VARS).within(&object.path))?;
        let shape: Vec<u64> = array.shape.iter().map(|&extent| extent as u64).collect();
        let dataset = vars.create_dataset(&index);
        match &array.values {
            Values::F32(values) => dataset.with_f32_data(values),
            Values::I32(values) => dataset.with_i32_data(values),
        }
        .with_shape(&shape);
    }
    Ok(vars.finish())
}
