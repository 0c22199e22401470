//! Keras files: `include!` of an architecture, and the configuration that a model is saved with.
//!
//! Paths are relative to the crate's root. The file is named in an `include_bytes!`, so that the
//! compiler looks again when it changes.

use std::path::{Path, PathBuf};

use keras_format::archive::Archive;
use keras_format::network::{from_config, to_config};
use keras_format::python;
use keras_format::{Error, Result};
use keras_graph::network::Network;
use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::{Mistakes, Spot};
use crate::expansion::Expansion;

/// `config.json` of a model; an error if JSON cannot hold it.
pub(crate) fn config(network: &Network) -> Result<String> {
    to_config(network).map(|json| python::to_string(&json))
}

/// A path as the user wrote it, from the crate's root.
pub(crate) fn absolute(path: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(path)
}

/// Refuses other files than `.keras` by their name, so that the message says what to save in their
/// place.
pub(crate) fn check_ending(path: &str) -> Result<()> {
    if Path::new(path).extension().is_some_and(|extension| extension == "keras") {
        return Ok(());
    }
    Err(Error::Refused {
        path: path.to_string(),
        message: "expected a `.keras` file, which holds the architecture and the weights"
            .to_string(),
        help: Some("save the whole model: `model.save(\"model.keras\")`".to_string()),
    })
}

/// Makes the compiler depend on a file.
///
/// It is named in a function that nobody calls: a constant would be evaluated, and its bytes would
/// be written to a library's metadata and to the incremental cache.
pub(crate) fn dependency(path: &str) -> TokenStream {
    let path = absolute(path).display().to_string();
    quote! {
        const _: () = {
            #[allow(dead_code)]
            #[inline(never)]
            fn dependency() -> &'static [::core::primitive::u8] {
                ::core::include_bytes!(#path)
            }
        };
    }
}

/// Reads an architecture.
pub(crate) fn network(path: &str, spot: Spot, mistakes: &mut Mistakes) -> Expansion {
    if path.is_empty() {
        return Expansion::default(); // The mistake is told.
    }
    let network = match check_ending(path)
        .and_then(|()| Archive::read(absolute(path)))
        .and_then(|file| from_config(&file.config))
    {
        Ok(network) => Some(network),
        Err(error) => {
            refuse(mistakes, spot, &error);
            None
        }
    };
    let dependency = if absolute(path).is_file() { dependency(path) } else { TokenStream::new() };
    Expansion { network, dependency, ..Expansion::default() }
}

/// Tells what is wrong with a file.
pub(crate) fn refuse(mistakes: &mut Mistakes, spot: Spot, error: &Error) {
    let mistake = mistakes.add(spot, error.to_string());
    if let Error::Io { .. } = error {
        mistake.help("paths are relative to the folder of `Cargo.toml`");
    }
}
