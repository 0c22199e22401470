//! What no compiler checks: that lists in documents are those of the code, that files they name
//! exist, and that sources keep to the limits of the style.
//!
//! - `documents`: README, CONTRIBUTING and ARCHITECTURE against the declarations and the files;
//! - `references`: every layer has its reference data, every plan and test file is used;
//! - `sources`: widths, lengths and places of `unsafe`;
//! - `circles`: imports between the files of a crate.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // What a test cannot read, it cannot check.

mod circles;
mod documents;
mod references;
mod sources;

use std::fs;
use std::path::Path;

/// The folder of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The text of a file, given its path from the root.
fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file of the repository, by its path from the root, sorted.
fn files() -> Vec<String> {
    fn walk(folder: &Path, files: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !path.is_dir() {
                let path = path.strip_prefix(root()).unwrap();
                files.push(path.to_string_lossy().replace('\\', "/"));
            } else if !["target", ".git", ".venv"].contains(&name.as_str()) {
                walk(&path, files);
            }
        }
    }
    let mut files = Vec::new();
    walk(root(), &mut files);
    files.sort();
    files
}
