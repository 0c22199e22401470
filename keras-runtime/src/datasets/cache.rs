//! Files on disk: are they there, are they the published ones, and what do they hold.
//!
//! A size known beforehand bounds everything that is read: the file, the download, the uncompressed
//! content.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::Source;
use crate::error::{Error, Result};
use crate::stack::with_room;

/// A published file.
#[derive(Clone, Copy, Debug)]
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) bytes: u64,
    /// In lower-case hexadecimal digits.
    pub(super) sha256: &'a str,
}

/// Sees to it that every file is in the cache and is the published one; downloads those that are
/// absent.
pub(super) fn ensure(dataset: &'static str, source: &Source, files: &[File]) -> Result<()> {
    let (present, absent): (Vec<File>, Vec<File>) =
        files.iter().partition(|file| source.cache.join(file.name).exists());
    for file in present {
        verify(&source.cache.join(file.name), &file)?;
    }
    for (done, file) in absent.iter().enumerate() {
        let names = || absent[done..].iter().map(|file| file.name.to_string()).collect();
        fetch(source, file).map_err(|cause| {
            missing(dataset, &source.cache, source.base_url.clone(), names(), cause)
        })?;
    }
    Ok(())
}

/// The error that `folder` lacks `files` and they could not be downloaded, for `cause`.
pub(super) fn missing(
    dataset: &'static str,
    folder: &Path,
    base_url: String,
    files: Vec<String>,
    cause: Option<Error>,
) -> Error {
    let folder = folder.to_path_buf();
    Error::DatasetMissing { dataset, files, folder, base_url, cause: cause.map(Box::new) }
}

/// Downloads a file into the cache; the error is the cause, or `None` if this build cannot
/// download.
#[cfg(feature = "download")]
pub(super) fn fetch(source: &Source, file: &File) -> core::result::Result<(), Option<Error>> {
    with_room(|| super::download::fetch(source, file)).map_err(Some)
}

#[cfg(not(feature = "download"))]
pub(super) fn fetch(_: &Source, _: &File) -> core::result::Result<(), Option<Error>> {
    Err(None)
}

/// Checks length and sha256 of a file that is there.
pub(super) fn verify(path: &Path, file: &File) -> Result<()> {
    let mut reader = fs::File::open(path).map_err(Error::io(path))?;
    let bytes = reader.metadata().map_err(Error::io(path))?.len();
    if bytes != file.bytes {
        return Err(corrupted(path, format!("{} bytes", file.bytes), format!("{bytes} bytes")));
    }
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        match reader.read(&mut chunk).map_err(Error::io(path))? {
            0 => break,
            len => hasher.update(&chunk[..len]),
        }
    }
    check_sha256(path, file.sha256, hasher)
}

/// Compares a finished hash with the published one.
pub(super) fn check_sha256(path: &Path, expected: &str, hasher: Sha256) -> Result<()> {
    let found = hex(&hasher.finalize());
    if found != expected {
        return Err(corrupted(path, format!("sha256 {expected}"), found));
    }
    Ok(())
}

/// Uncompresses a gzip file of at most `limit` bytes of content.
pub(super) fn gunzip(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let file = fs::File::open(path).map_err(Error::io(path))?;
    let mut content = Vec::new();
    let read = || {
        let inflated = GzDecoder::new(io::BufReader::new(file));
        inflated.take(limit as u64 + 1).read_to_end(&mut content)
    };
    with_room(read).map_err(|error| corrupted(path, "gzip".into(), error.to_string()))?;
    if content.len() > limit {
        return Err(corrupted(path, format!("at most {limit} bytes of content"), "more".into()));
    }
    Ok(content)
}

/// The error that the file at `path` is not the published one.
pub(super) fn corrupted(path: &Path, expected: String, found: String) -> Error {
    Error::DatasetCorrupted { file: path.to_path_buf(), expected, found }
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::testing::{Made, nowhere};

    const CONTENT: &[u8] = b"a content that is long enough to be changed in the middle of it";

    #[test]
    fn a_changed_file_is_an_error_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut made = Made::new("x.gz", CONTENT);
        let published = made.file();
        let (bytes, sha256) = (published.bytes, published.sha256.to_string());
        let expected = File { name: "x.gz", bytes, sha256: &sha256 };
        made.gzip[20] ^= 1;
        made.write(folder.path());
        let error = ensure("made", &nowhere(folder.path()), &[expected]).unwrap_err();
        let found = hex(&Sha256::digest(&made.gzip));
        let Error::DatasetCorrupted { file, expected, found: told } = &error else {
            panic!("{error}")
        };
        assert_eq!(*file, folder.path().join("x.gz"));
        assert_eq!((expected, told), (&format!("sha256 {sha256}"), &found));
        assert_eq!(fs::read(folder.path().join("x.gz")).unwrap(), made.gzip);
    }

    #[test]
    fn a_cut_file_is_an_error_with_both_lengths() {
        let folder = tempfile::tempdir().unwrap();
        let made = Made::new("x.gz", CONTENT);
        fs::write(folder.path().join("x.gz"), &made.gzip[..7]).unwrap();
        let error = ensure("made", &nowhere(folder.path()), &[made.file()]).unwrap_err();
        let expected = format!("x.gz: expected {} bytes, found 7 bytes;", made.gzip.len());
        assert!(error.to_string().contains(&expected), "{error}");
    }

    #[test]
    fn every_missing_file_is_named_with_the_folder_and_the_address() {
        let folder = tempfile::tempdir().unwrap();
        let made = ["a.gz", "b.gz", "c.gz"].map(|name| Made::new(name, CONTENT));
        made[1].write(folder.path());
        let files = made.each_ref().map(Made::file);
        let error = ensure("made", &nowhere(folder.path()), &files).unwrap_err();
        let Error::DatasetMissing { files, base_url, cause, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*files, ["a.gz", "c.gz"]);
        assert_eq!(base_url, "http://127.0.0.1:1");
        assert_eq!(cause.is_some(), cfg!(feature = "download"));
        assert!(error.to_string().contains(&folder.path().display().to_string()));
    }

    #[test]
    fn content_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gz");
        Made::new("x.gz", CONTENT).write(folder.path());
        assert_eq!(gunzip(&path, CONTENT.len()).unwrap(), CONTENT);
        let error = gunzip(&path, CONTENT.len() - 1).unwrap_err();
        assert!(
            error.to_string().contains("expected at most 62 bytes of content, found more"),
            "{error}"
        );
        fs::write(&path, b"no gzip at all, and long enough for a header").unwrap();
        assert!(matches!(gunzip(&path, 100), Err(Error::DatasetCorrupted { .. })));
    }
}
