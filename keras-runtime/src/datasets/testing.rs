//! What the tests of datasets share: small files made on the spot, and a source that has none.

use std::io::Read;
use std::path::Path;

use flate2::Compression;
use flate2::read::GzEncoder;
use sha2::{Digest, Sha256};

use super::Source;
use super::cache::{File, hex};

/// A gzip'd file made for a test, to be written to a folder or sent by a [`serve`]d address.
pub(super) struct Made {
    pub(super) name: &'static str,
    pub(super) gzip: Vec<u8>,
    sha256: String,
}

impl Made {
    pub(super) fn new(name: &'static str, content: &[u8]) -> Self {
        let mut gzip = Vec::new();
        GzEncoder::new(content, Compression::fast()).read_to_end(&mut gzip).unwrap();
        Self { name, sha256: hex(&Sha256::digest(&gzip)), gzip }
    }

    /// The entry that a table of published files would have.
    pub(super) fn file(&self) -> File<'_> {
        File { name: self.name, bytes: self.gzip.len() as u64, sha256: &self.sha256 }
    }

    pub(super) fn write(&self, folder: &Path) {
        std::fs::write(folder.join(self.name), &self.gzip).unwrap();
    }
}

/// A source whose address nobody answers at.
pub(super) fn nowhere(cache: &Path) -> Source {
    Source { base_url: "http://127.0.0.1:1".into(), cache: cache.into() }
}
