//! `model.weights.h5` and `.weights.h5`: an HDF5 tree of the variables of a model and its optimizer.
//!
//! Each object of Keras that owns variables, or merely could, is a group with a subgroup `vars`; the
//! variables are its datasets `0`, `1`, ... in the object's own order, and its attribute `name` is the
//! object's name. A [`Group`] here stands for one such object:
//!
//! | object | path |
//! |---|---|
//! | model | `` (empty) |
//! | second `Dense` of the model | `layers/dense_1` (counted per class; the user's name is the attribute) |
//! | `LSTM` | `layers/lstm`, empty, and `layers/lstm/cell` |
//! | optimizer | `optimizer`: iteration, learning rate, then the slots |
//!
//! Numbers of 16 and 64 bits become `f32`. Source: Keras 3.15 `saving/saving_lib.py`, `H5IOStore`.

use std::collections::BTreeMap;

use hdf5_pure::{
    AttrValue, DType, Dataset, Datatype, DatatypeByteOrder, File, FileBuilder, FinishedGroup,
    GroupBuilder,
};

use crate::error::{Error, Result};
use crate::foreign::{self, START_BYTES};
use crate::half;

/// Subgroup that holds an object's variables.
const VARS: &str = "vars";
/// Attribute of [`VARS`] with the object's name.
const NAME: &str = "name";
/// Group of a model's layers.
const LAYERS: &str = "layers";
/// Groups of files of Keras 2: of its old layout, and of the one that came before that of Keras 3.
const LEGACY: [&str; 2] = ["model_weights", "_layer_checkpoint_dependencies"];
/// Nesting of groups beyond that of any model; a group that holds itself ends here.
const MAX_DEPTH: usize = 64;
/// Groups beyond those of any model: 10,000 layers of 50 parts each.
const MAX_GROUPS: usize = 1 << 19;
/// Axes that HDF5 allows.
const MAX_RANK: usize = 32;
/// All arrays of a file together may be this large whatever the file's size.
const VALUES_FLOOR_BYTES: u64 = 64 << 20;
/// Beyond the floor, they may be this many times larger than the file. Keras does not compress; a
/// dataset that declares an extent and stores nothing is a trap.
const VALUES_EXPANSION: u64 = 100;

/// Widths of exponent and mantissa in an IEEE half.
const HALF: (u8, u8) = (5, 10);

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
    /// What is wrong with the variables of an object that is no layer; there are no arrays then. Weights are
    /// read without them.
    pub fault: Option<String>,
}

/// Reads all objects of a weight file, sorted by path.
///
/// Errors: not an HDF5 file or a damaged one; no tree of Keras 3; numbers of a type that holds no
/// weights; extents that cannot be true. Of objects that are no layers, the last two are noted as
/// [`Group::fault`].
pub fn read(bytes: Vec<u8>) -> Result<Vec<Group>> {
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
    let mut reader =
        Reader { groups: Vec::new(), visited: 0, limit_bytes, left_bytes: limit_bytes };
    reader.visit(&file.root(), "", 0)?;
    if reader.groups.is_empty() {
        let expected = "a `vars` group of Keras 3";
        return Err(Error::malformed(
            expected,
            "none; legacy files must be saved again by Keras 3",
        ));
    }
    reader.groups.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(reader.groups)
}

/// The group of the object at `path` among the sorted groups of [`read`].
pub fn find<'a>(groups: &'a [Group], path: &str) -> Option<&'a Group> {
    groups.binary_search_by(|group| group.path.as_str().cmp(path)).ok().map(|i| &groups[i])
}

/// Whether an object is the model or stands among its layers; all else in a file (the optimizer, metrics) is no
/// part of the model.
pub(crate) fn is_of_layer(path: &str) -> bool {
    path.is_empty()
        || path == LAYERS
        || path.strip_prefix(LAYERS).is_some_and(|p| p.starts_with('/'))
}

struct Reader {
    groups: Vec<Group>,
    visited: usize,
    limit_bytes: u64,
    left_bytes: u64,
}

