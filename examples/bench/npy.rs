//! NumPy's `.npy` files: little-endian `float32` and `int32` in C order.

use std::path::Path;

use crate::{Failure, Result};

/// The bytes of an array's elements, of the type that `descr` names (`<f4`, `<i4`).
/// Errors: a file that cannot be read, or holds something else.
pub(crate) fn read(path: &Path, descr: &str) -> Result<Vec<[u8; 4]>> {
    let wrong = |message: String| Failure::Usage(format!("{}: {message}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let (header, elements) =
        split(&bytes).ok_or_else(|| wrong("expected a `.npy` file".to_string()))?;
    if !header.contains(&format!("'descr': '{descr}'"))
        || !header.contains("'fortran_order': False")
    {
        return Err(wrong(format!("expected `{descr}` in C order, found {}", header.trim())));
    }
    Ok(elements.as_chunks::<4>().0.to_vec())
}

/// The header and the elements of a file.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (len, rest) = match rest.first()? {
        1 => (usize::from(u16::from_le_bytes(rest.get(2..4)?.try_into().ok()?)), &rest[4..]),
        _ => (u32::from_le_bytes(rest.get(2..6)?.try_into().ok()?) as usize, &rest[6..]),
    };
    let (header, elements) = rest.split_at_checked(len)?;
    Some((core::str::from_utf8(header).ok()?, elements))
}
