//! From an HDF5 file to groups. Everything that a file declares is checked before memory is taken.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use hdf5_pure::{Dataset, File};

use super::values::{damaged, is_damage, place, values};
use super::{Array, Group, MAX_DEPTH, NAME, VARS, Values, declared_bytes, is_of_layer};
use crate::error::{Error, Result};
use crate::foreign::{self, START_BYTES};

/// Groups of files of Keras 2: of its old layout, and of the one that came before that of Keras 3.
const LEGACY: [&str; 2] = ["model_weights", "_layer_checkpoint_dependencies"];
/// Groups beyond those of any model: 10,000 layers of 50 parts each.
const MAX_GROUPS: usize = 1 << 19;
/// Axes that HDF5 allows.
const MAX_RANK: usize = 32;
/// All arrays of a file together may be this large whatever the file's size.
const VALUES_FLOOR_BYTES: u64 = 64 << 20;
/// Beyond the floor, they may be this many times larger than the file. Keras does not compress; a
/// dataset that declares an extent and stores nothing is a trap.
const VALUES_EXPANSION: u64 = 100;

/// Reads all objects of a weight file, sorted by path.
///
/// Errors: not an HDF5 file or a damaged one; no tree of Keras 3; numbers of a type that holds no
/// weights; extents that cannot be true. Of objects that are no layers, the last two are noted as
/// [`Group::fault`].
pub fn read(bytes: Vec<u8>) -> Result<Vec<Group>> {
    Ok(read_file(bytes, Take::Values)?.groups)
}

/// What is read of a file.
pub(super) struct Read {
    pub(super) file: File,
    pub(super) groups: Vec<Group>,
    /// For the path of an object and the index of an array, where in the file its bytes are; such
    /// arrays have no values.
    pub(super) places: HashMap<(String, usize), Range<usize>>,
}

/// What is read of an array.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// Its values.
    Values,
    /// Of a layer's array, where it lies if it lies there as little-endian `f32`, else its values.
    /// Of other objects nothing.
    Places,
}

/// Reads all objects of a weight file, sorted by path. Errors: as [`read`].
pub(super) fn read_file(bytes: Vec<u8>, take: Take) -> Result<Read> {
    let file_bytes = bytes.len() as u64;
    let start = bytes[..bytes.len().min(START_BYTES)].to_vec();
    let file = File::from_bytes(bytes)
        .map_err(|error| foreign::refused("an HDF5 file", &start, &error.to_string()))?;
    let root = file.root();
    if root.groups().map_err(damaged)?.iter().any(|name| LEGACY.contains(&name.as_str())) {
        let help = "open it in Keras 3 and save it again with `model.save(\"model.keras\")`";
        return Err(Error::unsupported(
            "the layout of Keras 2, which `model.save(\"model.h5\")` writes",
            help,
        ));
    }
    let limit_bytes = file_bytes.saturating_mul(VALUES_EXPANSION).max(VALUES_FLOOR_BYTES);
    let mut reader = Reader {
        take,
        groups: Vec::new(),
        places: HashMap::new(),
        visited: 0,
        limit_bytes,
        left_bytes: limit_bytes,
    };
    reader.visit(&file.root(), "", 0)?;
    if reader.groups.is_empty() {
        let expected = "a `vars` group of Keras 3";
        return Err(Error::malformed(
            expected,
            "none; legacy files must be saved again by Keras 3",
        ));
    }
    reader.groups.sort_by(|a, b| a.path.cmp(&b.path));
    let Reader { groups, places, .. } = reader;
    Ok(Read { file, groups, places })
}

struct Reader {
    take: Take,
    groups: Vec<Group>,
    places: HashMap<(String, usize), Range<usize>>,
    visited: usize,
    limit_bytes: u64,
    left_bytes: u64,
}