impl Reader {
    /// Walks one group. Only hard links are followed, which cannot leave the file; the bounds on depth
    /// and count end a walk in circles.
    fn visit(&mut self, group: &hdf5_pure::Group, path: &str, depth: usize) -> Result<()> {
        self.visited += 1;
        if depth > MAX_DEPTH || self.visited > MAX_GROUPS {
            let expected = format!("at most {MAX_GROUPS} groups, nested at most {MAX_DEPTH} deep");
            return Err(Error::malformed(expected, "more").within(path));
        }
        let damaged = |error| damaged(error).within(path);
        for (name, child) in group.iter_groups().map_err(damaged)? {
            if name == VARS {
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
            arrays.push(self.array(&dataset).map_err(|error| error.within(&index.to_string()))?);
        }
        Ok(Group { path: path.to_owned(), name, arrays, fault: None })
    }

    fn array(&mut self, dataset: &Dataset) -> Result<Array> {
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
        let values = values(dataset)?;
        let Ok(shape) = extents.iter().map(|&extent| usize::try_from(extent)).collect() else {
            return Err(Error::malformed("extents of this machine", format!("{extents:?}")));
        };
        let array = Array { shape, values };
        array.check()?;
        Ok(array)
    }
}

/// Bytes of an array with these extents; the largest number where the product is larger still.
fn declared_bytes(extents: impl Iterator<Item = u64> + Clone, element_bytes: u64) -> u64 {
    // On its own, since a product that saturates before the 0 comes back from it.
    if extents.clone().any(|extent| extent == 0) {
        return 0;
    }
    extents.fold(element_bytes, u64::saturating_mul)
}

/// What is expected where HDF5 cannot be read.
const READABLE: &str = "a readable HDF5 object";

fn damaged(error: hdf5_pure::Error) -> Error {
    Error::malformed(READABLE, error.to_string())
}

/// Whether a file is damaged there, in contrast to holding what is no weight.
fn is_damage(error: &Error) -> bool {
    matches!(error, Error::Malformed { expected, .. } if expected == READABLE)
}

/// The values of a dataset whose size was found acceptable, in one of the two types used here.
fn values(dataset: &Dataset) -> Result<Values> {
    match dataset.dtype().map_err(damaged)? {
        DType::F32 => dataset.read_f32().map(Values::F32).map_err(damaged),
        DType::F64 => {
            let wide = dataset.read_f64().map_err(damaged)?;
            Ok(Values::F32(wide.into_iter().map(|value| value as f32).collect()))
        }
        // h5py stores a boolean as an enumeration of 0 and 1.
        DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32 | DType::Enum(_) => {
            dataset.read_i32().map(Values::I32).map_err(damaged)
        }
        DType::U32 | DType::I64 => narrow(&dataset.read_i64().map_err(damaged)?),
        DType::U64 => narrow(&dataset.read_u64().map_err(damaged)?),
        DType::Other(datatype) => half_values(dataset, &datatype),
        other => Err(Error::malformed("numbers", other.to_string())),
    }
}

/// Integers as `i32`, or an error that names the first that does not fit.
fn narrow<T: Copy + std::fmt::Display>(wide: &[T]) -> Result<Values>
where
    i32: TryFrom<T>,
{
    let narrow = wide.iter().map(|&value| {
        i32::try_from(value).map_err(|_| Error::malformed("integers of 32 bits", value.to_string()))
    });
    narrow.collect::<Result<Vec<i32>>>().map(Values::I32)
}

/// Values of 16 bits: IEEE halves, and bfloat16, which Keras stores as opaque bytes with an attribute.
fn half_values(dataset: &Dataset, datatype: &Datatype) -> Result<Values> {
    let (convert, order): (fn(u16) -> f32, _) = match datatype {
        Datatype::FloatingPoint { size: 2, byte_order, layout }
            if (layout.exponent_size, layout.mantissa_size) == HALF =>
        {
            (half::from_ieee, *byte_order)
        }
        Datatype::Opaque { size: 2, .. } => {
            let attrs = dataset.attrs().map_err(damaged)?;
            match attrs.get("dtype").and_then(AttrValue::as_str) {
                Some("bfloat16") => (half::from_bfloat, DatatypeByteOrder::LittleEndian),
                other => {
                    let found = format!("opaque elements with the attribute dtype {other:?}");
                    return Err(Error::malformed("numbers", found));
                }
            }
        }
        other => return Err(Error::malformed("numbers", format!("elements of type {other:?}"))),
    };
    let raw = dataset.read_raw().map_err(damaged)?;
    let bits = raw.as_chunks::<2>().0.iter().map(|&pair| match order {
        DatatypeByteOrder::BigEndian => u16::from_be_bytes(pair),
        _ => u16::from_le_bytes(pair),
    });
    Ok(Values::F32(bits.map(convert).collect()))
}

/// The bytes of a weight file with these objects, in the layout that Keras reads.
///
/// Groups may come in any order. Errors: two groups of one path; a shape that does not fit its values;
/// a path nested deeper than [`read`] accepts.
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

/// The `vars` group of an object. It is written for objects without variables as well, as Keras does.
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
