//! Reading and writing `.keras` archives: round trips, hostile files, saves that fail.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use keras_format::{Archive, Error, Metadata, write_atomically};
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn classifier() -> Vec<u8> {
    fs::read(fixture("mlp_classifier.keras")).unwrap()
}

type Member<'a> = (&'a str, &'a [u8]);

/// A zip of these members, in this order.
fn zipped(method: CompressionMethod, members: &[Member]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const METADATA: Member =
    ("metadata.json", br#"{"keras_version": "3.15.1", "date_saved": "2025-01-01@00:00:00"}"#);

#[test]
fn a_file_of_keras_is_read() {
    let archive = Archive::read(fixture("mlp_classifier.keras")).unwrap();
    assert_eq!(archive.metadata.keras_version, "3.15.1");
    assert_eq!(archive.metadata.date_saved, "2025-01-01@00:00:00");
    assert_eq!(archive.config["class_name"], "Sequential");
    assert_eq!(archive.config["config"]["layers"][2]["config"]["units"], 8);
    // The last bit counts: this is what the resumed optimizer starts from.
    let optimizer = &archive.config["compile_config"]["optimizer"]["config"];
    assert_eq!(optimizer["learning_rate"].as_f64(), Some(0.019999999552965164));
    assert_eq!(archive.weights.len(), 23872);
}

#[test]
fn what_is_written_is_what_keras_writes() {
    let archive = Archive::from_bytes(&classifier()).unwrap();
    let bytes = archive.to_bytes().unwrap();
    let mut zip = ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names, ["metadata.json", "config.json", "model.weights.h5"]);
    for index in 0..zip.len() {
        assert_eq!(zip.by_index(index).unwrap().compression(), CompressionMethod::Stored);
    }
    assert_eq!(Archive::from_bytes(&bytes).unwrap(), archive);
    assert_eq!(archive.to_bytes().unwrap(), bytes, "the same content gives the same bytes");
}

#[test]
fn the_time_of_saving_has_the_form_of_keras() {
    let Metadata { keras_version, date_saved } = Metadata::now();
    assert_eq!(keras_version, "3.15.1");
    let form: String =
        date_saved.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00@00:00:00");
    assert!(date_saved.as_str() > "2025");
}

#[test]
fn foreign_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    let cases: [(&[u8], &str); 4] = [
        (b"", "expected a `.keras` archive (zip), found an empty file"),
        (b"\x80\x02}q", "found a file that starts with the bytes 80 02 7d 71"),
        (
            b"\x89HDF\r\n\x1a\n0000",
            "expected a `.keras` archive (zip), found an HDF5 file, which holds weights",
        ),
        (b"PK\x03\x04rest", "found a zip archive, or what is left of one"),
    ];
    for (bytes, expected) in cases {
        fs::write(&path, bytes).unwrap();
        let message = Archive::read(&path).unwrap_err().to_string();
        assert!(message.starts_with(&format!("`{}`: ", path.display())), "{message}");
        assert!(message.contains(expected), "{message}");
    }
    let message = Archive::read(folder.path()).unwrap_err().to_string();
    assert!(message.ends_with("found a directory"), "{message}");
    let missing = Archive::read(folder.path().join("none.keras")).unwrap_err();
    assert!(matches!(missing, Error::Io { action: "read", .. }), "{missing}");
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = classifier();
    for len in (0..bytes.len()).step_by(97) {
        assert!(Archive::from_bytes(&bytes[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn damage_to_a_member_is_found_by_its_checksum() {
    let mut bytes = classifier();
    let position = bytes.windows(6).position(|bytes| bytes == b"\"relu\"").unwrap();
    bytes[position + 1] = b's';
    let message = Archive::from_bytes(&bytes).unwrap_err().to_string();
    assert!(message.starts_with("`config.json`: expected a readable member"), "{message}");
}

#[test]
fn members_that_are_missing_or_wrong_are_named() {
    let cases: [(&[Member], &str); 5] = [
        (&[], "expected a member `metadata.json`, found 0 members"),
        (
            &[METADATA, ("notes.txt", b"-")],
            "`config.json`, found 2 members: metadata.json, notes.txt",
        ),
        (
            &[METADATA, ("config.json", b"{\"a\": }")],
            "`config.json`: expected JSON, found expected",
        ),
        (
            &[("metadata.json", b"[]")],
            "`metadata.json`: expected a text `keras_version`, found none",
        ),
        (
            &[("metadata.json", br#"{"keras_version": "2.9.0", "date_saved": "-"}"#)],
            "expected a file of Keras 3, found one of Keras 2.9.0",
        ),
    ];
    for (members, expected) in cases {
        let bytes = zipped(CompressionMethod::Stored, members);
        let message = Archive::from_bytes(&bytes).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn json_nested_too_deep_is_an_error() {
    let deep = "[".repeat(100_000);
    let bytes = zipped(CompressionMethod::Stored, &[METADATA, ("config.json", deep.as_bytes())]);
    let message = Archive::from_bytes(&bytes).unwrap_err().to_string();
    assert!(message.contains("recursion limit exceeded"), "{message}");
}

#[test]
fn a_compressed_archive_is_read_and_a_bomb_is_not() {
    let weights = vec![7; 100_000];
    let members: [Member; 3] = [METADATA, ("config.json", b"{}"), ("model.weights.h5", &weights)];
    let archive = Archive::from_bytes(&zipped(CompressionMethod::Deflated, &members)).unwrap();
    assert_eq!((archive.config, archive.weights), (json!({}), weights));

    let zeros = vec![0; 65 << 20];
    let members: [Member; 3] = [METADATA, ("config.json", b"{}"), ("model.weights.h5", &zeros)];
    let bomb = zipped(CompressionMethod::Deflated, &members);
    assert!(bomb.len() < 200_000);
    match Archive::from_bytes(&bomb).unwrap_err() {
        Error::TooLarge { path, limit_bytes, found_bytes } => {
            assert_eq!((path.as_str(), limit_bytes), ("model.weights.h5", 64 << 20));
            assert_eq!(found_bytes, 65 << 20);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_declared_size_is_not_believed() {
    let weights = vec![9; 5000];
    let members: [Member; 3] = [METADATA, ("config.json", b"{}"), ("model.weights.h5", &weights)];
    for declared in [4999_u32, 5001, 60 << 20] {
        let mut bytes = zipped(CompressionMethod::Deflated, &members);
        // The size stands in the local header and in the central directory.
        for position in 0..bytes.len() - 4 {
            if bytes[position..position + 4] == 5000_u32.to_le_bytes() {
                bytes[position..position + 4].copy_from_slice(&declared.to_le_bytes());
            }
        }
        assert!(Archive::from_bytes(&bytes).is_err(), "{declared}");
    }
}

#[test]
fn a_save_replaces_the_file_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    let archive = Archive {
        metadata: Metadata { keras_version: "3.15.1".into(), date_saved: "-".into() },
        config: json!({"class_name": "Sequential", "rate": 0.1}),
        weights: vec![1, 2, 3],
    };
    for weights in [vec![1, 2, 3], vec![4; 100], vec![]] {
        let archive = Archive { weights, ..archive.clone() };
        archive.write(&path).unwrap();
        assert_eq!(Archive::read(&path).unwrap(), archive);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_save_that_fails_leaves_the_old_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("old"), "old").unwrap();
    let error = write_atomically(&path, b"new").unwrap_err();
    assert!(
        error.to_string().contains("expected the path of a file, or of none yet, found a folder")
    );
    assert_eq!(error.path(), path.display().to_string());
    assert_eq!(fs::read(path.join("old")).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(write_atomically(folder.path().join("none/model.keras"), b"new").is_err());
}
