//! The numbers of a dataset in one of the two types used here, and where they lie.

use std::ops::Range;

use hdf5_pure::{AttrValue, DType, Dataset, Datatype, DatatypeByteOrder, Layout};

use super::Values;
use crate::error::{Error, Result};
use crate::half;

/// Widths of exponent and mantissa in an IEEE half.
const HALF: (u8, u8) = (5, 10);

/// Widths of exponent and mantissa in an `f32`.
const SINGLE: (u8, u8) = (8, 23);

/// What is expected where HDF5 cannot be read.
const READABLE: &str = "a readable HDF5 object";

pub(super) fn damaged(error: hdf5_pure::Error) -> Error {
    Error::malformed(READABLE, error.to_string())
}

/// Whether a file is damaged there, in contrast to holding what is no weight.
pub(super) fn is_damage(error: &Error) -> bool {
    matches!(error, Error::Malformed { expected, .. } if expected == READABLE)
}

/// The values of a dataset whose size was found acceptable, in one of the two types used here.
pub(super) fn values(dataset: &Dataset) -> Result<Values> {
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

/// Values of 16 bits: IEEE halves, and bfloat16, which Keras stores as opaque bytes with an
/// attribute.
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

/// Where in the file the numbers of a dataset lie, if they lie there as little-endian `f32`, one
/// behind the other.
pub(super) fn place(dataset: &Dataset, array_bytes: u64) -> Result<Option<Range<usize>>> {
    let is_f32 = matches!(
        dataset.datatype().map_err(damaged)?,
        Datatype::FloatingPoint { size: 4, byte_order: DatatypeByteOrder::LittleEndian, layout }
            if (layout.exponent_size, layout.mantissa_size) == SINGLE
    );
    Ok(match dataset.layout().map_err(damaged)? {
        Layout::Contiguous { address: Some(address), size } if is_f32 && size == array_bytes => {
            let end = address.checked_add(size).and_then(|end| usize::try_from(end).ok());
            usize::try_from(address).ok().zip(end).map(|(start, end)| start..end)
        }
        _ => None,
    })
}
