//! Weight files: what Keras and h5py wrote is read right, what is written is read back, traps are
//! errors.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use std::fs;
use std::path::Path;

use hdf5_pure::{AttrValue, File};
use keras_format::Archive;
use keras_format::weights::{Array, Group, Values, find, read, write};

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

fn classifier() -> Vec<u8> {
    Archive::from_bytes(&fixture("mlp_classifier.keras")).unwrap().weights
}

fn floats(shape: &[usize], values: &[f32]) -> Array {
    Array { shape: shape.to_vec(), values: Values::F32(values.to_vec()) }
}

fn group(path: &str, name: Option<&str>, arrays: Vec<Array>) -> Group {
    Group { path: path.to_owned(), name: name.map(str::to_owned), arrays, fault: None }
}

#[test]
fn a_model_of_keras_is_read_with_its_optimizer() {
    let groups = read(classifier()).unwrap();
    let paths: Vec<&str> = groups.iter().map(|group| group.path.as_str()).collect();
    assert_eq!(paths, ["", "layers/dense", "layers/dense_1", "layers/dense_2", "optimizer"]);
    let model = find(&groups, "").unwrap();
    assert_eq!((model.name.as_deref(), model.arrays.len()), (Some("sequential"), 0));
    let dense = find(&groups, "layers/dense_1").unwrap();
    let shapes: Vec<&[usize]> = dense.arrays.iter().map(|array| array.shape.as_slice()).collect();
    assert_eq!(shapes, [&[10, 8][..], &[8]]);
    // Read by h5py: kernel[0, :2], kernel[9, 7], bias[3].
    let kernel = dense.arrays[0].values.as_f32().unwrap();
    assert_eq!([kernel[0], kernel[1], kernel[79]], [-0.167866, 0.27774537, 0.7059326]);
    assert_eq!(dense.arrays[1].values.as_f32().unwrap()[3], -0.19843672);
    assert!(find(&groups, "layers/dense_3").is_none());
}

#[test]
fn slots_come_in_numeric_order() {
    let groups = read(classifier()).unwrap();
    let adam = find(&groups, "optimizer").unwrap();
    assert_eq!(adam.name.as_deref(), Some("adam"));
    assert_eq!(adam.arrays[0], Array { shape: vec![], values: Values::I32(vec![12]) });
    assert_eq!(adam.arrays[1], floats(&[], &[0.02]));
    let shapes: Vec<&[usize]> = adam.arrays[2..].iter().map(|a| a.shape.as_slice()).collect();
    let expected: [&[usize]; 6] = [&[6, 10], &[10], &[10, 8], &[8], &[8, 3], &[3]];
    assert_eq!(shapes, expected.iter().flat_map(|&shape| [shape, shape]).collect::<Vec<_>>());
}

#[test]
fn every_number_type_becomes_one_of_two() {
    let groups = read(fixture("numbers.weights.h5")).unwrap();
    let numbers = find(&groups, "floats").unwrap();
    assert_eq!(numbers.name.as_deref(), Some("floats é"));
    let values = [1.5, -2.25, 0.0, -0.0078125, 96.0, -1024.0];
    // Halves, singles, doubles in both byte orders, bfloat16, compressed chunks.
    for (index, array) in numbers.arrays[..8].iter().enumerate() {
        assert_eq!(array, &floats(&[2, 3], &values), "{index}");
    }
    assert_eq!(numbers.arrays[8], floats(&[3, 0, 2], &[]));
    assert_eq!(numbers.arrays[9..], [-7.5, 10.0, 11.0].map(|value| floats(&[], &[value])));

    let integers = find(&groups, "integers").unwrap();
    assert_eq!(integers.name, None);
    let read = |index: usize| integers.arrays[index].values.as_i32().unwrap();
    for index in 0..9 {
        assert_eq!(read(index), [3, 0, 120], "{index}");
    }
    assert_eq!(read(9), [1, 0, 1]);
    assert_eq!(read(10), [-3, i32::MAX, i32::MIN]);
    assert_eq!((read(11), integers.arrays[11].shape.len()), (&[42][..], 0));
    assert_eq!(find(&groups, "nothing").unwrap().arrays, []);
}

