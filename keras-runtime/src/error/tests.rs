use super::*;

#[test]
fn a_message_names_the_thing_the_expected_and_the_found() {
    let label = Error::LabelOutOfRange { sample: 7, label: -3, classes: 10 };
    assert_eq!(label.to_string(), "label of sample 7: expected one of 0..10, found -3");
    let lengths =
        Error::LengthsDiffer { first: "x".into(), first_len: 5, second: "y".into(), second_len: 4 };
    assert_eq!(lengths.to_string(), "`y`: expected 5 samples, as many as `x` has, found 4");
    let shape =
        Error::ShapeMismatch { what: "images".into(), expected: vec![3, 4], found: vec![4] };
    assert_eq!(format!("{shape:?}"), "images: expected shape (3, 4), found (4,)");
    let unknown = UnknownDtypePolicy("float16".into());
    assert_eq!(Error::from(unknown.clone()).to_string(), unknown.to_string());
}

#[test]
fn a_missing_dataset_names_every_file_and_how_to_get_them() {
    let missing = Error::DatasetMissing {
        dataset: "mnist",
        files: vec!["a.gz".into(), "b.gz".into()],
        folder: "/home/u/.keras/datasets/mnist".into(),
        base_url: "https://example.org/".into(),
        cause: Some(Box::new(Error::DownloadFailed {
            url: "https://example.org/a.gz".into(),
            cause: "expected status 200, found 404".into(),
        })),
    };
    assert_eq!(
        missing.to_string(),
        "dataset `mnist`: expected a.gz, b.gz in /home/u/.keras/datasets/mnist, \
         found none of them. The download failed: https://example.org/a.gz: \
         expected status 200, found 404. Put the files there by hand (from \
         https://example.org/), or point KERAS_HOME at a copy"
    );
    assert!(std::error::Error::source(&missing).is_some());
}
