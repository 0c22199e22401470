//! Keras files: `include!` of an architecture, `embed!` of trained weights, and the configuration that a model is saved with.
//!
//! Paths are relative to the crate's root. The file is named in an `include_bytes!`, so that the compiler looks again when
//! it changes.

use std::path::{Path, PathBuf};

use keras_format::archive::Archive;
use keras_format::network::{from_config, to_config};
use keras_format::python;
use keras_format::weights::{self, Group};
use keras_format::{Error, Result};
use keras_graph::compile::describe;
use keras_graph::network::Network;
use keras_graph::plan::WeightInfo;
use proc_macro2::{Literal, Span, TokenStream};
use quote::quote;

use crate::errors::{Mistakes, Spot};
use crate::expand::Expansion;
use crate::parse::Parser;
use crate::tokens::Tokens;

/// `config.json` of a model; an error if JSON cannot hold it.
pub(crate) fn config(network: &Network) -> Result<String> {
    to_config(network).map(|json| python::to_string(&json))
}

/// A path as the user wrote it, from the crate's root.
fn absolute(path: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(path)
}

/// Reads a `.keras` file. Others are refused by their name, so that the message says what to save in their place.
fn archive(path: &str) -> Result<Archive> {
    if Path::new(path).extension().is_none_or(|extension| extension != "keras") {
        return Err(Error::Refused {
            path: path.to_string(),
            message: "expected a `.keras` file, which holds the architecture and the weights"
                .to_string(),
            help: Some("save the whole model: `model.save(\"model.keras\")`".to_string()),
        });
    }
    Archive::read(absolute(path))
}

/// Makes the compiler depend on a file.
fn dependency(path: &str) -> TokenStream {
    let path = absolute(path).display().to_string();
    quote! { const _: &[::core::primitive::u8] = ::core::include_bytes!(#path); }
}

/// Reads an architecture.
pub(crate) fn network(path: &str, spot: Spot, mistakes: &mut Mistakes) -> Expansion {
    if path.is_empty() {
        return Expansion::default(); // The mistake is told.
    }
    let network = match archive(path).and_then(|file| from_config(&file.config)) {
        Ok(network) => Some(network),
        Err(error) => {
            refuse(mistakes, spot, &error);
            None
        }
    };
    let dependency = if absolute(path).is_file() { dependency(path) } else { TokenStream::new() };
    Expansion { network, dependency, ..Expansion::default() }
}

fn refuse(mistakes: &mut Mistakes, spot: Spot, error: &Error) {
    let mistake = mistakes.add(spot, error.to_string());
    if let Error::Io { .. } = error {
        mistake.help("paths are relative to the folder of `Cargo.toml`");
    }
}

/// Expands `embed!("model.keras")`.
pub(crate) fn embed(input: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let mut tokens = Tokens::new(input, Span::call_site());
    let help = "write `embed!(\"model.keras\")`, a path from the crate's root";
    let Ok((path, spot)) = Parser::new(&mut mistakes).path(&mut tokens, help) else {
        return mistakes.tokens();
    };
    match trained(&path) {
        Ok(trained) => embedded(&path, &trained),
        Err(error) => {
            refuse(&mut mistakes, spot, &error);
            mistakes.tokens()
        }
    }
}

/// Weights in the model's order.
struct Trained {
    weights: Vec<WeightInfo>,
    bytes: Vec<u8>,
    fingerprint: u64,
}

/// Reads a trained model.
fn trained(path: &str) -> Result<Trained> {
    let file = archive(path)?;
    let network = from_config(&file.config).map_err(|error| error.within(path))?;
    let refused = |message: String, help: Option<String>| Error::Refused {
        path: path.to_string(),
        message,
        help,
    };
    let description =
        describe(&network, String::new()).map_err(|error| refused(error.message, error.help))?;
    let groups = weights::read(file.weights).map_err(|error| error.within(path))?;
    let mut bytes = Vec::new();
    for weight in description.weights.iter() {
        let values = values(&groups, weight).map_err(|message| refused(message, None))?;
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    let fingerprint = description.fingerprint;
    Ok(Trained { weights: description.weights.into_owned(), bytes, fingerprint })
}

/// The values of a weight, or what is wrong with them.
fn values<'g>(groups: &'g [Group], weight: &WeightInfo) -> std::result::Result<&'g [f32], String> {
    let path = &weight.path;
    let array = path.rsplit_once("/vars/").and_then(|(group, index)| {
        let index: usize = index.parse().ok()?;
        weights::find(groups, group)?.arrays.get(index)
    });
    let Some(array) = array else { return Err(format!("there is no weight `{path}`")) };
    if array.shape != *weight.shape {
        let (expected, found) = (&weight.shape, &array.shape);
        return Err(format!("weight `{path}`: expected shape {expected:?}, found {found:?}"));
    }
    let Some(values) = array.values.as_f32() else {
        return Err(format!("weight `{path}`: expected numbers with a fraction, found integers"));
    };
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(format!("weight `{path}` holds {value}, which is not finite")),
        None => Ok(values),
    }
}

fn embedded(path: &str, trained: &Trained) -> TokenStream {
    let dependency = dependency(path);
    let bytes = Literal::byte_string(&trained.bytes);
    let fingerprint = Literal::u64_suffixed(trained.fingerprint);
    let table = trained.weights.iter().map(|weight| {
        let path = &*weight.path;
        let shape = weight.shape.iter().map(|&extent| Literal::usize_unsuffixed(extent));
        quote! { ::keras::__private::FileWeight { path: #path, shape: &[#(#shape),*] } }
    });
    quote! {
        {
            #dependency
            const BYTES: &::keras::__private::Aligned<[::core::primitive::u8]> =
                &::keras::__private::Aligned(*#bytes);
            const FILE: &[::keras::__private::FileWeight] = &[#(#table),*];
            const { ::keras::__private::Embedded::new(BYTES, FILE, #fingerprint) }
        }
    }
}
