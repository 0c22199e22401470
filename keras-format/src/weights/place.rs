//! Weights that stay where they lie in a file, for a program that is to hold the file's own bytes.

use std::collections::HashMap;
use std::ops::Range;

use hdf5_pure::File;

use super::read::{Read, Take, read_file};
use super::{Array, Group, Values, find};
use crate::error::Result;

/// The weights of a file whose bytes stay in memory as they are.
pub struct InPlace {
    file: File,
    groups: Vec<Group>,
    places: HashMap<(String, usize), Range<usize>>,
}

/// An array of a file.
#[derive(Clone, Copy, Debug)]
pub enum Stored<'a> {
    /// Its bytes lie in the file as little-endian `f32`, from this one on.
    Bytes(usize, &'a [u8]),
    /// It is stored in another way.
    Values(&'a Values),
    /// It is not stored: all of its numbers are this one.
    Same(f32),
}

impl InPlace {
    /// Finds the weights of all layers. Errors: as [`read`](super::read).
    pub fn read(bytes: Vec<u8>) -> Result<InPlace> {
        let Read { file, groups, places } = read_file(bytes, Take::Places)?;
        Ok(InPlace { file, groups, places })
    }

    /// All objects; the arrays whose bytes stay in place have no values.
    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// An array of the object at `path`, and where its numbers are.
    pub(crate) fn find(&self, path: &str, index: usize) -> Option<(&Array, Stored<'_>)> {
        let array = find(&self.groups, path)?.arrays.get(index)?;
        let stored = match self.places.get(&(path.to_owned(), index)) {
            // A place beyond the end is one of a truncated file, which holds no such array.
            Some(place) => Stored::Bytes(place.start, self.file.as_bytes().get(place.clone())?),
            None => Stored::Values(&array.values),
        };
        Some((array, stored))
    }
}
