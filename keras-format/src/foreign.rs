//! What a file is that is none of Keras', by its first bytes, and what to do.

use crate::error::Error;

/// As many bytes of a file as tell what it is.
pub(crate) const START_BYTES: usize = 1024;

pub(crate) const HDF5_SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
const ZIP_SIGNATURE: &[u8] = b"PK\x03\x04";
const GZIP_SIGNATURE: &[u8] = b"\x1f\x8b";
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What a file is that starts like this, and what to do; none if that is not known.
fn known(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let text = String::from_utf8_lossy(start).to_lowercase();
    let text = text.trim_start();
    if start.is_empty() {
        Some(("an empty file", "save the model again"))
    } else if start.starts_with(HDF5_SIGNATURE) {
        Some((
            "an HDF5 file, which holds weights or a model of Keras 2",
            "open it in Keras 3 and save it again with `model.save(\"model.keras\")`",
        ))
    } else if start.starts_with(ZIP_SIGNATURE) {
        Some(("a zip archive, or what is left of one", "save the model again"))
    } else if start.starts_with(GZIP_SIGNATURE) {
        Some(("a gzip file", "unpack it"))
    } else if start.starts_with(LFS_POINTER) {
        Some((
            "a pointer of Git LFS, which stands for a file that was not fetched",
            "run `git lfs pull`, or download the file itself",
        ))
    } else if text.starts_with("<!doctype html") || text.starts_with("<html") {
        Some((
            "an HTML page",
            "download the file itself: an address with `blob` shows a page about it, \
             one with `raw` or `resolve` gives it",
        ))
    } else if text.starts_with('{') && text.contains("\"weight_map\"") {
        Some((
            "the index of weights that Keras saved in several files (`max_shard_size`)",
            "load them in Keras and save them in one file: \
             `model.save_weights(\"model.weights.h5\")`",
        ))
    } else {
        None
    }
}

/// The error of a file that starts like this in place of what was expected; `detail` is what its
/// reader found.
pub(crate) fn refused(expected: &str, start: &[u8], detail: &str) -> Error {
    let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    match known(start) {
        Some((found, help)) => Error::Refused {
            path: String::new(),
            message: format!("expected {expected}, found {found}{detail}"),
            help: Some(help.to_owned()),
        },
        None => {
            let bytes = start.iter().take(HDF5_SIGNATURE.len());
            let bytes: Vec<String> = bytes.map(|byte| format!("{byte:02x}")).collect();
            let found = format!("a file that starts with the bytes {}{detail}", bytes.join(" "));
            Error::malformed(expected, found)
        }
    }
}
