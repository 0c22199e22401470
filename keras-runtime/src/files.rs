//! Models to and from `.keras` files: what is not generic, so that it is compiled once and not for
//! every model.

use std::path::Path;

use keras_format::json::Json;
use keras_format::model::{self, Training};
use keras_format::network::from_config;
use keras_format::weights::{self, Group};
use keras_format::{Content, write_atomically};
use keras_graph::compile::describe;
use keras_graph::plan::Description;

use crate::error::{Error, Result};
use crate::stack::with_room;

/// Saves a model, and with `training` how it is trained and how far that is. Either the new file is
/// there afterwards or what was there before. A path that ends in `.weights.h5` gets the weights
/// (and the optimizer's state) alone, one that ends in `.keras` all.
///
/// Errors: another ending, by which Keras would not open the file; weights that are not finite; the
/// system's. Panics: if `weights` are fewer than described.
pub fn save(
    description: &Description,
    weights: &[f32],
    training: Option<&Training>,
    path: &Path,
) -> Result<()> {
    let ending = Ending::of(path)?;
    let file = model::write(description, weights, training);
    let file = file.map_err(|error| Error::File(error.within(&path.display().to_string())))?;
    let written = match ending {
        Ending::Weights => write_atomically(path, &file.weights),
        Ending::Model => file.write(path),
    };
    written.map_err(Error::File)
}

/// What a file is to hold.
enum Ending {
    Model,
    Weights,
}

impl Ending {
    /// What Keras expects in a file of this name.
    fn of(path: &Path) -> Result<Ending> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".keras") {
            return Ok(Ending::Model);
        }
        if name.ends_with(".weights.h5") {
            return Ok(Ending::Weights);
        }
        let why = match path.extension() {
            None => "no ending".to_owned(),
            Some(extension) if extension == "h5" => {
                "`.h5`, where Keras expects the layout of Keras 2".to_owned()
            }
            Some(extension) => format!("`.{}`", extension.display()),
        };
        // Of `m.H5` or `m.zip` the stem, of `model.v1` all.
        let known = ["h5", "hdf5", "keras", "zip"];
        let is_known =
            |extension: &std::ffi::OsStr| known.iter().any(|k| extension.eq_ignore_ascii_case(k));
        let stem = match path.extension().is_some_and(is_known) {
            true => path.with_extension(""),
            false => path.to_owned(),
        };
        let stem = stem.display();
        Err(Error::File(keras_format::Error::Refused {
            path: path.display().to_string(),
            message: format!("expected a path that ends in `.keras` or `.weights.h5`, found {why}"),
            help: Some(format!(
                "write `{stem}.keras` for the model, `{stem}.weights.h5` for its weights alone: \
                 Keras opens no other"
            )),
        }))
    }
}

/// What a file holds beside the weights that were loaded, for the state of an optimizer.
pub struct Loaded {
    /// All objects.
    pub groups: Vec<Group>,
    /// The configuration; a file of weights has none.
    pub config: Option<Json>,
}

/// Reads the weights of a `.keras` or `.h5` file into those of a model, which stay as they are if
/// there is an error. Returns what else the file holds.
///
/// A `.keras` file must describe a model that computes the same.
///
/// Errors: a file that cannot be read, is damaged, or has other weights than the model (the message
/// names the first) or another architecture. Panics: if `weights` are fewer than described.
pub fn load(description: &Description, weights: &mut [f32], path: &Path) -> Result<Loaded> {
    with_room(|| load_here(description, weights, path))
}

fn load_here(description: &Description, weights: &mut [f32], path: &Path) -> Result<Loaded> {
    let within =
        |error: keras_format::Error| Error::File(error.within(&path.display().to_string()));
    let mut is_other = false;
    let (bytes, config) = match Content::read(path).map_err(Error::File)? {
        Content::Weights(bytes) => (bytes, None),
        Content::Model(file) => {
            let found = from_config(&file.config).map_err(within)?;
            let found = describe(&found, String::new()).map_err(|error| {
                within(keras_format::Error::Refused {
                    path: "config.json".to_string(),
                    message: error.message,
                    help: error.help,
                })
            })?;
            is_other = found.fingerprint != description.fingerprint;
            (file.weights, Some(file.config))
        }
    };
    let groups = weights::read(bytes).map_err(within)?;
    let mut read = weights.to_vec();
    model::read_weights(&groups, &description.weights, &mut read).map_err(within)?;
    // After the weights, whose message is the better one where they differ.
    if is_other {
        return Err(Error::OtherArchitecture {
            path: path.to_path_buf(),
            model: description.name.to_string(),
        });
    }
    weights.copy_from_slice(&read);
    Ok(Loaded { groups, config })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::Example;
    use crate::infer::Infer;
    use crate::model::Model;

    #[test]
    fn a_saved_model_comes_back() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("model.keras");
        let model = Example::seeded(3);
        model.save(&path).expect("a folder that can be written");
        let loaded = Example::load(&path).expect("the file just saved");
        assert_eq!(loaded.weights(), model.weights());
        assert_eq!(loaded.call(&[1.0, -2.0, 0.5]), model.call(&[1.0, -2.0, 0.5]));
    }

    #[test]
    fn the_fingerprint_is_that_of_the_configuration() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("model.keras");
        Example::seeded(3).save(&path).expect("a folder that can be written");
        let file = keras_format::Archive::read(&path).expect("the file just saved");
        let network = from_config(&file.config).expect("a legal configuration");
        let found = describe(&network, String::new()).expect("a legal model");
        assert_eq!(found.fingerprint, Example::FINGERPRINT);
    }

    #[test]
    fn what_cannot_be_saved_or_loaded_is_named() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("model.keras");
        let mut model = Example::seeded(3);
        let message = format!("{:?}", Example::load(&path).expect_err("there is no file"));
        assert!(message.contains("cannot read") && message.contains("model.keras"), "{message}");
        model.weights_mut()[1] = f32::NAN;
        let message = format!("{:?}", model.save(&path).expect_err("a weight is NaN"));
        assert!(message.contains("expected finite numbers, found NaN as number 1"), "{message}");
        assert!(!path.exists());
        std::fs::write(&path, "no archive").expect("a folder that can be written");
        let message = format!("{:?}", Example::load(&path).expect_err("not a `.keras` file"));
        assert!(message.contains("expected a `.keras` archive"), "{message}");
    }
}
