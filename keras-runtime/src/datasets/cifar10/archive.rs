//! Reads members of a gzip'd tar archive: headers of 512 bytes, each followed by the content,
//! padded to 512.
//!
//! Source: POSIX.1-1988 ustar: the name is at byte 0, the size in octal digits at byte 124.

use std::fs;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use crate::datasets::cache::corrupted;
use crate::error::{Error, Result};
use crate::stack::with_room;

const BLOCK_BYTES: usize = 512;
const NAME_BYTES: usize = 100;
const SIZE: core::ops::Range<usize> = 124..136;

/// Uncompresses, in one pass, the members whose paths end with `names`, each of exactly
/// `member_bytes` bytes.
///
/// Errors: `DatasetCorrupted` if there is no such member or it has another size.
pub(super) fn members(path: &Path, names: &[&str], member_bytes: usize) -> Result<Vec<Vec<u8>>> {
    with_room(|| inflated_members(path, names, member_bytes))
}

fn inflated_members(path: &Path, names: &[&str], member_bytes: usize) -> Result<Vec<Vec<u8>>> {
    let file = fs::File::open(path).map_err(Error::io(path))?;
    let mut archive = GzDecoder::new(BufReader::new(file));
    let broken =
        |error: io::Error| corrupted(path, "a gzip'd tar archive".into(), error.to_string());
    let mut contents = vec![Vec::new(); names.len()];
    let mut header = [0; BLOCK_BYTES];
    while let Some(absent) = contents.iter().position(Vec::is_empty) {
        archive.read_exact(&mut header).map_err(broken)?;
        if header == [0; BLOCK_BYTES] {
            let expected = format!("a member {}", names[absent]);
            return Err(corrupted(path, expected, "no such member".into()));
        }
        let size = size(&header).ok_or_else(|| {
            corrupted(path, "a size in octal digits".into(), "something else".into())
        })?;
        let padded = size.next_multiple_of(BLOCK_BYTES as u64);
        let mut block = archive.by_ref().take(padded);
        let member = header[..NAME_BYTES].split(|&byte| byte == 0).next().unwrap_or_default();
        if let Some(name) = names.iter().find(|name| member.ends_with(name.as_bytes())) {
            if size != member_bytes as u64 {
                let expected = format!("{member_bytes} bytes of {name}");
                return Err(corrupted(path, expected, size.to_string()));
            }
            let mut content = vec![0; member_bytes];
            block.read_exact(&mut content).map_err(broken)?;
            // The same name may be asked for twice.
            for (_, slot) in names.iter().zip(&mut contents).filter(|(other, _)| *other == name) {
                slot.clone_from(&content);
            }
        }
        io::copy(&mut block, &mut io::sink()).map_err(broken)?;
    }
    Ok(contents)
}

/// The size of a member: at most 12 octal digits, ended by a space or a zero byte.
fn size(header: &[u8; BLOCK_BYTES]) -> Option<u64> {
    let digits = str::from_utf8(&header[SIZE]).ok()?;
    u64::from_str_radix(digits.trim_matches(['\0', ' ']), 8).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::datasets::testing::Made;

    /// An archive of members of these names and contents.
    pub(in super::super) fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
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
    fn members_are_found_by_the_ends_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tar.gz");
        let content = [
            ("d/", &[][..]),
            ("d/a.bin", &[7; 700]),
            ("d/c.bin", &[4, 5, 6]),
            ("d/b.bin", &[1, 2, 3]),
        ];
        Made::new("x.tar.gz", &archive(&content)).write(folder.path());
        assert_eq!(members(&path, &["b.bin", "c.bin"], 3).unwrap(), [[1, 2, 3], [4, 5, 6]]);
        assert_eq!(members(&path, &["c.bin", "b.bin"], 3).unwrap(), [[4, 5, 6], [1, 2, 3]]);
        assert_eq!(members(&path, &["c.bin", "c.bin"], 3).unwrap(), [[4, 5, 6], [4, 5, 6]]);
        assert_eq!(members(&path, &["a.bin"], 700).unwrap(), [[7; 700]]);
        let wrong_size = members(&path, &["b.bin"], 4).unwrap_err().to_string();
        assert!(wrong_size.contains("expected 4 bytes of b.bin, found 3"), "{wrong_size}");
        let absent = members(&path, &["b.bin", "d.bin"], 3).unwrap_err().to_string();
        assert!(absent.contains("expected a member d.bin, found no such member"), "{absent}");
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
            let error = members(&path, &["a.bin"], 700).unwrap_err();
            assert!(matches!(error, Error::DatasetCorrupted { .. }), "{error}");
        }
    }
}