impl Reader {
    /// Walks one group. Only hard links are followed, which cannot leave the file; the bounds on
    /// depth and count end a walk in circles.
    fn visit(&mut self, group: &hdf5_pure::Group, path: &str, depth: usize) -> Result<()> {
        self.visited += 1;
        if depth > MAX_DEPTH || self.visited > MAX_GROUPS {
            let expected = format!("at most {MAX_GROUPS} groups, nested at most {MAX_DEPTH} deep");
            return Err(Error::malformed(expected, "more").within(path));
        }
        let damaged = |error| damaged(error).within(path);
        for (name, child) in group.iter_groups().map_err(damaged)? {
            if name == VARS && self.take == Take::Places && !is_of_layer(path) {
                continue;
            } else if name == VARS {
                let object = self.object(&child, path);
                self.groups.push(match object.map_err(|error| error.within(VARS)) {
                    Ok(object) => object,
                    Err(error) if is_of_layer(path) || is_damage(&error) => {
                        return Err(error.within(path));
                    }
                    Err(error) => Group {
                        path: path.to_owned(),
                        name: None,
                        arrays: Vec::new(),
                        fault: Some(error.to_string()),
                    },
                });
            } else {
                let child_path = if path.is_empty() { name } else { format!("{path}/{name}") };
                self.visit(&child, &child_path, depth + 1)?;
            }
        }
        match group.datasets().map_err(damaged)?.first() {
            Some(name) if is_of_layer(path) => {
                let found = format!("the array `{name}` beside it");
                Err(Error::malformed("arrays in `vars` groups", found).within(path))
            }
            _ => Ok(()),
        }
    }

    /// Reads the `vars` group of the object at `path`.
    fn object(&mut self, vars: &hdf5_pure::Group, path: &str) -> Result<Group> {
        let name = match vars.attrs().map_err(damaged)?.get(NAME) {
            None => None,
            Some(value) => match value.as_str() {
                Some(name) => Some(name.to_owned()),
                None => return Err(Error::malformed("a text attribute `name`", value.type_name())),
            },
        };
        let mut datasets = BTreeMap::new();
        for (key, dataset) in vars.iter_datasets().map_err(damaged)? {
            // In this spelling alone: `01` beside `1` would be two arrays of one index.
            let Some(index) = key.parse::<usize>().ok().filter(|i| i.to_string() == key) else {
                return Err(Error::malformed("arrays named 0, 1, ...", format!("`{key}`")));
            };
            datasets.insert(index, dataset);
        }
        let mut arrays = Vec::new();
        for (position, (index, dataset)) in datasets.into_iter().enumerate() {
            if index != position {
                return Err(Error::malformed(format!("an array `{position}`"), "none"));
            }
            let array = self.array(&dataset, (path, index));
            arrays.push(array.map_err(|error| error.within(&index.to_string()))?);
        }
        Ok(Group { path: path.to_owned(), name, arrays, fault: None })
    }

    /// Reads the array of this index of an object.
    fn array(&mut self, dataset: &Dataset, (path, index): (&str, usize)) -> Result<Array> {
        let extents = dataset.shape().map_err(damaged)?;
        if extents.len() > MAX_RANK {
            let found = format!("{}", extents.len());
            return Err(Error::malformed(format!("at most {MAX_RANK} axes"), found));
        }
        let element_bytes = dataset.element_size().map_err(damaged)?;
        let chunk = dataset.chunk_shape().map_err(damaged)?.unwrap_or_default();
        // At least as many bytes as are returned, whatever width the file stores.
        let element_bytes = element_bytes.max(size_of::<f32>() as u64);
        let array_bytes = declared_bytes(extents.iter().copied(), element_bytes);
        let found_bytes = array_bytes.max(declared_bytes(chunk.into_iter(), element_bytes));
        if found_bytes > self.left_bytes {
            let limit_bytes = self.limit_bytes;
            return Err(Error::TooLarge { path: String::new(), limit_bytes, found_bytes });
        }
        self.left_bytes -= array_bytes;
        let Ok(shape) = extents.iter().map(|&extent| usize::try_from(extent)).collect() else {
            return Err(Error::malformed("extents of this machine", format!("{extents:?}")));
        };
        let place = if self.take == Take::Places { place(dataset, array_bytes)? } else { None };
        if let Some(place) = place {
            self.places.insert((path.to_owned(), index), place);
            return Ok(Array { shape, values: Values::F32(Vec::new()) });
        }
        let array = Array { shape, values: values(dataset)? };
        array.check()?;
        Ok(array)
    }
}