#[test]
fn what_is_written_is_read_back() {
    let arrays: Vec<Array> =
        (0..12).map(|i| floats(&[2, 3], &[i as f32, -1.5, 2.0, 0.25, -8.0, 16.0])).collect();
    let counter = Array { shape: vec![], values: Values::I32(vec![-70_000]) };
    let groups = [
        group(
            "optimizer",
            Some("adam"),
            vec![counter, floats(&[], &[1e-3]), floats(&[3], &[0.0; 3])],
        ),
        group("layers/lstm/cell", Some("lstm_cell"), arrays),
        group("layers/lstm", Some("größe/1"), vec![]),
        group("layers/empty", None, vec![floats(&[4, 0, 3], &[])]),
        group("", Some("functional"), vec![]),
    ];
    let bytes = write(&groups).unwrap();
    assert_eq!(bytes, write(&groups).unwrap(), "the same content gives the same bytes");
    let mut sorted = groups.to_vec();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(read(bytes.clone()).unwrap(), sorted);
    // As h5py writes a Python string; one of fixed width would come back as bytes.
    let vars = File::from_bytes(bytes).unwrap().group("layers/lstm/vars").unwrap();
    assert_eq!(vars.attrs().unwrap()["name"], AttrValue::VarLenString("größe/1".to_owned()));
}

#[test]
fn a_model_of_many_layers_is_written_and_read() {
    let groups: Vec<Group> = (0..1000)
        .map(|i| {
            group(&format!("layers/dense_{i:04}"), Some("dense"), vec![floats(&[1], &[i as f32])])
        })
        .collect();
    assert_eq!(read(write(&groups).unwrap()).unwrap(), groups);
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let cases = [
        (
            vec![group("layers/dense", None, vec![floats(&[2, 3], &[1.0; 5])])],
            "`layers/dense/vars/0`: expected the values of the shape [2, 3], found 5 values",
        ),
        (
            vec![group("a", None, vec![]), group("a", None, vec![])],
            "`a`: expected one group of this path",
        ),
        (vec![group("a//b", None, vec![])], "none of them empty or `vars`, found `a//b`"),
        (vec![group("a/vars", None, vec![])], "none of them empty or `vars`, found `a/vars`"),
        (vec![group(&"a/".repeat(100), None, vec![])], "at most 64 names"),
        (
            vec![group("a", None, vec![floats(&[usize::MAX, usize::MAX], &[])])],
            "`a/vars/0`: expected the values of the shape",
        ),
    ];
    for (groups, expected) in cases {
        let message = write(&groups).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn traps_are_errors_that_name_the_place() {
    let cases = [
        ("wide.weights.h5", "`vars/0`: expected integers of 32 bits, found 2147483648"),
        ("text.weights.h5", "`vars/0`: expected numbers, found vlen_string"),
        (
            "bomb.weights.h5",
            "`vars/0`: expected at most 67108864 bytes, found 4398046511104 declared",
        ),
        ("circle.weights.h5", "expected at most 524288 groups, nested at most 64 deep, found more"),
        ("links.weights.h5", "`layers/dense/vars`: expected an array `1`, found none"),
        (
            "legacy.weights.h5",
            "which `model.save(\"model.h5\")` writes is not supported\nhelp: open it in Keras 3",
        ),
    ];
    for (name, expected) in cases {
        let message = read(fixture(name)).unwrap_err().to_string();
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn garbage_is_an_error() {
    for bytes in [&b""[..], b"garbage", b"\x89HDF\r\n\x1a\n", &[0x89; 5000]] {
        let error = read(bytes.to_vec()).unwrap_err();
        assert!(error.to_string().contains("expected an HDF5 file"), "{error}");
    }
    let bytes = classifier();
    for len in (0..bytes.len()).step_by(211) {
        assert!(read(bytes[..len].to_vec()).is_err(), "{len} bytes");
    }
}

/// Every byte of the metadata takes a few other values; what is read may differ, but reading ends.
#[test]
fn damage_never_panics() {
    for original in [classifier(), fixture("numbers.weights.h5"), fixture("bomb.weights.h5")] {
        // A step that shares no factor with the layout's strides reaches every kind of byte.
        for position in (0..original.len()).step_by(29) {
            for value in [0x00, 0xff, original[position] ^ 0x01, original[position] ^ 0x80] {
                let mut bytes = original.clone();
                bytes[position] = value;
                let _ = read(bytes);
            }
        }
    }
}
