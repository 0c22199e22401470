//! Reads one member of a gzip'd tar archive: headers of 512 bytes, each followed by the content, padded to 512.
//!
//! Source: POSIX.1-1988 ustar: the name is at byte 0, the size in octal digits at byte 124.

use std::fs;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use crate::datasets::cache::corrupted;
use crate::error::{Error, Result};

const BLOCK_BYTES: usize = 512;
const NAME_BYTES: usize = 100;
const SIZE: core::ops::Range<usize> = 124..136;

/// Uncompresses the member whose path ends with `name`, of exactly `member_bytes` bytes.
///
/// Errors: `DatasetCorrupted` if there is no such member or it has another size.
pub(super) fn member(path: &Path, name: &str, member_bytes: usize) -> Result<Vec<u8>> {
    let file = fs::File::open(path).map_err(Error::io(path))?;
    let mut archive = GzDecoder::new(BufReader::new(file));
    let broken =
        |error: io::Error| corrupted(path, "a gzip'd tar archive".into(), error.to_string());
    let mut header = [0; BLOCK_BYTES];
    loop {
        archive.read_exact(&mut header).map_err(broken)?;
        if header == [0; BLOCK_BYTES] {
            return Err(corrupted(path, format!("a member {name}"), "no such member".into()));
        }
        let size = size(&header).ok_or_else(|| {
            corrupted(path, "a size in octal digits".into(), "something else".into())
        })?;
        let member = header[..NAME_BYTES].split(|&byte| byte == 0).next().unwrap_or_default();
        if member.ends_with(name.as_bytes()) {
            if size != member_bytes as u64 {
                let expected = format!("{member_bytes} bytes of {name}");
                return Err(corrupted(path, expected, size.to_string()));
            }
            let mut content = vec![0; member_bytes];
            archive.read_exact(&mut content).map_err(broken)?;
            return Ok(content);
        }
        let padded = size.next_multiple_of(BLOCK_BYTES as u64);
        io::copy(&mut archive.by_ref().take(padded), &mut io::sink()).map_err(broken)?;
    }
}

/// The size of a member: at most 12 octal digits, ended by a space or a zero byte.
fn size(header: &[u8; BLOCK_BYTES]) -> Option<u64> {
    let digits = str::from_utf8(&header[SIZE]).ok()?;
    u64::from_str_radix(digits.trim_matches(['\0', ' ']), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::testing::Made;

    /// An archive of members of these names and contents.
    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut content = Vec::new();
        for (name, bytes) in members {
            let mut header = [0; BLOCK_BYTES];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[SIZE].copy_from_slice(format!("{:011o} ", bytes.len()).as_bytes());
            content.extend_from_slice(&header);
            content.extend_from_slice(bytes);
            content.resize(content.len().next_multiple_of(BLOCK_BYTES), 0);
        }
        content.resize(content.len() + 2 * BLOCK_BYTES, 0);
        content
    }

    #[test]
    fn a_member_is_found_by_the_end_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tar.gz");
        let members = [("d/", &[][..]), ("d/a.bin", &[7; 700]), ("d/b.bin", &[1, 2, 3])];
        Made::new("x.tar.gz", &archive(&members)).write(folder.path());
        assert_eq!(member(&path, "b.bin", 3).unwrap(), [1, 2, 3]);
        assert_eq!(member(&path, "a.bin", 700).unwrap(), [7; 700]);
        let wrong_size = member(&path, "b.bin", 4).unwrap_err().to_string();
        assert!(wrong_size.contains("expected 4 bytes of b.bin, found 3"), "{wrong_size}");
        let absent = member(&path, "c.bin", 3).unwrap_err().to_string();
        assert!(absent.contains("expected a member c.bin, found no such member"), "{absent}");
    }

    #[test]
    fn a_broken_archive_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tar.gz");
        let good = archive(&[("a.bin", &[7; 700])]);
        let mut no_size = good.clone();
        no_size[SIZE].fill(b'9');
        for content in [&good[..600], &good[..100], &[], &no_size] {
            Made::new("x.tar.gz", content).write(folder.path());
            let error = member(&path, "a.bin", 700).unwrap_err();
            assert!(matches!(error, Error::DatasetCorrupted { .. }), "{error}");
        }
    }
}
